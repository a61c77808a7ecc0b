"""Two latents between which it is worth to walk."""

import dataclasses

import numpy as np

from kgan.gan.latent import sample_latents
from kgan.spec import check, is_count, is_seed


class NoEndpointsError(ValueError):
    """Raised where a generator draws no images of two different classes."""


@dataclasses.dataclass(frozen=True)
class Endpoints:
    """Two latents whose images are of different classes.

    Attributes:
        begin: Latent `(latent_dim,)`.
        end: Another one.
        classes: What their images are taken for, in this order.
    """

    begin: np.ndarray
    end: np.ndarray
    classes: tuple


def find_endpoints(gan, classifier, *, seed=0, candidates=100, max_draws=2000):
    """Draw latents until two of them give images of different classes.

    Among the candidates that were drawn at once, the pair is the one whose images are taken for
    their classes with the most agreement, so that both ends look like what they are said to be.

    Args:
        gan: `GAN`.
        classifier: Object with `classify(images) -> (classes, agreement)`, such as
            `NearestNeighbours`.
        seed: Integer in [0, 2³¹).
        candidates: Latents drawn at a time.
        max_draws: Latents after which the generator is taken to draw one class only.

    Returns:
        `Endpoints`.

    Raises:
        NoEndpointsError: If all images are of one class, or none is an image at all.
        ValueError: If a number is out of range.
    """
    for name, value in (("candidates", candidates), ("max_draws", max_draws)):
        check(name, "a positive integer", value, holds=is_count(value))
    check("seed", "an integer in [0, 2**31)", seed, holds=is_seed(seed))
    latents = sample_latents(max_draws, gan.latent_dim, seed=seed)
    for start in range(0, max_draws, candidates):
        drawn = latents[start : start + candidates]
        images = gan.generate(drawn)
        if not np.isfinite(images).all():
            raise NoEndpointsError("`gan` must draw finite images, got NaNs: it has diverged.")
        classes, agreement = classifier.classify(images)
        begin = int(agreement.argmax())
        others = np.flatnonzero(classes != classes[begin])
        if len(others):
            end = int(others[agreement[others].argmax()])
            pair = (classes[begin].item(), classes[end].item())
            return Endpoints(begin=drawn[begin], end=drawn[end], classes=pair)
    raise NoEndpointsError(
        f"`gan` must draw images of two classes, got {max_draws:,} that are all taken for {classes[0]}: "
        "it has collapsed or is untrained; train it for longer or with other settings."
    )
