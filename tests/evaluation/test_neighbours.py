import numpy as np
import pytest

from kgan import load_digits
from kgan.evaluation import NearestNeighbours


def test_the_majority_of_the_nearest_decides_and_its_share_is_told():
    positions = np.array([0.0, 1, 2, 10, 11, 12]).reshape(6, 1, 1)
    neighbours = NearestNeighbours(positions, [7, 7, 3, 3, 3, 7], k=3)
    classes, agreement = neighbours.classify(np.array([0.5, 10.6, 13]).reshape(3, 1, 1))
    assert classes.tolist() == [7, 3, 3]  # neighbours 0 1 2; 10 11 12; 10 11 12
    assert agreement == pytest.approx([2 / 3, 2 / 3, 2 / 3])
    assert NearestNeighbours(positions, [7, 7, 3, 3, 3, 7], k=1).classify(positions)[1].tolist() == [1] * 6


def test_nine_of_ten_held_out_digits_are_told_right():
    neighbours = NearestNeighbours(*load_digits("mnist-5k"))
    images, labels = load_digits("mnist-5k", "test")
    classes, agreement = neighbours.classify(images)
    right = classes == labels
    assert 0.91 < right.mean() < 0.95  # 0.93 measured
    assert right[agreement == 1].mean() > 0.97


@pytest.mark.parametrize(
    ("k", "message"),
    [
        (0, "`k` must be a positive integer, got 0"),
        (1.5, "`k` must be a positive integer, got 1.5"),
        (3, "`k` must be at most the number of images, 2, got 3"),
    ],
)
def test_a_number_of_neighbours_out_of_range_is_named(k, message):
    with pytest.raises(ValueError, match=message):
        NearestNeighbours(np.zeros((2, 4)), [0, 1], k=k)


def test_probabilities_are_the_shares_of_the_votes_for_each_of_ten_classes():
    classifier = NearestNeighbours(np.array([[0.0], [0.1], [1.0]]), np.array([4, 4, 9]), k=3)
    expected = np.zeros((1, 10))
    expected[0, [4, 9]] = 2 / 3, 1 / 3
    np.testing.assert_allclose(classifier.probabilities(np.array([[0.05]])), expected, atol=1e-6)
