"""The adversarial step against an oracle in NumPy, and what a skipped update leaves alone."""

import keras
import numpy as np
import pytest
from keras import ops

import kgan
from kgan.gan import randomness
from kgan.gan.update_policies import Always, EveryK, EveryKEpochs, FixedProbability, KSteps, LossBalanced
from numpy_gan import NumpyGAN
from support.networks import InjectedGAN, same_bits, small_gan, small_images, small_pair, values

STEPS, BATCH, SEED = 20, 8, 3


class EachStep(keras.callbacks.Callback):
    """Keeps what one step logged: with one step an epoch, its means are its values."""

    def __init__(self):
        super().__init__()
        self.logs = []

    def on_epoch_end(self, epoch, logs=None):
        self.logs.append(dict(logs))


LATENTS = np.random.default_rng(5).normal(size=(STEPS, BATCH, 3)).astype("float32")
REAL = np.random.default_rng(6).uniform(-1, 1, (STEPS, BATCH, 4)).astype("float32")


def trained(policy, *, learning_rate=0.01):
    """Logs of 20 steps, and the GAN after them; each step is an epoch of one batch."""
    gan = InjectedGAN(*small_pair(), latent_dim=3, update_policy=policy, seed=SEED)
    gan.latents = LATENTS
    gan.compile(keras.optimizers.Adam(learning_rate), keras.optimizers.Adam(learning_rate))
    each = EachStep()
    for real in REAL:
        gan.fit(real, batch_size=BATCH, callbacks=[each], shuffle=False, verbose=0)
    return each.logs, gan


def oracle(update_d=lambda step, d_loss, g_loss: True):
    generator, discriminator = small_pair()
    gan = NumpyGAN(values(generator.weights), values(discriminator.weights), 0.01)
    logs = []
    for step, (real, latents) in enumerate(zip(REAL, LATENTS, strict=True)):
        logs.append(gan.step(real, latents, update_d=lambda d, g, s=step: update_d(s, d, g)))
    return logs, gan


def updates(optimizer):
    return int(ops.convert_to_numpy(optimizer.iterations))


def uniform(step):
    return float(randomness.uniform(SEED, randomness.UPDATE_DISCRIMINATOR, step))


def test_losses_and_weights_match_the_oracle_over_twenty_steps():
    logs, gan = trained(Always())
    expected, numpy_gan = oracle()
    assert logs[0]["d_loss"] == pytest.approx(expected[0][0], abs=1e-6)
    assert logs[0]["g_loss"] == pytest.approx(expected[0][1], abs=1e-6)
    for log, (d_loss, g_loss, _) in zip(logs, expected, strict=True):
        assert log["d_loss"] == pytest.approx(d_loss, abs=1e-4)
        assert log["g_loss"] == pytest.approx(g_loss, abs=1e-4)
    ours = values([*gan.generator.weights, *gan.discriminator.weights])
    for weight, exact in zip(ours, [*numpy_gan.g, *numpy_gan.d], strict=True):
        np.testing.assert_allclose(weight, exact, atol=1e-4)


def test_loss_balanced_follows_the_oracles_schedule():
    def by_the_formula(step, d_loss, g_loss):
        return uniform(step) < np.exp(d_loss) / (np.exp(d_loss) + np.exp(g_loss))

    logs, _ = trained(LossBalanced())
    expected, _ = oracle(by_the_formula)
    assert [bool(log["d_updates"]) for log in logs] == [updated for *_, updated in expected]
    assert 0 < sum(updated for *_, updated in expected) < STEPS
    for log, (d_loss, g_loss, _) in zip(logs, expected, strict=True):
        assert log["p"] == pytest.approx(np.exp(d_loss) / (np.exp(d_loss) + np.exp(g_loss)), abs=1e-4)


