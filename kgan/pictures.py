"""Pictures of images: grids, the stages of a run side by side, a movie."""

import io
import math
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kgan.files import replacing
from kgan.spec import check, is_count, is_number

_GREY = 40  # of the gaps
_LARGE = 400  # pixels a side
_MOST_PIXELS = 50_000_000  # of one that is read; the largest that is written has 10 million


def image_grid(images, *, columns, scale=4):
    """Images side by side, in rows, with a thin gap between them.

    Args:
        images: Array `(n, height, width, channels)` in [−1, 1], of 1 or 3 channels.
        columns: Images a row; the last row may stay short.
        scale: Pixels on a side for each pixel of an image.

    Returns:
        uint8 array `(rows * (height + 1) * scale, columns * (width + 1) * scale)`, with 3
        channels behind if the images have them.

    Raises:
        ValueError: If there is no image, or a number is not positive.
    """
    for name, value in (("columns", columns), ("scale", scale)):
        check(name, "a positive integer", value, holds=is_count(value))
    check("images", "one image or more", len(images), holds=len(images) > 0)
    pixels = _as_bytes(images)
    rows = -(-len(pixels) // columns)
    missing = rows * columns - len(pixels)
    pixels = np.pad(pixels, ((0, missing), (0, 1), (0, 1), (0, 0)), constant_values=_GREY)
    _, height, width, channels = pixels.shape
    grid = pixels.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    grid = grid.reshape(rows * height, columns * width, channels)
    grid = grid.repeat(scale, axis=0).repeat(scale, axis=1)
    return grid[..., 0] if channels == 1 else grid


def _as_bytes(images):
    # What is not a number is drawn as 0: a network that has diverged is no reason to stop drawing.
    return np.round((np.clip(np.nan_to_num(images), -1, 1) + 1) * 127.5).astype("uint8")


def check_image_shape(shape):
    """Raise ValueError unless images of this shape can be drawn."""
    check("image_shape", "(height, width, 1 or 3)", shape, holds=len(shape) == 3 and shape[2] in (1, 3))


def write_grid(path, images, *, columns, scale=4):
    """Write an `image_grid` as a PNG; it appears whole or not at all.

    Args:
        path: File to write.
        images: As for `image_grid`.
        columns: Images a row.
        scale: Pixels on a side for each pixel of an image.
    """
    check_image_shape(np.shape(images)[1:])
    with replacing(Path(path)) as temporary:
        Image.fromarray(image_grid(images, columns=columns, scale=scale)).save(temporary)


def write_frames(path, images):
    """Write images side by side as a PNG, pixel for pixel and without gaps, for a page to show one of them.

    Args:
        path: File to write.
        images: As for `image_grid`.
    """
    check("images", "one image or more", len(images), holds=len(images) > 0)
    check_image_shape(np.shape(images)[1:])
    n, height, width, channels = np.shape(images)
    row = _as_bytes(images).swapaxes(0, 1).reshape(height, n * width, channels)
    with replacing(Path(path)) as temporary:
        Image.fromarray(row[..., 0] if channels == 1 else row).save(temporary)


def write_stages(path, pictures):
    """Write the first, the middle and the last of some pictures side by side, under their names.

    Args:
        path: PNG to write.
        pictures: Paths of pictures of one size, in their order, such as `SampleGrid.pictures`. Of
            fewer than three, all are shown.

    Raises:
        ValueError: If there is none.
    """
    pictures = list(pictures)
    check("pictures", "one picture or more", len(pictures), holds=bool(pictures))
    shown = sorted({0, _middle(pictures), len(pictures) - 1})
    stages = [(Path(pictures[k]).stem, _read(pictures[k]).convert("RGB")) for k in shown]
    width, height = stages[0][1].size
    heading = max(16, width // 20)
    sheet = Image.new("RGB", (len(stages) * (width + heading) - heading, height + 2 * heading), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(heading)
    for k, (name, picture) in enumerate(stages):
        left = k * (width + heading)
        draw.text((left, heading // 3), _caption(name), fill="black", font=font)
        sheet.paste(picture, (left, 2 * heading))
    with replacing(Path(path)) as temporary:
        sheet.save(temporary)


def _middle(pictures):
    """The index of the picture nearest to half the last one's number, or of the middle one."""
    numbers = [_numbered(Path(picture).stem)[1] for picture in pictures]
    if None in numbers or len(pictures) < 3:
        return len(pictures) // 2
    return min(range(1, len(pictures) - 1), key=lambda k: abs(numbers[k] - numbers[-1] / 2))


def _numbered(name):
    """`step-001500` as ("step", 1500); other names with None."""
    unit, _, number = name.rpartition("-")
    return (unit, int(number)) if unit and number.isdigit() else (name, None)


def _caption(name):
    unit, number = _numbered(name)
    return name if number is None else f"{unit} {number:,}"


def write_movie(path, pictures, *, seconds=10, max_frames=100):
    """Write pictures as a GIF that plays for ever and rests on the last.

    Pictures of more than 400 pixels a side are shown at half their size.

    Args:
        path: File to write.
        pictures: Paths of pictures of one size, in their order, such as `SampleGrid.pictures`.
        seconds: Length without the rest of two seconds; a frame is shown for 0.02 to 0.5 s.
        max_frames: Of more pictures, so many are shown: the first, the last, and evenly between them.

    Raises:
        ValueError: If there is no picture, or a number is not positive.
    """
    pictures = list(pictures)
    check("pictures", "one picture or more", len(pictures), holds=bool(pictures))
    check_movie(seconds=seconds, max_frames=max_frames)
    shown = np.linspace(len(pictures) - 1, 0, min(max_frames, len(pictures))).round().astype(int)[::-1]
    first, *others = [_frame(pictures[k]) for k in shown]
    milliseconds = [max(20, min(500, round(1000 * seconds / len(shown))))] * len(others) + [2000]
    with replacing(Path(path)) as temporary:
        first.save(temporary, save_all=True, append_images=others, duration=milliseconds, loop=0)


def small_png(path):
    """The bytes of a picture as a PNG of few shades, a pixel for each pixel of its images.

    Args:
        path: Picture, such as `write_grid` wrote.

    Returns:
        Bytes of a PNG, with the grid's enlargement undone where there was one; a large picture
        of another kind is halved.
    """
    picture = _read(path)
    for scale in (4, 2):
        pixels = np.asarray(picture)
        smaller = pixels[::scale, ::scale]
        if np.array_equal(smaller.repeat(scale, axis=0).repeat(scale, axis=1), pixels):
            return _png(Image.fromarray(smaller))
    return _png(picture.reduce(2) if max(picture.size) > _LARGE else picture)


def _png(picture):
    file = io.BytesIO()
    picture.quantize(32 if picture.mode == "L" else 128).save(file, "png", optimize=True)
    return file.getvalue()


def check_movie(*, seconds, max_frames):
    """Raise ValueError unless a movie can have this length and so many frames."""
    check("seconds", "a positive number", seconds, holds=is_number(seconds) and seconds > 0)
    check("max_frames", "a positive integer", max_frames, holds=is_count(max_frames))


def _read(path):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # it is refused below
            with Image.open(path) as picture:
                rule = f"a picture of at most {_MOST_PIXELS:,} pixels"
                check("path", rule, str(path), holds=math.prod(picture.size) <= _MOST_PIXELS)
                picture.load()
    except Image.DecompressionBombError as error:
        raise ValueError(f"{path} is too large: {error}") from None
    return picture


def _frame(path):
    """A picture of few shades, half its size if it is large: a tenth of the bytes, and it looks the same."""
    picture = _read(path)
    smaller = picture.reduce(2) if max(picture.size) > _LARGE else picture
    return smaller.quantize(16 if picture.mode == "L" else 128)
