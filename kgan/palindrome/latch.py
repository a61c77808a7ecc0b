"""A latch: an LSTM that keeps the first digit it reads before any training.

It solves the memory of the task by hand and leaves to training which digit was kept. So it is a
prior about this task, to be named beside any result with it, and no way to begin in general.
"""

import keras
import numpy as np

from kgan.palindrome.settings import DIGITS

_OPEN = 20.0  # σ(20) and tanh(20) are 1 in float32


def set_latch(layer):
    """Set the weights of an LSTM so that it stores the first step and closes to all others.

    All gates are open and nothing is forgotten; what is offered is a random projection of the digit.
    Unit 0 offers 1 at each step: after the first its output is tanh 1 ≈ 0.76, which closes the input
    gate of every unit, σ(20 − 60 · 0.76) ≈ 7e-12. A scalar digit is offered to each unit as tanh(w (x −
    θ)) with a threshold θ, uniform in [0, 9]. Drawn from Keras's global generators.

    Args:
        layer: Built `kgan.layers.LSTM` with two units or more, tanh and sigmoid, and a bias.
    """
    kernel, recurrent_kernel, bias = (np.zeros_like(weight) for weight in layer.get_weights())
    i, f, g, o = (slice(gate * layer.units, (gate + 1) * layer.units) for gate in range(4))
    bias[i] = bias[f] = bias[o] = _OPEN
    kernel[:, g] = keras.ops.convert_to_numpy(keras.random.normal(kernel[:, g].shape))
    if len(kernel) == 1:
        thresholds = keras.random.uniform((layer.units,), 0, DIGITS - 1)
        bias[g] = -keras.ops.convert_to_numpy(thresholds) * kernel[0, g]
    kernel[:, g.start] = 0
    bias[g.start] = _OPEN
    recurrent_kernel[0, i] = -3 * _OPEN
    layer.set_weights([kernel, recurrent_kernel, bias])
