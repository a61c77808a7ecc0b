"""Images to train on: MNIST and its kin, 5,000 real digits that are always at hand, and any other images.

    images, labels = kgan.load_digits("fashion_mnist")
    images, labels = kgan.load_digits("mnist", data_dir="path/to/mnist")
    images, labels = kgan.load_images("path/to/photos", image_size=32)
    images, labels = kgan.load_images(name="tfds:cifar10")
    gan.fit(kgan.stream_images("path/to/photos", image_size=32, batch_size=64, seed=0))

Every file of MNIST and its kin is checked against its published SHA-256, and every array from the cache
against the one that was made of such a file. `KGAN_CACHE` names the cache's folder; `KGAN_OFFLINE=1`
forbids downloads.
"""

import logging
import math

import numpy as np

from kgan.digits.finding import check_name, find_source
from kgan.digits.lazy import SHARE, LazyImages, as_floats, memory
from kgan.digits.sources import EMBEDDED, NAMES, find_at_hand, find_digits
from kgan.spec import check

__all__ = [
    "EMBEDDED",
    "NAMES",
    "SPLITS",
    "LazyImages",
    "announce",
    "check_name",
    "find_at_hand",
    "find_digits",
    "find_source",
    "lazy_split",
    "load_digits",
    "load_images",
    "load_split",
    "some_rows",
    "split_for_training",
    "stream_images",
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
    images = as_floats(pixels)
    return images[..., np.newaxis] if images.ndim == 3 else images, labels.astype("int64")


def load_images(data_dir=None, split="train", *, name="images", image_size=None, channels=None):
    """Images of a folder, or of tensorflow-datasets, and their labels.

    Args:
        data_dir: Folder of image files, each subfolder a class (see `kgan.digits.folder.ImageFolder`); of
            tensorflow-datasets, the folder in which the data set was prepared, or None for its own.
        split: "train" or "test".
        name: "images", or as "tfds:cifar10" a data set of tensorflow-datasets.
        image_size: Pixels a side, a multiple of 4, to which the largest square in the middle of each image
            is scaled; or None, then all must be of one size.
        channels: 1 for grey, 3 for colour; None for grey where all images are stored so.

    Returns:
        Images `(n, height, width, channels)`, float32 in [−1, 1], and labels `(n,)`, int64, the classes in
        the order of their names.

    Raises:
        ValueError: If an argument breaks its rule, images are damaged or not of one size, or there are none.
        FileNotFoundError: If there is no such folder, or no image in it.
        OSError: If a file cannot be read, or there is neither folder nor network.
    """
    source = find_source(name, data_dir=data_dir, image_size=image_size, channels=channels)
    announce(source)
    return load_split(source, split)


def stream_images(
    data_dir=None,
    split="train",
    *,
    name="images",
    image_size=None,
    channels=None,
    batch_size=64,
    seed=0,
    first_epoch=0,
):
    """Batches of images that are read while `fit` goes on, for data that take too much memory.

    They are the same, in the same order, as those of `fit(load_images(...)[0])`, with the same numbers.

    Args:
        data_dir: As for `load_images`.
        split: Likewise.
        name: Likewise.
        image_size: Likewise.
        channels: Likewise.
        batch_size: Images a batch.
        seed: Integer in [0, 2³¹) of the order, the GAN's own for that of `fit` on arrays; None for the
            files' own.
        first_epoch: Number of the epoch that `fit` begins with.

    Returns:
        `keras.utils.PyDataset` of `(images, labels)`.

    Raises:
        ValueError: As `load_images`, as far as headers tell; what is damaged further on is said when its
            batch is read.
        FileNotFoundError: As `load_images`.
    """
    from kgan.digits.streaming import StreamedImages  # and Keras

    source = find_source(name, data_dir=data_dir, image_size=image_size, channels=channels)
    announce(source)
    options = {"batch_size": batch_size, "seed": seed, "first_epoch": first_epoch}
    return StreamedImages(lazy_split(source, split), **options)


def lazy_split(source, split):
    """`LazyImages` of one split of a source."""
    check("split", f"one of {', '.join(SPLITS)}", split, holds=split in SPLITS)
    if hasattr(source, "lazy"):
        return source.lazy(split)
    pixels, labels = source.arrays(split)
    pixels = pixels[..., np.newaxis] if pixels.ndim == 3 else pixels
    return LazyImages(pixels.__getitem__, image_shape=pixels.shape[1:], labels=labels.astype("int64"), keep=0)


def split_for_training(source, split="train", *, stream=None):
    """Images and labels of a split as they are best held: an array, or `LazyImages` where it would be large.

    Labels are integers `(n,)`, or None where the source has no classes, `num_classes` being 0.

    Args:
        source: Source.
        split: "train" or "test".
        stream: Whether to read images when they are wanted; None to do so where an array of them would
            take more than a quarter of the memory that is free.
    """
    if stream is None:
        stream = hasattr(source, "lazy") and _size(source, split) > SHARE * memory()
    if stream:
        images = lazy_split(source, split)
        labels = images.labels
    else:
        images, labels = load_split(source, split)
    return images, labels if source.num_classes else None


def some_rows(num_rows, most):
    """At most so many of a number of rows, chosen at random, the same ones each time, and sorted."""
    chosen = np.random.default_rng(0).choice(num_rows, min(most, num_rows), replace=False)
    return np.sort(chosen)


def _size(source, split):
    return source.num_images(split) * math.prod(source.image_shape) * 4  # bytes of a float32
