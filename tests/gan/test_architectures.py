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
    "convolutional": (6_679_105, 1_102_721),
    "compact": (356_385, 10_065),
}


def count(network):
    return sum(int(np.prod(variable.shape)) for variable in network.trainable_variables)


@pytest.mark.parametrize("name", sorted(TRAINABLE))
def test_trainable_parameters_come_to_the_sums_by_hand(name):
    networks = getattr(architectures, name)()
    assert tuple(map(count, networks)) == TRAINABLE[name] == REPORTED[name]


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
