"""What the tests of the recurrent layers share: small inputs, weights and masks, and gradients."""

import keras
import numpy as np
from keras import ops

from support.networks import small_gan, values

BATCH, TIME, DIM, UNITS = 5, 7, 3, 4


def inputs(dtype="float32"):
    return np.random.default_rng(0).normal(size=(BATCH, TIME, DIM)).astype(dtype)


def mask():
    """Right, left, all, mixed and nothing masked, a row each."""
    counts = np.ones((BATCH, TIME), bool)
    counts[0, 4:] = counts[1, :3] = counts[2] = False
    counts[3] = [True, False, True, False, False, True, False]
    return counts


def weights():
    rng = np.random.default_rng(1)
    return [rng.normal(0, 0.6, shape) for shape in ((DIM, 4 * UNITS), (UNITS, 4 * UNITS), (4 * UNITS,))]


def with_weights(layer):
    layer.build((BATCH, TIME, DIM))
    layer.set_weights(weights()[: len(layer.weights)])
    return layer


def furthest(results, others):
    """The largest absolute difference between two lists of tensors, or two tensors."""
    lists = [part if isinstance(part, list | tuple) else [part] for part in (results, others)]
    pairs = zip(*(values(part) for part in lists), strict=True)
    return max(np.abs(a.astype("float64") - b).max() for a, b in pairs)


def loss_and_gradients(layer, **call):
    """A loss of a layer's outputs, and its gradients with respect to the weights and the inputs."""
    x = keras.Variable(inputs(layer.variable_dtype), dtype=layer.variable_dtype)

    def loss():
        outputs = layer(ops.convert_to_tensor(x), **call)
        return ops.sum(outputs * ops.cos(ops.cast(ops.arange(UNITS), outputs.dtype))), None

    recording = small_gan().record(loss, [*layer.trainable_variables, x])
    return float(recording.loss), values(recording.gradients())


def furthest_gradient(gradients, others):
    """max|Δ| / max|g| over lists of gradients: an error per element would say nothing."""
    return max(np.abs(a - b).max() / np.abs(b).max() for a, b in zip(gradients, others, strict=True))
