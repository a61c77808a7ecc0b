"""`ConditionalGAN`: the step against an oracle in NumPy, the labels it takes, and what it keeps of them."""

import keras
import numpy as np
import pytest
from keras import ops

import kgan
from kgan import saving
from kgan.callbacks import Checkpoint
from kgan.gan.update_policies import Always, FixedProbability
from numpy_gan import NumpyConditionalGAN
from support.networks import (
    InjectedConditionalGAN,
    same_bits,
    small_conditional_gan,
    small_images,
    small_pair,
    values,
)

STEPS, BATCH, CLASSES = 20, 8, 3
LATENTS = np.random.default_rng(5).normal(size=(STEPS, BATCH, 3)).astype("float32")
REAL = np.random.default_rng(6).uniform(-1, 1, (STEPS, BATCH, 4)).astype("float32")
LABELS = np.random.default_rng(7).integers(0, CLASSES, (STEPS, BATCH))
IMAGES, THEIRS = small_images(), np.arange(32) % CLASSES


class Batch(keras.utils.PyDataset):
    """One batch of images, with labels or without."""

    def __init__(self, *arrays):
        super().__init__()
        self.arrays = arrays

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return self.arrays


@pytest.mark.parametrize("classification", [0.0, 0.7])
def test_losses_and_weights_match_the_oracle_over_twenty_steps(classification):
    gan = small_conditional_gan(
        kind=InjectedConditionalGAN, update_policy=Always(), classification=classification
    )
    gan.latents = LATENTS
    oracle = NumpyConditionalGAN(values(gan.generator.weights), values(gan.discriminator.weights), 0.01)
    oracle.classification = classification
    for step, (real, latents, labels) in enumerate(zip(REAL, LATENTS, LABELS, strict=True)):
        given = (Batch(real, labels),) if step % 2 else (real, labels)  # the one or the other
        history = gan.fit(*given, batch_size=None if step % 2 else BATCH, shuffle=False, verbose=0).history
        oracle.labels = labels
        d_loss, g_loss, _ = oracle.step(real, np.hstack([latents, np.eye(CLASSES)[labels]]))
        tolerance = 1e-6 if step == 0 else 1e-4
        assert history["d_loss"][0] == pytest.approx(d_loss, abs=tolerance)
        assert history["g_loss"][0] == pytest.approx(g_loss, abs=tolerance)
    ours = values([*gan.generator.weights, *gan.discriminator.weights])
    for weight, exact in zip(ours, [*oracle.g, *oracle.d], strict=True):
        np.testing.assert_allclose(weight, exact, atol=1e-4)


def test_the_other_classes_logits_do_not_count():
    gan = small_conditional_gan()
    only = np.full(32, 1)
    expected = gan.evaluate(IMAGES, only, verbose=0, return_dict=True)
    kernel, bias = gan.discriminator.layers[-1].weights
    for weight in (kernel, bias):
        changed = values([weight])[0]
        changed[..., [0, 2]] = 100.0
        weight.assign(changed)
    assert gan.evaluate(IMAGES, only, verbose=0, return_dict=True) == pytest.approx(expected, abs=1e-6)
    others = gan.evaluate(IMAGES, THEIRS, verbose=0, return_dict=True)
    assert others["d_loss"] > expected["d_loss"] + 1
    assert not values([gan.label_counts])[0].any()  # of training


def test_relativistic_losses_compare_images_of_one_label_augmented_or_not():
    options = {"image_shape": (4, 4, 1), "augmentations": (kgan.augmentations.Translation(0.25),)}
    gan = small_conditional_gan(loss=kgan.losses.Relativistic(), **options)
    kernel, bias = gan.discriminator.layers[-1].weights
    kernel.assign(np.zeros(kernel.shape))
    bias.assign([5.0, -3.0, 9.0])  # by which classes alone differ
    images = small_images(32, (4, 4, 1))
    logs = gan.fit(images, THEIRS, batch_size=32, verbose=0).history
    assert logs["d_loss"][0] == logs["g_loss"][0] == pytest.approx(np.log(2), abs=1e-6)


def test_penalties_are_on_the_slope_of_the_labels_logit():
    gan = small_conditional_gan(regularizers=(kgan.regularizers.R1(weight=2.0),), update_policy=Always())
    k1, b1, k2, _ = values(gan.discriminator.weights)
    before = IMAGES @ k1 + b1
    slopes = (k2.T[THEIRS] * np.where(before > 0, 1, 0.2)) @ k1.T  # of each image's own logit
    history = gan.fit(IMAGES, THEIRS, batch_size=32, verbose=0).history
    assert history["penalty"][0] == pytest.approx(np.square(slopes).sum(1).mean(), rel=1e-4)


