"""Copies: samples that repeat one another, or a training image. All distances are between pixels.

Distances are Euclidean, of images in [−1, 1]. What counts as near is set by real digits: a
*near-identical twin* is nearer than all but 1 % of the 10,000 test digits are to the nearest other one; a
*memorised* image is nearer to a training image than all but 1 % of the test digits are.
"""

import numpy as np

from kgan.digits import idx
from kgan.evaluation.images import check_images
from kgan.evaluation.metric import Metric

MAX_COMPARED = 1000  # samples that are compared with training images: 10,000 with 60,000 take half a minute


def nearest_other(images):
    """Distance of each image to the nearest other one `(n,)`.

    Args:
        images: Array `(n, ...)` with n > 1.
    """
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(n_neighbors=1, algorithm="brute").fit(_flat(images)).kneighbors()[0][:, 0]


def nearest_among(images, training):
    """Distance of each image to the nearest training image `(n,)`.

    Args:
        images: Array `(n, ...)`.
        training: Array `(num_training, ...)`, of the same shape and range.
    """
    from sklearn.neighbors import NearestNeighbors

    neighbours = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(_flat(training))
    return neighbours.kneighbors(_flat(images))[0][:, 0]


def _flat(images):
    return np.reshape(images, (len(images), -1))


def fingerprint(images):
    """SHA-256 of images in [−1, 1] as the bytes of an IDX file: of MNIST's, the published one."""
    pixels = np.empty(images.shape[:-1], "uint8")
    for start in range(0, len(images), 500):  # what fits a processor's cache takes a quarter of the time
        pixels[start : start + 500] = np.rint((images[start : start + 500, ..., 0] + 1) * 127.5)
    return idx.checksum(pixels)


def duplicates(images, reference):
    """Share of images with a near-identical twin among the others."""
    return float((nearest_other(images) < reference.copies["duplicate_distance"]).mean())


def duplicates_metric(images, reference):
    """`Metric` of generated images, with its floor."""
    n = min(len(images), len(reference.train))
    pairs = reference.close_pairs
    return Metric(
        *("duplicates", "Duplicates", duplicates(images, reference)),
        *(len(np.unique(pairs[(pairs < n).all(axis=1)])) / n, "lower"),
        "share of samples that another sample repeats nearly pixel by pixel",
        "%",
    )


def memorising_metrics(images, training, reference):
    """Two `Metric`s of generated images, with their floors, and notes on what was not measured.

    Args:
        images: Generated ones; the first `MAX_COMPARED` are compared.
        training: Images that the generator was trained on, or None.
        reference: `Reference`.

    Returns:
        List of `Metric`s and list of strings.
    """
    compared = images[:MAX_COMPARED]
    if training is None:
        note = "Memorising was not measured: the images that the generator was trained on are not at hand."
        return _memorising(None, None, {}, len(compared)), [note]
    training = check_images("training", training)
    distances = nearest_among(compared, training)
    known = reference.copies["training"].get(fingerprint(training))
    if known is None:
        note = (
            "Memorising was not measured: how near real digits lie to these training images is known of "
            "MNIST's 60,000 and of the embedded 4,000 only."
        )
        return _memorising(None, float(np.median(distances)), {}, len(compared)), [note]
    share = float((distances < known["memorised_distance"]).mean())
    return _memorising(share, float(np.median(distances)), known, len(compared)), []


def _memorising(share, median, known, compared):
    return [
        Metric(
            *("memorised", "Memorised", share, known.get("memorised"), "lower"),
            "share of samples nearer to a training image than 99 % of real test digits are "
            f"(the first {compared:,} samples)",
            "%",
        ),
        Metric(
            *("nearest_training_distance", "Nearest training image", median, known.get("median_distance")),
            "floor",
            "median distance between the pixels of a sample and of the training image nearest to it "
            f"(the first {compared:,} samples)",
        ),
    ]
