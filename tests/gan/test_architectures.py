import keras
import numpy as np
import pytest

import kgan
from kgan.gan import architectures
from kgan.presets import architecture_names

# (generator, discriminator), each term a layer's weights + biases, or 2 × the width of a batch norm.
TRAINABLE = {
    "fully_connected": (
        (100 * 256 + 256) + (256 * 512 + 512) + (512 * 1024 + 1024) + (1024 * 784 + 784),
        (784 * 1024 + 1024) + (1024 * 512 + 512) + (512 * 256 + 256) + (256 + 1),
    ),
    "template": (
        (100 * 128 + 128)
        + (128 * 256 + 256 + 2 * 256)
        + (256 * 512 + 512 + 2 * 512)
        + (512 * 1024 + 1024 + 2 * 1024)
        + (1024 * 784 + 784),
        (784 * 512 + 512) + (512 * 256 + 256) + (256 + 1),
    ),
    "slim": (
        (100 * 256 + 256 + 2 * 256) + (256 * 512 + 512 + 2 * 512) + (512 * 784 + 784),
        (784 * 256 + 256) + (256 * 256 + 256) + (256 + 1),
    ),
    "convolutional": (
        (100 * 1024 + 1024 + 2 * 1024)
        + (1024 * 6272 + 6272 + 2 * 6272)
        + (128 * 64 * 16 + 64 + 2 * 64)
        + (64 * 16 + 1),
        (25 * 32 + 32) + (32 * 64 * 25 + 64) + (64 * 16 * 1024 + 1024) + (1024 + 1),
    ),
    "compact": (
        (100 * 3136 + 3136 + 2 * 3136) + (64 * 32 * 16 + 32 + 2 * 32) + (32 * 16 + 1),
        (16 * 16 + 16) + (16 * 32 * 16 + 32) + (49 * 32 + 1),
    ),
}
REPORTED = {
    "fully_connected": (1_486_352, 1_460_225),
    "template": (1_510_032, 533_505),
    "slim": (561_168, 267_009),
    "convolutional": (6_679_105, 1_102_721),
    "compact": (356_385, 10_065),
}


def count(network):
    return sum(int(np.prod(variable.shape)) for variable in network.trainable_variables)


@pytest.mark.parametrize("name", sorted(TRAINABLE))
def test_trainable_parameters_come_to_the_sums_by_hand(name):
    networks = getattr(architectures, name)()
    assert tuple(map(count, networks)) == TRAINABLE[name] == REPORTED[name]


# The same sums for (20, 32, 3) at 10: a quarter of the sides is 5 × 8, of which D keeps 2 × 5.
OF_COLOUR = {
    "fully_connected": (
        (10 * 256 + 256) + (256 * 512 + 512) + (512 * 1024 + 1024) + (1024 * 1920 + 1920),
        (1920 * 1024 + 1024) + (1024 * 512 + 512) + (512 * 256 + 256) + (256 + 1),
    ),
    "template": (
        (10 * 128 + 128)
        + (128 * 256 + 256 + 2 * 256)
        + (256 * 512 + 512 + 2 * 512)
        + (512 * 1024 + 1024 + 2 * 1024)
        + (1024 * 1920 + 1920),
        (1920 * 512 + 512) + (512 * 256 + 256) + (256 + 1),
    ),
    "slim": (
        (10 * 256 + 256 + 2 * 256) + (256 * 512 + 512 + 2 * 512) + (512 * 1920 + 1920),
        (1920 * 256 + 256) + (256 * 256 + 256) + (256 + 1),
    ),
    "convolutional": (
        (10 * 1024 + 1024 + 2 * 1024)
        + (1024 * 5120 + 5120 + 2 * 5120)
        + (128 * 64 * 16 + 64 + 2 * 64)
        + (64 * 3 * 16 + 3),
        (3 * 25 * 32 + 32) + (32 * 64 * 25 + 64) + (64 * 10 * 1024 + 1024) + (1024 + 1),
    ),
    "compact": (
        (10 * 2560 + 2560 + 2 * 2560) + (64 * 32 * 16 + 32 + 2 * 32) + (32 * 3 * 16 + 3),
        (3 * 16 * 16 + 16) + (16 * 32 * 16 + 32) + (40 * 32 + 1),
    ),
}


