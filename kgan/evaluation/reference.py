"""What the package knows of real digits, so that a judgement needs no data set."""

import dataclasses
import functools

import numpy as np

from kgan.evaluation.classifier import load_arrays, load_record
from kgan.evaluation.metric import Evidence

FEATURES = "reference.npz"


@dataclasses.dataclass(frozen=True)
class Reference:
    """MNIST's 10,000 test digits, and 10,000 of its training digits for the floors.

    Attributes:
        test_features: Of the classifier `(10000, 64)`, rounded to float16.
        test_labels: Their true classes `(10000,)`.
        train: `Evidence` of a random 10,000 of the 60,000 training digits.
        close_pairs: Rows of `train` that are near-identical twins by their pixels `(pairs, 2)`.
        copies: Dict of distances between pixels, as `kgan.evaluation.copies` describes them.
    """

    test_features: np.ndarray
    test_labels: np.ndarray
    train: Evidence
    close_pairs: np.ndarray
    copies: dict

    @classmethod
    def load(cls):
        """What the package ships; the same object in each process.

        Raises:
            ValueError: If a file is not the one that was shipped.
            OSError: If it cannot be read.
        """
        return _load()

    @property
    def train_features(self):
        """Of the classifier `(10000, 64)`, rounded to float16."""
        return self.train.features


@functools.cache
def _load():
    record = load_record()
    arrays = load_arrays(FEATURES, record)
    train = Evidence(
        arrays["train_features"].astype("float32"),
        arrays["train_classes"].astype("int64"),
        arrays["train_confidence"].astype("float32"),
    )
    return Reference(
        test_features=arrays["test_features"].astype("float32"),
        test_labels=arrays["test_labels"].astype("int64"),
        train=train,
        close_pairs=arrays["close_pairs"].astype("int64"),
        copies=record["copies"],
    )
