"""What the rows of the study say: medians, intervals, and how sure the differences are."""

import dataclasses
from statistics import median

import numpy as np
from scipy import stats

WORST = 1e6  # Fréchet distance that a training which diverged is given in a quotient; noise has 7e3
FEWEST_CLASSES = 8  # above 2 % of the samples, else a training has collapsed


@dataclasses.dataclass(frozen=True)
class Comparison:
    """An arm beside another, seed by seed.

    Attributes:
        ratio: Median over the seeds of the quotient of the Fréchet distances.
        low: Lower end of its 95 % bootstrap interval.
        high: Upper end.
        p_value: Of Wilcoxon's signed-rank test on the logarithms, two-sided.
        seeds: Number of pairs.
    """

    ratio: float
    low: float
    high: float
    p_value: float
    seeds: int


def chosen(rows, **wanted):
    """The rows whose columns hold these values."""
    return [row for row in rows if all(row[name] == str(value) for name, value in wanted.items())]


def by_seed(rows, column="frechet"):
    """A column of some rows, as numbers by seed."""
    return {int(row["seed"]): float(row[column]) for row in rows}


def best_rate(rows, arm):
    """The learning rate at which an arm had the least median Fréchet distance in the tuning."""
    found = {}
    for row in chosen(rows, phase="tune", arm=arm, mark="steps"):
        found.setdefault(float(row["learning_rate"]), []).append(float(row["frechet"]))
    return min(sorted(found), key=lambda rate: median(found[rate]))


def compared(ours, others):
    """The `Comparison` of the figures of one arm with another's, dicts by seed.

    Raises:
        ValueError: If they have fewer than two seeds in common.
    """
    seeds = sorted(set(ours) & set(others))
    if len(seeds) < 2:
        raise ValueError(f"Two arms need two seeds in common to be compared, got {seeds}.")
    logs = np.log([min(ours[seed], WORST) / min(others[seed], WORST) for seed in seeds])
    interval = stats.bootstrap((logs,), np.median, n_resamples=10_000, method="percentile", rng=0)
    low, high = np.exp(interval.confidence_interval)
    p_value = float(stats.wilcoxon(logs).pvalue) if logs.any() else 1.0
    return Comparison(float(np.exp(np.median(logs))), float(low), float(high), p_value, len(seeds))


def holm(p_values):
    """P-values corrected for their number by Holm (1979), in their order."""
    order = np.argsort(p_values)
    factors = np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(1, np.maximum.accumulate(np.asarray(p_values)[order] * factors))
    return corrected.tolist()


def collapsed(rows):
    """How many of some trainings have fewer than eight classes above 2 %."""
    return sum(int(row["classes"]) < FEWEST_CLASSES for row in rows)


def over_time(rows, name):
    """A quantity over equal parts of each of some trainings, `(trainings, parts)`."""
    return np.array([[float(value) for value in row[f"{name}_over_time"].split()] for row in rows])
