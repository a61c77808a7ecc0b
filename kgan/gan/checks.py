"""Whether two networks fit each other, and images fit them."""

import warnings

import keras
import numpy as np

from kgan.spec import check


def built_image_shape(generator, discriminator, latent_dim, *, num_classes=0):
    """Build both networks and return the shape of an image.

    Args:
        generator: Model `(batch, latent_dim + num_classes) -> (batch, *image_shape)`.
        discriminator: Model `(batch, *image_shape) -> (batch, num_classes)`, or `(batch, 1)` without classes.
        latent_dim: Width of a latent.
        num_classes: Number of classes whose labels condition both networks, or 0.

    Returns:
        Tuple of the sizes of one image.

    Raises:
        ValueError: If one of the networks takes or returns another shape, or the discriminator
            ends in a sigmoid layer, which would train it on a sigmoid of a sigmoid.
    """
    for name, network in (("generator", generator), ("discriminator", discriminator)):
        check(name, "a keras.Model", network, holds=isinstance(network, keras.Layer))
    what = "latents (see `latent_dim`)" if num_classes == 0 else "latents with a one-hot (see `num_classes`)"
    images = _output_of(generator, "generator", (latent_dim + num_classes,), what)
    shape = tuple(images.shape[1:])
    logits = _output_of(discriminator, "discriminator", shape, "the generator's images")
    width = num_classes or 1
    if not hasattr(logits, "shape") or tuple(logits.shape) != (None, width):
        got = tuple(logits.shape) if hasattr(logits, "shape") else f"{len(logits)} outputs"
        rule = f"logits (batch, {width}), as of Dense({width})"
        raise ValueError(f"`discriminator` must return {rule}, got {got}.")
    if _ends_in_sigmoid(discriminator):
        raise ValueError(
            "`discriminator` must end in a logit, got a sigmoid; leave it out, the losses apply it."
        )
    return shape


_SIGMOIDS = (
    keras.activations.sigmoid,
    keras.activations.hard_sigmoid,
    keras.ops.sigmoid,
    keras.ops.hard_sigmoid,
)


def _ends_in_sigmoid(network):
    last = network
    while parts := _parts(last):
        last = parts[-1]
    functions = (getattr(last, name, None) for name in ("activation", "function"))  # the latter of a Lambda
    is_operation = type(last).__name__ in (
        "Sigmoid",
        "HardSigmoid",
    )  # keras.ops.sigmoid in a functional model
    return is_operation or any(function in _SIGMOIDS for function in functions)


def _parts(layer):
    if isinstance(layer, keras.layers.Wrapper):  # such as SpectralNormalization
        return [layer.layer]
    return getattr(layer, "operations", None) or getattr(layer, "layers", None)


def _output_of(network, name, input_shape, what):
    expected = getattr(network, "input_shape", None) if network.built else None
    if expected is not None and tuple(expected[1:]) != input_shape:
        raise ValueError(f"`{name}` takes inputs {tuple(expected[1:])}, but {what} are {input_shape}.")
    return network(keras.Input(input_shape))


def check_shape(images, image_shape):
    """Raise ValueError unless a batch, of which sizes may be unknown, holds images of this shape."""
    shape = tuple(images.shape[1:])
    known = tuple(e if s is None else s for s, e in zip(shape, image_shape, strict=False))
    if len(shape) != len(image_shape) or known != image_shape:
        is_channels_first = len(shape) == 3 and (*shape[1:], shape[0]) == image_shape
        hint = "; channels are first, give x.transpose(0, 2, 3, 1)" if is_channels_first else ""
        raise ValueError(f"`x` must hold images of shape {image_shape}, got {shape}{hint}.")


def checked_images(x, image_shape):
    """The NumPy array of `x`, once its shape and range are seen to be right.

    Args:
        x: Array or tensor `(num_images, *image_shape)`.
        image_shape: Tuple of the sizes of one image.

    Raises:
        ValueError: If the shape is another, or a value is not in [−1, 1] or not a number.

    Warns:
        UserWarning: If no value is negative, as in images in [0, 1].
    """
    images = keras.ops.convert_to_numpy(x)
    check_shape(images, image_shape)
    check("len(x)", "at least 1", len(images), holds=len(images) > 0)
    low, high = float(np.min(images)), float(np.max(images))
    if not np.isfinite([low, high]).all():
        bad = np.flatnonzero(~np.isfinite(images.reshape(len(images), -1)).all(axis=1))
        raise ValueError(f"`x` must hold finite values; {len(bad)} images do not, first x[{bad[0]}].")
    if low < -1 or high > 1:
        hint = "; for 0 to 255, give x / 127.5 - 1" if low >= 0 else ""
        raise ValueError(f"`x` must hold images in [-1, 1], got [{low:g}, {high:g}]{hint}.")
    if low >= 0:
        warnings.warn(
            f"`x` must hold images in [-1, 1], got [{low:g}, {high:g}]; for 0 to 1, give 2 * x - 1.",
            stacklevel=4,  # the caller of `fit`
        )
    return images


def checked_labels(y, *, num_images, num_classes):
    """The labels of images as an int32 array, once they are seen to be right.

    Args:
        y: Array or sequence of integers in [0, num_classes), one for each image.
        num_images: Their number.
        num_classes: Number of classes.

    Raises:
        ValueError: If there are none, one is no integer or out of range, or their number is another.
    """
    rule = f"integers in [0, {num_classes}), one for each of {num_images} images, as in fit(images, labels)"
    check("y", rule, y, holds=y is not None)
    labels = keras.ops.convert_to_numpy(y)
    check("y", rule, labels.dtype.name, holds=labels.dtype.kind in "iu")
    check("y", rule, labels.shape, holds=labels.shape == (num_images,))
    low, high = int(labels.min()), int(labels.max())
    check("y", rule, [low, high], holds=low >= 0 and high < num_classes)
    return labels.astype("int32")


_WITHOUT_MEANING = {
    "class_weight": "left out, because the losses of a GAN weigh all images alike",
    "sample_weight": "left out, because the losses of a GAN weigh all images alike",
    "validation_split": "left out; split the images, and give one part as `validation_data`",
}


def check_options(options):
    """Raise ValueError for an argument of Keras's `fit` or `evaluate` that has no meaning for a GAN."""
    for name, rule in _WITHOUT_MEANING.items():
        value = options.get(name)
        is_default = value is None or (np.isscalar(value) and value == 0)
        check(name, rule, type(value).__name__, holds=is_default)


def check_data(x):
    """Raise ValueError where `x` is nothing that images can be taken from."""
    iterable = hasattr(x, "__iter__") or hasattr(x, "__getitem__")
    if not iterable or isinstance(x, list | tuple | dict | str | bytes):
        kinds = "an array of images, a PyDataset, a DataLoader or a tf.data.Dataset"
        raise ValueError(
            f"`x` must be {kinds}, got {type(x).__name__}; give images alone, as in fit(images)."
        )
