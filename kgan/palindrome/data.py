"""Palindromes of decimal digits, drawn and encoded.

A palindrome of T digits is determined by its first ⌈T/2⌉. Training and validation are
disjoint by construction, whatever the seeds: the sum, modulo 10, of those digits but the
first is 0 or 1 in every validation palindrome and 2 to 9 in every training palindrome. The
first digit is left out, for it is what the network must recall. At lengths 3 and 4 the sum is one
digit, so that validation asks of digits which training never shows at that place.
"""

import logging

import numpy as np

from kgan.batches import NumberedEpochs, ShuffledBatches, check_divisible, own_part
from kgan.palindrome.settings import DIGITS, ENCODINGS, PARTS
from kgan.spec import check, is_count, is_seed

_REMAINDERS = {"train": range(2, 10), "validation": range(2)}


def count_palindromes(length, part=None):
    """Number of different palindromes: 10^⌈length/2⌉, of which a fifth is for validation.

    Args:
        length: Digits of a palindrome, at least 2. At 2 there is nothing to split by, and
            each part is all ten.
        part: "train", "validation", or None for both together.

    Raises:
        ValueError: If an argument breaks its rule.
    """
    _check_length(length)
    _check_part(part)
    count = DIGITS ** _half(length)
    return count * len(_REMAINDERS[part]) // DIGITS if _is_split(length, part) else count


