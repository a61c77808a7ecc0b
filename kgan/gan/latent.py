"""Latents: the points from which the generator draws its images."""

import numpy as np


def sample_latents(n, latent_dim, *, seed):
    """Standard normal latents that are the same on every backend.

    Args:
        n: Number of latents.
        latent_dim: Their width.
        seed: Integer ≥ 0, or None for new ones each time.

    Returns:
        Array `(n, latent_dim)`, float32.
    """
    return np.random.default_rng(seed).standard_normal((n, latent_dim), dtype="float32")