def test_labels_are_counted_saved_and_loaded(tmp_path):
    gan = small_conditional_gan()
    gan.fit(IMAGES, THEIRS, batch_size=8, epochs=2, verbose=0)
    assert values([gan.label_counts])[0].tolist() == [22, 22, 20]
    gan.save(tmp_path / "gan.keras")
    loaded = kgan.load_model(tmp_path / "gan.keras")
    assert isinstance(loaded, kgan.ConditionalGAN)
    assert same_bits(values(gan.weights), values(loaded.weights))
    assert same_bits([gan.sample(9, seed=2)], [loaded.sample(9, seed=2)])
    for each in (gan, loaded):
        each.fit(IMAGES, THEIRS, batch_size=8, verbose=0)
    assert same_bits(values(gan.weights), values(loaded.weights))


class BreakOff(keras.callbacks.Callback):
    """Ends `fit` by an error in its sixth step, as a kill would."""

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.step.value) == 6:
            raise InterruptedError


def test_a_run_resumed_in_mid_epoch_is_bit_identical(tmp_path):
    def new():
        average = kgan.GeneratorAverage()
        return small_conditional_gan(dropout=0.3, batch_norm=True, seed=4, average=average)

    def train(gan, **options):
        gan.fit(IMAGES, THEIRS, batch_size=8, epochs=3, verbose=0, **options)
        return gan

    whole = train(new())
    with pytest.raises(InterruptedError):
        train(new(), callbacks=[Checkpoint(tmp_path, every_steps=5), BreakOff()])
    saved = saving.Checkpoints(tmp_path).last()
    assert (saved.step, saved.batch) == (5, 1)
    gan = train(saved.load(), callbacks=[Checkpoint(tmp_path, every_steps=5)], resume=saved)
    assert values([gan.label_counts])[0].tolist() == [33, 33, 30]
    state = [values([*each.weights, *each.optimizer.variables]) for each in (gan, whole)]
    assert same_bits(*state)


def test_samples_of_labels_are_the_generators_images_of_their_one_hots():
    gan = small_conditional_gan()
    latents = np.random.default_rng(3).standard_normal((4, 3), dtype="float32")
    rows = {2: [[0, 0, 1]] * 4, (2, 0, 1, 1): [[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 1, 0]]}
    for labels, one_hots in rows.items():
        inputs = np.hstack([latents, one_hots]).astype("float32")
        expected = ops.convert_to_numpy(gan.generator(inputs))
        np.testing.assert_allclose(gan.sample(4, labels=labels, seed=3), expected, atol=1e-6)
        assert same_bits([gan.sample_latents(4, labels=labels, seed=3)], [inputs])
        np.testing.assert_allclose(gan.generate(inputs), expected, atol=1e-6)
    assert not np.allclose(gan.sample(4, labels=0, seed=3), gan.sample(4, labels=1, seed=3), atol=1e-3)


def shares(gan, n=3000, seed=0):
    return gan.sample_latents(n, seed=seed)[:, 3:].mean(axis=0)


def test_labels_are_drawn_as_often_as_they_were_seen_and_by_the_seed():
    gan = small_conditional_gan()
    np.testing.assert_allclose(shares(gan), [1 / 3] * 3, atol=4 * np.sqrt(2 / 9 / 3000))
    gan.label_counts.assign([10, 0, 30])
    np.testing.assert_allclose(shares(gan), [0.25, 0, 0.75], atol=4 * np.sqrt(3 / 16 / 3000))
    one, again, other = (gan.sample_latents(50, seed=seed) for seed in (1, 1, 2))
    assert same_bits([one], [again])
    assert (one[:, 3:] != other[:, 3:]).any()
    # As NumPy draws them, on every backend: by the inverse of the cumulative shares.
    uniform = np.random.default_rng((1, 1)).random(50)
    assert one[:, 3:].argmax(1).tolist() == np.where(uniform < 0.25, 0, 2).tolist()


def test_labels_are_drawn_apart_from_the_latents():
    latents = small_conditional_gan().sample_latents(2000, seed=0)
    correlations = np.corrcoef(latents.T)[:3, 3:]
    assert np.abs(correlations).max() < 5 / np.sqrt(2000)


