"""What images must be to be judged."""

import numpy as np

from kgan.spec import check

_SLACK = 1e-3  # a tanh of bfloat16 rounds to ±1, arithmetic on it may leave [−1, 1] a little


def check_images(name, images):
    """Images as float32, if they are 28 × 28, finite and in [−1, 1].

    Args:
        name: What errors call them.
        images: Array `(n, 28, 28, 1)`.

    Returns:
        Array of that shape.

    Raises:
        ValueError: If they are none, of another shape or range, or not finite.
    """
    images = np.asarray(images)
    good = images.ndim == 4 and len(images) > 0 and images.shape[1:] == (28, 28, 1)
    check(name, "an array (n, 28, 28, 1) with n > 0", images.shape, holds=good)
    check(name, "of floating-point numbers in [−1, 1]", images.dtype.name, holds=images.dtype.kind == "f")
    images = images.astype("float32", copy=False)
    bad = int((~np.isfinite(images)).any(axis=(1, 2, 3)).sum())
    if bad:
        raise ValueError(f"`{name}` must be finite, got {bad:,} of {len(images):,} with NaN or infinity.")
    low, high = float(images.min()), float(images.max())
    check(name, "in [−1, 1]", (low, high), holds=low >= -1 - _SLACK and high <= 1 + _SLACK)
    return images
