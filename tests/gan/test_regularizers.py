"""Penalties on D's slope against float64 rewrites in NumPy, and when they are computed."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import ops

import kgan
from kgan.gan import randomness
from kgan.gan.regularizers import DRAGAN, R1, R2, GradientPenalty, Regularizer, WeightClipping
from kgan.gan.update_policies import Always, FixedProbability
from support.networks import InjectedGAN, same_bits, small_images, small_pair, values

layers = keras.layers
BATCH = 8
REAL = small_images(BATCH)
LATENTS = np.random.default_rng(5).normal(size=(BATCH, 3)).astype("float32")


def smooth_discriminator(*middle):
    """D(x) = tanh(x A + b) c + d, whose slope bends everywhere."""
    network = keras.Sequential(
        [layers.Input((4,)), layers.Dense(5, activation="tanh"), *middle, layers.Dense(1)]
    )
    rng = np.random.default_rng(2)
    for variable in network.trainable_variables:
        variable.assign(rng.normal(0, 0.7, variable.shape))
    return network


def gan_with(*regularizers, policy=Always(), discriminator=None, rate=1.0, scale=None, step=0):  # noqa: B008
    """A GAN whose D descends its gradient itself, so that an update shows it."""
    networks = small_pair()[0], discriminator or smooth_discriminator()
    gan = InjectedGAN(*networks, latent_dim=3, update_policy=policy, regularizers=regularizers, seed=7)
    gan.latents = np.broadcast_to(LATENTS, (20, *LATENTS.shape))
    gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(rate, loss_scale_factor=scale))
    gan.step.assign(step)
    return gan


def trained(gan, steps=1):
    """Logs of an epoch, and the gradient that each of D's weights descended in it."""
    before = values(gan.discriminator.trainable_variables)
    history = gan.fit(np.tile(REAL, (steps, 1)), batch_size=BATCH, shuffle=False, verbose=0).history
    after = values(gan.discriminator.trainable_variables)
    logs = {name: value for name, (value,) in history.items()}
    return logs, [b - a for b, a in zip(before, after, strict=True)]


def slopes(weights, images):
    """The gradient of D at each image, by the chain rule."""
    kernel, bias, last, _ = weights
    return (last[:, 0] * (1 - np.tanh(images @ kernel + bias) ** 2)) @ kernel.T


def fake_images(gan):
    kernel_1, bias_1, kernel_2, bias_2 = (w.astype("float64") for w in values(gan.generator.weights))
    before = LATENTS @ kernel_1 + bias_1
    return np.tanh(np.where(before > 0, before, 0.2 * before) @ kernel_2 + bias_2)


def uniforms(shape, *, draw, step):
    drawn = randomness.uniforms(shape, 7, randomness.REGULARIZERS + draw, step)
    return ops.convert_to_numpy(drawn).astype("float64")


def interpolated(gan, step):
    share = uniforms((BATCH, 1), draw=0, step=step)
    return share * REAL + (1 - share) * fake_images(gan)


def perturbed(gan, step):
    share, noise = uniforms((BATCH, 1), draw=0, step=step), uniforms(REAL.shape, draw=1, step=step)
    return REAL + 0.5 * REAL.std() * share * noise


def half_mean_square(weights, images):
    return (slopes(weights, images) ** 2).sum(1).mean() / 2


def distance_from_one(weights, images):
    return ((np.sqrt((slopes(weights, images) ** 2).sum(1)) - 1) ** 2).mean()


# Of each penalty: the images, and what is taken of the slopes there for a weight of 1.
FORMULAS = {
    R1: (lambda gan, step: REAL, half_mean_square),
    R2: (lambda gan, step: fake_images(gan), half_mean_square),
    GradientPenalty: (interpolated, distance_from_one),
    DRAGAN: (perturbed, distance_from_one),
}


def differences(fn, weights):
    """Central differences of a function of float64 weights, by each weight."""
    step, gradients = 1e-6, []
    for weight in weights:
        gradient = np.zeros_like(weight)
        for index in np.ndindex(*weight.shape):
            value = weight[index]
            weight[index] = value + step
            above = fn(weights)
            weight[index] = value - step
            gradient[index] = (above - fn(weights)) / (2 * step)
            weight[index] = value
        gradients.append(gradient)
    return gradients


def assert_close(ours, exact):
    for a, b in zip(ours, exact, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)


@pytest.fixture(scope="module")
def plain():
    """Logs and gradients of a step without regularisers."""
    return trained(gan_with())


@pytest.mark.parametrize("kind", FORMULAS)
def test_a_step_descends_the_penalty_besides_the_loss_and_logs_it_apart(kind, plain):
    gan, step = gan_with(kind(weight=0.8, every=3), step=6), 6
    points, formula = FORMULAS[kind]
    images = points(gan, step)
    weights = [weight.astype("float64") for weight in values(gan.discriminator.trainable_variables)]
    logs, gradients = trained(gan)
    assert logs["penalty"] == pytest.approx(0.8 * formula(weights, images), rel=1e-5)
    assert logs["d_loss"] == pytest.approx(plain[0]["d_loss"], abs=1e-6)
    # Where it comes in each third step it counts three times.
    exact = differences(lambda weights: 3 * 0.8 * formula(weights, images), weights)
    assert max(np.abs(gradient).max() for gradient in exact) > 0.1
    assert_close([ours - of_loss for ours, of_loss in zip(gradients, plain[1], strict=True)], exact)


def test_a_scaled_loss_scales_its_penalty_alike():
    both = [trained(gan_with(R1(), scale=scale)) for scale in (None, 1024.0)]
    assert_close(both[0][1], both[1][1])


