"""What D sees instead of images, against loops in NumPy, and that G learns through it."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import ops

import kgan
from kgan.gan import randomness
from kgan.gan.augmentations import (
    Augmentation,
    Brightness,
    Contrast,
    Cutout,
    Saturation,
    Translation,
    augmented,
)
from kgan.gan.regularizers import R1
from kgan.gan.update_policies import Always, LossBalanced
from support.networks import InjectedGAN, same_bits, small_gan, small_images, small_pair, values

IMAGES = np.random.default_rng(0).uniform(-1, 1, (40, 8, 6, 3)).astype("float32")
DRAWS = np.random.default_rng(1).uniform(0, 1, (40, 2)).astype("float32")


def applied(augmentation, images=IMAGES, draws=DRAWS):
    draws = ops.convert_to_tensor(draws[:, : augmentation.num_draws])
    return ops.convert_to_numpy(augmentation(ops.convert_to_tensor(images), draws))


def translated(image, u, *, ratio, fill):
    """Pixel by pixel: what is at (i − down, j − right) comes to (i, j)."""
    (height, width, _), found = image.shape, np.full_like(image, fill)
    most = round(height * ratio), round(width * ratio)
    down, right = (int(u[axis] * (2 * most[axis] + 1)) - most[axis] for axis in (0, 1))
    for i in range(height):
        for j in range(width):
            if 0 <= i - down < height and 0 <= j - right < width:
                found[i, j] = image[i - down, j - right]
    return found


def cut_out(image, u, *, ratio, fill):
    """As Zhao et al.'s program: a square of pixels around a centre that may lie on the border."""
    found = image.copy()
    lengths = [int(size * ratio + 0.5) for size in image.shape[:2]]
    centres = [
        int(x * (n + 1 - length % 2)) for x, n, length in zip(u, image.shape[:2], lengths, strict=True)
    ]
    for k in range(lengths[0]):
        for m in range(lengths[1]):
            row, column = centres[0] + k - lengths[0] // 2, centres[1] + m - lengths[1] // 2
            found[np.clip(row, 0, image.shape[0] - 1), np.clip(column, 0, image.shape[1] - 1)] = fill
    return found


@pytest.mark.parametrize(
    ("augmentation", "by_pixels"),
    [(Translation(0.25, fill=0.5), translated), (Cutout(0.5), cut_out), (Cutout(0.4, fill=0.0), cut_out)],
    ids=["translation", "cutout", "narrow cutout"],
)
def test_images_are_moved_and_cut_as_pixel_by_pixel(augmentation, by_pixels):
    settings = {"ratio": augmentation.ratio, "fill": augmentation.fill}
    expected = [by_pixels(image, u, **settings) for image, u in zip(IMAGES, DRAWS, strict=True)]
    np.testing.assert_allclose(applied(augmentation), expected, atol=1e-6)
    assert not np.array_equal(expected, IMAGES)


def test_colours_are_changed_by_the_formulas():
    u = DRAWS[:, :1, None, None]
    grey, mean = IMAGES.mean(-1, keepdims=True), IMAGES.mean((1, 2, 3), keepdims=True)
    np.testing.assert_allclose(applied(Brightness()), IMAGES + u - 0.5, atol=1e-6)
    np.testing.assert_allclose(applied(Saturation()), (IMAGES - grey) * 2 * u + grey, atol=1e-6)
    np.testing.assert_allclose(applied(Contrast()), (IMAGES - mean) * (u + 0.5) + mean, atol=1e-6)


def test_every_shift_is_as_likely_as_the_others_and_none_is_larger():
    marked = np.full((9000, 1, 16, 1), -1.0, "float32")
    marked[:, :, 8] = 1
    draws = np.array(randomness_of((9000, 2)))
    draws[0], draws[1] = 0, 1 - 2**-24
    columns = applied(Translation(0.25), marked, draws)[:, 0, :, 0].argmax(axis=1)
    counts = np.bincount(columns, minlength=16)
    assert columns[:2].tolist() == [4, 12]
    assert counts[:4].tolist() + counts[13:].tolist() == [0] * 7
    assert np.abs(counts[4:13] - 1000).max() < 5 * np.sqrt(1000)


