"""Two latents between which it is worth to walk, and what is seen on the way."""

import dataclasses
import numbers

import numpy as np

from kgan.evaluation.classifier import NUM_CLASSES
from kgan.gan.latent import interpolate, lerp
from kgan.spec import check, is_count, is_number, is_seed


class NoEndpointsError(ValueError):
    """Raised where a generator does not draw the classes that are asked for."""


@dataclasses.dataclass(frozen=True)
class Drawn:
    """A latent and what its image is taken for.

    Attributes:
        latent: Array `(input_dim,)`, of what the generator takes.
        confidence: Of its class, from 0 to 1.
    """

    latent: np.ndarray
    confidence: float


@dataclasses.dataclass(frozen=True)
class Endpoints:
    """Two latents whose images are of different classes.

    Attributes:
        begin: Latent `(input_dim,)`.
        end: Another one.
        classes: What their images are taken for, in this order.
        confidence: With what confidence, likewise.
    """

    begin: np.ndarray
    end: np.ndarray
    classes: tuple
    confidence: tuple

    @classmethod
    def between(cls, best, classes):
        """The endpoints of two classes of `best_latents`."""
        begin, end = (best[k] for k in classes)
        return cls(begin.latent, end.latent, tuple(classes), (begin.confidence, end.confidence))


@dataclasses.dataclass(frozen=True)
class Walk:
    """Images from one latent to another and what they are taken for.

    Attributes:
        latents: Array `(n, input_dim)`, both ends included.
        images: Array `(n, *image_shape)`, float32.
        classes: The classes of the two ends.
        confidence: Array `(n, 2)`: the probability of each of these, along the way.
        shown: Array `(n,)`, integers: what each image is taken for.
        shown_confidence: Array `(n,)`: the probability of that.
    """

    latents: np.ndarray
    images: np.ndarray
    classes: tuple
    confidence: np.ndarray
    shown: np.ndarray
    shown_confidence: np.ndarray


def find_endpoints(
    gan,
    classifier,
    *,
    classes=None,
    num_classes=NUM_CLASSES,
    min_confidence=0.99,
    seed=0,
    candidates=200,
    max_draws=10_000,
):
    """Draw latents until two of them give images of different classes, with confidence.

    Of the latents that were drawn until then, those are taken whose images are taken for their
    classes with the most confidence.

    Args:
        gan: `GAN`.
        classifier: Object with `classify(images) -> (classes, confidence)`, such as
            `DigitClassifier` or `NearestNeighbours`, whose votes are its confidence.
        classes: Two different digits, of the begin and of the end; any two if None.
        num_classes: Number of the classes that there are, counted from 0.
        min_confidence: Number in (0, 1], that both must reach.
        seed: Integer in [0, 2³¹).
        candidates: Latents drawn at a time.
        max_draws: Latents after which the search is given up.

    Returns:
        `Endpoints`.

    Raises:
        NoEndpointsError: If a class was not drawn with that confidence, or no image is finite.
        ValueError: If a number is out of range.
    """
    rule = f"two different classes from 0 to {num_classes - 1}, or None"
    check("classes", rule, classes, holds=_is_pair(classes, num_classes))
    best = best_latents(
        gan,
        classifier,
        classes=classes,
        min_confidence=min_confidence,
        seed=seed,
        candidates=candidates,
        max_draws=max_draws,
    )
    pair = surest_pair(best) if classes is None else tuple(map(int, classes))
    for wanted in pair:
        if wanted not in best or best[wanted].confidence < min_confidence:
            raise NoEndpointsError(_not_drawn(wanted, best, min_confidence=min_confidence, draws=max_draws))
    return Endpoints.between(best, pair)


