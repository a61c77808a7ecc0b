"""Which digits are drawn, how often, and how surely they are read."""

import dataclasses

import numpy as np

from kgan.evaluation.classifier import NUM_CLASSES
from kgan.evaluation.metric import Metric
from kgan.spec import check

_CLAIMED = (0, 1, 4)  # the digits that GANs on MNIST are said to draw too often, too often, too seldom


@dataclasses.dataclass(frozen=True)
class ClassShares:
    """How many images are of each of ten classes.

    Attributes:
        counts: Images of each class `(10,)`, integers.
        shares: Their shares `(10,)`.
        low: Lower ends of their 95 % intervals, Wilson (1927).
        high: Upper ends.
    """

    counts: np.ndarray
    shares: np.ndarray
    low: np.ndarray
    high: np.ndarray


def class_shares(classes):
    """Count classes.

    Args:
        classes: Array `(n,)` of integers in 0 … 9.

    Returns:
        `ClassShares`.

    Raises:
        ValueError: If there are none, or one is not a class.
    """
    from scipy.stats import binomtest

    classes = np.asarray(classes)
    good = classes.ndim == 1 and len(classes) > 0 and classes.dtype.kind in "iu"
    check("classes", "integers (n,) with n > 0", f"{classes.dtype} {classes.shape}", holds=good)
    span = (int(classes.min()), int(classes.max()))
    check("classes", "in 0 … 9", span, holds=span[0] >= 0 and span[1] < NUM_CLASSES)
    counts, n = np.bincount(classes, minlength=NUM_CLASSES), len(classes)
    intervals = [binomtest(count, n).proportion_ci(0.95, method="wilson") for count in counts]
    return ClassShares(counts, counts / n, *np.array(intervals).T)


def total_variation(shares, real_shares):
    """Total variation between two histograms: ½ Σ |p − q|, the share of images in the wrong class.

    Args:
        shares: Array `(num_classes,)` of shares.
        real_shares: Those of real images.

    Returns:
        Float in [0, 1].
    """
    return float(np.abs(np.subtract(shares, real_shares)).sum() / 2)


def misrepresented(shares, real):
    """Classes that are more, or less, frequent than in real images, at 95 %.

    Their `difference_intervals` exclude 0. Ten classes are looked at without a correction for that: of
    twenty shares of real digits, one is named by chance.

    Args:
        shares: `ClassShares` of generated images.
        real: `ClassShares` of real images.

    Returns:
        Two lists of classes: over-represented, under-represented.
    """
    low, high = difference_intervals(shares, real)
    return np.flatnonzero(low > 0).tolist(), np.flatnonzero(high < 0).tolist()


def difference_intervals(shares, real):
    """95 % intervals of the differences of the shares of two independent samples.

    Newcombe (1998), method 10: from the Wilson intervals of both.

    Args:
        shares: `ClassShares`.
        real: `ClassShares` that are subtracted.

    Returns:
        Lower and upper ends, arrays `(10,)`.
    """
    difference = shares.shares - real.shares
    low = difference - np.hypot(shares.shares - shares.low, real.high - real.shares)
    return low, difference + np.hypot(shares.high - shares.shares, real.shares - real.low)


def sentence(over, under):
    """What is over- and under-represented, in words: 0, 1 and 4 first, then the others.

    Args:
        over: Over-represented classes.
        under: Under-represented classes.

    Returns:
        Text of two sentences.
    """
    others = [digit for digit in range(NUM_CLASSES) if digit not in _CLAIMED]
    first, rest = (_verdicts(digits, over, under) for digits in (_CLAIMED, others))
    return f"At 95 %, {first}. Of the other digits, {rest}."


def _verdicts(digits, over, under):
    groups = {
        "over-represented": [digit for digit in digits if digit in over],
        "under-represented": [digit for digit in digits if digit in under],
        "as frequent as in real digits": [digit for digit in digits if digit not in (*over, *under)],
    }
    return "; ".join(f"{_listed(these)} {verdict}" for verdict, these in groups.items() if these)


def _listed(digits):
    *most, last = map(str, digits)
    return f"{', '.join(most)} and {last} are" if most else f"{last} is"


def metrics(fake, real, reference):
    """`Metric`s of generated images, with their floors."""
    expected = class_shares(reference.test_labels).shares
    value, floor = (total_variation(class_shares(of.classes).shares, expected) for of in (fake, real))
    yield Metric(
        *("total_variation", "Classes", value, floor, "lower"),
        "share of samples that would have to be other digits for all ten to be as frequent as in real ones",
        "%",
    )
    yield Metric(
        *("confidence", "Confidence", float(fake.confidence.mean()), float(real.confidence.mean()), "floor"),
        "how sure the classifier is of the digit that it reads, on average",
        "%",
    )


def agreement_metric(fake, labels, *, accuracy):
    """The share of generated images that are taken for what was asked for.

    Args:
        fake: `Evidence` of them.
        labels: Integers `(n,)`.
        accuracy: Of the classifier, which is the same share of real digits.

    Returns:
        `Metric`.

    Raises:
        ValueError: If there is not one label for each.
    """
    labels = np.asarray(labels)
    check("labels", f"one for each of {len(fake)} images", labels.shape, holds=labels.shape == (len(fake),))
    return Metric(
        *("agreement", "Labels", float(np.mean(fake.classes == labels)), accuracy, "higher"),
        "share of samples that are taken for the digit that was asked for",
        "%",
    )