def test_between_its_steps_a_penalty_changes_nothing(plain):
    logs, gradients = trained(gan_with(R1(every=3), step=7))
    assert logs["penalty"] == 0
    assert_close(gradients, plain[1])


def test_the_logged_penalty_is_the_mean_over_the_steps_that_had_it():
    gan = gan_with(R1(every=2), rate=0.0)
    weights = values(gan.discriminator.trainable_variables)
    logs, _ = trained(gan, steps=5)
    assert logs["penalty"] == pytest.approx(half_mean_square(weights, REAL), rel=1e-5)


def test_rarer_penalties_count_in_the_mean_as_frequent_ones_do():
    gan = gan_with(R1(every=2), R2(every=4), rate=0.0)
    weights = values(gan.discriminator.trainable_variables)
    logs, _ = trained(gan, steps=4)  # R1 in two steps, R2 in one
    expected = half_mean_square(weights, REAL) + half_mean_square(weights, fake_images(gan))
    assert logs["penalty"] == pytest.approx(expected, rel=1e-5)


def test_where_d_is_skipped_there_is_no_penalty_and_no_clipping():
    gan = gan_with(R1(), WeightClipping(0.1), policy=FixedProbability(1e-9))
    before = values(gan.discriminator.trainable_variables)
    logs, _ = trained(gan, steps=2)
    assert logs["penalty"] == logs["d_updates"] == 0
    assert same_bits(before, values(gan.discriminator.trainable_variables))


def test_batch_statistics_advance_once_a_pass_of_the_losses_and_never_for_a_penalty():
    def statistics(*regularizers):
        normalised = smooth_discriminator(layers.BatchNormalization(), layers.Dropout(0.2, seed=3))
        gan = gan_with(*regularizers, discriminator=normalised)
        gradients = trained(gan)[1]
        return values(gan.discriminator.layers[1].non_trainable_variables), gradients

    (plain, gradients), (penalised, others) = statistics(), statistics(R1(), GradientPenalty())
    np.testing.assert_allclose(plain, penalised, atol=1e-7)
    assert np.abs(plain[0]).max() > 1e-3
    assert np.abs(gradients[0] - others[0]).max() > 1e-3


def test_clipped_weights_are_those_of_the_update_within_the_limit(plain):
    gan = gan_with(WeightClipping(0.5))
    weights = values(gan.discriminator.trainable_variables)
    logs, _ = trained(gan)
    assert "penalty" not in logs
    updated = [weight - gradient for weight, gradient in zip(weights, plain[1], strict=True)]
    assert max(np.abs(weight).max() for weight in updated) > 0.6
    assert_close(values(gan.discriminator.trainable_variables), [np.clip(w, -0.5, 0.5) for w in updated])


def test_a_flat_discriminator_has_a_finite_penalty():
    gan = gan_with(GradientPenalty(weight=2.0))
    gan.discriminator.layers[-1].kernel.assign(np.zeros((5, 1)))
    logs, gradients = trained(gan)
    assert logs["penalty"] == pytest.approx(2, rel=1e-5)
    assert all(np.isfinite(gradient).all() for gradient in gradients)


@keras.saving.register_keras_serializable("tests")
@dataclasses.dataclass(frozen=True)
class SlopeAtBlack(Regularizer):
    """A user's own: D is to be flat at black images."""

    def points(self, real, fake, uniform):
        return ops.full_like(real, -1.0)

    def penalty(self, slopes):
        return ops.mean(ops.square(slopes))


def test_a_regulariser_of_ones_own_is_trained_on_saved_and_loaded(tmp_path):
    gan = gan_with(SlopeAtBlack())
    weights = values(gan.discriminator.trainable_variables)
    logs, _ = trained(gan)
    assert logs["penalty"] == pytest.approx((slopes(weights, -np.ones((1, 4))) ** 2).mean(), rel=1e-5)
    given = kgan.GAN(
        *small_pair(), latent_dim=3, regularizers=[SlopeAtBlack(), R1(0.5, every=4), WeightClipping(0.2)]
    )
    given.save(tmp_path / "gan.keras")
    assert kgan.load_model(tmp_path / "gan.keras").regularizers == given.regularizers


def test_a_configuration_from_before_there_were_regularisers_is_read():
    config = kgan.GAN(*small_pair(), latent_dim=3).get_config()
    del config["regularizers"]
    assert kgan.GAN.from_config(config).regularizers == ()


@pytest.mark.parametrize("dtype", ["float64", "float16", "int8"])
def test_images_of_any_type_of_number_are_penalised_as_of_float32(dtype):
    images = np.sign(REAL)
    logs = []
    for kind in ("float32", dtype):
        gan = gan_with(R1(), GradientPenalty(), R2(every=2))
        batches = images.astype(kind)
        logs.append(gan.fit(batches, batch_size=BATCH, epochs=2, shuffle=False, verbose=0).history)
    assert logs[0]["penalty"][0] > 0.1
    assert logs[0] == logs[1]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: R1(weight=0), "`weight` must be a positive number, got 0"),
        (lambda: R2(weight=float("nan")), "`weight` must be a positive number, got nan"),
        (lambda: DRAGAN(every=0), "`every` must be a positive integer, in steps, got 0"),
        (lambda: WeightClipping(limit=-1), "`limit` must be a positive number, got -1"),
        (
            lambda: kgan.GAN(*small_pair(), latent_dim=3, regularizers=R1()),
            "`regularizers` must be a tuple of kgan",
        ),
        (
            lambda: kgan.GAN(*small_pair(), latent_dim=3, regularizers=("R1",)),
            "such as (R1(weight=1.0),), got ('R1',)",
        ),
    ],
)
def test_bad_values_are_named(make, message):
    with pytest.raises(ValueError) as raised:  # noqa: PT011  the message is below
        make()
    assert message in str(raised.value)
