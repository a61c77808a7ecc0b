"""Pairs of networks: `(latent_dim=100, image_shape=(28, 28, 1)) -> (generator, discriminator)`.

Images are in [−1, 1]; every discriminator ends in a logit. Layers start as PyTorch's do, for the sources of
these networks were written in it, but for SELU's. Fully connected networks draw images of any shape,
convolutional ones those of 1 or 3 channels whose sides are multiples of 4 and at least 16. The widths named
below, and the numbers of parameters, are those for (28, 28, 1). Every public function of this file is an
architecture that the command line offers; a new one is one function.
"""

import itertools
import math

import keras
from keras import layers

from kgan.spec import check, is_count

IMAGE_SHAPE = (28, 28, 1)


def fully_connected(latent_dim=100, image_shape=IMAGE_SHAPE, num_classes=1):
    """Four fully connected layers a network, the generator ending in a sigmoid.

    G: latent → 256 → 512 → 1024 → 784, SELU between them; D: 784 → 1024 → 512 → 256 → 1, LeakyReLU
    0.2 between them. The sigmoid's [0, 1] is rescaled to [−1, 1].

    SELU with its initialiser, Klambauer et al. (2017), keeps the latents' signal at its size from layer
    to layer. With LeakyReLU and PyTorch's initialisers it fades: the first images are all alike, and
    under `LossBalanced` the generator collapsed from there in every setting tried (docs/presets.md).

    Args:
        latent_dim: Width of what G takes: of a latent, and of a one-hot behind it where there are classes.
        image_shape: Shape of an image.
        num_classes: Number of D's logits; 1 where classes do not matter.

    Returns:
        Generator with 1,486,352 and discriminator with 1,460,225 trainable parameters at 100.

    Raises:
        ValueError: If images of this shape cannot be drawn.
    """
    pixels = _pixels(image_shape)
    generator = [layers.Input((latent_dim,))]
    for width in (256, 512, 1024):
        generator += [layers.Dense(width, activation="selu", kernel_initializer="lecun_normal")]
    generator += [
        layers.Dense(pixels, activation="sigmoid", kernel_initializer="lecun_normal"),
        layers.Rescaling(2, offset=-1),
        layers.Reshape(image_shape),
    ]
    return _pair(
        generator, _dense_discriminator(image_shape, pixels, 1024, 512, 256, num_classes=num_classes)
    )


def template(latent_dim=100, image_shape=IMAGE_SHAPE, num_classes=1):
    """Fully connected, with batch norm in the generator.

    G: latent → 128 → 256, BN → 512, BN → 1024, BN → 784, tanh; D: 784 → 512 → 256 → 1.
    LeakyReLU 0.2 between them.

    Args:
        latent_dim: Width of what G takes: of a latent, and of a one-hot behind it where there are classes.
        image_shape: Shape of an image.
        num_classes: Number of D's logits; 1 where classes do not matter.

    Returns:
        Generator with 1,510,032 and discriminator with 533,505 trainable parameters at 100.

    Raises:
        ValueError: If images of this shape cannot be drawn.
    """
    pixels = _pixels(image_shape)
    generator = [layers.Input((latent_dim,)), _dense(latent_dim, 128), _leaky_relu()]
    widths = (128, 256, 512, 1024)
    for before, after in itertools.pairwise(widths):
        generator += [_dense(before, after), _batch_norm(), _leaky_relu()]
    generator += [_dense(1024, pixels), layers.Activation("tanh"), layers.Reshape(image_shape)]
    return _pair(generator, _dense_discriminator(image_shape, pixels, 512, 256, num_classes=num_classes))


def slim(latent_dim=100, image_shape=IMAGE_SHAPE, num_classes=1):
    """Two narrow fully connected networks: a step of a few milliseconds.

    G: latent → 256, BN, ReLU → 512, BN, ReLU → 784, tanh; D: 784 → 256 → 256 → 1, LeakyReLU 0.2
    between them.

    Args:
        latent_dim: Width of what G takes: of a latent, and of a one-hot behind it where there are classes.
        image_shape: Shape of an image.
        num_classes: Number of D's logits; 1 where classes do not matter.

    Returns:
        Generator with 561,168 and discriminator with 267,009 trainable parameters at 100.

    Raises:
        ValueError: If an image of this shape has no pixels.
    """
    pixels = _pixels(image_shape)
    generator = [layers.Input((latent_dim,))]
    for before, after in ((latent_dim, 256), (256, 512)):
        generator += [_dense(before, after), _batch_norm(), layers.ReLU()]
    generator += [_dense(512, pixels), layers.Activation("tanh"), layers.Reshape(image_shape)]
    return _pair(generator, _dense_discriminator(image_shape, pixels, 256, 256, num_classes=num_classes))


