"""The networks, their loss and their initial weights."""

import keras
import numpy as np
import pytest

from kgan.palindrome import compile_recaller, digit_recaller, draw_palindromes, encode
from support.networks import same_bits, values

DIGITS = draw_palindromes(6, 8, seed=0)


def recaller(network="rnn", *, units=5, encoding="one-hot", seed=0, **options):
    keras.utils.set_random_seed(seed)
    return digit_recaller(network, units=units, encoding=encoding, **options)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def rnn_logits(weights, inputs):
    """p = W h + b after h ← tanh(x U + h V + a) for each step."""
    kernel, recurrent_kernel, bias, dense, dense_bias = weights
    h = np.zeros((len(inputs), len(recurrent_kernel)))
    for x in inputs.swapaxes(0, 1):
        h = np.tanh(x @ kernel + h @ recurrent_kernel + bias)
    return h @ dense + dense_bias


def lstm_logits(weights, inputs):
    """Report E's equations 1 to 7, the gates in the order i, f, g, o."""
    kernel, recurrent_kernel, bias, dense, dense_bias = weights
    h = c = np.zeros((len(inputs), len(recurrent_kernel)))
    for x in inputs.swapaxes(0, 1):
        i, f, g, o = np.split(x @ kernel + h @ recurrent_kernel + bias, 4, axis=-1)
        c = np.tanh(g) * sigmoid(i) + c * sigmoid(f)
        h = np.tanh(c) * sigmoid(o)
    return h @ dense + dense_bias


@pytest.mark.parametrize("encoding", ["one-hot", "scalar"])
@pytest.mark.parametrize(("network", "oracle"), [("rnn", rnn_logits), ("lstm", lstm_logits)])
def test_logits_are_those_of_the_equations(network, oracle, encoding):
    model = recaller(network, encoding=encoding)
    inputs = encode(DIGITS[:, :-1], encoding)
    logits = model.predict(inputs, verbose=0)
    assert logits.shape == (6, 10)
    np.testing.assert_allclose(logits, oracle(values(model.weights), inputs), atol=1e-5)


def test_the_loss_is_the_cross_entropy_of_the_softmax_and_the_accuracy_the_share_of_right_digits():
    model = recaller()
    compile_recaller(model, keras.optimizers.SGD(0.1))
    inputs, targets = encode(DIGITS[:, :-1], "one-hot"), DIGITS[:, -1].astype("int32")
    logits = rnn_logits(values(model.weights), inputs)
    right = np.exp(logits)[np.arange(6), targets] / np.exp(logits).sum(axis=1)
    measured = model.evaluate(inputs, targets, verbose=0, return_dict=True)
    assert measured["loss"] == pytest.approx(-np.log(right).mean(), rel=1e-5)
    assert measured["accuracy"] == pytest.approx((logits.argmax(axis=1) == targets).mean())


@pytest.mark.parametrize("network", ["rnn", "lstm"])
def test_weights_are_a_function_of_keras_seed(network):
    first, again, other = (values(recaller(network, seed=seed).weights) for seed in (1, 1, 2))
    assert same_bits(first, again)
    assert not same_bits(first, other)


def test_the_forget_bias_and_checkpointing_reach_the_layer():
    model = recaller("lstm", forget_bias="log", time_lag=100, checkpoint="sqrt")
    bias = values(model.layers[0].weights)[2]
    np.testing.assert_allclose(bias[5:10], np.log(100), rtol=1e-6)
    assert model.layers[0].checkpoint == "sqrt"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"network": "gru"}, "`network` must be one of lstm, rnn, got 'gru'."),
        ({"units": 0}, "`units` must be a positive integer, got 0."),
        ({"units": 2.0}, "`units` must be a positive integer, got 2.0."),
        ({"encoding": "raw"}, "`encoding` must be one of one-hot, scalar, got 'raw'."),
        ({"forget_bias": 1.0}, "`forget_bias` must be None unless `network` is 'lstm', got 1.0."),
        ({"time_lag": 9}, "`time_lag` must be None unless `network` is 'lstm', got 9."),
        ({"checkpoint": "sqrt"}, "`checkpoint` must be None unless `network` is 'lstm', got 'sqrt'."),
        ({"network": "lstm", "forget_bias": "log"}, "`time_lag` must be a number above 2"),
    ],
)
def test_what_breaks_a_rule_is_named_with_its_value(arguments, message):
    with pytest.raises(ValueError, match=message):
        recaller(**arguments)


@pytest.mark.parametrize("network", ["rnn", "lstm"])
def test_the_initialisers_of_torch_are_uniform_and_differ_from_weight_to_weight(network):
    weights = values(recaller(network, units=64, initializer="torch").weights)
    for weight in weights:
        assert 0.95 / 8 < np.abs(weight).max() <= 1 / 8 or weight.size == 10  # 1/√64
        assert abs(weight.mean()) < 4 * (1 / 8 / 3**0.5) / weight.size**0.5  # the standard error
    first = [weight.ravel()[:10] for weight in weights]
    assert all(not same_bits([a], [b]) for n, a in enumerate(first) for b in first[:n])
