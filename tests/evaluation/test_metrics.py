"""Each metric against a sum done by hand or against its definition, written out."""

import dataclasses

import numpy as np
import pytest
import scipy.linalg
from scipy.spatial.distance import cdist

from kgan.digits import load_digits
from kgan.evaluation import (
    Reference,
    class_shares,
    copies,
    frechet_distance,
    kernel,
    kernel_distance,
    manifold_scores,
    total_variation,
)
from kgan.evaluation.classes import difference_intervals, misrepresented, sentence
from kgan.evaluation.manifold import all_manifold_scores


def column(*numbers):
    return np.array(numbers, float)[:, np.newaxis]


def correlated(seed, *, n=200, width=5):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, width)) @ rng.normal(size=(width, width)) + rng.normal(size=width)


def test_frechet_distance_of_two_pairs_is_the_sum_by_hand():
    # Means 1 and 6, variances 2 and 8: 25 + 2 + 8 − 2 √16.
    assert frechet_distance(column(0, 2), column(4, 8)) == pytest.approx(27, abs=1e-9)


def test_frechet_distance_matches_its_definition_by_a_matrix_root():
    real, fake = correlated(0), correlated(1)
    covariances = np.cov(real.T), np.cov(fake.T)
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1]).real
    expected = np.sum((real.mean(0) - fake.mean(0)) ** 2) + np.trace(sum(covariances) - 2 * root)
    assert frechet_distance(real, fake) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_of_singular_covariances_is_the_sum_by_hand():
    # The second column is constant in one set, the third in both.
    real = np.array([[0, 5, 1], [2, 5, 1], [1, 5, 1]])  # variances 1, 0, 0
    fake = np.array([[0, 4, 1], [4, 4, 1], [2, 7, 1]])  # variances 4, 3, 0; covariance 0
    assert frechet_distance(real, fake) == pytest.approx(1 + 0 + 0 + (1 + 4 + 3) - 2 * 2, abs=1e-9)


def test_frechet_distance_of_a_set_to_itself_is_nothing():
    real = correlated(0)
    assert 0 <= frechet_distance(real, real) < 1e-9


def test_kernel_distance_of_two_pairs_is_the_sum_by_hand():
    # k(0, 1) = 1; k(1, 2) = 27; k(0, 1), k(0, 2), k(1, 1), k(1, 2) = 1, 1, 8, 27.
    assert kernel_distance(column(0, 1), column(1, 2)) == pytest.approx(1 + 27 - 2 * 37 / 4, abs=1e-12)


def test_kernel_distance_matches_the_sum_over_all_pairs(monkeypatch):
    monkeypatch.setattr(kernel, "_CHUNK", 7)
    x, y = correlated(0, n=20), correlated(1, n=33)

    def k(a, b):
        return (a @ b.T / 5 + 1) ** 3

    xx, yy = k(x, x), k(y, y)
    expected = (xx.sum() - np.trace(xx)) / (20 * 19) + (yy.sum() - np.trace(yy)) / (33 * 32)
    assert kernel_distance(x, y) == pytest.approx(expected - 2 * k(x, y).mean(), rel=1e-10)


def test_kernel_distance_of_halves_of_a_set_is_unbiased():
    rng = np.random.default_rng(0)
    distances = [kernel_distance(*rng.normal(size=(2, 50, 4))) for _ in range(200)]
    assert abs(np.mean(distances)) < 3 * np.std(distances) / np.sqrt(200)
    assert min(distances) < 0 < max(distances)


def test_manifold_scores_are_counted_by_hand():
    real = column(0, 1, 3, -9, 20)  # radii at k = 1: 1, 1, 2, 9, 17
    fake = column(0.5, 10, 3.5, 100, 101, 102)  # 3, 6.5, 3, 1, 1, 1
    scores = manifold_scores(real, fake, k=1)
    assert scores.precision == 3 / 6  # the first three
    assert scores.density == pytest.approx((2 + 1 + 2) / 6)  # balls of 0 and 1; of 20; of 3 and 20
    assert scores.recall == 3 / 5  # 0, 1 and 3
    assert scores.coverage == 4 / 5  # all but −9, whose nearest fake is 9.5 away


