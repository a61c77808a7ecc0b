import importlib

import keras
import numpy as np
import pytest
from keras import ops

from kgan.gan import randomness

STEPS = np.arange(10_000, dtype="int32")


def compilers():
    """Every way in which the backend compiles a function."""
    name = keras.backend.backend()
    if name == "torch":
        pytest.skip("torch runs the step as it is written")
    module = importlib.import_module(name)
    if name == "jax":
        return [module.jit]
    return [module.function, lambda fn: module.function(fn, jit_compile=True)]


def test_compiled_coins_are_bit_equal_to_eager_ones():
    def uniform(steps):
        return randomness.uniform(12345, randomness.UPDATE_DISCRIMINATOR, steps)

    steps = ops.convert_to_tensor(STEPS)
    eager = ops.convert_to_numpy(uniform(steps))
    for compiled in compilers():
        assert ops.convert_to_numpy(compiled(uniform)(steps)).tobytes() == eager.tobytes()
