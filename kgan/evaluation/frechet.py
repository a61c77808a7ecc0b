"""Fréchet distance between two sets of features."""

import numpy as np

from kgan.evaluation.features import check_features
from kgan.evaluation.metric import Metric


def frechet_distance(real_features, fake_features):
    """Squared Fréchet distance between Gaussians fitted to two feature sets.

    ‖m_r − m_f‖² + tr(C_r + C_f − 2 (C_r C_f)^½), Heusel et al. (2017), eq. 6. The trace of the root is the
    sum of the roots of the eigenvalues of C_r^½ C_f C_r^½, which is symmetric: exact for singular
    covariances too. Biased upwards by a small number of rows.

    Args:
        real_features: Array `(num_real, dim)`, any scale.
        fake_features: Array `(num_fake, dim)`, same `dim`.

    Returns:
        Float ≥ 0, in squared feature units. Not comparable with Inception FID.

    Raises:
        ValueError: If the widths differ, either set has fewer rows than features, or one is not finite.
    """
    import scipy.linalg

    width = np.shape(real_features)[-1]
    real, fake = check_features(real_features, fake_features, at_least=max(2, width))
    means, (real_cov, fake_cov) = zip(
        *((x.mean(axis=0), np.cov(x, rowvar=False).reshape(width, width)) for x in (real, fake)), strict=True
    )
    values, vectors = scipy.linalg.eigh(real_cov)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    eigenvalues = scipy.linalg.eigvalsh(root @ fake_cov @ root)
    root_trace = np.sqrt(np.maximum(eigenvalues, 0)).sum()
    distance = np.sum((means[0] - means[1]) ** 2) + np.trace(real_cov + fake_cov) - 2 * root_trace
    return max(0.0, float(distance))  # of a set to itself it is ±1e-13


def metrics(fake, real, reference):
    """`Metric` of generated images, with its floor."""
    yield Metric(
        "frechet_distance",
        "Fréchet distance",
        frechet_distance(reference.test_features, fake.features),
        frechet_distance(reference.test_features, real.features),
        "lower",
        "how far the samples as a whole lie from real digits, in what the classifier sees of them",
    )
