"""The latent explorer: the generator itself on the page, with ways to walk through its latents."""

import numpy as np

from kgan.report import network, words
from kgan.spec import check

_LATENTS = 64  # on which the error is measured
_MOST_ERROR = 0.01  # root mean square, of the range of a pixel
_MOST_BYTES = 9_200_000  # leaves the rest of a page of 10 MB
_DIRECTIONS = 4
_STEP = 0.25
_AT = 12  # latents at which a direction's effect is measured


def explorer(gan, *, corners=None):
    """The block of the latent explorer.

    The generator's kernels are kept in 8 bits where its images then differ by at most 0.01 of a
    pixel's range, root mean square over 64 latents, else in 16.

    Args:
        gan: `kgan.GAN`.
        corners: Dict, name -> latent `(input_dim,)`, of the four at the corners of the map at first; or
            None for random ones.

    Returns:
        Dict for page.html.

    Raises:
        ValueError: If the generator has a layer that the page cannot run, draws no pictures, or is
            too large.
    """
    shape = gan.image_shape
    check("image_shape", "(height, width, 1 or 3)", shape, holds=len(shape) == 3 and shape[2] in (1, 3))
    operations = network.described(gan.sampled_generator)
    bits, largest, mean = _faithful(gan)
    values = {
        "operations": network.packed(operations, bits=bits),
        "bits": bits,
        "latent_dim": gan.latent_dim,
        "num_classes": gan.num_classes,
        "image_shape": list(shape),
        "corners": [latent.astype("float64").round(5).tolist() for latent in (corners or {}).values()],
        "directions": np.round(principal_directions(gan), 5).tolist(),
    }
    size = sum(len(text) for part in values["operations"] for text in part.get("weights", {}).values())
    _check_size(size, bits=bits)
    error = f"{words.number(mean)} of a pixel's range (root mean square), at most {words.number(largest)}"
    return {
        "kind": "explorer",
        "values": values,
        "corners": [str(name) for name in corners or ()],
        "bits": bits,
        "error": error,
        "parameters": words.count(gan.generator.count_params()),
        "size": f"{size / 1e6:.1f} MB",
        "bytes": size,
    }


def _check_size(size, *, bits):
    if size > _MOST_BYTES:
        raise ValueError(
            f"In {bits} bits a weight the generator takes {size / 1e6:.1f} MB of a page that may have 10: "
            "it is too large to be walked there; leave --explorer out."
        )


def _faithful(gan):
    """The fewest bits that are enough, or the most there are, with the largest and the mean error."""
    latents = gan.sample_latents(_LATENTS, seed=0)
    exact = gan.generate(latents)
    for bits in network.BITS:
        coarse = network.dequantised(gan.sampled_generator, bits=bits)
        difference = np.abs(np.asarray(coarse.predict(latents, verbose=0)) - exact) / 2  # of a range of 2
        largest, mean = float(difference.max()), float(np.sqrt(np.mean(difference**2)))
        if mean <= _MOST_ERROR:
            break
    return bits, largest, mean


def principal_directions(gan, *, n=_DIRECTIONS):
    """The directions of the latent space along which images change most, on average.

    The eigenvectors of E[JᵀJ] of the largest eigenvalues, J being the images' derivative by the latent,
    as Wang & Ponce (2021); here by differences, over a few latents, and in the distance of pixels.

    Args:
        gan: `kgan.GAN`.
        n: Number of directions.

    Returns:
        Array `(n, input_dim)`, of unit length each, the strongest first; fewer if the latent is narrower.
        Where labels condition the generator, none changes the class.
    """
    step = _STEP * np.eye(gan.latent_dim, gan.input_dim)
    steps = np.concatenate([step, -step])
    total = np.zeros((gan.latent_dim, gan.latent_dim))
    for latent in gan.sample_latents(_AT, seed=1):
        ahead, behind = np.split(gan.generate(latent + steps).reshape(len(steps), -1), 2)
        jacobian = (ahead - behind).astype("float64") / (2 * _STEP)  # (latent_dim, pixels)
        total += jacobian @ jacobian.T
    vectors = np.linalg.eigh(total)[1].T[::-1][:n]
    signs = np.sign(vectors[np.arange(len(vectors)), np.abs(vectors).argmax(axis=1)])
    directions = np.zeros((len(vectors), gan.input_dim))
    directions[:, : gan.latent_dim] = vectors * signs[:, np.newaxis]  # LAPACKs differ in the sign
    return directions
