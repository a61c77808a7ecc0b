"""Masks reach every layer of a stack: padded sequences come to what they come to without their padding."""

import importlib
import warnings

import keras
import numpy as np
import pytest

import kgan
from support.networks import values

LENGTH, PADDED, WIDTH = 4, 7, 3
MASK = np.broadcast_to(np.arange(PADDED) < LENGTH, (2, PADDED))
SEQUENCES = np.random.default_rng(0).normal(size=(2, PADDED, WIDTH)).astype("float32") * MASK[..., None]
TOKENS = np.random.default_rng(1).integers(1, 9, (2, PADDED)) * MASK


def lstm(**arguments):
    return kgan.layers.LSTM(4, **arguments)


def of_cells():
    return keras.layers.RNN([kgan.layers.LSTMCell(4), kgan.layers.LSTMCell(4)], return_sequences=True)


def stack(*first):
    """Two layers, the second of which sees a mask only if the first passes it on."""
    return keras.Sequential([*first, lstm(return_sequences=True), lstm()])


@pytest.mark.parametrize(
    ("first", "inputs"),
    [
        (keras.layers.Masking, SEQUENCES),
        (lambda: keras.layers.Embedding(9, WIDTH, mask_zero=True), TOKENS),
    ],
    ids=["Masking", "Embedding"],
)
def test_masks_of_a_layer_reach_a_stack_without_a_warning(first, inputs):
    model = stack(first())
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".* was passed an input with a mask")
        padded, plain = values([model(inputs), model(inputs[:, :LENGTH])])
    np.testing.assert_allclose(padded, plain, atol=1e-6)
    assert np.abs(padded).max() > 1e-3


def test_a_mask_that_is_given_reaches_the_next_layer_without_a_warning():
    first, second = lstm(return_sequences=True), lstm()
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".* was passed an input with a mask")
        padded, plain = values([second(first(SEQUENCES, mask=MASK)), second(first(SEQUENCES[:, :LENGTH]))])
    np.testing.assert_allclose(padded, plain, atol=1e-6)


@pytest.mark.parametrize(
    "make",
    [lstm, lambda: keras.layers.Bidirectional(lstm()), of_cells],
    ids=["LSTM", "Bidirectional", "RNN"],
)
def test_a_mask_that_is_given_reaches_a_layer_and_those_that_keras_wraps(make):
    layer = make()
    padded, plain = values([layer(SEQUENCES, mask=MASK), layer(SEQUENCES[:, :LENGTH])])
    if padded.ndim == 3:
        padded, plain = padded[:, -1], plain[:, -1]
    np.testing.assert_allclose(padded, plain, atol=1e-6)


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="converts PyTorch's")
def test_a_mask_passes_through_all_directions_of_a_converted_lstm():
    nn = importlib.import_module("torch").nn
    layers = kgan.layers.from_torch(
        nn.LSTM(WIDTH, 4, num_layers=2, bidirectional=True, batch_first=True)
    ).layers
    model = keras.Sequential([keras.layers.Masking(), *layers])
    padded, plain = values([model(SEQUENCES), model(SEQUENCES[:, :LENGTH])])
    np.testing.assert_allclose(padded[:, :LENGTH], plain, atol=1e-6)