@pytest.mark.parametrize(
    ("policy", "updated"),
    [
        (FixedProbability(0.4), lambda step: uniform(step) < 0.4),
        (EveryK(3), lambda step: step % 3 == 0),
        (EveryKEpochs(4), lambda step: step % 4 == 0),  # an epoch is one step here
        (KSteps(4), lambda step: True),
    ],
)
def test_policies_that_look_at_no_loss_give_the_same_schedule_everywhere(policy, updated):
    logs, gan = trained(policy)
    schedule = [updated(step) for step in range(STEPS)]
    assert [bool(log["d_updates"]) for log in logs] == schedule
    assert updates(gan.discriminator_optimizer) == sum(schedule)
    assert updates(gan.generator_optimizer) == (STEPS // 4 if isinstance(policy, KSteps) else STEPS)


def momentum_gan():
    """A GAN whose slots are not zero, so that an update by a zero gradient would show."""
    gan = small_gan(update_policy=Always())
    gan.fit(small_images(), batch_size=8, verbose=0)
    return gan


def go_on(gan, policy, *, run_eagerly=False):
    gan.update_policy, gan.run_eagerly = policy, run_eagerly
    gan.make_train_function(force=True)
    return gan.fit(small_images(), batch_size=8, verbose=0).history


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_a_skipped_discriminator_keeps_weights_slots_and_counter(run_eagerly):
    gan = momentum_gan()
    state = [*gan.discriminator.trainable_variables, *gan.discriminator_optimizer.variables]
    before, generator = values(state), values(gan.generator.trainable_variables)
    # A coin that is thrown in each step and never falls.
    history = go_on(gan, FixedProbability(1e-9), run_eagerly=run_eagerly)
    assert history["d_updates"] == [0]
    assert same_bits(before, values(state))
    assert updates(gan.discriminator_optimizer) == 4
    assert not same_bits(generator, values(gan.generator.trainable_variables))


def test_a_skipped_generator_keeps_weights_slots_and_counter():
    gan = momentum_gan()
    state = [*gan.generator.trainable_variables, *gan.generator_optimizer.variables]
    before, discriminator = values(state), values(gan.discriminator.trainable_variables)
    go_on(gan, KSteps(100))
    assert same_bits(before, values(state))
    assert updates(gan.generator_optimizer) == 4
    assert not same_bits(discriminator, values(gan.discriminator.trainable_variables))


def test_a_frozen_generator_trains_the_discriminator_alone():
    generator, discriminator = small_pair()
    generator.trainable = False
    gan = kgan.GAN(generator, discriminator, latent_dim=3, update_policy=Always())
    gan.compile("adam", "adam")
    before = values([*generator.variables, *discriminator.variables])
    gan.fit(small_images(8), batch_size=8, verbose=0)
    after = values([*generator.variables, *discriminator.variables])
    assert same_bits(before[:4], after[:4])
    assert not same_bits(before[4:], after[4:])


def summing_gan(layer, **options):
    """A GAN whose D is a layer and a sum, so that D(0) = 0."""
    total = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    discriminator = keras.Sequential([keras.Input((4,)), layer, total])
    gan = kgan.GAN(small_pair()[0], discriminator, latent_dim=3, update_policy=Always(), **options)
    gan.compile("adam", "adam")
    return gan


@pytest.mark.parametrize("kind", ["Dropout", "BatchNormalization"])
def test_a_discriminator_whose_passes_differ_trains_the_generator(kind):
    gan = summing_gan(keras.layers.Dropout(0.5) if kind == "Dropout" else keras.layers.BatchNormalization())
    before = values(gan.generator.trainable_variables)
    gan.fit(small_images(8), batch_size=8, verbose=0)
    for old, new in zip(before, values(gan.generator.trainable_variables), strict=True):
        assert not np.array_equal(old, new)


@pytest.mark.filterwarnings("ignore:`x` must hold images")  # zeros
@pytest.mark.parametrize(("rate", "differ"), [(0.0, False), (0.5, True)])
def test_each_loss_has_dropout_masks_of_its_own(rate, differ):
    gan = summing_gan(keras.layers.Dropout(rate, seed=1), loss=kgan.losses.Wasserstein())
    logs = gan.fit(np.zeros((8, 4), "float32"), batch_size=8, verbose=0).history
    # L(G) = −mean D(G(z)), L(D) = (mean D(G(z)) − D(0)) / 2
    assert (abs(logs["g_loss"][0] + 2 * logs["d_loss"][0]) > 1e-3) == differ


def test_weight_penalties_are_trained_on_but_not_logged():
    def gan_with(penalty):
        generator, discriminator = small_pair()
        discriminator.layers[-1].kernel.regularizer = keras.regularizers.L2(penalty)
        gan = kgan.GAN(generator, discriminator, latent_dim=3, update_policy=Always())
        gan.compile(keras.optimizers.SGD(0.01), keras.optimizers.SGD(0.01))
        return gan

    plain, decayed = gan_with(0.0), gan_with(3.0)
    kernel = values([plain.discriminator.layers[-1].kernel])[0]
    histories = [gan.fit(small_images(8), batch_size=8, verbose=0).history for gan in (plain, decayed)]
    assert histories[0]["d_loss"] == pytest.approx(histories[1]["d_loss"], abs=1e-6)
    # SGD moves the kernel by -rate * gradient of 3 * sum(kernel**2) more than without.
    difference = values([decayed.discriminator.layers[-1].kernel])[0]
    difference -= values([plain.discriminator.layers[-1].kernel])[0]
    np.testing.assert_allclose(difference, -0.01 * 6 * kernel, atol=1e-6)
