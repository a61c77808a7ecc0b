import keras
import numpy as np
import pytest
from keras import ops

from kgan.gan import randomness

STEPS = np.arange(10_000, dtype="int32")


def oracle_bits(seed, stream, step):
    """The same hash in Python's unbounded integers."""
    once = oracle_mix((oracle_mix(seed) + stream) & 0xFFFFFFFF)
    return oracle_mix((once + step) & 0xFFFFFFFF)


def oracle_mix(x):
    x ^= x >> 16
    x = x * 0x7FEB352D & 0xFFFFFFFF
    x ^= x >> 15
    x = x * 0x846CA68B & 0xFFFFFFFF
    return x ^ x >> 16


def oracle_uniform(seed, stream, step):
    return (oracle_bits(seed, stream, step) >> 8) / 2**24


@pytest.mark.parametrize(("seed", "stream"), [(0, 1), (12345, 2), (2**31 - 1, randomness.EVALUATION_SEEDS)])
def test_coins_are_bit_equal_to_integer_arithmetic(seed, stream):
    ours = ops.convert_to_numpy(randomness.uniform(seed, stream, ops.convert_to_tensor(STEPS)))
    expected = np.array([oracle_uniform(seed, stream, int(step)) for step in STEPS], "float32")
    assert ours.dtype == "float32"
    assert ours.tobytes() == expected.tobytes()


def test_numbers_on_the_host_are_bit_equal_to_those_of_tensors():
    for seed, stream in ((0, 1), (12345, 2), (2**31 - 1, randomness.EVALUATION_SEEDS)):
        tensors = ops.convert_to_numpy(randomness.random_bits(seed, stream, ops.convert_to_tensor(STEPS)))
        assert [randomness.random_bits(seed, stream, step) for step in range(len(STEPS))] == tensors.tolist()
    assert randomness.uniform(7, 1, 3) == oracle_uniform(7, 1, 3)


def test_uniforms_look_uniform_and_uncorrelated():
    # Means and correlations of n uniforms have standard errors 1/sqrt(12 n) and 1/sqrt(n); five of them.
    u = {s: np.array([oracle_uniform(7, s, int(step)) for step in STEPS]) for s in (1, 2)}
    assert abs(u[1].mean() - 0.5) < 5 / np.sqrt(12 * len(STEPS))
    assert abs(np.corrcoef(u[1][1:], u[1][:-1])[0, 1]) < 5 / np.sqrt(len(STEPS))
    assert abs(np.corrcoef(u[1], u[2])[0, 1]) < 5 / np.sqrt(len(STEPS))


def test_certain_coins_are_python_bools_and_others_are_thrown():
    assert randomness.coin(1, 0, 1, 5) is True
    assert randomness.coin(0.0, 0, 1, 5) is False
    u = oracle_uniform(3, 1, 5)
    assert bool(randomness.coin(u + 1e-6, 3, 1, 5))
    assert not bool(randomness.coin(u - 1e-6, 3, 1, 5))


@pytest.mark.parametrize("step", [4, ops.convert_to_tensor(4, "int32")], ids=["number", "tensor"])
def test_reseeding_gives_each_generator_its_own_words_of_seed_and_step(step):
    generators = [keras.random.SeedGenerator(0) for _ in range(2)]
    randomness.reseed([generator.state for generator in generators], 9, 100, step)
    states = [ops.convert_to_numpy(generator.state).tolist() for generator in generators]
    words = [oracle_bits(9, stream, 4) >> 1 for stream in range(100, 104)]
    assert states == [words[:2], words[2:]]


@pytest.mark.parametrize("step", [4, ops.convert_to_tensor(4, "int32")], ids=["number", "tensor"])
def test_an_array_of_uniforms_is_the_hash_of_each_place_and_the_same_bits_everywhere(step):
    ours = ops.convert_to_numpy(randomness.uniforms((3, 2), 9, randomness.REGULARIZERS, step))
    first = oracle_bits(9, randomness.REGULARIZERS, 4)
    expected = [(oracle_mix((first + place) & 0xFFFFFFFF) >> 8) / 2**24 for place in range(6)]
    assert ours.ravel().tolist() == expected
    assert ours.shape == (3, 2)


def test_uniforms_of_other_steps_streams_and_places_are_uncorrelated():
    shape = (len(STEPS), 2)
    arrays = [randomness.uniforms(shape, 7, stream, step) for stream, step in ((1, 0), (1, 1), (2, 0))]
    columns = np.concatenate([ops.convert_to_numpy(array) for array in arrays], axis=1).T
    assert np.abs(columns.mean(1) - 0.5).max() < 5 / np.sqrt(12 * len(STEPS))
    assert np.abs(np.corrcoef(columns) - np.eye(6)).max() < 5 / np.sqrt(len(STEPS))