def draw_palindromes(n, length, *, part=None, seed, index=0):
    """Independent palindromes, uniform over those of a part.

    Args:
        n: How many.
        length: Digits of a palindrome, at least 2.
        part: "train", "validation", or None for both together.
        seed: Integer in [0, 2³¹).
        index: Integer ≥ 0. The draw is a function of all of these and of nothing else.

    Returns:
        uint8 array `(n, length)` of 0 … 9.

    Raises:
        ValueError: If an argument breaks its rule.
    """
    _check_draw(n, length, part=part, seed=seed, index=index)
    stream = 0 if part is None else 1 + PARTS.index(part)
    rng = np.random.default_rng((seed, stream, length, index))
    half = rng.integers(0, DIGITS, (n, _half(length)), dtype="uint8")
    if _is_split(length, part):
        remainders = rng.choice(_REMAINDERS[part], n)
        half[:, -1] = (remainders - half[:, 1:-1].sum(axis=1, dtype="int64")) % DIGITS
    return np.concatenate([half, half[:, length // 2 - 1 :: -1]], axis=1)


def encode(digits, encoding):
    """Digits as a network takes them.

    Args:
        digits: Array `(n, steps)` of integers 0 … 9, or of floats that equal such.
        encoding: "one-hot" or "scalar", a number from 0 to 9.

    Returns:
        float32 array, `(n, steps, 10)` if one-hot, `(n, steps, 1)` if scalar.

    Raises:
        ValueError: If a value is no digit, the array is not of two dimensions, or the encoding
            is unknown.
    """
    _check_encoding(encoding)
    digits = _checked_digits(digits)
    if encoding == "scalar":
        return digits.astype("float32")[..., np.newaxis]
    # The digits are checked: "clip", which needs no check of its own, is ten times faster.
    return np.take(np.eye(DIGITS, dtype="float32"), digits.astype("uint8"), axis=0, mode="clip")


class FixedPalindromes(ShuffledBatches):
    """A set of palindromes that is drawn once, as batches for `fit` and `evaluate`.

    A batch is `(inputs, targets)`: all digits but the last, encoded, float32 `(batch, length − 1,
    10 or 1)`, and the last, int32 `(batch,)`. Digits are held as uint8 and encoded a batch at a
    time, so `batch_size` bounds the memory of an evaluation. The last partial batch is kept.

    One line on stderr says so if there are fewer palindromes than `n`, or too few to split.

    Args:
        n: Number of palindromes.
        length: Digits of a palindrome, at least 2.
        batch_size: Palindromes a batch.
        encoding: "one-hot" or "scalar".
        part: "train", "validation", or None for both together.
        seed: Integer in [0, 2³¹).
        shuffle: Whether each epoch has an order of its own, a function of (seed, epoch). Give `fit`
            shuffle=False beside it: Keras would shuffle the batches by Python's own generator. Of several
            processes, each is then given its part of every batch, and else the whole, to evaluate on.
        first_epoch: Number of the epoch that `fit` begins with.

    Raises:
        ValueError: If an argument breaks its rule.
    """

    def __init__(self, n, length, *, batch_size, encoding, part, seed, shuffle=False, first_epoch=0):
        check("batch_size", "a positive integer", batch_size, holds=is_count(batch_size))
        _check_encoding(encoding)
        self.digits = draw_palindromes(n, length, part=part, seed=seed)
        self.encoding = encoding
        _announce(n, length, part=part)
        order = seed if shuffle else None
        options = {"seed": order, "first_epoch": first_epoch, "divided": shuffle}
        super().__init__(n, batch_size=batch_size, **options)

    def batch(self, index):
        """Inputs and targets."""
        return _recall_task(self.digits[self.rows(index)], self.encoding)


class PalindromeStream(NumberedEpochs):
    """Training palindromes without end, in batches as those of `FixedPalindromes`.

    Batch k of its life, over all epochs and calls of `fit`, is a function of (seed, length, k).
    Give `fit` shuffle=False: Keras would shuffle the batches of an epoch by Python's own generator.

    Args:
        length: Digits of a palindrome, at least 2.
        batch_size: Palindromes a batch.
        steps: Batches an epoch.
        encoding: "one-hot" or "scalar".
        seed: Integer in [0, 2³¹).
        first_epoch: Number of the epoch that `fit` begins with: its first batch is first_epoch · steps.

    Raises:
        ValueError: If an argument breaks its rule.
    """

    def __init__(self, length, *, batch_size, steps, encoding, seed, first_epoch=0):
        super().__init__(first_epoch=first_epoch)
        _check_draw(batch_size, length, part="train", seed=seed, name="batch_size")
        check("steps", "a positive integer", steps, holds=is_count(steps))
        _check_encoding(encoding)
        self.length = length
        self.batch_size = batch_size
        self.steps = steps
        self.encoding = encoding
        self.seed = seed
        check_divisible(batch_size)

    def __len__(self):
        return self.steps

    def batch(self, index):
        """Inputs and targets."""
        k = self.epoch * self.steps + index
        digits = draw_palindromes(self.batch_size, self.length, part="train", seed=self.seed, index=k)
        return _recall_task(own_part(digits), self.encoding)


def _half(length):
    return (length + 1) // 2


def _is_split(length, part):
    return part is not None and _half(length) > 1


def _recall_task(digits, encoding):
    return encode(digits[:, :-1], encoding), digits[:, -1].astype("int32")


def _announce(n, length, *, part):
    available = count_palindromes(length, part)
    notices = []
    if part is not None and not _is_split(length, part):
        notices += [
            f"Length {length} leaves nothing to split by: {' and '.join(PARTS)} share its palindromes."
        ]
    if n > available:
        which = "" if part is None else f" for {part}"
        notices += [f"Length {length} has {available:,} palindromes{which}: a set of {n:,} repeats them."]
    if notices:
        logging.getLogger("kgan").warning(" ".join(notices))


def _check_draw(n, length, *, part, seed, index=0, name="n"):
    check(name, "a positive integer", n, holds=is_count(n))
    _check_length(length)
    _check_part(part)
    check("seed", "an integer in [0, 2**31)", seed, holds=is_seed(seed))
    check("index", "an integer of at least 0", index, holds=index == 0 or is_count(index))


def _check_length(length):
    check("length", "an integer of at least 2", length, holds=is_count(length) and length >= 2)


def _check_part(part):
    check("part", f"one of {', '.join(PARTS)}, or None", part, holds=part is None or part in PARTS)


def _check_encoding(encoding):
    check("encoding", f"one of {', '.join(ENCODINGS)}", encoding, holds=encoding in ENCODINGS)


def _checked_digits(digits):
    digits = np.asarray(digits)
    check("digits", "an array (n, steps)", digits.shape, holds=digits.ndim == 2)
    check("digits", "an array of numbers", str(digits.dtype), holds=digits.dtype.kind in "iuf")
    good = (digits >= 0) & (digits <= 9) & (digits == np.floor(digits))  # NaN is none of these
    if not good.all():
        row, step = np.argwhere(~good)[0]
        check(f"digits[{row}, {step}]", "a whole number from 0 to 9", digits[row, step].item(), holds=False)
    return digits
