import numpy as np
import pytest

from conftest import small_gan
from kgan.evaluation import NoEndpointsError, find_endpoints
from kgan.gan.latent import sample_latents


class ByRows:
    """Classes and agreement of images, in the order in which they are asked for."""

    def __init__(self, *batches):
        self.batches = list(batches)

    def classify(self, images):
        classes, agreement = self.batches.pop(0)
        assert len(images) == len(classes)
        return np.array(classes), np.array(agreement)


LATENTS = sample_latents(2000, 3, seed=5)


def test_the_two_images_of_different_classes_with_the_most_agreement_are_taken():
    classifier = ByRows(([1, 4, 1, 4], [0.6, 0.8, 1.0, 0.9]))
    found = find_endpoints(small_gan(), classifier, seed=5, candidates=4)
    assert found.classes == (1, 4)
    np.testing.assert_array_equal(found.begin, LATENTS[2])
    np.testing.assert_array_equal(found.end, LATENTS[3])


def test_latents_are_drawn_until_two_classes_appear():
    alike = ([1, 1], [1.0, 1.0])
    found = find_endpoints(small_gan(), ByRows(alike, alike, ([1, 7], [0.6, 0.4])), seed=5, candidates=2)
    assert found.classes == (1, 7)
    np.testing.assert_array_equal(found.begin, LATENTS[4])
    np.testing.assert_array_equal(found.end, LATENTS[5])


def test_a_generator_that_draws_one_class_only_is_named():
    alike = ([3, 3], [1.0, 1.0])
    with pytest.raises(
        ValueError, match="`gan` must draw images of two classes, got 4 that are all taken for 3"
    ):
        find_endpoints(small_gan(), ByRows(alike, alike), candidates=2, max_draws=4)


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
    ],
)
def test_numbers_out_of_range_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        find_endpoints(small_gan(), ByRows(), **options)
