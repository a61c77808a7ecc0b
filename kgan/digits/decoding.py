"""Image files as arrays of bytes: of one size, grey or in colour, upright, without transparency."""

import contextlib
import dataclasses
import math
import stat
import struct
import zlib

import numpy as np
from PIL import Image

from kgan.spec import check, is_count

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"),
    *(".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm"),
)
MOST_PIXELS = 89_478_485  # from here on Pillow warns of a decompression bomb

# Named, for others of Pillow's start other programs or reach for the network.
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
_GREY = ("1", "L", "LA", "La", "I;16", "I;16B", "I;16L", "I", "F")
_SIXTEEN_BITS = ("I;16", "I;16B", "I;16L")
_ORIENTATION = 0x0112  # the tag of EXIF
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)
# What Pillow's readers raise of damaged files, beside OSError.
_DAMAGE = (SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, struct.error, zlib.error)


@dataclasses.dataclass(frozen=True)
class Look:
    """What the header of an image file says.

    Attributes:
        size: Height and width, once it is upright.
        is_grey: Whether its pixels are stored without colour.
        orientation: Of EXIF, from 1, which is upright, to 8.
    """

    size: tuple
    is_grey: bool
    orientation: int


def check_wanted(*, image_size, channels):
    """Raise ValueError unless images can be made of this size and so many channels."""
    holds = image_size is None or (is_count(image_size) and image_size % 4 == 0)
    check("image_size", "a positive multiple of 4, or None", image_size, holds=holds)
    holds = channels is None or (is_count(channels) and channels in (1, 3))
    check("channels", "1 for grey, 3 for colour, or None", channels, holds=holds)


def look(path):
    """The `Look` of an image file, of which little more than the header is read.

    Not for threads, where Pillow warns of what it reads: `warnings.catch_warnings` is not.

    Args:
        path: `pathlib.Path`.

    Raises:
        ValueError: If it is no image, damaged at its begin, or too large.
        OSError: If it cannot be read.
    """
    if not stat.S_ISREG(path.stat().st_mode):  # of a pipe, which waits for a writer
        raise ValueError(f"{path} is no regular file: remove it.")
    with _opened(path) as picture:
        if math.prod(picture.size) > MOST_PIXELS:
            raise ValueError(f"{path} has more than {MOST_PIXELS:,} pixels: shrink or remove it.")
        orientation = _orientation(picture)
        width, height = picture.size[::-1] if orientation in _SIDEWAYS else picture.size
        return Look((height, width), _is_grey(picture), orientation)


def decode(path, *, channels, size=None, orientation=1):
    """The pixels of an image file.

    Transparent parts become white, 16 bits are rounded to 8, of a movie there is the first picture. With a
    size, the largest square in the middle is scaled to it, by Lanczos's filter.

    Args:
        path: `pathlib.Path`.
        channels: 1 for grey, 3 for colour.
        size: Pixels a side, or None for those of the file.
        orientation: As `Look` has it.

    Returns:
        uint8 array `(height, width, channels)`.

    Raises:
        ValueError: If it is no image or damaged.
        OSError: If it cannot be read.
    """
    with _opened(path) as picture:
        if size is not None:  # of a large JPEG an eighth is decoded, where that is still twice the size
            picture.draft(None, (2 * size, 2 * size))
        picture.load()
        upright = _eight_bits(picture, path)
        if orientation in _TURNS:
            upright = upright.transpose(_TURNS[orientation])
        return as_pixels(upright, channels=channels, size=size)


def as_pixels(picture, *, channels, size=None):
    """The pixels of a `PIL.Image.Image` of 8 bits a channel; arguments and array as for `decode`."""
    picture = _opaque(picture).convert("L" if channels == 1 else "RGB")
    if size is not None and picture.size != (size, size):
        picture = _middle(picture).resize((size, size), Image.Resampling.LANCZOS)
    return np.asarray(picture).reshape(picture.height, picture.width, channels)


@contextlib.contextmanager
def _opened(path):
    """The picture of a file, behind errors that name it."""
    try:
        with Image.open(path, formats=_FORMATS) as picture:
            yield picture
    except Image.DecompressionBombError:
        raise ValueError(f"{path} has more than {MOST_PIXELS:,} pixels: shrink or remove it.") from None
    except _DAMAGE as error:
        if str(path) in str(error):
            raise
        raise _damaged(path, error) from None
    except OSError as error:
        if error.errno is not None:  # such as of rights, which `str` says with the file's name
            raise
        raise _damaged(path, error) from None


def _damaged(path, error):
    reason = " ".join(str(error).replace(repr(str(path)), "it").split()) or type(error).__name__
    return ValueError(f"{path} is no whole image ({reason}): mend or remove it.")


def _orientation(picture):
    try:
        found = picture.getexif().get(_ORIENTATION, 1)
    except (*_DAMAGE, OSError):  # what cannot be read turns nothing
        return 1
    return found if found in _TURNS else 1


def _is_grey(picture):
    if picture.mode != "P":
        return picture.mode in _GREY
    colours = picture.convert("RGB").getcolors(256)
    return all(red == green == blue for _, (red, green, blue) in colours)


def _eight_bits(picture, path):
    if picture.mode in _SIXTEEN_BITS or (picture.mode == "I" and picture.format in ("PNG", "PPM")):
        return Image.fromarray(np.rint(np.asarray(picture) / 257).astype("uint8"))
    if picture.mode in ("I", "F"):
        raise ValueError(f"{path} has 32 bits a pixel, of unknown range: save it with 8 or 16, or remove it.")
    return picture


def _middle(picture):
    """The largest square in the middle of a picture."""
    side = min(picture.size)
    left, top = ((length - side) // 2 for length in picture.size)
    return picture.crop((left, top, left + side, top + side))


def _opaque(picture):
    if not picture.has_transparency_data:
        return picture
    picture = picture.convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture).convert("RGB")
