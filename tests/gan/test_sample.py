import importlib

import keras
import numpy as np
import pytest
from keras import ops

from kgan.gan.latent import sample_latents
from support.networks import same_bits, small_gan, small_images, values


def test_samples_are_the_generators_images_of_the_seeds_latents():
    gan = small_gan()
    latents = np.random.default_rng(3).standard_normal((7, 3), dtype="float32")
    samples = gan.sample(7, seed=3, batch_size=4)
    assert samples.dtype == "float32"
    np.testing.assert_allclose(samples, ops.convert_to_numpy(gan.generator(latents)), atol=1e-6)


def test_sampling_runs_in_inference_mode_and_changes_nothing():
    gan = small_gan(batch_norm=True)
    gan.fit(small_images(), batch_size=8, verbose=0)
    before = values(gan.variables)
    alone = gan.sample(1, seed=0)
    np.testing.assert_allclose(alone, gan.sample(5, seed=0)[:1], atol=1e-6)  # no batch statistics
    assert same_bits(before, values(gan.variables))


def test_latents_are_standard_normal_and_a_function_of_the_seed():
    latents = sample_latents(1000, 10, seed=1)
    assert latents.shape == (1000, 10)
    assert abs(latents.mean()) < 5 / np.sqrt(latents.size)
    assert abs(latents.var() - 1) < 5 * np.sqrt(2 / latents.size)
    assert same_bits([latents], [sample_latents(1000, 10, seed=1)])
    assert not same_bits([latents], [sample_latents(1000, 10, seed=2)])
    assert not same_bits([sample_latents(5, 3, seed=None)], [sample_latents(5, 3, seed=None)])


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"`n` must be a positive integer, got 0\."):
        small_gan().sample(0)
    with pytest.raises(ValueError, match=r"`batch_size` must be a positive integer, got 0\."):
        small_gan().sample(1, batch_size=0)
    with pytest.raises(ValueError, match=r"`seed` must be None or an integer in \[0, 2\*\*31\), got -1\."):
        small_gan().sample(1, seed=-1)


def test_images_of_given_latents_are_generated_in_batches():
    gan = small_gan()
    latents = sample_latents(5, 3, seed=1)
    expected = ops.convert_to_numpy(gan(latents, training=False))
    np.testing.assert_allclose(gan.generate(latents), expected, atol=1e-6)
    np.testing.assert_allclose(gan.generate(latents.tolist(), batch_size=2), expected, atol=1e-6)
    assert same_bits([gan.sample(5, seed=1)], [gan.generate(latents)])


@pytest.mark.parametrize("shape", [(0, 3), (2, 4), (3,)])
def test_latents_of_another_shape_are_named(shape):
    with pytest.raises(ValueError, match=r"`latents` must be of shape \(n, 3\), n at least 1, got"):
        small_gan().generate(np.zeros(shape))


def sees_gpu():
    backend = importlib.import_module(keras.backend.backend())
    if keras.backend.backend() == "torch":
        return backend.cuda.is_available()
    if keras.backend.backend() == "jax":
        return backend.default_backend() != "cpu"
    return bool(backend.config.get_visible_devices("GPU"))


def test_the_device_is_that_of_the_weights_frozen_or_not():
    gan = small_gan()
    assert (gan.device == "cpu") is not sees_gpu()
    gan.generator.trainable = gan.discriminator.trainable = False
    assert (gan.device == "cpu") is not sees_gpu()
