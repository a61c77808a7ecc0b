"""Every random number of training as a pure function of (seed, stream, step).

A coin or a seed computed this way needs no state that a checkpoint could lose, and is
the same bits on every backend, compiled or not, and in every process.
"""

import math

import numpy as np
from keras import ops

UPDATE_DISCRIMINATOR = 1
UPDATE_GENERATOR = 2
GLOBAL_DRAWS = 3
AUGMENTATIONS = 4
PARTS = 5
REGULARIZERS = 1 << 8  # the first stream of what penalties draw; one a draw
SEEDS = 1 << 10  # the first stream of the seed generators in training; two streams each
EVALUATION_SEEDS = 1 << 20  # and in evaluation


def _shift_right(x, bits):
    # int32 shifts carry the sign along: mask it off, so that the shift is logical.
    return ops.bitwise_and(ops.right_shift(x, bits), (1 << (32 - bits)) - 1)


def _mix(x):
    """The integer hash "lowbias32" (C. Wellons, 2018), in wrapping int32 arithmetic."""
    if isinstance(x, int):
        return _mix_on_host(x)
    x = ops.bitwise_xor(x, _shift_right(x, 16))
    x = x * 0x7FEB352D
    x = ops.bitwise_xor(x, _shift_right(x, 15))
    x = x * (0x846CA68B - 2**32)
    return ops.bitwise_xor(x, _shift_right(x, 16))


def _mix_on_host(x):
    x &= 0xFFFFFFFF
    x ^= x >> 16
    x = x * 0x7FEB352D & 0xFFFFFFFF
    x ^= x >> 15
    x = x * 0x846CA68B & 0xFFFFFFFF
    x ^= x >> 16
    return x - ((x >> 31) << 32)  # as int32 holds it


def random_bits(seed, stream, step):
    """32 random bits, as int32 of the shape of `step`; as a Python integer where `step` is one.

    Args:
        seed: Integer in [0, 2³¹).
        stream: Integer, one of this module's streams.
        step: Integer or int32 tensor of any shape.
    """
    if not isinstance(step, int):
        seed, step = ops.cast(seed, "int32"), ops.cast(step, "int32")
    return _mix(_mix(_mix(seed) + stream) + step)


def seed_of_part(seed, part):
    """The seed of what is drawn for one of the parts into which processes divide a batch.

    Args:
        seed: Integer in [0, 2³¹).
        part: Number of the part; the first has the seed itself, as has a process alone.
    """
    return seed if part == 0 else _upper_31(random_bits(seed, PARTS, part))


def uniform(seed, stream, step):
    """A float32 in [0, 1), a multiple of 2⁻²⁴; arguments as in `random_bits`."""
    if isinstance(step, int):
        return (random_bits(seed, stream, step) >> 8 & 0xFFFFFF) * 2.0**-24
    return ops.cast(_shift_right(random_bits(seed, stream, step), 8), "float32") * 2.0**-24


def uniforms(shape, seed, stream, step):
    """A float32 array in [0, 1), multiples of 2⁻²⁴, the same bits on every backend.

    Args:
        shape: Tuple of integers or int32 scalars.
        seed: Integer in [0, 2³¹).
        stream: Integer, one of this module's streams.
        step: int32 scalar or Python integer.
    """
    first = random_bits(seed, stream, step)
    bits = _mix(ops.arange(math.prod(shape), dtype="int32") + first)
    return ops.reshape(ops.cast(_shift_right(bits, 8), "float32") * 2.0**-24, shape)


def coin(probability, seed, stream, step):
    """Whether a coin of this `probability` falls on True, as a boolean scalar.

    A Python bool where the probability is the number 0 or 1, so that a backend which
    traces needs no branch, and where both are Python's; a tensor otherwise.
    """
    if isinstance(probability, int | float) and probability in (0, 1):
        return bool(probability)
    if isinstance(step, int) and isinstance(probability, int | float):
        return uniform(seed, stream, step) < float(np.float32(probability))
    return uniform(seed, stream, step) < ops.cast(probability, "float32")


def reseed(seed_states, seed, stream, step):
    """Set the state of each seed generator to two 31-bit words of (seed, step).

    Words rather than (seed, step) itself: torch adds the two halves of a state, so that
    neighbouring seeds would share their latents.

    Args:
        seed_states: `keras.Variable`s of shape `(2,)`, the states of `SeedGenerator`s.
        seed: Integer in [0, 2³¹).
        stream: First of `2 * len(seed_states)` streams.
        step: int32 scalar or Python integer.
    """
    for index, state in enumerate(seed_states):
        words = [_upper_31(random_bits(seed, stream + 2 * index + half, step)) for half in (0, 1)]
        tensor = words if isinstance(step, int) else ops.cast(ops.stack(words), state.dtype)
        state.assign(tensor)


def _upper_31(bits):
    return bits >> 1 & 0x7FFFFFFF if isinstance(bits, int) else _shift_right(bits, 1)
