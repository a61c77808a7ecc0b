"""A generator as plain values that the page can run: its operations in order, their weights in few bits.

A weight matrix is kept as integers and a scale for each output channel. The scale times the integers is
what the page computes with, and what the measured error is of.
"""

import base64

import keras
import numpy as np

from kgan.spec import check

BITS = (8, 16)
_ACTIVATIONS = ("linear", "relu", "leaky_relu", "selu", "elu", "sigmoid", "tanh", "silu", "softplus")


def described(generator):
    """The operations of a generator, each a dict of plain values, and arrays under "weights".

    Args:
        generator: Built `keras.Sequential`.

    Returns:
        List of dicts with "op" and what it needs. The arrays of a layer's weights are float32.

    Raises:
        ValueError: If it is no `Sequential`, or a layer is none that the page can run.
    """
    holds = isinstance(generator, keras.Sequential)
    check("generator", "a keras.Sequential to run on a page", type(generator).__name__, holds=holds)
    operations = []
    for layer in generator.layers:
        operations += _described(layer)
    return operations


def _described(layer):
    """The operations of a layer: its own, and its activation's."""
    own = {getattr(keras.layers, name): describe for name, describe in _LAYERS.items()}
    if type(layer) not in own:
        raise ValueError(
            f"The page cannot run the layer {layer.name!r}, a {type(layer).__name__}; it can run "
            f"{', '.join(sorted(_LAYERS))}."
        )
    operation = own[type(layer)](layer)
    operations = [operation] if operation else []
    if hasattr(layer, "activation"):
        operations += _activation(layer, layer.activation)
    return operations


def _activation(layer, function, **parameters):
    name = keras.activations.serialize(function)
    holds = name in _ACTIVATIONS
    check(f"activation of {layer.name}", f"one of {', '.join(_ACTIVATIONS)}", name, holds=holds)
    return [] if name == "linear" else [{"op": name} | _DEFAULTS.get(name, {}) | parameters]


_DEFAULTS = {"leaky_relu": {"slope": 0.2}, "elu": {"alpha": 1.0}}


def _array(variable):
    return np.array(keras.ops.convert_to_numpy(variable), dtype="float32")


def _dense(layer):
    return {"op": "dense", "outputs": layer.units, "weights": _kernel(layer, axis=1)}


def _convolution(layer):
    return _spatial(layer, "conv", axis=3)


def _transposed(layer):
    holds = getattr(layer, "output_padding", None) is None
    check(f"output_padding of {layer.name}", "None to run on a page", layer.output_padding, holds=holds)
    return _spatial(layer, "transposed", axis=2)


def _spatial(layer, op, *, axis):
    _check_channels_last(layer)
    for name, value in (("dilation_rate", layer.dilation_rate), ("groups", getattr(layer, "groups", 1))):
        holds = set(np.ravel(value).tolist()) == {1}
        check(f"{name} of {layer.name}", "1 to run on a page", value, holds=holds)
    return {
        "op": op,
        "kernel": list(layer.kernel_size),
        "strides": list(layer.strides),
        "same": layer.padding == "same",
        "outputs": layer.filters,
        "weights": _kernel(layer, axis=axis),
    }


def _kernel(layer, *, axis):
    """The kernel with the axis of its outputs last, and the bias."""
    kernel = np.moveaxis(_array(layer.kernel), axis, -1)
    bias = _array(layer.bias) if layer.use_bias else np.zeros(kernel.shape[-1], "float32")
    return {"kernel": np.ascontiguousarray(kernel), "bias": bias}


def _batch_norm(layer):
    """In inference, a factor and an offset for each channel."""
    rank = len(layer.input.shape)
    check(
        f"axis of {layer.name}", "the last to run on a page", layer.axis, holds=layer.axis in (-1, rank - 1)
    )
    factor = 1 / np.sqrt(_array(layer.moving_variance) + layer.epsilon)
    factor = factor * _array(layer.gamma) if layer.scale else factor
    offset = -_array(layer.moving_mean) * factor
    offset = offset + _array(layer.beta) if layer.center else offset
    return {"op": "affine", "weights": {"factor": factor, "offset": offset}}


