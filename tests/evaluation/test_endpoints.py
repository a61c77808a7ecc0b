import numpy as np
import pytest

from kgan.evaluation import (
    Endpoints,
    NearestNeighbours,
    NoEndpointsError,
    best_latents,
    find_endpoints,
    surest_pair,
    walk,
)
from kgan.gan.latent import sample_latents, slerp
from support.networks import small_gan


class ByRows:
    """Classes and confidence of images, in the order in which they are asked for."""

    def __init__(self, *batches):
        self.batches = list(batches)

    def classify(self, images):
        classes, confidence = self.batches.pop(0)
        assert len(images) == len(classes)
        return np.array(classes), np.array(confidence)


LATENTS = sample_latents(10_000, 3, seed=5)


def found(*batches, draws=2000, **options):
    return find_endpoints(small_gan(), ByRows(*batches), seed=5, max_draws=draws, **options)


def test_the_two_surest_images_of_different_classes_are_taken():
    ends = found(([1, 4, 1, 4], [0.99, 0.992, 1.0, 0.995]), candidates=4)
    assert (ends.classes, ends.confidence) == ((1, 4), (1.0, 0.995))
    np.testing.assert_array_equal(ends.begin, LATENTS[2])
    np.testing.assert_array_equal(ends.end, LATENTS[3])


def test_latents_are_drawn_until_both_ends_are_sure():
    batches = ([1, 1], [1.0, 1.0]), ([7, 2], [0.9, 0.98]), ([7, 7], [0.99, 0.5])
    ends = found(*batches, candidates=2)
    assert (ends.classes, ends.confidence) == ((1, 7), (1.0, 0.99))
    np.testing.assert_array_equal(ends.begin, LATENTS[0])
    np.testing.assert_array_equal(ends.end, LATENTS[4])


def test_chosen_classes_are_searched_for_past_surer_others_and_in_their_order():
    batches = ([1, 7, 1], [0.95, 1.0, 0.96]), ([7, 4, 4], [1.0, 0.99, 1.0]), ([1, 4, 0], [0.991, 0.5, 1.0])
    ends = found(*batches, classes=(4, 1), candidates=3)
    assert (ends.classes, ends.confidence) == ((4, 1), (1.0, 0.991))
    np.testing.assert_array_equal(ends.begin, LATENTS[5])
    np.testing.assert_array_equal(ends.end, LATENTS[6])


def test_a_lower_confidence_ends_the_search_earlier():
    ends = found(([1, 7], [0.6, 0.5]), candidates=2, min_confidence=0.5)
    assert ends.classes == (1, 7)


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (
            (4, 1),
            r"must draw a 4 .* 0.99 or more, got 0.700 at best in 4 images: .* choose of 0, 1 or",
        ),
        (
            (1, 8),
            "must draw a 8 .* got none at all in 4 images: train it for longer, choose of 0, 1 or a lower",
        ),
    ],
)
def test_a_class_that_is_not_drawn_surely_is_named_with_its_best_and_those_that_are(classes, message):
    with pytest.raises(NoEndpointsError, match=message):
        found(([1, 4], [1.0, 0.7]), ([0, 4], [1.0, 0.6]), classes=classes, candidates=2, draws=4)


def test_a_generator_that_draws_one_class_only_is_named():
    alike = ([3, 3], [1.0, 1.0])
    with pytest.raises(
        NoEndpointsError, match=r"`gan` must draw images of two classes, got .* all taken for 3"
    ):
        found(alike, alike, candidates=2, draws=4)


def test_a_generator_that_has_diverged_is_named():
    gan = small_gan()
    gan.generator.trainable_variables[0].assign(np.full((3, 8), np.nan))
    with pytest.raises(NoEndpointsError, match="`gan` must draw finite images, got NaNs: it has diverged"):
        find_endpoints(gan, ByRows())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"candidates": 0}, "`candidates` must be a positive integer, got 0"),
        ({"max_draws": 0}, "`max_draws` must be a positive integer, got 0"),
        ({"seed": -1}, r"`seed` must be an integer in \[0, 2\*\*31\), got -1"),
        ({"min_confidence": 0}, "`min_confidence` must be a number above 0, at most 1, got 0"),
        ({"min_confidence": 1.1}, "`min_confidence` must be a number above 0, at most 1, got 1.1"),
        ({"classes": (4, 4)}, r"`classes` must be two different classes from 0 to 9, or None, got \(4, 4\)"),
        ({"classes": (4, 10)}, r"`classes` must be two different classes .*, got \(4, 10\)"),
        ({"classes": (4,)}, r"`classes` must be two different classes .*, got \(4,\)"),
    ],
)
def test_numbers_out_of_range_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        find_endpoints(small_gan(), ByRows(), **options)


def test_the_best_latent_of_every_class_is_found_and_the_search_ends_with_the_last():
    batches = ([0, 1], [1.0, 0.5]), ([2, 1], [0.99, 0.999])
    best = best_latents(small_gan(), ByRows(*batches), classes=range(3), seed=5, candidates=2)
    assert {k: drawn.confidence for k, drawn in best.items()} == {0: 1.0, 1: 0.999, 2: 0.99}
    np.testing.assert_array_equal(best[1].latent, LATENTS[3])
    assert surest_pair(best) == (0, 1)
    assert Endpoints.between(best, (2, 0)).confidence == (0.99, 1.0)


def test_a_walk_holds_the_images_of_the_latents_between_and_the_probability_of_both_ends():
    gan = small_gan()
    images = gan.generate(LATENTS[:2])
    classifier = NearestNeighbours(images, [7, 2], k=1)  # is sure of both ends
    ends = Endpoints(LATENTS[0], LATENTS[1], classes=(7, 2), confidence=(1.0, 1.0))
    way = walk(gan, classifier, ends, num_intermediate=3, method=slerp)
    np.testing.assert_allclose(way.latents[[0, -1]], LATENTS[:2], atol=1e-6)
    np.testing.assert_allclose(way.latents[2], slerp(LATENTS[0], LATENTS[1], np.array([0.5]))[0], atol=1e-6)
    np.testing.assert_array_equal(way.images, gan.generate(way.latents))
    assert way.confidence.shape == (5, 2)
    assert way.confidence[0].tolist() == [1, 0]
    assert way.confidence[-1].tolist() == [0, 1]
    nearer_begin = ((way.images - images[0]) ** 2).sum(1) < ((way.images - images[1]) ** 2).sum(1)
    np.testing.assert_array_equal(way.shown, np.where(nearer_begin, 7, 2))
