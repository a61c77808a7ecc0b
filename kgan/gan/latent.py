"""Latents: the points from which the generator draws its images, and the ways between them."""

import numpy as np

from kgan.spec import check, is_count


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


def lerp(begin, end, weights):
    """Points on the straight line between two latents: (1 − w)·begin + w·end.

    Args:
        begin: Array `(latent_dim,)`.
        end: Another one.
        weights: Array `(n,)` in [0, 1], the share of `end`.

    Returns:
        Array `(n, latent_dim)`, float32.

    Raises:
        ValueError: If the latents are not of one width, or a weight is out of range.
    """
    begin, end, weights = _checked(begin, end, weights)
    return ((1 - weights) * begin + weights * end).astype("float32")


def slerp(begin, end, weights):
    """Points on the great arc between two latents, Shoemake (1985).

    sin((1 − w)Ω)/sin Ω · begin + sin(wΩ)/sin Ω · end, Ω being the angle between the two. In many
    dimensions normal latents lie near a sphere, which the arc, unlike the line, does not leave.

    Args:
        begin: Array `(latent_dim,)`.
        end: Another one; not the opposite of `begin`, between which there is no one arc.
        weights: Array `(n,)` in [0, 1], the share of `end`.

    Returns:
        Array `(n, latent_dim)`, float32.

    Raises:
        ValueError: If the latents are not of one width, one is zero, the two are opposite, or a
            weight is out of range.
    """
    begin, end, weights = _checked(begin, end, weights)
    unit_begin, unit_end = _unit("begin", begin), _unit("end", end)
    # Kahan's formula: the arc cosine of the product loses half its digits for small angles.
    angle = 2 * np.arctan2(np.linalg.norm(unit_begin - unit_end), np.linalg.norm(unit_begin + unit_end))
    check("end", "no opposite of `begin`", f"an angle of {angle:.6f}", holds=np.pi - angle > 1e-6)
    if angle < 1e-6:  # the arc is the line there, and sin Ω vanishes
        return lerp(begin, end, weights[:, 0])
    arcs = (np.sin((1 - weights) * angle) * begin + np.sin(weights * angle) * end) / np.sin(angle)
    return arcs.astype("float32")


def interpolate(begin, end, num_intermediate=7, method=lerp):
    """Latents from `begin` to `end` in equal steps, both ends included.

    The weight on `end` is i / (num_intermediate + 1) for i = 0 … num_intermediate + 1. To count
    from `end` to `begin` instead, swap the two: the rows are the same, mirrored.

    Args:
        begin: Array `(latent_dim,)`.
        end: Another one.
        num_intermediate: Integer ≥ 1, number of latents between the two.
        method: `lerp`, `slerp`, or any function `(begin, end, weights)` like them.

    Returns:
        Array `(num_intermediate + 2, latent_dim)`, float32.

    Raises:
        ValueError: If the latents are not of one width, or the number is not positive.
    """
    check("num_intermediate", "a positive integer", num_intermediate, holds=is_count(num_intermediate))
    check("method", "a function, such as kgan.latent.slerp", method, holds=callable(method))
    return method(begin, end, np.linspace(0, 1, num_intermediate + 2))


def _unit(name, latent):
    length = float(np.linalg.norm(latent))
    check(name, "other than zero, which has no direction", length, holds=length > 0)
    return latent / length


def _checked(begin, end, weights):
    """All three in float64, the weights as a column, once they are seen to fit."""
    begin, end, weights = (np.asarray(values, dtype="float64") for values in (begin, end, weights))
    for name, latent in (("begin", begin), ("end", end)):
        rule = "a finite latent (latent_dim,)"
        value = latent.shape if np.isfinite(latent).all() else "values that are not finite"
        check(name, rule, value, holds=latent.ndim == 1 and np.isfinite(latent).all())
    check("end", f"as wide as `begin`, {begin.shape}", end.shape, holds=begin.shape == end.shape)
    holds = weights.ndim == 1 and bool(((weights >= 0) & (weights <= 1)).all())
    check("weights", "numbers in [0, 1], of shape (n,)", weights.tolist(), holds=holds)
    return begin, end, weights[:, np.newaxis]