def convolutional(latent_dim=100, image_shape=IMAGE_SHAPE, num_classes=1):
    """Two convolutions a network.

    G: latent → 1024, BN, ReLU → 7·7·128, BN, ReLU → transposed conv to 64, BN, ReLU →
    transposed conv to 1, tanh; kernels 4, stride 2. D: conv to 32 → conv to 64, kernels 5, each
    with LeakyReLU 0.2 and max-pool 2 → 1024, LeakyReLU 0.2 → 1.

    Args:
        latent_dim: Width of what G takes: of a latent, and of a one-hot behind it where there are classes.
        image_shape: Shape of an image.
        num_classes: Number of D's logits; 1 where classes do not matter.

    Returns:
        Generator with 6,679,105 and discriminator with 1,102,721 trainable parameters at 100.

    Raises:
        ValueError: If images of this shape cannot be drawn.
    """
    height, width, channels = _quarters(image_shape)
    generator = [layers.Input((latent_dim,))]
    for before, after in ((latent_dim, 1024), (1024, height * width * 128)):
        generator += [_dense(before, after), _batch_norm(), layers.ReLU()]
    generator += [layers.Reshape((height, width, 128)), *_upsampled_images(64, channels)]
    discriminator = [layers.Input(image_shape)]
    for before, filters in ((channels, 32), (32, 64)):
        discriminator += [
            _convolution(layers.Conv2D, filters, 5, fan_in=before * 25),
            _leaky_relu(),
            layers.MaxPooling2D(2),
        ]
    # Without padding a side of 4k becomes 4k − 4, 2k − 2, 2k − 6 and k − 3.
    flat = 64 * (height - 3) * (width - 3)
    discriminator += [layers.Flatten(), _dense(flat, 1024), _leaky_relu(), _dense(1024, num_classes)]
    return _pair(generator, discriminator)


def compact(latent_dim=100, image_shape=IMAGE_SHAPE, num_classes=1):
    """Two small convolutions a network: quick on a CPU.

    G: latent → 7·7·64, BN, ReLU → transposed conv to 32, BN, ReLU → transposed conv to 1, tanh;
    D: conv to 16 → conv to 32, each with LeakyReLU 0.2 → 1. Kernels 4, stride 2, throughout.

    Args:
        latent_dim: Width of what G takes: of a latent, and of a one-hot behind it where there are classes.
        image_shape: Shape of an image.
        num_classes: Number of D's logits; 1 where classes do not matter.

    Returns:
        Generator with 356,385 and discriminator with 10,065 trainable parameters at 100.

    Raises:
        ValueError: If images of this shape cannot be drawn.
    """
    height, width, channels = _quarters(image_shape)
    generator = [
        layers.Input((latent_dim,)),
        _dense(latent_dim, height * width * 64),
        _batch_norm(),
        layers.ReLU(),
        layers.Reshape((height, width, 64)),
        *_upsampled_images(32, channels),
    ]
    discriminator = [layers.Input(image_shape)]
    for before, filters in ((channels, 16), (16, 32)):
        convolution = _convolution(layers.Conv2D, filters, 4, fan_in=before * 16, strides=2, padding="same")
        discriminator += [convolution, _leaky_relu()]
    discriminator += [layers.Flatten(), _dense(height * width * 32, num_classes)]
    return _pair(generator, discriminator)


def _pixels(image_shape):
    """Numbers in an image."""
    holds = len(image_shape) > 0 and all(map(is_count, image_shape))
    check("image_shape", "a tuple of positive integers", image_shape, holds=holds)
    return math.prod(image_shape)


def _quarters(image_shape):
    """A quarter of an image's height and of its width, which convolutions double twice, and its channels."""
    holds = len(image_shape) == 3 and all(map(is_count, image_shape)) and image_shape[2] in (1, 3)
    holds = holds and all(side % 4 == 0 and side >= 16 for side in image_shape[:2])
    rule = "(height, width, 1 or 3), its sides multiples of 4 from 16 on, for a convolutional architecture"
    check("image_shape", rule, image_shape, holds=holds)
    height, width, channels = image_shape
    return height // 4, width // 4, channels


def _upsampled_images(filters, channels):
    """From a quarter of the sides through half of them to images, by transposed convolutions of kernel 4."""
    return [
        _convolution(layers.Conv2DTranspose, filters, 4, fan_in=filters * 16, strides=2, padding="same"),
        _batch_norm(),
        layers.ReLU(),
        _convolution(layers.Conv2DTranspose, channels, 4, fan_in=16 * channels, strides=2, padding="same"),
        layers.Activation("tanh"),
    ]


def _pair(generator, discriminator):
    return (
        keras.Sequential(generator, name="generator"),
        keras.Sequential(discriminator, name="discriminator"),
    )


def _dense_discriminator(image_shape, *widths, num_classes):
    stack = [layers.Input(image_shape), layers.Flatten()]
    for before, after in itertools.pairwise(widths):
        stack += [_dense(before, after), _leaky_relu()]
    return [*stack, _dense(widths[-1], num_classes)]


def _dense(fan_in, units):
    return layers.Dense(units, **_torch_initializers(fan_in))


def _convolution(layer, filters, kernel_size, *, fan_in, strides=1, padding="valid"):
    return layer(filters, kernel_size, strides=strides, padding=padding, **_torch_initializers(fan_in))


def _torch_initializers(fan_in):
    """Uniform in ±1/√fan_in for kernel and bias, as torch.nn.Linear and its convolutions do."""
    limit = 1 / math.sqrt(fan_in)
    return {
        "kernel_initializer": keras.initializers.RandomUniform(-limit, limit),
        "bias_initializer": keras.initializers.RandomUniform(-limit, limit),
    }


def _batch_norm():
    # torch.nn.BatchNorm's defaults: its momentum 0.1 is 0.9 here. The well-known template writes
    # BatchNorm1d(n, 0.8), which passes a momentum as epsilon.
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)


def _leaky_relu():
    return layers.LeakyReLU(negative_slope=0.2)