@pytest.mark.parametrize("k", [1, 3, 5])
def test_a_set_and_itself_in_another_order_overlap_wholly(k):
    rows = np.random.default_rng(k).normal(5, 1, size=(384, 64))
    for others in (rows, np.random.default_rng(0).permutation(rows)):
        scores = manifold_scores(rows, others, k=k)
        # A row lies in its own ball and in those of k - 1 others, and on the rim of one.
        assert dataclasses.astuple(scores) == (1.0, 1.0, pytest.approx(1, abs=1e-12), 1.0)


@pytest.mark.parametrize("seed", range(5))
def test_sets_that_share_rows_are_scored_as_from_whole_numbers(seed):
    numbers = np.random.default_rng(seed).integers(-9, 10, size=(90, 7))
    real, fake = numbers[:60], numbers[35:]
    scores = manifold_scores(real + 0.1, fake + 0.1, k=3)  # no sums of float64 are exact
    square = lambda a, b: ((a[:, None] - b) ** 2).sum(axis=-1)  # noqa: E731
    real_radii, fake_radii = (np.sort(square(rows, rows), axis=1)[:, 3] for rows in (real, fake))
    distances = square(real, fake)
    balls = (distances < real_radii[:, None]).sum(axis=0)
    assert scores.precision == (balls > 0).mean()
    assert scores.recall == (distances < fake_radii).any(axis=1).mean()
    assert scores.density == pytest.approx(balls.mean() / 3, rel=1e-12)
    assert scores.coverage == (distances.min(axis=1) < real_radii).mean()


def test_manifold_scores_at_two_k_are_those_at_each():
    real, fake = correlated(0, n=60), correlated(1, n=40)
    three, five = all_manifold_scores(real, fake, ks=(3, 5))
    assert three == manifold_scores(real, fake, k=3)
    assert five == manifold_scores(real, fake, k=5)
    assert three.precision < five.precision


def test_repeated_samples_have_no_recall_however_precise():
    real = correlated(0)
    scores = manifold_scores(real, np.repeat(real[:1], 50, axis=0) + 1e-3, k=3)
    assert (scores.precision, scores.recall) == (1, 0)
    assert 0 < scores.coverage < 0.1


@pytest.mark.parametrize(
    "distance", [frechet_distance, kernel_distance, lambda r, f: manifold_scores(r, f, k=3)]
)
def test_features_that_cannot_be_compared_are_refused(distance):
    real = correlated(0)
    with pytest.raises(ValueError, match="`fake_features` must be 5 wide, as the real ones, got"):
        distance(real, real[:, :3])
    with pytest.raises(ValueError, match=r"`fake_features` must be at least \d rows, got 1"):
        distance(real, real[:1])
    with pytest.raises(ValueError, match="`fake_features` must be finite in every row, got '1 rows"):
        distance(real, np.concatenate([real, np.full((1, 5), np.nan)]))


def test_fewer_rows_than_features_are_refused():
    with pytest.raises(ValueError, match="`real_features` must be at least 5 rows, got 4"):
        frechet_distance(correlated(0, n=4), correlated(1))


@pytest.mark.parametrize("k", [0, 1.5, True])
def test_a_k_that_counts_nothing_is_refused(k):
    with pytest.raises(ValueError, match="`k` must be a positive integer, got"):
        manifold_scores(correlated(0), correlated(1), k=k)


def shares_of(*counts):
    return class_shares(np.repeat(np.arange(len(counts)), counts))


def test_class_shares_have_wilsons_intervals():
    shares = shares_of(81, 182)  # Newcombe (1998), "Two-sided confidence intervals for the single proportion"
    assert shares.counts.tolist() == [81, 182] + [0] * 8
    assert shares.shares[0] == 81 / 263
    assert (shares.low[0], shares.high[0]) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert shares.low[9] == pytest.approx(0, abs=1e-12)
    assert shares.high[9] == pytest.approx(3.8415 / (263 + 3.8415), abs=1e-5)  # z² / (n + z²)


