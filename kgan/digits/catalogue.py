"""Data sets of tensorflow-datasets by name, without TensorFlow, as `kgan.digits.sources` describes a source.

What was prepared on the disk, or is downloaded, is decoded once, by a process of its own, into arrays of
bytes that the cache keeps. From there they are loaded, or read as they are wanted.
"""

import functools
import hashlib
import json
import os
from pathlib import Path

import numpy as np

from kgan.digits import cache, decoding, idx
from kgan.digits.download import run_child, workplace
from kgan.digits.finding import CATALOGUE
from kgan.digits.lazy import LazyImages
from kgan.digits.network import is_forbidden
from kgan.digits.preparing import CLASSES, FORMAT, REFUSAL, SPLITS

_NAMES = (CLASSES, *(f"{split}-{part}" for split in SPLITS for part in ("images", "labels")))


class Catalogued:
    """Images of tensorflow-datasets.

    Args:
        name: Of the builder, with its configuration behind a slash if there are several.
        data_dir: Folder in which it was prepared, or None for tensorflow-datasets' own, or to download it.
        image_size: Pixels a side to which the square in the middle is scaled, or None for their own.
        channels: 1 for grey, 3 for colour, None for what they are.

    Raises:
        ValueError: If a number breaks its rule, or it was prepared in a format that needs TensorFlow.
        FileNotFoundError: If a folder is given and it is not in there.
        ConnectionError: If it is not at hand and downloads are forbidden.
    """

    notice = None

    def __init__(self, name, *, data_dir=None, image_size=None, channels=None):
        decoding.check_wanted(image_size=image_size, channels=channels)
        self.name, self._builder = f"{CATALOGUE}{name}", name
        self._wanted = {"image_size": image_size, "channels": channels}
        root = Path(data_dir or os.environ.get("TFDS_DATA_DIR") or Path.home() / "tensorflow_datasets")
        self._prepared = _prepared(root, name)
        self.folder = root if self._prepared else None
        if data_dir is not None and self._prepared is None:
            raise FileNotFoundError(
                f"`data_dir` {data_dir} holds no {name} that tensorflow-datasets has prepared: name the "
                f"folder above {name}'s, or leave it out to download."
            )
        where = f"prepared in {self._prepared}" if self._prepared else "downloaded"
        self.description = f"tensorflow-datasets' {name}, {where}"
        if not self.is_at_hand and is_forbidden():
            raise ConnectionError(self._unusable("KGAN_OFFLINE is set"))

    @property
    def is_at_hand(self):
        """Whether nothing must be downloaded."""
        return self._prepared is not None or cache.holds(self._key(CLASSES))

    @property
    def classes(self):
        """Names of the classes, empty where it has none."""
        return tuple(json.loads(self._contents[CLASSES].tobytes()))

    @property
    def num_classes(self):
        """Number of classes; 0 where images have no labels."""
        return len(self.classes)

    @property
    def image_shape(self):
        """Height, width and channels of an image."""
        return self.arrays("train")[0].shape[1:]

    def num_images(self, split):
        """Number of images in a split."""
        return len(self.arrays(split)[0])

    def checksums(self, split):
        """SHA-256 of the arrays of a split, as IDX files."""
        return dict(zip(("images", "labels"), map(idx.checksum, self.arrays(split)), strict=True))

    def arrays(self, split):
        """Images `(n, height, width, channels)`, uint8, on the disk if possible, and labels `(n,)`.

        Raises:
            ValueError: If it has no such split, or no images.
            OSError: If it must be downloaded and cannot be.
        """
        if f"{split}-images" not in self._contents:
            raise ValueError(f"`split` must be one that {self.name} has, got {split!r}.")
        return self._contents[f"{split}-images"], self._contents[f"{split}-labels"].view("<i8")[:, 0]

    def lazy(self, split):
        """`LazyImages` of a split; what is read of the file, the system keeps as it sees fit."""
        images, labels = self.arrays(split)
        return LazyImages(images.__getitem__, image_shape=images.shape[1:], labels=labels, keep=0)

    @functools.cached_property
    def _contents(self):
        """Arrays by name, as `kgan.digits.preparing.fill` leaves them."""
        found = {name: cache.load(self._key(name), mapped=True) for name in _NAMES}
        found = {name: array for name, array in found.items() if array is not None}
        return found if {CLASSES, "train-images", "train-labels"} <= set(found) else self._decoded()

    def _decoded(self):
        with workplace("tfds") as folder:
            task = {"name": self._builder, "prepared": self._prepared and str(self._prepared)}
            reason = run_child({"catalogued": task | self._wanted}, folder, title=self.name)
            refusal = folder / REFUSAL
            if refusal.is_file():
                raise ValueError(f"{self.name} cannot be used: {refusal.read_text(encoding='utf-8')}")
            if reason:
                raise OSError(self._unusable(reason))
            files = {name: folder / f"{name}.npy" for name in _NAMES}
            return {name: self._kept(name, file) for name, file in files.items() if file.is_file()}

    def _kept(self, name, file):
        cache.store(self._key(name), np.load(file, mmap_mode="r"))
        kept = cache.load(self._key(name), mapped=True)
        return np.load(file) if kept is None else kept  # of a cache that cannot be written

    def _key(self, name):
        size, channels = (value or "own" for value in self._wanted.values())
        state = _state(self._prepared) if self._prepared else "downloaded"
        return f"tfds-{self._builder.replace('/', '-')}-{state}-{size}-{channels}-{name}"

    def _unusable(self, reason):
        if self._prepared:
            return f"{self.name} could not be read from {self._prepared} ({reason}): prepare it anew."
        return (
            f"{self.name} is not prepared here and cannot be downloaded ({reason}). Nothing was kept: "
            f"prepare it where it can be, by {_command(self._builder)}, and name its folder by data_dir "
            "(--data-dir)."
        )


def _prepared(root, name):
    """Folder of the newest version that was prepared, or None.

    Raises:
        ValueError: If its format needs TensorFlow, or it has several configurations and none is named.
    """
    versions = [path.parent for path in (root / name).glob("*.*.*/dataset_info.json")]
    if not versions:
        configs = sorted({path.parents[1].name for path in (root / name).glob("*/*.*.*/dataset_info.json")})
        if len(configs) > 1:
            raise ValueError(
                f"{root / name} holds {', '.join(configs)}: say which, as {CATALOGUE}{name}/{configs[0]}."
            )
        return _prepared(root, f"{name}/{configs[0]}") if configs else None
    newest = max(versions, key=lambda path: [int(part) for part in path.name.split(".") if part.isdigit()])
    return _checked_format(newest, name)


def _checked_format(folder, name):
    try:
        kind = json.loads((folder / "dataset_info.json").read_text(encoding="utf-8")).get(
            "fileFormat", "tfrecord"
        )
    except (ValueError, AttributeError) as error:
        raise ValueError(
            f"{folder / 'dataset_info.json'} is damaged ({error}): prepare {name} anew."
        ) from None
    if kind != FORMAT:
        raise ValueError(
            f"{folder} was prepared as {kind}, which takes TensorFlow to be read: prepare it anew by "
            f"{_command(name)}."
        )
    return folder


def _command(name):
    return f"tfds.builder({name!r}, file_format={FORMAT!r}).download_and_prepare()"


def _state(folder):
    """Sixteen digits that change with the files of a folder."""
    total = hashlib.sha256((folder / "dataset_info.json").read_bytes())
    for path in sorted(folder.iterdir()):
        status = path.stat()
        total.update(f"{path.name}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return total.hexdigest()[:16]
