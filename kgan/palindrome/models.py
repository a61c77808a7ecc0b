"""Networks that recall the first digit of what they read."""

import keras

from kgan.layers import LSTM
from kgan.palindrome.latch import set_latch
from kgan.palindrome.settings import DIGITS, ENCODINGS, INITIALIZERS, NETWORKS, PRIORS
from kgan.spec import check, is_count


def digit_recaller(
    network,
    *,
    units,
    encoding,
    initializer="keras",
    forget_bias=None,
    time_lag=None,
    checkpoint=None,
    prior=None,
):
    """An untrained recurrent network with a logit for each digit, of report E's equations.

    From h_T, the output after the last step, p = W_ph h_T + b_p. The softmax of eq. 8 is left to
    the loss (see `compile_recaller`); h_0 and, in the LSTM, c_0 are zero. Its weights are drawn from
    Keras's global generators: see `keras.utils.set_random_seed`.

    Args:
        network: "lstm" for `kgan.layers.LSTM`, "rnn" for `keras.layers.SimpleRNNCell`.
        units: Positive integer, width of h.
        encoding: "one-hot" or "scalar", as the data is encoded.
        initializer: "keras" for orthogonal recurrent kernels, zero biases and a forget bias of 1; or
            "torch", as torch.nn has it: all uniform in ±1/√units, with which an RNN forgets.
        forget_bias: How the LSTM's forget gate begins: see `kgan.layers.LSTM`.
        time_lag: Steps to remember over, for some of these: likewise.
        checkpoint: How the LSTM saves memory: likewise.
        prior: "latch" for an LSTM that keeps the first digit before any training (see
            `kgan.palindrome.latch`), or None.

    Returns:
        `keras.Sequential` from float32 `(batch, steps, 10 or 1)`, of any number of steps, to logits
        `(batch, 10)`.

    Raises:
        ValueError: If an argument breaks its rule, or one of the LSTM's is given for another network.
    """
    check("units", "a positive integer", units, holds=is_count(units))
    named = (("network", network, NETWORKS), ("encoding", encoding, ENCODINGS))
    for name, value, choices in (*named, ("initializer", initializer, INITIALIZERS)):
        check(name, f"one of {', '.join(choices)}", value, holds=value in choices)
    options = {"forget_bias": forget_bias, "time_lag": time_lag, "checkpoint": checkpoint}
    torch = initializer == "torch"
    recurrent = (_lstm if network == "lstm" else _simple_rnn)(units, torch=torch, prior=prior, **options)
    readout = keras.layers.Dense(DIGITS, **(_uniform(units, "kernel", "bias") if torch else {}))
    width = DIGITS if encoding == "one-hot" else 1
    model = keras.Sequential([keras.Input((None, width)), recurrent, readout], name=network)
    if prior is not None:
        set_latch(recurrent)
    return model


def _lstm(units, *, torch, prior, **options):
    check("prior", f"None or one of {', '.join(PRIORS)}", prior, holds=prior in (None, *PRIORS))
    if prior is not None:
        bias = options["forget_bias"]
        check("forget_bias", "None where `prior` is given", bias, holds=bias is None)
        check("units", "2 or more where `prior` is given", units, holds=units >= 2)
    initial = _uniform(units, *_RECURRENT_WEIGHTS) | {"unit_forget_bias": False} if torch else {}
    return LSTM(units, **initial, **options)


def _simple_rnn(units, *, torch, **options):
    for name, value in options.items():
        check(name, "None unless `network` is 'lstm'", value, holds=value is None)
    initial = _uniform(units, *_RECURRENT_WEIGHTS) if torch else {}
    return keras.layers.RNN(keras.layers.SimpleRNNCell(units, **initial))


_RECURRENT_WEIGHTS = ("kernel", "recurrent", "bias")


def _uniform(units, *weights):
    """Initialisers, uniform in ±1/√units: one for each, for one alone would draw the same again."""
    bound = units**-0.5
    return {f"{weight}_initializer": keras.initializers.RandomUniform(-bound, bound) for weight in weights}


def compile_recaller(model, optimizer):
    """Compile a network of `digit_recaller` for the loss and the accuracy of the last step.

    The loss is the mean of −log softmax(p)_d over a batch, in nats, with the logits p and the true
    digit d: report E's eqs. 8 and 9.

    Args:
        model: `keras.Model` that returns logits `(batch, 10)`.
        optimizer: `keras.optimizers.Optimizer`.
    """
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
