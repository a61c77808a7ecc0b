import keras
import numpy as np
import pytest
from keras import ops
from numpy_lstm import lstm as numpy_lstm

import kgan
from recurrent import (
    DIM,
    TIME,
    UNITS,
    furthest,
    furthest_gradient,
    inputs,
    loss_and_gradients,
    mask,
    weights,
    with_weights,
)
from support.networks import values

CONSTANT = {
    "kernel_initializer": keras.initializers.Constant(0.01),
    "recurrent_initializer": keras.initializers.Constant(0.02),
    "bias_initializer": keras.initializers.Constant(0.03),
}
NO_FORGET = {"unit_forget_bias": False}


_FASTEST = (
    {"plain": "fused", "checkpointed": "fused, checkpointed"} if keras.backend.backend() == "torch" else {}
)


def sequence(*shape):
    return np.arange(np.prod(shape)).reshape(shape).astype("float32")


@pytest.mark.parametrize("path", [{}, {"unroll": True}, {"checkpoint": "sqrt"}, {"checkpoint": 2}])
@pytest.mark.parametrize("with_mask", [False, True])
def test_outputs_and_states_are_those_of_the_equations_in_numpy(path, with_mask):
    layer = with_weights(kgan.layers.LSTM(UNITS, return_sequences=True, return_state=True, **path))
    counts = mask() if with_mask else None
    results = layer(inputs(), mask=counts)
    expected = numpy_lstm(weights(), inputs(), mask=counts)
    assert furthest(results, expected) < 1e-6
    assert np.abs(values(results)[0][4]).max() > 0.1  # so that the tolerance is worth something


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, [0.6288687, 0.86899155, 0.9460773]),
        ({"go_backwards": True}, [0.35622165, 0.74789524, 0.8872726]),
        ({"unroll": True}, [0.6288687, 0.86899155, 0.9460773]),
        (NO_FORGET, [0.57019705, 0.8661914, 0.9459622]),
        ({"use_bias": False}, [0.54986924, 0.86226785, 0.9443936]),
        ({"checkpoint": 4, "implementation": 1}, [0.6288687, 0.86899155, 0.9460773]),
    ],
)
def test_the_known_values_of_keras_for_its_own_layer(arguments, expected):
    outputs = kgan.layers.LSTM(3, **CONSTANT, **arguments)(sequence(3, 6, 4))
    assert furthest(outputs, np.repeat(expected, 3).reshape(3, 3)) < 1e-6


def test_the_known_values_of_keras_for_states_that_are_kept():
    layer = kgan.layers.LSTM(4, stateful=True, **CONSTANT)
    for _ in range(2):  # the second time after a reset
        layer(sequence(2, 3, 4))
        outputs = layer(sequence(2, 3, 4))
        assert furthest(outputs, np.repeat([0.3124785, 0.6863672], 4).reshape(2, 4)) < 1e-6
        layer.reset_state()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, [[0.20574439, 0.3558822], [0.64930826, 0.66276]]),
        ({"go_backwards": True}, [[0.13281618, 0.2790356], [0.5839337, 0.5992567]]),
    ],
)
def test_the_known_values_of_keras_for_given_initial_states(arguments, expected):
    layer = kgan.layers.LSTM(2, **CONSTANT, **arguments)
    outputs = layer(sequence(2, 4, 3), initial_state=[sequence(2, 2), sequence(2, 2)])
    assert furthest(outputs, np.array(expected)) < 1e-6


def test_the_known_values_of_keras_for_masks():
    counts = np.array([[True, True, True, False], [True, True, False, False]])
    shown = np.array([[0.01588910, 0.05552048, 0.11755939, 0.11755939], [0.14185596, *[0.28556206] * 3]])
    for zero in (False, True):
        layer = kgan.layers.LSTM(2, return_sequences=True, zero_output_for_mask=zero, **CONSTANT)
        expected = shown * counts if zero else shown
        assert furthest(layer(sequence(2, 4, 3), mask=counts), np.repeat(expected[:, :, None], 2, 2)) < 1e-6
    last = kgan.layers.LSTM(2, unroll=True, **CONSTANT)(sequence(2, 4, 3), mask=counts)
    assert furthest(last, np.repeat(shown[:, -1:], 2, 1)) < 1e-6


@pytest.mark.parametrize(
    ("arguments", "with_mask"),
    [
        ({"return_sequences": True, "return_state": True}, False),
        ({"return_sequences": True, "return_state": True}, True),
        ({"go_backwards": True, "return_sequences": True}, True),
        ({"use_bias": False}, True),
        ({"zero_output_for_mask": True}, True),
        ({"activation": "relu", "recurrent_activation": "hard_sigmoid"}, False),
    ],
)
def test_outputs_are_those_of_keras(arguments, with_mask):
    call = {"mask": mask() if with_mask else None}
    ours, theirs = (with_weights(kind(UNITS, **arguments)) for kind in (kgan.layers.LSTM, keras.layers.LSTM))
    assert furthest(ours(inputs(), **call), theirs(inputs(), **call)) < 1e-6