def best_latents(
    gan, classifier, *, classes=None, min_confidence=0.99, seed=0, candidates=200, max_draws=10_000
):
    """Of random latents, for each class the one whose image is taken for it with the most confidence.

    Args:
        gan: `GAN`.
        classifier: As for `find_endpoints`.
        classes: Classes that are looked for: the search ends as soon as all have been drawn with
            `min_confidence`. Any two if None.
        min_confidence: Number in (0, 1].
        seed: Integer in [0, 2³¹).
        candidates: Latents drawn at a time.
        max_draws: Latents after which the search ends at the latest.

    Returns:
        Dict, class -> `Drawn`, of every class that was drawn at all, with whatever confidence.

    Raises:
        NoEndpointsError: If the images are not finite.
        ValueError: If a number is out of range.
    """
    for name, value in (("candidates", candidates), ("max_draws", max_draws)):
        check(name, "a positive integer", value, holds=is_count(value))
    check("seed", "an integer in [0, 2**31)", seed, holds=is_seed(seed))
    holds = is_number(min_confidence) and 0 < min_confidence <= 1
    check("min_confidence", "a number above 0, at most 1", min_confidence, holds=holds)
    latents, best = gan.sample_latents(max_draws, seed=seed), {}
    for start in range(0, max_draws, candidates):
        _add_best(best, gan, classifier, latents=latents[start : start + candidates])
        sure = {k for k, drawn in best.items() if drawn.confidence >= min_confidence}
        if len(sure) >= 2 if classes is None else sure.issuperset(classes):
            break
    return best


def surest_pair(best):
    """The two classes of `best_latents` with the most confidence.

    Raises:
        NoEndpointsError: If there is one class only.
    """
    surest = sorted(best, key=lambda k: -best[k].confidence)
    if len(surest) < 2:
        raise NoEndpointsError(
            f"`gan` must draw images of two classes, got images that are all taken for {surest[0]}: "
            "it has collapsed or is untrained; train it for longer or with other settings."
        )
    return tuple(surest[:2])


def walk(gan, classifier, endpoints, *, num_intermediate=7, method=lerp):
    """The images between two latents, both ends included, and what they are taken for.

    Args:
        gan: `GAN`.
        classifier: Object with `probabilities(images) -> (n, num_classes)`.
        endpoints: `Endpoints`.
        num_intermediate: Integer ≥ 1, images between the two.
        method: `kgan.latent.lerp`, `slerp` or any function like them. Where a one-hot stands behind the
            latents, that takes the straight line.

    Returns:
        `Walk`.
    """
    latents = way(gan, endpoints.begin, endpoints.end, num_intermediate=num_intermediate, method=method)
    images = gan.generate(latents)
    probabilities = classifier.probabilities(images)
    return Walk(
        latents=latents,
        images=images,
        classes=endpoints.classes,
        confidence=probabilities[:, list(endpoints.classes)],
        shown=probabilities.argmax(axis=1),
        shown_confidence=probabilities.max(axis=1),
    )


def way(gan, begin, end, *, num_intermediate, method=lerp):
    """From one of the vectors that a generator takes to another; arguments as for `walk`.

    Returns:
        Array `(num_intermediate + 2, input_dim)`, float32.
    """
    (latent, one_hot), (last, other) = (np.split(each, [gan.latent_dim]) for each in (begin, end))
    ways = interpolate(latent, last, num_intermediate, method), interpolate(one_hot, other, num_intermediate)
    return np.concatenate(ways, axis=1)


def _is_pair(classes, num_classes):
    if classes is None:
        return True
    if np.ndim(classes) != 1 or any(isinstance(k, bool) for k in classes):
        return False
    known = {int(k) for k in classes if isinstance(k, numbers.Integral) and 0 <= k < num_classes}
    return len(classes) == len(known) == 2


def _add_best(best, gan, classifier, *, latents):
    images = gan.generate(latents)
    if not np.isfinite(images).all():
        raise NoEndpointsError("`gan` must draw finite images, got NaNs: it has diverged.")
    classes, confidence = classifier.classify(images)
    for k in np.unique(classes).tolist():
        found = np.flatnonzero(classes == k)
        surest = found[confidence[found].argmax()]
        if k not in best or confidence[surest] > best[k].confidence:
            best[k] = Drawn(latents[surest], float(confidence[surest]))


def _not_drawn(wanted, best, *, min_confidence, draws):
    most = f"{best[wanted].confidence:.3f} at best" if wanted in best else "none at all"
    sure = sorted(k for k, drawn in best.items() if drawn.confidence >= min_confidence)
    others = f"choose of {', '.join(map(str, sure))}" if len(sure) > 1 else "choose other settings"
    return (
        f"`gan` must draw a {wanted} that is taken for one with a confidence of {min_confidence:g} or more, "
        f"got {most} in {draws:,} images: train it for longer, {others} or a lower `min_confidence`."
    )
