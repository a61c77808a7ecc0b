"""Folders of images as a source, as `kgan.digits.sources` describes one."""

import collections
import dataclasses
import functools
import hashlib
import os
import warnings
from pathlib import Path

import numpy as np

from kgan.digits import decoding
from kgan.digits.finding import FOLDER
from kgan.digits.lazy import LazyImages

_WHOLE = 1 << 30  # bytes of images up to which all are summed
_SUMMED = 1000  # images that are, of more
_LARGEST = 256  # pixels a side that need not be asked for
_NAMED = 3  # of files that are left out


@dataclasses.dataclass(frozen=True)
class _Part:
    """The files of a split, in the order of their classes and names."""

    root: Path
    paths: tuple
    labels: np.ndarray
    classes: tuple
    left_out: tuple


class ImageFolder:
    """A folder of image files, of which each subfolder is a class.

    Files are PNG, JPEG, BMP, GIF, WebP, TIFF or PNM, by their suffix; others, and names that begin with a
    dot, are left out. Classes are numbered in the order of their names. Without subfolders there is one
    class, without a name. Subfolders train and test, if there are no others, are the two splits, and their
    subfolders the classes; those of train number both.

    Args:
        path: The folder.
        image_size: Pixels a side, to which the largest square in the middle of each image is scaled; or
            None, then all images must be of one size.
        channels: 1 for grey, 3 for colour; None for grey where all files are stored so.

    Attributes:
        classes: Names of the classes, empty where there is one without a name.

    Raises:
        FileNotFoundError: If there is no such folder, or no image in it.
        ValueError: If a number breaks its rule, there are images both beside subfolders and in them, or, in
            test, of a class that train has not.
    """

    name = FOLDER
    is_at_hand = True

    def __init__(self, path, *, image_size=None, channels=None):
        decoding.check_wanted(image_size=image_size, channels=channels)
        self.folder, self.image_size = Path(path), image_size
        self.description = f"image files in {self.folder.absolute()}"
        self._channels = channels
        if not self.folder.is_dir():
            raise FileNotFoundError(f"`data_dir` must be a folder of images, got {str(path)!r}.")
        self._roots = _splits(self.folder)
        self._part, self._looks = functools.cache(self._listed), functools.cache(self._looked_at)
        self.classes = self._part("train").classes
        self.notice = _of_left_out(self._part("train"))

    def _listed(self, split):
        if split not in self._roots:
            raise ValueError(
                f"`split` must be 'train' for {self.folder}, got {split!r}: a folder has another split "
                "where its subfolders are train and test, and theirs the classes."
            )
        known = None if split == "train" else self._part("train").classes
        return _part_below(self._roots[split], known=known)

    def _looked_at(self, split):
        with warnings.catch_warnings():  # of large images, which are refused, and of metadata
            warnings.simplefilter("ignore")
            return [decoding.look(path) for path in self._part(split).paths]

    @property
    def num_classes(self):
        """Number of classes; 0 where images have no labels."""
        return len(self.classes)

    @property
    def image_shape(self):
        """Height, width and channels of an image, seen in the headers of the training files.

        Raises:
            ValueError: If a file is damaged, or they are of different sizes and none was asked for.
        """
        size = self._own_size if self.image_size is None else (self.image_size, self.image_size)
        return (*size, self.channels)

    @property
    def channels(self):
        """1 or 3."""
        grey = all(each.is_grey for each in self._looks("train"))
        return (1 if grey else 3) if self._channels is None else self._channels

    @functools.cached_property
    def _own_size(self):
        paths, sizes = self._part("train").paths, [each.size for each in self._looks("train")]
        smallest, largest = (sizes.index(end) for end in (min(sizes), max(sizes)))
        if len(set(sizes)) > 1:
            a, b = (f"{paths[k]} of {_by(sizes[k])}" for k in (smallest, largest))
            raise ValueError(f"The images are of different sizes, such as {a} and {b}: {_way_out(sizes)}.")
        if max(sizes[0]) > _LARGEST:
            raise ValueError(f"The images are of {_by(sizes[0])} pixels: {_way_out(sizes)}.")
        return sizes[0]

    def num_images(self, split):
        """Number of images in a split."""
        return len(self._part(split).paths)

    def checksums(self, split):
        """SHA-256 over the names and the bytes of all files of a split.

        Of more than 1 GiB, all names and sizes count, and the bytes of 1,000 files at even distances.
        """
        part = self._part(split)
        sizes = [path.stat().st_size for path in part.paths]
        summed = set(range(len(sizes)))
        if sum(sizes) > _WHOLE and len(sizes) > _SUMMED:
            summed = set(np.linspace(0, len(sizes) - 1, _SUMMED).astype(int).tolist())
        total = hashlib.sha256()
        for k, (path, size) in enumerate(zip(part.paths, sizes, strict=True)):
            total.update(
                f"{path.relative_to(part.root).as_posix()}\0{size}\0".encode(errors="surrogateescape")
            )
            if k in summed:
                total.update(hashlib.sha256(path.read_bytes()).digest())
        of = "images" if len(summed) == len(sizes) else f"images ({_SUMMED:,} of them, and all names)"
        return {of: total.hexdigest()}

    def arrays(self, split):
        """Images `(n, height, width, channels)`, uint8, and labels `(n,)`.

        Raises:
            ValueError: If a file is damaged or of another size.
        """
        images = self.lazy(split, keep=0)
        return images.all_pixels(), images.labels

    def lazy(self, split, *, keep=None):
        """`LazyImages` of a split.

        Args:
            split: "train" or "test".
            keep: As for `LazyImages`.
        """
        part, looks, shape = self._part(split), self._looks(split), self.image_shape

        def read(rows):
            return np.stack([self._decoded(part.paths[row], looks[row], shape) for row in rows])

        return LazyImages(read, image_shape=shape, labels=part.labels, keep=keep)

    def _decoded(self, path, seen, shape):
        options = {"size": self.image_size, "orientation": seen.orientation}
        pixels = decoding.decode(path, channels=shape[2], **options)
        if pixels.shape != shape:
            raise ValueError(f"{path} is of {_by(pixels.shape)}, not of {_by(shape)}: scale or remove it.")
        return pixels


