import keras
import numpy as np
import pytest
from keras import ops

import kgan
from recurrent import DIM, TIME, UNITS, furthest, inputs, with_weights
from support.networks import same_bits, values


class Spy(kgan.layers.LSTMCell):
    """A cell of width 1 that returns what its dropout masks are at each step."""

    def step(self, weights, x, states, *, masks):
        shown = masks[0] if not isinstance(masks[0], list) else ops.stack(masks[0]).sum(0)
        return ops.mean(shown, axis=-1, keepdims=True), states[1]


def wrapped(kind, **arguments):
    return with_weights(keras.layers.RNN(kind(UNITS, **arguments), return_sequences=True))


@pytest.mark.parametrize(
    "arguments",
    [{"dropout": 0.4}, {"dropout": 0.4, "implementation": 1}, {"dropout": 0.2, "recurrent_dropout": 0.5}],
)
def test_masks_are_the_bits_of_keras_for_the_same_seed_in_layer_and_wrapped_cell(arguments):
    ours = with_weights(kgan.layers.LSTM(UNITS, seed=3, return_sequences=True, **arguments))
    cell = wrapped(kgan.layers.LSTMCell, seed=3, **arguments)
    theirs = wrapped(keras.layers.LSTMCell, seed=3, **arguments)
    for _ in range(2):  # another draw in each call
        expected = theirs(inputs(), training=True)
        assert furthest(ours(inputs(), training=True), expected) < 1e-6
        assert furthest(cell(inputs(), training=True), expected) < 1e-6
    assert furthest(ours(inputs()), theirs(inputs())) < 1e-6  # none in inference


def test_masks_are_the_same_at_every_step_and_others_in_the_next_call():
    layer = keras.layers.RNN(Spy(1, dropout=0.5, seed=1), return_sequences=True)
    calls = [values([layer(np.ones((5, TIME, 40), "float32"), training=True)])[0] for _ in range(2)]
    for shown in calls:
        assert same_bits([shown[:, 0]], [shown[:, -1]])
        assert 0.5 < shown.mean() < 1.5
    assert not same_bits(*([call] for call in calls))


def test_dropout_trains_in_a_compiled_model_of_stacked_and_stateful_layers():
    model = keras.Sequential(
        [
            keras.Input(batch_shape=(5, TIME, DIM)),
            kgan.layers.LSTM(UNITS, dropout=0.2, recurrent_dropout=0.2, stateful=True, return_sequences=True),
            keras.layers.RNN([kgan.layers.LSTMCell(UNITS, dropout=0.3), kgan.layers.LSTMCell(2)]),
        ]
    )
    model.compile(keras.optimizers.Adam(0.05), "mse")
    targets = np.full((5, 2), 0.3, "float32")
    losses = model.fit(inputs(), targets, batch_size=5, epochs=15, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]


def test_checkpointed_segments_drop_what_the_whole_does():
    whole, parts = (
        with_weights(kgan.layers.LSTM(UNITS, recurrent_dropout=0.5, seed=2, checkpoint=c)) for c in (None, 3)
    )
    assert furthest(whole(inputs(), training=True), parts(inputs(), training=True)) < 1e-6