@pytest.mark.parametrize("name", sorted(TRAINABLE))
def test_networks_take_their_sizes_from_the_shape_of_an_image(name):
    shape = (20, 32, 3)
    networks = getattr(architectures, name)(10, shape)
    assert tuple(map(count, networks)) == OF_COLOUR[name]
    gan = kgan.GAN(*networks, latent_dim=10)
    assert gan.image_shape == shape
    assert gan.sample(2, seed=0).shape == (2, *shape)


@pytest.mark.parametrize("name", ["convolutional", "compact"])
@pytest.mark.parametrize("shape", [(28, 30, 1), (12, 16, 1), (28, 28, 2), (28, 28), (0, 16, 1)])
def test_convolutional_networks_refuse_shapes_that_they_cannot_double_to(name, shape):
    with pytest.raises(ValueError, match=r"`image_shape` must be .*multiples of 4 from 16 on.*, got \("):
        getattr(architectures, name)(10, shape)


@pytest.mark.parametrize("name", ["fully_connected", "template", "slim"])
def test_fully_connected_networks_draw_images_of_any_shape(name):
    gan = kgan.GAN(*getattr(architectures, name)(2, (3, 5, 2)), latent_dim=2)
    assert gan.image_shape == (3, 5, 2)
    with pytest.raises(ValueError, match="`image_shape` must be a tuple of positive integers, got"):
        getattr(architectures, name)(2, (3, 0, 2))


@pytest.mark.parametrize("name", sorted(TRAINABLE))
def test_convolutions_of_colour_start_within_torch_s_bounds(name):
    generator, discriminator = getattr(architectures, name)(10, (16, 16, 3))
    for network in (generator, discriminator):
        for layer in network.layers:
            kernel = getattr(layer, "kernel", None)
            if kernel is None or getattr(layer, "activation", None) in (
                keras.activations.selu,
                keras.activations.sigmoid,
            ):
                continue
            fan_in = np.prod(kernel.shape[:-1])  # of a transposed convolution: its kernel swaps the last two
            assert np.abs(keras.ops.convert_to_numpy(kernel)).max() <= 1 / np.sqrt(fan_in)


@pytest.mark.parametrize("name", sorted(TRAINABLE))
def test_images_are_in_range_and_discriminators_end_in_a_logit(name):
    keras.utils.set_random_seed(0)
    gan = kgan.GAN(*getattr(architectures, name)(latent_dim=7), latent_dim=7)
    images = gan.sample(3, seed=0)
    assert images.shape == (3, 28, 28, 1)
    assert -1 <= images.min() < images.max() <= 1
    # A sigmoid would stay in [0, 1] and flatten; a logit scales with images far out.
    near, far = (keras.ops.convert_to_numpy(gan.discriminator(scale * images)) for scale in (1e6, 1e7))
    assert near.shape == (3, 1)
    np.testing.assert_allclose(far, 10 * near, rtol=1e-2)


def test_the_presets_know_every_architecture_without_importing_keras():
    assert sorted(architecture_names()) == sorted(TRAINABLE)


def test_layers_start_as_torch_nn_linear_does():
    keras.utils.set_random_seed(0)
    dense = architectures.template()[1].layers[1]
    limit = 1 / np.sqrt(784)
    for variable in dense.trainable_variables:
        weights = keras.ops.convert_to_numpy(variable)
        assert 0.98 * limit < np.abs(weights).max() <= limit
        assert abs(weights.mean()) < 5 * limit / np.sqrt(3 * weights.size)


def test_images_of_the_fully_connected_generator_differ_before_it_is_trained():
    keras.utils.set_random_seed(0)
    gan = kgan.GAN(*architectures.fully_connected())
    spread = gan.sample(200, seed=0).std(axis=0).mean()
    # SELU's outputs have variance 1, LeCun's weights keep it, and tanh(x/2) of it spreads by 0.41.
    assert 0.3 < spread < 0.5


@pytest.mark.parametrize("name", sorted(TRAINABLE))
def test_so_many_classes_are_so_many_logits_and_nothing_else_changes(name):
    plain, of_ten = (getattr(architectures, name)(20, num_classes=k) for k in (1, 10))
    assert of_ten[1].output_shape == (None, 10)
    last = plain[1].layers[-1].kernel.shape[0]
    assert count(of_ten[1]) - count(plain[1]) == 9 * (last + 1)
    assert count(of_ten[0]) == count(plain[0])
