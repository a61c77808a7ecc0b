"""The Adam of torch and of TensorFlow against Keras's own."""

import importlib

import keras
import numpy as np
import pytest

from kgan.backend.plain_adam import is_plain_adam
from support.networks import values

pytestmark = pytest.mark.skipif(keras.backend.backend() == "jax", reason="JAX compiles Keras's own")

SHAPES = ((3, 4), (4,), (2, 1, 3))


def backends_own(optimizer, moved):
    """The update of this backend, a function of the gradients."""
    module = importlib.import_module(f"kgan.backend.{keras.backend.backend()}.adam")
    if keras.backend.backend() == "torch":
        return module.FusedAdam(optimizer, moved).apply
    return lambda gradients: module.apply_adam(optimizer, gradients, moved)


def variables(dtype="float32"):
    rng = np.random.default_rng(0)
    return [keras.Variable(rng.normal(size=shape), dtype=dtype) for shape in SHAPES]


def gradients(step):
    """Some of them in another order in memory, as those of convolutions are; some tiny, beside epsilon."""
    rng = np.random.default_rng(step + 1)
    plain = [rng.normal(size=shape) * scale for shape, scale in zip(SHAPES, (1, 1e-6, 1), strict=True)]
    tensors = [keras.ops.convert_to_tensor(np.ascontiguousarray(g.T), "float32") for g in plain]
    return [keras.ops.transpose(tensor, tuple(range(tensor.ndim))[::-1]) for tensor in tensors]


def schedule():
    return keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"learning_rate": 0.1, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
        {"learning_rate": schedule()},
        {"beta_1": 0.0, "epsilon": 1e-8},
    ],
)
def test_fused_adam_moves_variables_slots_and_counter_as_keras_does(settings):
    ours, theirs = variables(), variables()
    optimizers = [keras.optimizers.Adam(**settings) for _ in range(2)]
    for optimizer, moved in zip(optimizers, (ours, theirs), strict=True):
        optimizer.build(moved)
    apply = backends_own(optimizers[0], ours)
    for step in range(10):
        apply(gradients(step))
        optimizers[1].apply(gradients(step), theirs)
    pairs = zip(ours + optimizers[0].variables, theirs + optimizers[1].variables, strict=True)
    for mine, exact in pairs:
        np.testing.assert_allclose(*values([mine, exact]), rtol=1e-5, atol=1e-6)
    assert int(optimizers[0].iterations.value) == 10


@pytest.mark.parametrize(
    "settings",
    [
        {"amsgrad": True},
        {"weight_decay": 0.1},
        {"clipnorm": 1.0},
        {"clipvalue": 1.0},
        {"global_clipnorm": 1.0},
        {"use_ema": True},
        {"loss_scale_factor": 2.0},
        {"gradient_accumulation_steps": 2},
    ],
)
def test_adam_with_an_extra_is_left_to_keras(settings):
    moved = variables()
    plain, other = keras.optimizers.Adam(), keras.optimizers.Adam(**settings)
    plain.build(moved)
    other.build(moved)
    assert is_plain_adam(plain, moved)
    assert not is_plain_adam(other, moved)


def test_what_is_not_keras_adam_is_left_alone():
    class Own(keras.optimizers.Adam):
        pass

    moved = variables()
    for optimizer in (Own(), keras.optimizers.AdamW(), keras.optimizers.SGD()):
        optimizer.build(moved)
        assert not is_plain_adam(optimizer, moved)
    plain = keras.optimizers.Adam()
    plain.build(moved)
    assert not is_plain_adam(plain, [])
    double = variables("float64")
    of_double = keras.optimizers.Adam()
    of_double.build(double)
    assert not is_plain_adam(of_double, double)
    moved[0].constraint = keras.constraints.NonNeg()
    assert not is_plain_adam(plain, moved)


def test_a_variable_that_the_optimizer_does_not_know_is_left_to_keras_to_refuse():
    moved = variables()
    optimizer = keras.optimizers.Adam()
    optimizer.build(moved[:2])
    assert is_plain_adam(optimizer, moved[:2])
    assert not is_plain_adam(optimizer, moved)
