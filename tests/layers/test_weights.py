"""How weights begin, and that a file brings them back."""

import math

import keras
import numpy as np
import pytest

import kgan
from recurrent import DIM, UNITS, furthest, inputs, with_weights
from support.networks import same_bits, values


def bias_of(units=1000, **arguments):
    layer = kgan.layers.LSTM(
        units, recurrent_initializer="zeros", **arguments
    )  # orthogonal ones take seconds
    layer.build((None, None, DIM))
    return np.split(layer.get_weights()[2], 4)


@pytest.mark.parametrize(
    ("arguments", "forget"),
    [
        ({}, 1),
        ({"unit_forget_bias": False}, 0),
        ({"forget_bias": 2.5}, 2.5),
        ({"forget_bias": 0}, 0),
        ({"forget_bias": "log", "time_lag": 1000}, math.log(1000)),
    ],
)
def test_the_forget_gate_begins_where_it_is_told_to_and_the_others_at_zero(arguments, forget):
    i, f, g, o = bias_of(**arguments)
    np.testing.assert_allclose(f, forget, rtol=1e-6)
    assert not np.concatenate([i, g, o]).any()


def test_chrono_draws_time_scales_uniformly_up_to_the_lag():
    keras.utils.set_random_seed(0)
    i, f, g, o = bias_of(forget_bias="chrono", time_lag=101)
    np.testing.assert_array_equal(i, -f)
    scales = np.exp(f)
    assert scales.min() >= 1 - 1e-5
    assert 99 < scales.max() <= 100 + 1e-4
    assert abs(scales.mean() - 50.5) < 4 * 28.6 / math.sqrt(1000)  # the standard error of 1,000 draws
    assert not np.concatenate([g, o]).any()


def test_the_same_seed_gives_the_same_chrono_bias():
    first, again, other = (bias_of(forget_bias="chrono", time_lag=50, seed=seed) for seed in (1, 1, 2))
    assert same_bits(first, again)
    assert not same_bits(first, other)


def test_weights_move_between_the_layer_and_that_of_keras():
    ours, theirs = (kind(UNITS) for kind in (kgan.layers.LSTM, keras.layers.LSTM))
    ours.build(inputs().shape)
    theirs.build(inputs().shape)
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]
    theirs.set_weights(ours.get_weights())
    assert furthest(ours(inputs()), theirs(inputs())) < 1e-6


SETTINGS = {
    "activation": "relu",
    "recurrent_activation": "hard_sigmoid",
    "kernel_initializer": "he_normal",
    "bias_initializer": keras.initializers.Constant(0.1),
    "kernel_regularizer": keras.regularizers.L2(0.1),
    "recurrent_constraint": keras.constraints.MaxNorm(2.0),
    "activity_regularizer": keras.regularizers.L1(0.2),
    "dropout": 0.1,
    "seed": 4,
    "return_sequences": True,
    "go_backwards": True,
    "zero_output_for_mask": True,
    "forget_bias": "chrono",
    "time_lag": 30,
    "checkpoint": 3,
    "implementation": 1,
    "name": "memory",
}


def test_a_file_brings_back_every_setting_and_every_output(tmp_path):
    model = keras.Sequential(
        [
            keras.Input(inputs().shape[1:]),
            kgan.layers.LSTM(UNITS, **SETTINGS),
            keras.layers.Bidirectional(kgan.layers.LSTM(2, return_sequences=True, checkpoint="sqrt")),
            keras.layers.RNN(kgan.layers.LSTMCell(UNITS, forget_bias=2)),
        ]
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    (memory, both, wrapped), again = model.layers, loaded.layers
    assert memory.get_config() == again[0].get_config()
    assert both.backward_layer.get_config() == again[1].backward_layer.get_config()
    assert wrapped.cell.get_config() == again[2].cell.get_config()
    assert {"units": UNITS, "checkpoint": 3, "forget_bias": "chrono"}.items() <= loaded.layers[
        0
    ].get_config().items()
    assert same_bits(model.get_weights(), loaded.get_weights())
    assert furthest(model(inputs()), loaded(inputs())) == 0


def test_every_argument_of_keras_is_a_property_of_the_layer():
    layer, theirs = kgan.layers.LSTM(UNITS), keras.layers.LSTM(UNITS)
    for name in set(theirs.get_config()) - {"name"}:
        assert layer.get_config()[name] == theirs.get_config()[name]
        if name not in ("dtype", "seed"):
            assert hasattr(layer, name)


def test_regularisers_add_their_penalty_and_constraints_hold():
    layer = with_weights(kgan.layers.LSTM(UNITS, kernel_regularizer=keras.regularizers.L2(0.5)))
    layer(inputs())
    (penalty,) = values(layer.losses)
    assert penalty == pytest.approx(0.5 * (layer.get_weights()[0] ** 2).sum(), rel=1e-5)
    model = keras.Sequential([kgan.layers.LSTM(UNITS, recurrent_constraint=keras.constraints.MaxNorm(0.1))])
    model.compile("sgd", "mse")
    model.fit(inputs(), np.zeros((5, UNITS), "float32"), verbose=0)
    norms = np.linalg.norm(model.get_weights()[1], axis=0)
    assert norms.max() == pytest.approx(0.1, rel=1e-4)
