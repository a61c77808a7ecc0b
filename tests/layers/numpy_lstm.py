"""The LSTM in NumPy, gate by gate, from the equations of its cell's docstring."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(weights, x, *, states=None, mask=None):
    """Outputs `(batch, time, units)` and the last h and c, for x of `(batch, time, input_dim)`."""
    kernel, recurrent_kernel, bias = weights
    (w_i, w_f, w_g, w_o), (r_i, r_f, r_g, r_o) = (np.split(w, 4, axis=1) for w in (kernel, recurrent_kernel))
    b_i, b_f, b_g, b_o = np.split(bias, 4)
    zeros = np.zeros((len(x), recurrent_kernel.shape[0]))
    h, c = (zeros, zeros) if states is None else states
    outputs, shown = [], zeros
    for t in range(x.shape[1]):
        counts = np.ones(len(x), bool) if mask is None else mask[:, t]
        i = sigmoid(x[:, t] @ w_i + h @ r_i + b_i)
        f = sigmoid(x[:, t] @ w_f + h @ r_f + b_f)
        g = np.tanh(x[:, t] @ w_g + h @ r_g + b_g)
        o = sigmoid(x[:, t] @ w_o + h @ r_o + b_o)
        kept = c * f + g * i
        c = np.where(counts[:, None], kept, c)
        h = np.where(counts[:, None], o * np.tanh(kept), h)
        shown = np.where(counts[:, None], h, shown)
        outputs.append(shown)
    return np.stack(outputs, axis=1), h, c
