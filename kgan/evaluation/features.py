"""What two sets of features must be to be compared."""

import numpy as np

from kgan.spec import check


def check_features(real_features, fake_features, *, at_least):
    """Both sets as float64 arrays.

    Args:
        real_features: Array `(num_real, dim)`.
        fake_features: Array `(num_fake, dim)`.
        at_least: Rows that each needs.

    Returns:
        Two arrays.

    Raises:
        ValueError: If the widths differ, a set has too few rows, or holds a NaN or an infinity.
    """
    sets = {"real_features": real_features, "fake_features": fake_features}
    sets = {name: np.asarray(features, "float64") for name, features in sets.items()}
    for name, features in sets.items():
        check(name, "an array (n, dim)", features.shape, holds=features.ndim == 2)
        check(name, f"at least {at_least} rows", len(features), holds=len(features) >= at_least)
        bad = int((~np.isfinite(features)).any(axis=1).sum())
        check(name, "finite in every row", f"{bad} rows that are not", holds=bad == 0)
    real, fake = sets.values()
    check(
        "fake_features",
        f"{real.shape[1]} wide, as the real ones",
        fake.shape,
        holds=fake.shape[1] == real.shape[1],
    )
    return real, fake