@pytest.mark.parametrize(("checkpoint", "with_mask"), [(None, False), (None, True), ("sqrt", True)])
def test_gradients_are_those_of_keras(checkpoint, with_mask):
    call = {"mask": mask() if with_mask else None}
    ours = with_weights(kgan.layers.LSTM(UNITS, checkpoint=checkpoint))
    theirs = with_weights(keras.layers.LSTM(UNITS))
    (loss, gradients), (their_loss, their_gradients) = (loss_and_gradients(x, **call) for x in (ours, theirs))
    assert abs(loss - their_loss) < 1e-5
    assert furthest_gradient(gradients, their_gradients) < 2e-6


def in_float64(**arguments):
    return with_weights(kgan.layers.LSTM(4, dtype="float64", return_sequences=True, **arguments))


def test_gradients_agree_with_finite_differences_in_float64(float64):
    layer, rng, step = in_float64(), np.random.default_rng(2), 1e-5
    start = layer.get_weights()
    direction = [rng.normal(size=array.shape) for array in start]
    _, gradients = loss_and_gradients(layer, mask=mask())
    exact = sum((g * d).sum() for g, d in zip(gradients, direction, strict=False))
    losses = []
    for sign in (1, -1):
        layer.set_weights([array + sign * step * d for array, d in zip(start, direction, strict=True)])
        losses.append(loss_and_gradients(layer, mask=mask())[0])
    assert abs((losses[0] - losses[1]) / (2 * step) - exact) < 1e-6 * abs(exact)


@pytest.mark.parametrize("checkpoint", ["sqrt", 9])
def test_checkpointed_gradients_are_the_full_ones_in_float64(checkpoint, float64):
    full, segments = (
        loss_and_gradients(in_float64(checkpoint=c), mask=mask())[1] for c in (None, checkpoint)
    )
    assert furthest_gradient(segments, full) < 1e-12


def test_before_the_first_step_that_counts_the_output_is_zero_whatever_the_initial_states():
    states = [np.full((5, UNITS), 0.5, "float32")] * 2
    layer = with_weights(kgan.layers.LSTM(UNITS, return_sequences=True, return_state=True))
    outputs, h, c = values(layer(inputs(), mask=mask(), initial_state=states))
    assert not outputs[1, :3].any()  # masked on the left
    assert not outputs[2].any()  # masked all over
    np.testing.assert_array_equal([h[2], c[2]], [states[0][2], states[1][2]])


def test_the_wrapped_cell_computes_what_the_layer_does():
    cell = kgan.layers.LSTMCell(UNITS)
    wrapped = with_weights(keras.layers.RNN(cell, return_sequences=True))
    layer = with_weights(kgan.layers.LSTM(UNITS, return_sequences=True))
    assert furthest(wrapped(inputs(), mask=mask()), layer(inputs(), mask=mask())) < 1e-6


def test_stacked_cells_compute_what_layers_in_a_row_do():
    cells = [kgan.layers.LSTMCell(UNITS), kgan.layers.LSTMCell(2)]
    stacked = keras.layers.RNN(cells)
    outputs = stacked(inputs())
    first, second = kgan.layers.LSTM(UNITS, return_sequences=True), kgan.layers.LSTM(2)
    second(first(inputs()))
    first.set_weights(cells[0].get_weights())
    second.set_weights(cells[1].get_weights())
    assert furthest(outputs, second(first(inputs()))) < 1e-6


def test_bidirectional_runs_both_ways():
    both = keras.layers.Bidirectional(kgan.layers.LSTM(UNITS, return_sequences=True))
    outputs = both(inputs())
    arrays = values(both.weights)
    forward, _, _ = numpy_lstm(arrays[:3], inputs())
    backward, _, _ = numpy_lstm(arrays[3:], inputs()[:, ::-1])
    assert furthest(outputs, np.concatenate([forward, backward[:, ::-1]], axis=-1)) < 1e-6


def test_states_after_training_are_those_of_the_wrapped_cell_of_keras():  # which keeps none on JAX
    states = []
    for layer in (
        kgan.layers.LSTM(UNITS, stateful=True),
        keras.layers.RNN(keras.layers.LSTMCell(UNITS), stateful=True),
    ):
        model = keras.Sequential([keras.Input(batch_shape=(5, TIME, DIM)), with_weights(layer)])
        model.compile("sgd", "mse")
        model.fit(inputs(), np.zeros((5, UNITS), "float32"), batch_size=5, epochs=2, shuffle=False, verbose=0)
        states.append(layer.states)
    assert furthest(*states) < 1e-6
    assert values(states[0])[0].any() == (keras.backend.backend() != "jax")


