"""Which palindromes are drawn, how they are split, encoded and put into batches."""

import itertools

import keras
import numpy as np
import pytest

from kgan.palindrome import FixedPalindromes, PalindromeStream, count_palindromes, draw_palindromes, encode


def rows(digits):
    """The palindromes of an array as a set of tuples."""
    return set(map(tuple, digits.tolist()))


def every_palindrome(length):
    halves = itertools.product(range(10), repeat=(length + 1) // 2)
    return {half + half[: length // 2][::-1] for half in halves}


def fixed(n, length, *, batch_size=8, encoding="scalar", part="train", seed=0, **options):
    return FixedPalindromes(
        n, length, batch_size=batch_size, encoding=encoding, part=part, seed=seed, **options
    )


def stream(length=6, *, batch_size=8, steps=3, encoding="scalar", seed=0, **options):
    return PalindromeStream(
        length, batch_size=batch_size, steps=steps, encoding=encoding, seed=seed, **options
    )


@pytest.mark.parametrize("length", [2, 3, 4, 5, 10, 11, 100, 10_000])
@pytest.mark.parametrize("part", ["train", "validation", None])
def test_what_is_drawn_reads_the_same_from_both_ends(length, part):
    digits = draw_palindromes(20, length, part=part, seed=1)
    assert digits.shape == (20, length)
    assert digits.dtype == np.uint8
    assert digits.max() <= 9
    np.testing.assert_array_equal(digits, digits[:, ::-1])


@pytest.mark.parametrize("length", [3, 4, 5, 6])
def test_the_parts_are_disjoint_and_together_are_every_palindrome(length):
    count = count_palindromes(length)
    drawn = [rows(draw_palindromes(20 * count, length, part=p, seed=2)) for p in ("train", "validation")]
    assert drawn[0] | drawn[1] == every_palindrome(length)
    assert not drawn[0] & drawn[1]
    assert [len(part) for part in drawn] == [0.8 * count, 0.2 * count]
    assert [len(part) for part in drawn] == [count_palindromes(length, p) for p in ("train", "validation")]


@pytest.mark.parametrize("seed", [0, 1, 2**31 - 1])
def test_no_seed_brings_a_validation_palindrome_into_training(seed):
    batches = [draw_palindromes(500, 7, part="train", seed=seed, index=k) for k in range(4)]
    assert not rows(np.concatenate(batches)) & rows(draw_palindromes(500, 7, part="validation", seed=seed))


@pytest.mark.parametrize("length", [3, 20, 1001])
@pytest.mark.parametrize("part", ["train", "validation", None])
def test_the_target_is_uniform_whatever_the_part(length, part):
    counts = np.bincount(draw_palindromes(5000, length, part=part, seed=3)[:, -1], minlength=10)
    # Chi-square with 9 degrees of freedom: 99.9 % lie between 1.15 and 27.9.
    assert 1.0 < np.sum((counts - 500) ** 2 / 500) < 28


def test_every_digit_but_the_first_of_a_training_palindrome_is_uniform_too():
    digits = draw_palindromes(5000, 8, part="train", seed=4)[:, :4]
    counts = np.stack([np.bincount(column, minlength=10) for column in digits.T])
    assert np.all(np.abs(counts - 500) < 5 * np.sqrt(500 * 0.9))
    assert counts.std() > 5  # by chance, not by construction


def test_length_two_is_all_ten_in_every_part():
    for part in ("train", "validation", None):
        assert count_palindromes(2, part) == 10
        assert rows(draw_palindromes(200, 2, part=part, seed=0)) == every_palindrome(2)


def test_the_palindromes_of_a_long_length_are_counted_in_full():
    assert count_palindromes(10_000) == 10**5000
    assert count_palindromes(9_999, "validation") == 2 * 10**4999


def test_a_draw_is_a_function_of_its_arguments_alone():
    def drawn(n=5, length=9, **arguments):
        return draw_palindromes(n, length, **{"part": "train", "seed": 0, "index": 0} | arguments).tolist()

    np.random.seed(7)  # noqa: NPY002 the global state is not to matter
    first = drawn()
    assert drawn() == first
    changed = [drawn(part="validation"), drawn(part=None), drawn(seed=1), drawn(index=1)]
    changed += [[row[:9] for row in drawn(length=10)]]
    assert all(other != first for other in changed)


def test_encodings_match_loops_over_the_digits():
    digits = np.array([[3, 0, 9], [5, 5, 1]])
    one_hot, scalar = np.zeros((2, 3, 10)), np.zeros((2, 3, 1))
    for row, step in np.ndindex(2, 3):
        one_hot[row, step, digits[row, step]] = 1
        scalar[row, step, 0] = digits[row, step]
    for given in (digits, digits.astype("uint8"), digits.astype("float64"), digits.tolist()):
        for encoding, expected in (("one-hot", one_hot), ("scalar", scalar)):
            encoded = encode(given, encoding)
            assert encoded.dtype == np.float32
            np.testing.assert_array_equal(encoded, expected)


def test_a_batch_asks_for_the_last_digit_given_the_others():
    data = fixed(20, 7, batch_size=8, encoding="one-hot", part="validation", seed=5)
    drawn = draw_palindromes(20, 7, part="validation", seed=5)
    assert [len(data[i][1]) for i in range(len(data))] == [8, 8, 4]
    inputs, targets = map(np.concatenate, zip(*(data[i] for i in range(3)), strict=True))
    np.testing.assert_array_equal(inputs, encode(drawn[:, :6], "one-hot"))
    np.testing.assert_array_equal(targets, drawn[:, 0])
    assert targets.dtype == np.int32


def test_a_shuffled_set_has_an_order_of_seed_and_epoch_and_an_unshuffled_one_its_own():
    def epochs(shuffle, seed):
        data = fixed(20, 9, seed=seed, shuffle=shuffle)
        for _ in range(2):
            data.on_epoch_begin()
            yield np.concatenate([data[i][0][..., 0] for i in range(len(data))])

    drawn = draw_palindromes(20, 9, part="train", seed=6)[:, :-1]
    for epoch, inputs in enumerate(epochs(shuffle=True, seed=6)):
        order = np.random.default_rng((6, epoch)).permutation(20)
        np.testing.assert_array_equal(inputs, drawn[order])
    for inputs in epochs(shuffle=False, seed=6):
        np.testing.assert_array_equal(inputs, drawn)


def test_a_stream_goes_on_over_epochs_and_fits():
    seen = []

    class Watching(keras.Model):
        def call(self, inputs):
            return inputs[:, 0]

        def train_step(self, *arguments):
            data = arguments[-1]
            seen.append(keras.ops.convert_to_numpy(data[0])[..., 0].astype(int).tolist())
            return ({}, arguments[0]) if len(arguments) > 1 else {"loss": 0.0}

    batches = stream(length=6, batch_size=4, steps=2, seed=3)
    model = Watching()
    model.compile(optimizer="sgd", loss="mse", run_eagerly=True)
    model.fit(batches, epochs=2, shuffle=False, verbose=0)
    model.fit(batches, shuffle=False, verbose=0)
    drawn = [draw_palindromes(4, 6, part="train", seed=3, index=k)[:, :5].tolist() for k in range(6)]
    assert seen == drawn
    assert len({str(batch) for batch in seen}) == 6


def test_data_begin_at_any_epoch_with_the_batches_of_that_epoch():
    def batches(data):
        data.on_epoch_begin()
        return [data[i][0].tolist() for i in range(len(data))]

    for make in (
        lambda **first: fixed(20, 9, shuffle=True, seed=6, **first),
        lambda **first: stream(9, steps=2, seed=6, **first),
    ):
        whole = make()
        expected = [batches(whole) for _ in range(3)]
        assert len({str(epoch) for epoch in expected}) == 3
        assert [batches(make(first_epoch=epoch)) for epoch in range(3)] == expected


def test_a_set_larger_than_its_part_says_so_in_one_line(caplog):
    fixed(1638, 5)
    assert caplog.messages == ["Length 5 has 800 palindromes for train: a set of 1,638 repeats them."]


def test_a_length_that_cannot_be_split_says_so_in_the_same_line(caplog):
    fixed(10, 2)
    fixed(11, 2, part="validation")
    fixed(11, 2, part=None)
    assert caplog.messages == [
        "Length 2 leaves nothing to split by: train and validation share its palindromes.",
        "Length 2 leaves nothing to split by: train and validation share its palindromes. "
        "Length 2 has 10 palindromes for validation: a set of 11 repeats them.",
        "Length 2 has 10 palindromes: a set of 11 repeats them.",
    ]


def test_a_set_that_its_part_can_fill_says_nothing(caplog):
    fixed(200, 5, part="validation")
    fixed(1000, 10_000)
    assert not caplog.messages


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: count_palindromes(1), "`length` must be an integer of at least 2, got 1."),
        (
            lambda: count_palindromes(5, "test"),
            "`part` must be one of train, validation, or None, got 'test'.",
        ),
        (lambda: draw_palindromes(5, 4.0, seed=0), "`length` must be an integer of at least 2, got 4.0."),
        (
            lambda: draw_palindromes(5, length=True, seed=0),
            "`length` must be an integer of at least 2, got True.",
        ),
        (lambda: draw_palindromes(0, 5, seed=0), "`n` must be a positive integer, got 0."),
        (lambda: draw_palindromes(5, 5, seed=-1), r"`seed` must be an integer in \[0, 2\*\*31\), got -1."),
        (
            lambda: draw_palindromes(5, 5, seed=0, index=-1),
            "`index` must be an integer of at least 0, got -1.",
        ),
        (lambda: fixed(2.5, 5), "`n` must be a positive integer, got 2.5."),
        (lambda: fixed(5, 5, batch_size=0), "`batch_size` must be a positive integer, got 0."),
        (lambda: fixed(5, 5, encoding="binary"), "`encoding` must be one of one-hot, scalar, got 'binary'."),
        (lambda: stream(1), "`length` must be an integer of at least 2, got 1."),
        (lambda: stream(batch_size=-3), "`batch_size` must be a positive integer, got -3."),
        (lambda: stream(steps=1.5), "`steps` must be a positive integer, got 1.5."),
        (lambda: stream(encoding=None), "`encoding` must be one of one-hot, scalar, got None."),
        (lambda: stream(seed=2**31), r"`seed` must be an integer in \[0, 2\*\*31\), got 2147483648."),
        (lambda: encode([[1, 2]], "two-hot"), "`encoding` must be one of one-hot, scalar, got 'two-hot'."),
        (
            lambda: encode([[1, -2]], "scalar"),
            r"`digits\[0, 1\]` must be a whole number from 0 to 9, got -2.",
        ),
        (
            lambda: encode([[1], [10]], "one-hot"),
            r"`digits\[1, 0\]` must be a whole number from 0 to 9, got 10.",
        ),
        (
            lambda: encode([[0.5]], "one-hot"),
            r"`digits\[0, 0\]` must be a whole number from 0 to 9, got 0.5.",
        ),
        (
            lambda: encode([[np.nan]], "scalar"),
            r"`digits\[0, 0\]` must be a whole number from 0 to 9, got nan.",
        ),
        (
            lambda: encode([[np.inf]], "scalar"),
            r"`digits\[0, 0\]` must be a whole number from 0 to 9, got inf.",
        ),
        (lambda: encode([["7"]], "scalar"), "`digits` must be an array of numbers, got '<U1'."),
        (lambda: encode([1, 2], "scalar"), r"`digits` must be an array \(n, steps\), got \(2,\)."),
    ],
)
def test_what_breaks_a_rule_is_named_with_its_value(make, message):
    with pytest.raises(ValueError, match=message):
        make()