def _splits(folder):
    """Folder of each split by its name."""
    entries = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    folders = {entry.name: entry for entry in entries if entry.is_dir()}
    loose = any(_is_image(entry.name) for entry in entries if entry.is_file())
    if "train" in folders and set(folders) <= {"train", "test"} and not loose:
        return folders
    return {"train": folder}


def _part_below(root, *, known=None):
    """The `_Part` below a folder, its classes those that are known, if any are."""
    by_class, left_out = _files_by_class(root)
    if not by_class:
        raise FileNotFoundError(
            f"{root} holds no images: `data_dir` must name a folder of files that end in "
            f"{', '.join(decoding.SUFFIXES)}, or of one such folder a class."
        )
    if "" in by_class and len(by_class) > 1:
        raise ValueError(
            f"{root} holds images both in subfolders, which are classes, and beside them, such as "
            f"{by_class[''][0].name}: move these into a subfolder, or those into one folder."
        )
    names = sorted(by_class)
    classes = names if known is None else _checked_classes(root, names, known=known or ("",))
    return _Part(
        root=root,
        paths=tuple(path for name in names for path in by_class[name]),
        labels=np.repeat([classes.index(name) for name in names], [len(by_class[name]) for name in names]),
        classes=tuple(filter(None, classes)),
        left_out=tuple(left_out),
    )


def _checked_classes(root, names, *, known):
    """The classes of the training images, once they are seen to hold those of a folder."""
    unknown = sorted(set(names) - set(known))
    if unknown:
        of = f"the class {unknown[0]!r}" if unknown[0] else "no class"
        raise ValueError(f"{root} holds images of {of}, unlike those for training: move or remove them.")
    return known


def _files_by_class(root):
    """Sorted images below a folder by the name of its subfolder, "" for its own; and the other files."""
    by_class, left_out = collections.defaultdict(list), []
    for parent, folders, files in os.walk(root, followlinks=True, onerror=_raise):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        below = Path(parent).relative_to(root).parts
        above = {os.path.realpath(Path(root, *below[:depth])) for depth in range(len(below))}
        if os.path.realpath(parent) in above:  # a link that leads back
            folders.clear()
            continue
        for name in sorted(files):
            if _is_image(name):
                by_class[below[0] if below else ""].append(Path(parent) / name)
            elif not name.startswith("."):
                left_out.append((Path(parent) / name).relative_to(root).as_posix())
    return by_class, left_out


def _raise(error):
    raise error


def _is_image(name):
    return name.lower().endswith(decoding.SUFFIXES) and not name.startswith(".")


def _of_left_out(part):
    """A line about files that are no images by their names, or None."""
    if not part.left_out:
        return None
    named = ", ".join(name if name.isprintable() else repr(name) for name in part.left_out[:_NAMED])
    others = f" and {len(part.left_out) - _NAMED:,} more" if len(part.left_out) > _NAMED else ""
    return f"kgan: left out of {part.root}, for their suffixes are not of images: {named}{others}."


def _by(size):
    return f"{size[0]} × {size[1]}"


def _way_out(sizes):
    """What to ask for: a size that all have, and that networks are quick with."""
    side = min(64, max(16, min(map(min, sizes)) // 4 * 4))
    return f"give image_size (--image-size), such as {side}, to which all are cropped and scaled"
