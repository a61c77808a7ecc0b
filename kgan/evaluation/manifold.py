"""Precision, recall, density and coverage: which samples lie among real ones, and the reverse."""

import dataclasses

import numpy as np

from kgan.evaluation.features import check_features
from kgan.evaluation.metric import Metric
from kgan.spec import check, is_count

_MEGABYTES = 64  # of distances at a time
# A row on the rim of a ball is not inside. Where both sets hold it, two equal distances differ by rounding.
_RIM = 1e-9  # of the radius


@dataclasses.dataclass(frozen=True)
class ManifoldScores:
    """How two sets overlap, where a set fills balls around its points up to their k-th neighbours.

    Attributes:
        precision: Share of fakes inside a real ball; Kynkäänniemi et al. (2019), eq. 2.
        recall: Share of reals inside a fake ball; the same, eq. 3.
        density: Real balls that a fake lies in, on average, over k; Naeem et al. (2020), eq. 3. Above 1
            where fakes crowd where reals are dense.
        coverage: Share of real balls with a fake inside; the same, eq. 4.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def manifold_scores(real_features, fake_features, *, k):
    """Precision, recall, density and coverage at one `k`; as `all_manifold_scores`."""
    return all_manifold_scores(real_features, fake_features, ks=(k,))[0]


def all_manifold_scores(real_features, fake_features, *, ks):
    """Precision, recall, density and coverage at several k from the same distances.

    Args:
        real_features: Array `(num_real, dim)`.
        fake_features: Array `(num_fake, dim)`, same `dim`.
        ks: Neighbours that a ball reaches to; Euclidean, the point itself not counted.

    Returns:
        List of `ManifoldScores`.

    Raises:
        ValueError: If a `k` is no positive integer, the widths differ, either set has no more than k rows,
            or one is not finite.
    """
    for k in ks:
        check("k", "a positive integer", k, holds=is_count(k))
    real, fake = check_features(real_features, fake_features, at_least=max(ks) + 1)
    return _scores(real, fake, ks=ks, real_radii=_radii(real, ks))


def _scores(real, fake, *, ks, real_radii):
    fake_radii = _radii(fake, ks)
    nearest, balls, covered = _overlaps(real, fake, real_radii, fake_radii)
    return [
        ManifoldScores(
            precision=float((balls[i] > 0).mean()),
            recall=float(covered[i].mean()),
            density=float(balls[i].mean() / k),
            coverage=float((nearest < real_radii[i]).mean()),
        )
        for i, k in enumerate(ks)
    ]


def _radii(features, ks):
    """Distance of each row to its k-th neighbour `(len(ks), n)`, less the rim."""
    from sklearn.neighbors import NearestNeighbors

    distances, _ = NearestNeighbors(n_neighbors=max(ks), algorithm="brute").fit(features).kneighbors()
    return distances.T[np.subtract(ks, 1)] * (1 - _RIM)


def _overlaps(real, fake, real_radii, fake_radii):
    """Distance of each real to its nearest fake, real balls that each fake is in, reals in a fake ball."""
    from sklearn.metrics import pairwise_distances_chunked

    balls = np.zeros((len(real_radii), len(fake)), int)
    nearest, covered = [], []

    def reduce(distances, start):
        nearest.append(distances.min(axis=1))
        covered.append([(distances < radii).any(axis=1) for radii in fake_radii])
        for i, radii in enumerate(real_radii):
            balls[i] += np.count_nonzero(
                distances < radii[start : start + len(distances), np.newaxis], axis=0
            )

    for _ in pairwise_distances_chunked(real, fake, reduce_func=reduce, working_memory=_MEGABYTES):
        pass
    return np.concatenate(nearest), balls, np.concatenate(covered, axis=1)


_MEANINGS = {
    "precision": ("Precision", "higher", "%", "share of samples that lie among real digits"),
    "recall": (
        "Recall",
        "higher",
        "%",
        "share of real digits that lie among samples: small where variety lacks",
    ),
    "density": (
        "Density",
        "floor",
        "",
        "how densely real digits lie around a sample: high where only typical ones are drawn",
    ),
    "coverage": ("Coverage", "higher", "%", "share of real digits with a sample near by"),
}


def metrics(fake, real, reference):
    """`Metric`s of generated images, with their floors, at k = 3 and k = 5."""
    ks = (3, 5)
    test = np.asarray(reference.test_features, "float64")
    radii = _radii(test, ks)
    values, floors = (
        _scores(test, np.asarray(of.features, "float64"), ks=ks, real_radii=radii) for of in (fake, real)
    )
    for k, value, floor in zip(ks, values, floors, strict=True):
        for name, (label, better, unit, meaning) in _MEANINGS.items():
            yield Metric(
                *(f"{name}_k{k}", f"{label} (k = {k})", getattr(value, name), getattr(floor, name)),
                *(better, meaning if k == ks[0] else f"the same with balls to the {k}th neighbour", unit),
            )