def test_difference_of_shares_is_that_of_newcombes_example():
    low, high = difference_intervals(shares_of(56, 14), shares_of(48, 32))
    assert (low[0], high[0]) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert misrepresented(shares_of(56, 14), shares_of(48, 32)) == ([0], [1])
    assert misrepresented(shares_of(48, 32), shares_of(48, 32)) == ([], [])


def test_total_variation_is_half_the_sum_of_the_differences():
    assert total_variation([0.5, 0.3, 0.2], [0.2, 0.3, 0.5]) == pytest.approx(0.3)
    assert total_variation([1, 0], [0, 1]) == 1


def test_the_sentence_answers_for_0_and_1_and_4_first():
    assert sentence([0, 1, 7], [4, 2, 3]) == (
        "At 95 %, 0 and 1 are over-represented; 4 is under-represented. Of the other digits, 7 is "
        "over-represented; 2 and 3 are under-represented; 5, 6, 8 and 9 are as frequent as in real digits."
    )
    assert sentence([], [1]) == (
        "At 95 %, 1 is under-represented; 0 and 4 are as frequent as in real digits. Of the other digits, "
        "2, 3, 5, 6, 7, 8 and 9 are as frequent as in real digits."
    )


@pytest.mark.parametrize("classes", [[], [0.5], [10], [-1], [[1]]])
def test_what_is_no_class_is_refused(classes):
    with pytest.raises(ValueError, match="`classes` must be in"):
        class_shares(classes)


def test_distances_between_pixels_are_those_by_hand():
    images = np.zeros((3, 2, 2, 1), "float32")
    images[1, 0, 0], images[2, 0, 0], images[2, 1, 1] = 0.6, 0.6, 0.8
    np.testing.assert_allclose(copies.nearest_other(images), [0.6, 0.6, 0.8], rtol=1e-6)
    np.testing.assert_allclose(copies.nearest_among(images, images[:1]), [0, 0.6, 1], rtol=1e-6, atol=1e-7)


def test_duplicates_and_their_floor_are_counted_among_all_pairs(monkeypatch):
    reference, near = Reference.load(), Reference.load().copies["duplicate_distance"]
    digits = load_digits("mnist-5k", "test")[0]
    images = np.concatenate(
        [digits[:100], digits[:30], digits[30:40] + 1.1 * near / 28]
    )  # 10 a little too far
    distances = cdist(*[images.reshape(140, -1)] * 2) + np.diag(np.full(140, np.inf))
    share = (distances.min(axis=1) < near).mean()
    assert 60 / 140 <= share < 70 / 140
    metric = copies.duplicates_metric(images, reference)
    assert metric.value == pytest.approx(share, abs=1e-12)
    pairs = reference.close_pairs[:, 1]
    at_end, before = len(reference.train), pairs.min()
    assert copies.duplicates_metric(digits[:before], reference).floor == 0
    monkeypatch.setattr(copies, "duplicates", lambda images, reference: 0.0)
    floor = copies.duplicates_metric(np.zeros(2 * at_end), reference).floor
    assert floor == len(np.unique(reference.close_pairs)) / at_end > 0.003


def test_close_pairs_are_those_of_the_reference_digits(full_mnist):
    reference, digits = Reference.load(), load_digits("mnist", "train", full_mnist)[0]
    digits = digits[np.random.default_rng(0).permutation(60_000)[:5000]]
    first = np.unique(reference.close_pairs[(reference.close_pairs < 5000).all(axis=1)])
    near = copies.nearest_other(digits) < reference.copies["duplicate_distance"]
    assert len(first) > 4
    np.testing.assert_array_equal(np.flatnonzero(near), first)


def test_training_sets_are_known_by_the_published_checksum_of_their_images():
    images = load_digits("mnist-5k")[0]
    assert Reference.load().copies["training"][copies.fingerprint(images)]["name"] == "mnist-5k"
    assert copies.fingerprint(images[::-1]) not in Reference.load().copies["training"]
