"""In float64: errors of the gradients against finite differences, and of checkpointed ones against full.

`python float64_run.py` prints them as JSON. In a process of its own, for JAX must be told before it starts.
"""

import json
import sys

import kgan  # before Keras, for it chooses the backend

# isort: split
import numpy as np
from recurrent import furthest_gradient, loss_and_gradients, mask, with_weights

STEP = 1e-5


def directional(layer, rng, **call):
    """The relative error of the derivative along a random direction in the space of the weights."""
    start = layer.get_weights()
    direction = [rng.normal(size=array.shape) for array in start]
    _, gradients = loss_and_gradients(layer, **call)
    exact = sum((g * d).sum() for g, d in zip(gradients, direction, strict=False))
    losses = []
    for sign in (1, -1):
        layer.set_weights([array + sign * STEP * d for array, d in zip(start, direction, strict=True)])
        losses.append(loss_and_gradients(layer, **call)[0])
    layer.set_weights(start)
    return abs((losses[0] - losses[1]) / (2 * STEP) - exact) / abs(exact)


def lstm(**arguments):
    return with_weights(kgan.layers.LSTM(4, dtype="float64", return_sequences=True, **arguments))


if __name__ == "__main__":
    rng = np.random.default_rng(2)
    difference = directional(lstm(), rng, mask=mask())
    full = loss_and_gradients(lstm(), mask=mask())[1]
    segments = [
        furthest_gradient(loss_and_gradients(lstm(checkpoint=c), mask=mask())[1], full) for c in ("sqrt", 9)
    ]
    json.dump({"finite differences": difference, "checkpointed": max(segments)}, sys.stdout)
