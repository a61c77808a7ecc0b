"""One figure of a judgement, and what it is made of."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Metric:
    """A figure that stands beside the same figure of real digits.

    Attributes:
        name: Identifier.
        label: What a person reads beside it.
        value: Float, or None where it was not measured.
        floor: The same figure for as many real training digits in place of the samples, or None.
        better: "lower", "higher" or "floor", as near the floor as possible.
        meaning: One line for a person.
        unit: "%" where the value is a share to be shown in per cent, else "".
    """

    name: str
    label: str
    value: float | None
    floor: float | None
    better: str
    meaning: str
    unit: str = ""


@dataclasses.dataclass(frozen=True)
class Evidence:
    """A set of images as the metrics see it: generated ones, or as many real training digits.

    Attributes:
        features: Of the classifier `(n, 64)`.
        classes: What they are taken for `(n,)`, integers.
        confidence: Probability of that class `(n,)`.
    """

    features: np.ndarray
    classes: np.ndarray
    confidence: np.ndarray

    def __len__(self):
        return len(self.features)

    def first(self, n):
        """The first `n` of them, or all where there are fewer."""
        return Evidence(self.features[:n], self.classes[:n], self.confidence[:n])
