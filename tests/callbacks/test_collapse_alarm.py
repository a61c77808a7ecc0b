import types

import keras
import numpy as np
import pytest

from kgan.callbacks import CollapseAlarm
from kgan.gan.losses import Hinge, Wasserstein
from kgan.gan.update_policies import Always
from support.networks import same_bits, small_conditional_gan, small_gan, small_images, values

IMAGES = small_images(20)


class Changes(keras.callbacks.Callback):
    """Assigns a generator's weights after given steps."""

    def __init__(self, changes):
        super().__init__()
        self.changes = changes

    def on_train_batch_end(self, batch, logs=None):
        if batch + 1 in self.changes:
            self.model.generator.layers[2].kernel.assign(self.changes[batch + 1])


def still_gan(**options):
    """A GAN whose weights stay as they are."""
    return small_gan(learning_rate=0.0, **options)


def fitted(gan, alarm, *, changes=None, images=IMAGES, before=()):
    """The alarms of five steps."""
    gan.fit(images, batch_size=4, verbose=0, callbacks=[*before, alarm, Changes(changes or {})])
    return alarm.alarms


def kernel(gan, factor=1.0):
    return factor * values([gan.generator.layers[2].kernel])[0]


def test_samples_that_become_alike_are_said_once_with_since_when_and_again_after_they_were_not(caplog):
    gan = still_gan()
    some, none = kernel(gan), kernel(gan, 0)
    alarm = CollapseAlarm(IMAGES, every_steps=1)
    alarms = fitted(gan, alarm, changes={1: none, 3: some, 4: none}, images=small_images(24))
    assert [(a.kind, a.since, a.step) for a in alarms] == [("alike", 2, 3), ("alike", 5, 6)]
    messages = [record.message for record in caplog.records]
    assert messages == [f"kgan: {a}" for a in alarms]
    assert messages[0].startswith(
        "kgan: samples are alike (their spread is 0.0 % of the real images') since step 2 (seen at 3): try "
    )
    assert all("\n" not in message for message in messages)


def test_the_spread_is_measured_against_a_share_of_the_real_images(caplog):
    gan = still_gan()
    spread = gan.sample(64, seed=0).std(axis=0).mean() / IMAGES.std(axis=0).mean()
    assert fitted(gan, CollapseAlarm(IMAGES, every_steps=1, least_spread=spread - 0.001)) == []
    (alarm,) = fitted(gan, CollapseAlarm(IMAGES, every_steps=1, least_spread=spread + 0.001))
    assert f"{100 * spread:.1f} % of the real images'" in alarm.saw


def test_without_real_images_the_largest_spread_so_far_is_the_measure():
    gan = still_gan()
    (alarm,) = fitted(gan, CollapseAlarm(every_steps=1), changes={2: kernel(gan, 0.01)})
    assert (alarm.kind, alarm.since) == ("alike", 3)
    assert "% of its largest so far" in alarm.saw


def test_two_looks_that_are_not_in_a_row_are_no_alarm():
    gan = still_gan()
    some, none = kernel(gan), kernel(gan, 0)
    assert (
        fitted(gan, CollapseAlarm(IMAGES, every_steps=1), changes={1: none, 2: some, 3: none, 4: some}) == []
    )


def told_apart(**options):
    """A GAN that draws −1 only, and whose D tells that from 1: its logits are −4.8 and 24."""
    gan = still_gan(**options)
    gan.generator.layers[2].kernel.assign(np.zeros((8, 4)))
    gan.generator.layers[2].bias.assign(np.full(4, -10.0))
    d = gan.discriminator.trainable_variables
    for variable, value in zip(d, (1, 0, 1, 0), strict=True):
        variable.assign(np.full(variable.shape, float(value)))
    return gan


positive_images = pytest.mark.filterwarnings("ignore:`x` must hold images")


@positive_images
def test_a_discriminator_that_has_won_is_said_with_what_it_says():
    alarm = CollapseAlarm(every_steps=2)
    (alarm,) = fitted(told_apart(update_policy=Always()), alarm, images=np.ones((24, 4), "float32"))
    assert (alarm.kind, alarm.since, alarm.step) == ("discriminator", 2, 4)
    assert alarm.saw == "D has won (D(x) is 1.00, D(G(z)) 0.01, L(G) 4.8)"
    assert "a lower rate for D" in alarm.advice
    assert "LossBalanced()" in alarm.advice


@positive_images
def test_a_discriminator_has_won_by_the_loss_that_it_is_trained_on():
    gan, images = told_apart(update_policy=Always(), loss=Hinge()), np.ones((24, 4), "float32")
    (alarm,) = fitted(gan, CollapseAlarm(every_steps=2), images=images)
    assert alarm.saw == "D has won (L(D) is 0.000, L(G) 4.8)"
    assert "LossBalanced" not in alarm.advice  # whose L(G) has no least value
    critic = told_apart(update_policy=Always(), loss=Wasserstein())
    assert fitted(critic, CollapseAlarm(every_steps=2), images=images) == []


def test_a_discriminator_that_is_right_on_real_images_only_has_not_won():
    gan = told_apart()
    assert fitted(gan, CollapseAlarm(every_steps=2), images=np.full((24, 4), -1, "float32")) == []


