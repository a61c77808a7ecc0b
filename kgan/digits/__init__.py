"""Images to train on: MNIST and its kin, and 5,000 real digits that are always at hand.

    images, labels = kgan.load_digits("fashion_mnist")
    images, labels = kgan.load_digits("mnist", data_dir="path/to/mnist")

Every file is checked against its published SHA-256, and every array from the cache against the one
that was made of such a file. `KGAN_CACHE` names the cache's folder; `KGAN_OFFLINE=1` forbids downloads.
"""

import logging

import numpy as np

from kgan.digits.sources import EMBEDDED, NAMES, find_at_hand, find_digits
from kgan.spec import check

__all__ = [
    "EMBEDDED",
    "NAMES",
    "SPLITS",
    "announce",
    "find_at_hand",
    "find_digits",
    "load_digits",
    "load_split",
]

SPLITS = ("train", "test")


def load_digits(name="mnist", split="train", data_dir=None):
    """Images and labels of one split.

    Args:
        name: "mnist", "fashion_mnist", "kmnist", or "mnist-5k" for the embedded digits.
        split: "train" or "test".
        data_dir: Folder with the data set's four IDX files, gzipped or not (KMNIST's: gzipped, as
            published). Without one they are downloaded, once, by tensorflow-datasets. Without a
            network "mnist" is answered by "mnist-5k", and one line on stderr says so.

    Returns:
        Images `(n, 28, 28, 1)`, float32 in [−1, 1], and labels `(n,)`, int64 in 0 … 9.

    Raises:
        ValueError: If an argument is unknown, or a file is truncated or not the published one.
        FileNotFoundError: If the folder or a file is missing.
        OSError: If there is neither folder nor network, or the download fails.
    """
    source = find_digits(name, data_dir=data_dir)
    announce(source)
    return load_split(source, split)


def announce(source):
    """Say on stderr, in one line, if a source stands in for the one that was asked for."""
    if source.notice:
        logging.getLogger("kgan").warning(source.notice)


def load_split(source, split):
    """Images and labels of one split of a source that `find_digits` found; as `load_digits`."""
    check("split", f"one of {', '.join(SPLITS)}", split, holds=split in SPLITS)
    pixels, labels = source.arrays(split)
    images = np.divide(pixels, 127.5, dtype="float32")
    images -= 1
    return images[..., np.newaxis], labels.astype("int64")
