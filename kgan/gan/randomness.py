"""Every random number of training as a pure function of (seed, stream, step).

A coin or a seed computed this way needs no state that a checkpoint could lose, and is
the same bits on every backend, compiled or not, and in every process.
"""

from keras import ops

UPDATE_DISCRIMINATOR = 1
UPDATE_GENERATOR = 2
GLOBAL_DRAWS = 3
SEEDS = 1 << 10  # the first stream of the seed generators in training; two streams each
EVALUATION_SEEDS = 1 << 20  # and in evaluation


def _shift_right(x, bits):
    # int32 shifts carry the sign along: mask it off, so that the shift is logical.
    return ops.bitwise_and(ops.right_shift(x, bits), (1 << (32 - bits)) - 1)


def _mix(x):
    """The integer hash "lowbias32" (C. Wellons, 2018), in wrapping int32 arithmetic."""
    x = ops.bitwise_xor(x, _shift_right(x, 16))
    x = x * 0x7FEB352D
    x = ops.bitwise_xor(x, _shift_right(x, 15))
    x = x * (0x846CA68B - 2**32)
    return ops.bitwise_xor(x, _shift_right(x, 16))


def random_bits(seed, stream, step):
    """32 random bits, as int32 of the shape of `step`.

    Args:
        seed: Integer in [0, 2³¹).
        stream: Integer, one of this module's streams.
        step: Integer or int32 tensor of any shape.
    """
    seed, step = ops.cast(seed, "int32"), ops.cast(step, "int32")
    return _mix(_mix(_mix(seed) + stream) + step)


def uniform(seed, stream, step):
    """A float32 in [0, 1), a multiple of 2⁻²⁴; arguments as in `random_bits`."""
    return ops.cast(_shift_right(random_bits(seed, stream, step), 8), "float32") * 2.0**-24


def coin(probability, seed, stream, step):
    """Whether a coin of this `probability` falls on True, as a boolean scalar.

    A Python bool where the probability is the number 0 or 1, so that a backend which
    traces needs no branch; a tensor otherwise.
    """
    if isinstance(probability, int | float) and probability in (0, 1):
        return bool(probability)
    return uniform(seed, stream, step) < ops.cast(probability, "float32")


def reseed(seed_states, seed, stream, step):
    """Set the state of each seed generator to two 31-bit words of (seed, step).

    Words rather than (seed, step) itself: torch adds the two halves of a state, so that
    neighbouring seeds would share their latents.

    Args:
        seed_states: `keras.Variable`s of shape `(2,)`, the states of `SeedGenerator`s.
        seed: Integer in [0, 2³¹).
        stream: First of `2 * len(seed_states)` streams.
        step: int32 scalar.
    """
    for index, state in enumerate(seed_states):
        words = [_shift_right(random_bits(seed, stream + 2 * index + half, step), 1) for half in (0, 1)]
        state.assign(ops.cast(ops.stack(words), state.dtype))
