"""Networks in half precision, weights, losses and coins in single."""

import keras
import numpy as np
import pytest

import kgan
from support.networks import same_bits, small_gan, small_images, values

IMAGES = small_images(64)


@pytest.fixture(params=["mixed_float16", "mixed_bfloat16"])
def policy(request):
    """A global policy, for the length of a test."""
    before = keras.config.dtype_policy()
    keras.mixed_precision.set_dtype_policy(request.param)
    yield request.param
    keras.mixed_precision.set_dtype_policy(before)


def test_twenty_steps_stay_finite_and_near_those_of_single_precision(policy):
    half = small_gan(batch_norm=True).fit(IMAGES, batch_size=16, epochs=5, verbose=0).history
    keras.mixed_precision.set_dtype_policy("float32")
    single = small_gan(batch_norm=True).fit(IMAGES, batch_size=16, epochs=5, verbose=0).history
    for name in ("d_loss", "g_loss", "d_real", "d_fake"):
        assert half[name] == pytest.approx(single[name], rel=0.05)


def faint_gan():
    """A GAN whose discriminator sends back gradients of 1e-7, which half precision can't tell from 0."""
    gan = small_gan()
    gan.discriminator.trainable_variables[-2].assign(np.full((6, 1), 1e-4))
    gan.compile(keras.optimizers.SGD(1.0), keras.optimizers.SGD(1.0))
    return gan


def update_of_generator(gan):
    before = values(gan.generator.trainable_variables)
    gan.fit(small_images(1024), batch_size=1024, verbose=0)
    after = values(gan.generator.trainable_variables)
    return np.concatenate([(b - a).ravel() for a, b in zip(before, after, strict=True)])


@pytest.mark.parametrize("policy", ["mixed_float16"], indirect=True)
def test_small_gradients_reach_the_generator(policy):
    half = update_of_generator(faint_gan())
    keras.mixed_precision.set_dtype_policy("float32")
    single = update_of_generator(faint_gan())
    assert np.abs(single).max() < 1e-3
    assert np.abs(half - single).max() < 0.02 * np.abs(single).max()


@pytest.mark.parametrize("policy", ["mixed_float16"], indirect=True)
def test_a_step_whose_gradients_overflow_changes_no_weight_and_halves_the_scale(policy):
    gan = small_gan(update_policy=kgan.update_policies.Always())
    scale = gan.generator_optimizer.dynamic_scale
    scale.assign(2.0**40)
    before = values(gan.generator.trainable_variables)
    gan.fit(IMAGES, batch_size=64, verbose=0)
    assert float(scale.value) == 2.0**39
    assert same_bits(values(gan.generator.trainable_variables), before)
    assert np.isfinite(gan.sample(4, seed=0)).all()


@pytest.mark.parametrize("policy", ["mixed_float16"], indirect=True)
def test_a_scaled_optimizer_is_saved_with_its_scale_and_wrapped_once(policy, tmp_path):
    gan = small_gan()
    gan.discriminator_optimizer.dynamic_scale.assign(1024.0)
    gan.save(tmp_path / "gan.keras")
    loaded = kgan.load_model(tmp_path / "gan.keras")
    assert float(loaded.discriminator_optimizer.dynamic_scale.value) == 1024
    assert isinstance(loaded.generator_optimizer, keras.optimizers.LossScaleOptimizer)
    assert isinstance(loaded.generator_optimizer.inner_optimizer, keras.optimizers.Adam)
    assert float(loaded.generator_optimizer.learning_rate.value) == pytest.approx(0.01)


def test_losses_are_summed_in_single_precision(policy):
    seen = []

    class _Watching(kgan.losses.NonSaturating):
        def discriminator_loss(self, real_logits, fake_logits):
            seen.extend([real_logits.dtype, fake_logits.dtype])
            return super().discriminator_loss(real_logits, fake_logits)

    small_gan(loss=_Watching()).fit(IMAGES, batch_size=64, verbose=0)
    assert {keras.backend.standardize_dtype(dtype) for dtype in seen} == {"float32"}