def test_a_call_says_which_path_it_took():
    for arguments, path in (
        ({}, _FASTEST.get("plain", "loop")),
        ({"unroll": True}, "unrolled"),
        ({"checkpoint": 3}, _FASTEST.get("checkpointed", "checkpointed")),
        ({"activation": "relu"}, "loop"),
        ({"activation": "relu", "checkpoint": 3}, "checkpointed"),
    ):
        layer = kgan.layers.LSTM(UNITS, **arguments)
        layer.build(inputs().shape)
        assert layer.last_path is None
        layer(inputs())
        assert layer.last_path == path


def test_a_whole_model_trains_on_sequences_of_any_length():
    model = keras.Sequential([keras.Input((None, DIM)), kgan.layers.LSTM(UNITS, checkpoint=None)])
    model.compile(keras.optimizers.Adam(0.05), "mse")
    targets = np.full((5, UNITS), 0.3, "float32")
    losses = [model.fit(inputs()[:, :n], targets, epochs=20, verbose=0).history["loss"] for n in (TIME, 4)]
    assert losses[0][-1] < 0.5 * losses[0][0]
    assert losses[1][-1] < losses[0][0]


def test_half_precision_computes_in_half_and_keeps_weights_in_single():
    layer = with_weights(kgan.layers.LSTM(UNITS, dtype="mixed_bfloat16", return_sequences=True))
    outputs = layer(inputs())
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
    assert {weight.dtype for weight in layer.weights} == {"float32"}
    expected, _, _ = numpy_lstm(weights(), inputs())
    assert 1e-5 < furthest(ops.cast(outputs, "float32"), expected) < 0.05


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"units": 0}, "`units` must be a positive integer, got 0"),
        ({"units": 2.5}, "`units` must be a positive integer, got 2.5"),
        ({"dropout": 1.0}, r"`dropout` must be a number in \[0, 1\), got 1.0"),
        ({"recurrent_dropout": -0.1}, r"`recurrent_dropout` must be a number in \[0, 1\), got -0.1"),
        ({"implementation": 3}, "`implementation` must be 1 or 2, got 3"),
        ({"use_cudnn": True}, "`use_cudnn` must be 'auto' or False, for cuDNN cannot be demanded, got True"),
        ({"checkpoint": "log"}, "`checkpoint` must be None, 'sqrt' or a positive integer, got 'log'"),
        ({"checkpoint": 0}, "`checkpoint` must be None, 'sqrt' or a positive integer, got 0"),
        ({"checkpoint": 4, "unroll": True}, "`unroll` must be False where `checkpoint` is given, got True"),
        ({"forget_bias": "large"}, "`forget_bias` must be None, a number, 'log' or 'chrono', got 'large'"),
        ({"forget_bias": "log"}, "`time_lag` must be a number above 2, .* got None"),
        ({"time_lag": 100}, "`time_lag` must be None unless `forget_bias` is 'log' or 'chrono', got 100"),
        ({"forget_bias": 1, "use_bias": False}, "`use_bias` must be True where `forget_bias` is given"),
    ],
)
def test_a_bad_argument_is_named_with_its_rule_and_value(arguments, message):
    with pytest.raises(ValueError, match=message):
        kgan.layers.LSTM(**{"units": UNITS} | arguments)


@pytest.mark.parametrize("shape", [(5, 6), (4, TIME), (5, TIME, 1), (5,)])
def test_a_mask_of_another_shape_is_refused(shape):
    with pytest.raises(
        ValueError, match=r"`mask` must be of the shape \(batch, time\) of the sequences, \(5, 7\)"
    ):
        kgan.layers.LSTM(UNITS)(inputs(), mask=np.ones(shape, bool))


def test_integers_are_taken_and_numpy_s_as_units_but_no_empty_sequence():
    layer = with_weights(kgan.layers.LSTM(np.int64(UNITS)))
    digits = np.ones((5, TIME, DIM), "int32")
    assert furthest(layer(digits), layer(digits.astype("float32"))) == 0
    with pytest.raises(ValueError, match=r"`sequences` must be of one step or more, got \(5, 0, 3\)"):
        layer(np.zeros((5, 0, DIM), "float32"))


def test_nan_in_a_sequence_is_refused():
    spoilt = inputs()
    spoilt[2, 3, 1] = np.nan
    with pytest.raises(ValueError, match="`sequences` must be free of NaN"):
        kgan.layers.LSTM(UNITS)(spoilt)
