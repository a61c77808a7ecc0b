"""Learning rates that fall, against their line by hand."""

import keras
import numpy as np
import pytest

from kgan import LinearDecay
from kgan.callbacks import Checkpoint, DecayLearningRates
from kgan.saving import Checkpoints
from support.networks import same_bits, small_gan, small_images, values

IMAGES = small_images(16)  # two steps an epoch


class Rates(keras.callbacks.Callback):
    """Keeps both learning rates after each epoch."""

    def on_train_begin(self, logs=None):
        self.seen = []

    def on_epoch_end(self, epoch, logs=None):
        rates = [optimizer.learning_rate for optimizer in self.model.optimizer.optimizers]
        self.seen.append([float(keras.ops.convert_to_numpy(rate)) for rate in rates])


def fit(gan, *callbacks, epochs=10, **options):
    gan.fit(IMAGES, batch_size=8, epochs=epochs, callbacks=list(callbacks), verbose=0, **options)
    return gan


def decay(steps=20, **options):
    return DecayLearningRates(LinearDecay(begin=0.5, end=0.1), steps=steps, every_steps=1, **options)


def test_the_factor_is_a_line_by_hand():
    line = LinearDecay(begin=0.6, end=0.2)
    shares = [line.factor(done) for done in (0, 0.6, 0.7, 0.8, 1, 2)]
    np.testing.assert_allclose(shares, [1, 1, 0.8, 0.6, 0.2, 0.2], rtol=1e-12)


def test_both_rates_fall_along_it():
    gan = small_gan(learning_rate=0.01)
    gan.discriminator_optimizer.learning_rate = 0.02
    rates = Rates()
    fit(gan, decay(), rates)
    expected = [1, 1, 1, 1, 1, 0.82, 0.64, 0.46, 0.28, 0.1]
    np.testing.assert_allclose(rates.seen, np.outer(expected, [0.01, 0.02]), rtol=1e-5)


def test_the_rate_that_fell_is_the_one_that_is_trained_with():
    fallen, fixed = small_gan(learning_rate=0.01), small_gan(learning_rate=0.01)
    before = values(fallen.trainable_variables)
    for gan, callbacks in (
        (fallen, [DecayLearningRates(LinearDecay(0.0, 1e-6), steps=1, every_steps=1)]),
        (fixed, []),
    ):
        fit(gan, *callbacks, epochs=4)
    moved, whole = (
        max(np.abs(now - was).max() for now, was in zip(values(gan.trainable_variables), before, strict=True))
        for gan in (fallen, fixed)
    )
    assert 0.009 < moved < 0.011  # Adam's first step, before the fall, is of the rate
    assert whole > 0.04


def test_rates_that_were_changed_by_hand_fall_likewise():
    gan, rates = small_gan(learning_rate=0.01), Rates()
    halve = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: halved(gan) if epoch == 7 else None
    )
    fit(gan, halve, decay(), rates)
    np.testing.assert_allclose(
        [first for first, _ in rates.seen[6:]], [0.0064, 0.0023, 0.0014, 0.0005], rtol=1e-4
    )


@pytest.mark.parametrize(("steps", "every"), [(50, 1), (500, 5), (50_000, 100)])
def test_they_fall_in_short_trainings_too(steps, every):
    assert DecayLearningRates(LinearDecay(), steps=steps).every == every


def halved(gan):
    optimizer = gan.generator_optimizer
    optimizer.learning_rate = float(keras.ops.convert_to_numpy(optimizer.learning_rate)) / 2


class BreakOff(keras.callbacks.Callback):
    """Breaks training off behind a step."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def on_train_batch_begin(self, batch, logs=None):
        if int(self.model.step.value) == self.step:
            raise InterruptedError


def decay_by_threes():
    """Of rates that are off the line in two steps of three, so that the factor they hold must be known."""
    return DecayLearningRates(LinearDecay(begin=0.5, end=0.1), steps=20, every_steps=3)


@pytest.mark.parametrize("step", [15, 16])  # in an epoch's midst, and at its end
def test_a_resumed_training_goes_on_to_the_same_bits(tmp_path, step):
    whole = fit(small_gan(), decay_by_threes())
    with pytest.raises(InterruptedError):
        fit(small_gan(), decay_by_threes(), Checkpoint(tmp_path, every_steps=step), BreakOff(step))
    saved = Checkpoints(tmp_path).last()
    assert saved.step == step
    resumed = fit(saved.load(), decay_by_threes(), Checkpoint(tmp_path), resume=saved)
    assert same_bits(values(resumed.weights), values(whole.weights))
    assert same_bits(values(resumed.optimizer.variables), values(whole.optimizer.variables))


def test_a_training_that_is_prolonged_goes_on_along_the_line_of_all_its_steps(tmp_path):
    fit(small_gan(learning_rate=0.01), decay(steps=20), Checkpoint(tmp_path))
    saved, rates = Checkpoints(tmp_path).last(), Rates()
    fit(saved.load(), decay(steps=30), rates, Checkpoint(tmp_path), epochs=15, resume=saved)
    expected = 0.01 * np.array([1 - 0.9 * (step - 15) / 15 for step in (22, 24, 26, 28, 30)])
    np.testing.assert_allclose([first for first, _ in rates.seen], expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LinearDecay(begin=1.0), r"`begin` must be a number in \[0, 1\), got 1.0"),
        (lambda: LinearDecay(end=0), r"`end` must be a number in \(0, 1\), got 0"),
        (lambda: DecayLearningRates(0.5, steps=3), r"`decay` must be a kgan.LinearDecay, .* got 0.5"),
        (lambda: DecayLearningRates(LinearDecay(), steps=0), "`steps` must be a positive integer, got 0"),
    ],
)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