def randomness_of(shape):
    return ops.convert_to_numpy(randomness.uniforms(shape, 3, randomness.AUGMENTATIONS, 5))


@pytest.mark.parametrize(
    "augmentation", [Translation(0.25), Cutout(), Brightness(), Saturation(), Contrast()], ids=str
)
def test_gradients_are_those_of_finite_differences(augmentation):
    images, draws = IMAGES[:3, :4, :4], ops.convert_to_tensor(DRAWS[:3, : augmentation.num_draws])
    weights = ops.convert_to_tensor(np.random.default_rng(2).normal(size=images.shape).astype("float32"))

    def total(x):
        return ops.sum(weights * augmentation(ops.convert_to_tensor(x), draws))

    gradient = small_gan().input_gradient(total, ops.convert_to_tensor(images))
    # Each is affine in the images, so that a large step errs by rounding alone.
    units = np.eye(images.size, dtype="float32").reshape(-1, *images.shape)
    differences = [float(total(images + unit) - total(images - unit)) / 2 for unit in units]
    np.testing.assert_allclose(ops.convert_to_numpy(gradient).ravel(), differences, atol=1e-4)
    assert np.abs(differences).max() > 0.1


SHAPE = (8, 8, 1)
BOTH = (Translation(0.25), Cutout(0.5))
BATCH = small_images(8, SHAPE)


def augmenting_gan(*, augmentations=BOTH, **options):
    return small_gan(image_shape=SHAPE, augmentations=augmentations, **options)


def test_losses_and_penalties_are_of_real_and_generated_images_that_were_changed():
    options = {"augmentations": BOTH, "regularizers": (R1(2.0),), "update_policy": Always(), "seed": 5}
    gan = InjectedGAN(*small_pair(image_shape=SHAPE), latent_dim=3, **options)
    gan.latents = np.random.default_rng(5).normal(size=(1, 8, 3)).astype("float32")
    gan.compile(keras.optimizers.SGD(0.01), keras.optimizers.SGD(0.01))
    (draws,) = gan._draws(8, 0)
    fake = gan.generator(gan.latents[0])
    seen = [augmented(images, own, BOTH) for images, own in ((BATCH, draws[0]), (fake, draws[1]))]
    loss, logits = gan.adversarial_loss, [gan.discriminator(images) for images in (*seen, BATCH, fake)]
    losses = loss.discriminator_loss(*logits[:2]), loss.generator_loss(*logits[:2])
    d_loss, g_loss = (float(ops.convert_to_numpy(loss)) for loss in losses)
    unchanged = float(ops.convert_to_numpy(loss.discriminator_loss(*logits[2:])))
    penalties = [
        float((ops.convert_to_numpy(gan.input_gradient(gan.discriminator, images)) ** 2).sum() / 8)
        for images in (seen[0], ops.convert_to_tensor(BATCH))
    ]
    evaluated = gan.evaluate(BATCH, batch_size=8, return_dict=True, verbose=0)
    logs = gan.fit(BATCH, batch_size=8, shuffle=False, verbose=0).history
    assert logs["d_loss"] == pytest.approx([d_loss], abs=1e-5)
    assert logs["g_loss"] == pytest.approx([g_loss], abs=1e-5)
    assert abs(unchanged - d_loss) > 1e-3
    assert logs["penalty"] == pytest.approx(penalties[:1], rel=1e-4)
    assert abs(penalties[0] - penalties[1]) > 1e-3
    assert evaluated["d_loss"] == pytest.approx(unchanged, abs=1e-5)