def _rescaling(layer):
    factor, offset = (np.ravel(value).astype("float32") for value in (layer.scale, layer.offset))
    factor, offset = np.broadcast_arrays(factor, offset)
    return {"op": "affine", "weights": {"factor": factor.copy(), "offset": offset.copy()}}


def _reshape(layer):
    return {"op": "reshape", "shape": list(layer.output.shape[1:])}


def _upsampling(layer):
    _check_channels_last(layer)
    holds = layer.interpolation == "nearest"
    check(f"interpolation of {layer.name}", "nearest to run on a page", layer.interpolation, holds=holds)
    return {"op": "upsample", "size": list(layer.size)}


def _relu(layer):
    holds = layer.max_value is None and not layer.threshold and not layer.negative_slope
    check(
        f"settings of {layer.name}", "those of a plain ReLU to run on a page", layer.get_config(), holds=holds
    )
    return {"op": "relu"}


def _check_channels_last(layer):
    value = layer.data_format
    check(
        f"data_format of {layer.name}",
        "channels_last to run on a page",
        value,
        holds=value == "channels_last",
    )


def _nothing(layer):
    """What does nothing in inference, or what its activation says."""


_LAYERS = {
    "Activation": _nothing,
    "BatchNormalization": _batch_norm,
    "Conv2D": _convolution,
    "Conv2DTranspose": _transposed,
    "Dense": _dense,
    "Dropout": _nothing,
    "ELU": lambda layer: {"op": "elu", "alpha": float(layer.alpha)},
    "Flatten": _reshape,
    "GaussianNoise": _nothing,
    "LeakyReLU": lambda layer: {"op": "leaky_relu", "slope": float(layer.negative_slope)},
    "ReLU": _relu,
    "Rescaling": _rescaling,
    "Reshape": _reshape,
    "UpSampling2D": _upsampling,
}


def quantised(kernel, *, bits):
    """Integers and scales of a kernel: the nearest to scale · integer, the largest of each channel kept.

    Args:
        kernel: Array `(..., outputs)`.
        bits: Of an integer.

    Returns:
        Integer array of the kernel's shape, and float32 scales `(outputs,)`.
    """
    most = 2 ** (bits - 1) - 1
    largest = np.abs(kernel).reshape(-1, kernel.shape[-1]).max(axis=0)
    scale = np.where(largest > 0, largest / most, 1).astype("float32")
    return np.round(kernel / scale).astype(f"int{bits}"), scale


def packed(operations, *, bits):
    """The operations as JSON can hold them: kernels as integers, all arrays in base64.

    Args:
        operations: What `described` returned.
        bits: Of an integer of a kernel.
    """
    return [
        operation | {"weights": _packed(operation["weights"], bits=bits)}
        if "weights" in operation
        else operation
        for operation in operations
    ]


def _packed(weights, *, bits):
    if "kernel" not in weights:
        return {name: _base64(array) for name, array in weights.items()}
    integers, scale = quantised(weights["kernel"], bits=bits)
    return {"kernel": _base64(integers), "scale": _base64(scale), "bias": _base64(weights["bias"])}


def _base64(array):
    return base64.b64encode(array.astype(array.dtype.newbyteorder("<")).tobytes()).decode("ascii")


def dequantised(generator, *, bits):
    """A generator with the weights that the page computes with.

    Args:
        generator: Built `keras.Sequential` whose layers the page can run.
        bits: Of an integer of a kernel.
    """
    coarse = keras.models.clone_model(generator)
    for variable, original in zip(coarse.variables, generator.variables, strict=True):
        variable.assign(np.array(keras.ops.convert_to_numpy(original)))  # JAX would share, and donate, it
    for layer in coarse.layers:
        if isinstance(layer, keras.layers.Conv2DTranspose | keras.layers.Conv2D | keras.layers.Dense):
            axis = 2 if isinstance(layer, keras.layers.Conv2DTranspose) else -1
            integers, scale = quantised(np.moveaxis(_array(layer.kernel), axis, -1), bits=bits)
            layer.kernel.assign(np.moveaxis(integers * scale, -1, axis))
    return coarse