def test_what_is_not_finite_is_said_at_once(caplog):
    gan = still_gan()
    (alarm,) = fitted(gan, CollapseAlarm(IMAGES, every_steps=1), changes={1: np.full((8, 4), np.nan)})
    assert (alarm.kind, alarm.since, alarm.step) == ("not finite", 2, 2)
    assert str(alarm).startswith(
        "losses or samples are not finite since step 2 (seen at 2): try Adam's beta_1"
    )


def evaluations(*shares):
    """A stand-in for `Evaluate`, after each step of one more row, of the shares of 0 and 1, or None."""

    class Rows(keras.callbacks.Callback):
        rows = ()

        def on_train_batch_end(self, batch, logs=None):
            row = shares[batch] if batch < len(shares) else None
            if row is not None:
                others = (1 - sum(row)) / 8
                named = {f"share_{k}": (*row, *[others] * 8)[k] for k in range(10)}
                self.rows = [*self.rows, {"step": batch + 1} | named]

    return Rows()


FEW, MOST, FAIR = (0.1, 0.004), (0.7, 0.1), (0.1, 0.1)


@pytest.mark.parametrize(
    ("shares", "saw", "since"),
    [
        ([FAIR, MOST, (0.8, 0.1)], "80 % of the samples are taken for 0", 2),
        ([FAIR, FEW, None, (0.1, 0.0)], "fewer than 0.5 % of the samples are taken for 1", 2),
        ([(0.001, 0.004), (0.0, 0.0)], "fewer than 0.5 % of the samples are taken for 0, 1", 1),
        ([(0.59, 0.1), (0.59, 0.1), (0.1, 0.006)], None, None),
        ([MOST, FAIR, MOST, FAIR, FEW], None, None),
    ],
)
def test_classes_that_hold_most_samples_or_none_are_said_after_twice_the_patience(shares, saw, since):
    rows = evaluations(*shares)
    alarm = CollapseAlarm(every_steps=1, evaluate=rows, patience=1)
    alarms = [(a.kind, a.saw, a.since) for a in fitted(still_gan(), alarm, before=[rows])]
    assert alarms == ([("classes", saw, since)] if saw else [])


def test_an_empty_evaluation_is_none_of_a_class():
    rows = types.SimpleNamespace(rows=[{"step": 1}, {"step": 2}])
    assert fitted(still_gan(), CollapseAlarm(every_steps=1, evaluate=rows)) == []


def test_the_advice_names_a_beta_that_is_known_to_collapse():
    gan = still_gan()  # Keras's own 0.9
    (alarm,) = fitted(gan, CollapseAlarm(IMAGES, every_steps=2), changes={1: kernel(gan, 0)})
    assert "Adam's beta_1 at 0.5 (here 0.9)" in alarm.advice
    gan.compile(keras.optimizers.Adam(0.0, beta_1=0.5), keras.optimizers.SGD(0.0))
    (alarm,) = fitted(gan, CollapseAlarm(IMAGES, every_steps=2))
    assert "beta_1" not in alarm.advice
    assert alarm.advice == "try SELU in G with its own initialiser, or a lower rate for G"
    gan.generator.layers[0].activation = keras.activations.selu
    (alarm,) = fitted(gan, CollapseAlarm(IMAGES, every_steps=2))
    assert alarm.advice == "try a lower rate for G"


def test_the_alarm_does_not_change_the_training():
    def weights(callbacks):
        gan = small_gan(dropout=0.5, batch_norm=True)
        gan.fit(IMAGES, batch_size=4, epochs=2, verbose=0, callbacks=callbacks)
        return values([*gan.weights, *gan.optimizer.variables])

    assert same_bits(weights([CollapseAlarm(IMAGES, every_steps=1)]), weights([]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every_steps": 0}, "`every_steps` must be a positive integer, got 0"),
        ({"patience": 0}, "`patience` must be a positive integer, got 0"),
        ({"samples": 1.5}, "`samples` must be a positive integer, got 1.5"),
        ({"least_spread": 1}, "`least_spread` must be a number between 0 and 1, got 1"),
        ({"seed": -1}, r"`seed` must be an integer in \[0, 2\*\*31\), got -1"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        CollapseAlarm(**options)


def of_classes():
    """A conditional GAN whose classes differ, and whose images of a class are all alike."""
    gan = small_conditional_gan()
    first, second = gan.generator.layers[0].kernel, gan.generator.layers[2].kernel
    first.assign(np.vstack([np.zeros((3, 8)), np.eye(3, 8)]))
    second.assign(np.vstack([2 * np.eye(3, 4), np.zeros((5, 4))]))
    for network in (gan.generator, gan.discriminator):
        network.trainable = False
    gan.compile("adam", "adam")
    return gan


def test_classes_that_differ_do_not_hide_that_images_of_a_class_are_alike():
    labels = np.arange(20) % 3
    kinds = []
    for of_images in (None, labels):
        alarm = CollapseAlarm(IMAGES, of_images, every_steps=1)
        of_classes().fit(IMAGES, labels, batch_size=4, verbose=0, callbacks=[alarm])
        kinds.append([raised.kind for raised in alarm.alarms])
    assert kinds == [[], ["alike"]]
