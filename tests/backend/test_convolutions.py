"""Gradients of convolutions on JAX, rewritten for speed, against those that JAX derives."""

import importlib
import itertools

import keras
import numpy as np
import pytest

import kgan
from kgan.gan.update_policies import FixedProbability
from support.networks import small_images

pytestmark = pytest.mark.skipif(keras.backend.backend() != "jax", reason="only JAX's are rewritten")


def convolution(kind, *, stride, padding):
    """A function of images and a kernel."""
    lax = importlib.import_module("jax").lax
    if kind == "transposed":
        return lambda images, kernel: lax.conv_transpose(images, kernel, (stride, stride), padding)
    names = {"dimension_numbers": ("NHWC", "HWIO", "NHWC")}
    if kind == "dilated":
        return lambda images, kernel: lax.conv_general_dilated(
            images, kernel, (1, 1), padding, rhs_dilation=(stride, stride), **names
        )
    return lambda images, kernel: lax.conv_general_dilated(images, kernel, (stride, stride), padding, **names)


@pytest.mark.parametrize("kind", ["plain", "transposed", "dilated"])
@pytest.mark.parametrize(
    ("stride", "padding", "window"), [*itertools.product((1, 2, 3), ("SAME", "VALID"), ((4, 4), (5, 3)))]
)
def test_rewritten_gradients_are_those_that_jax_derives(kind, stride, padding, window):
    jax = importlib.import_module("jax")
    rewritten = importlib.import_module("kgan.backend.jax.convolutions").with_fast_convolutions
    draw = np.random.default_rng(0).standard_normal
    convolve = convolution(kind, stride=stride, padding=padding)
    images, kernel = draw((5, 14, 15, 2), "float32"), draw((*window, 2, 3), "float32")
    output, pullback = jax.vjp(convolve, images, kernel)
    output_gradient = draw(output.shape, "float32")
    expected, found = pullback(output_gradient), rewritten(lambda: pullback(output_gradient))()
    for want, got in zip(expected, found, strict=True):
        np.testing.assert_allclose(got, want, atol=1e-5 * np.abs(want).max())


def convolutional_gan():
    layers = keras.layers
    generator = keras.Sequential(
        [
            layers.Input((3,)),
            layers.Dense(32),
            layers.Reshape((4, 4, 2)),
            layers.Conv2DTranspose(1, 4, strides=2, padding="same", activation="tanh"),
        ]
    )
    discriminator = keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(2, 4, strides=2, padding="same"),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )
    gan = kgan.GAN(generator, discriminator, latent_dim=3, update_policy=FixedProbability(0.5))
    gan.compile("adam", "adam")
    return gan


def test_every_convolution_of_the_step_has_the_layout_that_xla_runs_fast_in_a_branch():
    gan = convolutional_gan()
    groups = (gan.trainable_variables, gan.non_trainable_variables, gan.optimizer.variables)
    state = tuple([v.value for v in group] for group in (*groups, gan.metrics_variables))
    images = small_images(8, (8, 8, 1))
    step = str(importlib.import_module("jax").make_jaxpr(gan.train_step)(state, (images,)))
    nhwc, hwio = "(0, 3, 1, 2)", "(3, 2, 0, 1)"
    layout = f"lhs_spec={nhwc}, rhs_spec={hwio}, out_spec={nhwc}"
    # Forward 3: one of G, one of D on real and on generated images. Backward: a kernel's gradient for
    # each, and for G the gradient of its images.
    assert step.count("conv_general_dilated[") >= 7
    assert step.count(layout) == step.count("conv_general_dilated[")