@pytest.mark.parametrize(
    ("labels", "got"),
    [
        (None, r"None"),
        (THEIRS.astype("float32"), r"'float32'"),
        (THEIRS + 1, r"\[1, 3\]"),
        (THEIRS - 1, r"\[-1, 1\]"),
        (THEIRS[:5], r"\(5,\)"),
        (np.eye(3, dtype="int32")[THEIRS], r"\(32, 3\)"),
        (THEIRS > 0, "'bool'"),
    ],
)
def test_labels_of_arrays_are_checked_in_one_line(labels, got):
    gan = small_conditional_gan()
    rule = r"`y` must be integers in \[0, 3\), one for each of 32 images, as in fit\(images, labels\)"
    for call in (gan.fit, gan.evaluate):
        with pytest.raises(ValueError, match=f"{rule}, got {got}") as caught:
            call(IMAGES, labels, verbose=0)
        assert "\n" not in str(caught.value)


def test_labels_of_data_sets_are_checked_in_one_line():
    with pytest.raises(ValueError, match=r"`y` must be integers .* got None"):
        small_conditional_gan().fit(Batch(IMAGES), verbose=0)
    with pytest.raises(ValueError, match=r"`y` must be .* got \[0, 3\]"):
        small_conditional_gan().fit(Batch(IMAGES, np.arange(32) % 4), verbose=0)
    with pytest.raises(ValueError, match=r"`x` must be batches \(images, labels\), .* got 'no labels'"):
        small_conditional_gan().evaluate(Batch(IMAGES), verbose=0)
    with pytest.raises(
        ValueError, match=r"labels are integers \(batch,\), one for each image, got 'float32 \("
    ):
        small_conditional_gan().evaluate(Batch(IMAGES, THEIRS.astype("float32")), verbose=0)


@pytest.mark.parametrize("labels", [3, -1, 1.0, [0, 1], [0, 1, 2, 3], "1", True, [[1], [2, 3]]])
def test_labels_of_samples_are_checked_in_one_line(labels):
    gan = small_conditional_gan()
    with pytest.raises(ValueError, match=r"`labels` must be None, an integer in \[0, 3\) or 4 of them, got"):
        gan.sample(4, labels=labels)


def test_networks_of_other_widths_are_named():
    generator, discriminator = small_pair(latent_dim=6, num_logits=3)
    with pytest.raises(ValueError, match=r"`num_classes` must be an integer of at least 2, got 1\."):
        kgan.ConditionalGAN(generator, discriminator, num_classes=1, latent_dim=3)
    rule = r"`generator` takes inputs \(6,\), but latents with a one-hot \(see `num_classes`\) are \(7,\)\."
    with pytest.raises(ValueError, match=rule):
        kgan.ConditionalGAN(generator, discriminator, num_classes=4, latent_dim=3)
    with pytest.raises(
        ValueError, match=r"`discriminator` must return logits \(batch, 4\), .* got \(None, 3\)"
    ):
        kgan.ConditionalGAN(generator, discriminator, num_classes=4, latent_dim=2)
    with pytest.raises(ValueError, match=r"`latents` must be of shape \(n, 6\), n at least 1, got \(4, 3\)"):
        small_conditional_gan().generate(np.zeros((4, 3)))
    with pytest.raises(ValueError, match=r"`latents` must be of shape \(n, 3\), n at least 1, got \(4, 6\)"):
        small_conditional_gan().with_labels(np.zeros((4, 6)), 1)


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="the others trace the step themselves")
def test_the_step_is_captured_and_trains_as_the_step_that_is_run_as_written():
    gans = [small_conditional_gan(update_policy=FixedProbability(0.5)) for _ in range(2)]
    gans[1].run_eagerly = True
    for gan in gans:
        gan.fit(IMAGES, THEIRS, batch_size=8, epochs=3, verbose=0)
    (program,) = gans[0]._captures._programs.values()
    assert program is not None
    assert not gans[1]._captures._programs
    for ours, theirs in zip(*(values(gan.weights) for gan in gans), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_the_weight_of_the_classes_is_kept_and_checked():
    gan = small_conditional_gan(classification=0.5)
    assert type(gan).from_config(gan.get_config()).classification == 0.5
    with pytest.raises(ValueError, match=r"`classification` must be a number of at least 0, got -1"):
        small_conditional_gan(classification=-1)
