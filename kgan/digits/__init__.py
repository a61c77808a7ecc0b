"""Digits to train on: full MNIST from a folder, or 5,000 real digits that are always at hand.

    images, labels = kgan.load_digits("mnist", data_dir="path/to/mnist")

Every array is checked against a published SHA-256 before it is used, the cache included.
"""

import logging

import numpy as np

from kgan.digits.sources import EMBEDDED_NAME, EmbeddedDigits, IdxFolder

NAMES = ("mnist", EMBEDDED_NAME)
SPLITS = ("train", "test")

_FALLBACK = (
    "kgan: without a data_dir these are 5,000 real MNIST digits, 4,000 to train and 1,000 to test. For all "
    "60,000, give data_dir (--data-dir) a folder with MNIST's files, train-images-idx3-ubyte.gz and so on."
)


def find_digits(name="mnist", *, data_dir=None):
    """The source that answers for a name.

    Args:
        name: "mnist", or "mnist-5k" for the embedded digits.
        data_dir: Folder with MNIST's IDX files, gzipped or not. Without one, "mnist" is
            answered by "mnist-5k", and one line on stderr says so.

    Returns:
        Source with a `name`, a `description`, and `arrays(split)` and `checksums(split)`.

    Raises:
        ValueError: If the name is unknown, or `data_dir` is given for embedded digits.
        FileNotFoundError: If `data_dir` is no folder.
    """
    if name not in NAMES:
        raise ValueError(f"`name` must be one of {', '.join(NAMES)}, got {name!r}.")
    if data_dir is not None:
        if name == EMBEDDED_NAME:
            raise ValueError(f"`data_dir` must be None for {name!r}, which has none, got {str(data_dir)!r}.")
        return IdxFolder(data_dir)
    if name != EMBEDDED_NAME:
        logging.getLogger("kgan").warning(_FALLBACK)
    return EmbeddedDigits()


def load_digits(name="mnist", split="train", data_dir=None):
    """Images and labels of one split.

    Args:
        name: As in `find_digits`.
        split: "train" or "test".
        data_dir: As in `find_digits`.

    Returns:
        Images `(n, 28, 28, 1)`, float32 in [−1, 1], and labels `(n,)`, int64 in 0 … 9.

    Raises:
        ValueError: If an argument is unknown, or a file is truncated or not the published one.
        FileNotFoundError: If a file is missing.
    """
    return load_split(find_digits(name, data_dir=data_dir), split)


def load_split(source, split):
    """Images and labels of one split of a source that `find_digits` found; as `load_digits`."""
    if split not in SPLITS:
        raise ValueError(f"`split` must be one of {', '.join(SPLITS)}, got {split!r}.")
    pixels, labels = source.arrays(split)
    images = np.divide(pixels, 127.5, dtype="float32")
    images -= 1
    return images[..., np.newaxis], labels.astype("int64")