@keras.saving.register_keras_serializable("tests")
@dataclasses.dataclass(frozen=True)
class Grey(Augmentation):
    """Leaves nothing of an image."""

    def __call__(self, images, draws):
        return 0 * images + draws[:, :, None, None]


def test_the_generator_learns_through_what_the_discriminator_sees():
    gan = augmenting_gan(augmentations=(Grey(),), update_policy=Always())
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    before = values(gan.generator.variables), values(gan.discriminator.trainable_variables)
    gan.fit(BATCH, batch_size=8, verbose=0)
    np.testing.assert_array_equal(before[0][0], values(gan.generator.variables)[0])
    assert not same_bits(before[1], values(gan.discriminator.trainable_variables))


def test_draws_are_a_function_of_seed_and_step_and_differ_between_real_and_generated():
    gan, other = augmenting_gan(seed=3), augmenting_gan(seed=4)
    (draws,), (as_tensor,) = gan._draws(8, 2), gan._draws(8, ops.convert_to_tensor(2, "int32"))
    drawn = ops.convert_to_numpy(draws)
    assert drawn.shape == (2, 8, 4)
    assert same_bits([drawn], [ops.convert_to_numpy(as_tensor)])
    first = randomness.random_bits(3, randomness.AUGMENTATIONS, 2)
    by_hand = [(randomness._mix_on_host(first + i) >> 8 & 0xFFFFFF) * 2.0**-24 for i in range(64)]
    np.testing.assert_array_equal(drawn.ravel(), np.array(by_hand, "float32"))
    for different in (gan._draws(8, 3), other._draws(8, 2)):
        assert (ops.convert_to_numpy(different[0]) != drawn).mean() > 0.9
    assert (drawn[0] != drawn[1]).all()
    assert small_gan()._draws(8, 2) == ()


def test_a_file_holds_the_augmentations_and_training_goes_on_to_the_same_bits(tmp_path):
    gan = augmenting_gan(seed=7, update_policy=LossBalanced())
    images = small_images(16, SHAPE)
    gan.fit(images, batch_size=8, verbose=0)
    gan.save(tmp_path / "half.keras")
    loaded = kgan.load_model(tmp_path / "half.keras")
    assert loaded.augmentations == BOTH
    for model in (gan, loaded):
        model.fit(images, batch_size=8, epochs=2, verbose=0)
    assert same_bits(values(loaded.weights), values(gan.weights))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Translation(0), r"`ratio` must be a number in \(0, 1\), got 0"),
        (lambda: Cutout(1.0), r"`ratio` must be a number in \(0, 1\), got 1.0"),
        (lambda: Cutout(fill=2), r"`fill` must be a number in \[-1, 1\], got 2"),
        (
            lambda: augmenting_gan(augmentations=("flip",)),
            r"`augmentations` must be a tuple of .*got \('flip'",
        ),
        (lambda: small_gan(augmentations=BOTH), r"`augmentations` must be left out, .* not \(4,\), got"),
    ],
)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_one_augmentation_needs_no_tuple():
    assert augmenting_gan(augmentations=Cutout()).augmentations == (Cutout(),)


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="the others trace the step themselves")
def test_augmented_steps_are_captured_and_train_as_those_that_are_run_as_written():
    ours = [kind for kind in Augmentation.choices().values() if kind.__module__.startswith("kgan.")]

    def trained(run_eagerly):
        gan = augmenting_gan(augmentations=[kind() for kind in ours], update_policy=Always())
        gan.compile(keras.optimizers.SGD(0.01), keras.optimizers.SGD(0.01), run_eagerly=run_eagerly)
        gan.fit(small_images(16, SHAPE), batch_size=8, verbose=0)
        return gan

    captured, eager = trained(run_eagerly=False), trained(run_eagerly=True)
    for mine, theirs in zip(values(captured.weights), values(eager.weights), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)
    assert len(ours) >= 5
    assert [program is not None for program in captured._captures._programs.values()] == [True]
