import numpy as np
import pytest
from keras import ops

from conftest import same_bits, small_gan, small_images, values
from kgan.gan.latent import sample_latents


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
