"""The average of the generator's weights against its recursion in NumPy, and where it is used."""

import keras
import numpy as np
import pytest
from keras import ops

import kgan
from kgan.gan.averaging import GeneratorAverage
from kgan.gan.update_policies import Always, FixedProbability, KSteps, UpdatePolicy
from support.networks import same_bits, small_gan, small_images, small_pair, values

IMAGES = small_images(24)


class Watch(keras.callbacks.Callback):
    """Keeps G's weights at the begin and after each step."""

    def on_train_begin(self, logs=None):
        self.seen = [values(self.model.generator.weights)]

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(values(self.model.generator.weights))


def averaging_gan(average=None, **options):
    options = {"batch_norm": True, "learning_rate": 0.1, "update_policy": Always()} | options
    return small_gan(average=average or GeneratorAverage(), **options)


def fit_by_steps(gan, steps=6):
    """Train so that each step is an epoch, and return what G's weights were."""
    watch = Watch()
    gan.fit(IMAGES[:8], batch_size=8, epochs=steps, callbacks=[watch], verbose=0)
    return watch.seen


def average_of(seen, decay, *, updated=lambda step: True):
    """The recursion, in NumPy; the last two weights of batch norm are its statistics."""
    average, updates = list(seen[0]), 0
    for step, weights in enumerate(seen[1:]):
        if updated(step):
            beta = decay(updates)
            average = [beta * a + (1 - beta) * w for a, w in zip(average, weights, strict=True)]
            average[4:6] = weights[4:6]
            updates += 1
    return average


def assert_close(found, expected):
    for ours, exact in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, exact, atol=1e-6)


def test_the_average_is_that_of_the_recursion():
    gan = averaging_gan(GeneratorAverage(0.3))
    seen = fit_by_steps(gan)
    expected = average_of(seen, lambda t: min(0.3, (1 + t) / (10 + t)))  # 0.3 from the fourth update on
    assert_close(values(gan.average_generator.weights), expected)
    assert max(np.abs(ours - now).max() for ours, now in zip(expected, seen[-1], strict=True)) > 0.01
    names = [variable.path.split("/")[-1] for variable in gan.generator.weights]
    assert names[4:6] == ["moving_mean", "moving_variance"]


def test_the_share_of_the_newest_weights_falls_to_one_minus_the_decay():
    average = GeneratorAverage(0.999)
    for updates in (0, 1, 90, 8989, 8990, 8991, 100_000):
        exact = 1 - min(0.999, (1 + updates) / (10 + updates))
        assert average.share(updates) == pytest.approx(exact, rel=1e-9)
        as_tensor = average.share(ops.convert_to_tensor(updates, "int32"))
        assert float(ops.convert_to_numpy(as_tensor)) == pytest.approx(exact, rel=1e-5)
    assert average.share(8990) == pytest.approx(average.share(10**9)) != pytest.approx(average.share(8900))
    assert GeneratorAverage(0.9, warm_up=False).share(0) == pytest.approx(0.1)


def test_a_skipped_update_of_the_generator_leaves_the_average_alone():
    gan = averaging_gan(GeneratorAverage(0.3), update_policy=KSteps(3))
    seen = fit_by_steps(gan, steps=2)
    assert same_bits(values(gan.average_generator.weights), seen[0])  # statistics, too
    assert int(gan.average_updates.value) == 0
    expected = fit_by_steps(gan, steps=3)
    decay = lambda t: min(0.3, (1 + t) / (10 + t))  # noqa: E731
    assert_close(
        values(gan.average_generator.weights), average_of(expected, decay, updated=lambda step: step == 0)
    )


def test_a_thrown_coin_skips_the_average_with_the_update():
    class Never(UpdatePolicy):
        def __call__(self, step, epoch, d_loss, g_loss):
            return 1, ops.cast(g_loss < -1, "float32")  # known in the step alone

    gan = averaging_gan(update_policy=Never())
    seen = fit_by_steps(gan, steps=2)
    assert same_bits(values(gan.average_generator.weights), seen[0])
    assert not same_bits(seen[-1][4:6], seen[0][4:6])


def test_averaging_changes_no_bit_of_training():
    with_average = averaging_gan(dropout=0.3, update_policy=FixedProbability(0.5))
    without = small_gan(batch_norm=True, learning_rate=0.1, dropout=0.3, update_policy=FixedProbability(0.5))
    for gan in (with_average, without):
        gan.fit(IMAGES, batch_size=8, epochs=2, verbose=0)
    for part in ("generator", "discriminator", "optimizer"):
        assert same_bits(*(values(getattr(gan, part).variables) for gan in (with_average, without)))


def test_samples_come_from_the_average_and_training_calls_from_the_generator():
    gan = averaging_gan()
    for variable in gan.average_generator.weights:
        variable.assign(variable + 0.5)
    latents = kgan.latent.sample_latents(5, 3, seed=1)
    average = ops.convert_to_numpy(gan.average_generator(latents, training=False))
    newest = ops.convert_to_numpy(gan.generator(latents, training=False))
    assert np.abs(average - newest).max() > 0.01
    for images in (gan.sample(5, seed=1), gan.generate(latents), ops.convert_to_numpy(gan(latents))):
        np.testing.assert_allclose(images, average, atol=1e-6)
    before = values(gan.generator.weights)
    in_training = ops.convert_to_numpy(gan(latents, training=True))
    for variable, value in zip(gan.generator.weights, before, strict=True):
        variable.assign(value)
    exact = ops.convert_to_numpy(gan.generator(latents, training=True))
    np.testing.assert_allclose(in_training, exact, atol=1e-6)
    assert gan.sampled_generator is gan.average_generator
    assert small_gan().sampled_generator is not None


def test_the_average_begins_at_the_weights_before_training_and_takes_over_what_is_frozen():
    generator, discriminator = small_pair()
    gan = kgan.GAN(generator, discriminator, latent_dim=3, average=GeneratorAverage(0.5, warm_up=False))
    generator.set_weights([weight + 5 for weight in generator.get_weights()])
    generator.layers[0].trainable = False
    gan.compile(keras.optimizers.SGD(0.5), "sgd")
    seen = fit_by_steps(gan, steps=2)
    found = values(gan.average_generator.weights)
    assert same_bits(found[:2], seen[0][:2])
    assert_close(found[2:], average_of(seen, lambda t: 0.5)[2:4])
    assert not gan.average_generator.trainable_variables


def test_a_file_holds_the_average_and_training_goes_on_to_the_same_bits(tmp_path):
    gan = averaging_gan(GeneratorAverage(0.9), seed=7, update_policy=KSteps(2))
    gan.fit(IMAGES, batch_size=8, epochs=2, verbose=0)
    gan.save(tmp_path / "half.keras")
    loaded = kgan.load_model(tmp_path / "half.keras")
    assert loaded.average == GeneratorAverage(0.9)
    assert int(loaded.average_updates.value) == 3
    for model in (gan, loaded):
        model.fit(IMAGES, batch_size=8, epochs=2, verbose=0)
    assert same_bits(values(loaded.weights), values(gan.weights))
    assert same_bits([loaded.sample(3, seed=0)], [gan.sample(3, seed=0)])


def test_a_file_from_before_there_were_averages_loads(tmp_path):
    config = small_gan().get_config()
    assert config.pop("average") is None
    gan = kgan.GAN.from_config(config)
    assert gan.average is None
    assert gan.sampled_generator is gan.generator


class Unknown(keras.Model):
    """A generator that cannot be made again."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def call(self, latents):
        return ops.reshape(ops.tanh(self.layer(latents)), (-1, 28, 28, 1))


def test_a_generator_that_cannot_be_made_again_is_refused():
    pair = Unknown(keras.layers.Dense(784)), keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1)])
    with pytest.raises(ValueError, match=r"`average` must be None .* a `get_config`, got one of a Unknown\."):
        kgan.GAN(*pair, average=GeneratorAverage())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GeneratorAverage(1.0), r"`decay` must be a number in \[0, 1\), got 1.0"),
        (lambda: GeneratorAverage(decay=True), r"`decay` must be a number in \[0, 1\), got True"),
        (lambda: GeneratorAverage(warm_up=0.5), "`warm_up` must be True or False, got 0.5"),
        (lambda: small_gan(average=0.999), "`average` must be None or a kgan.GeneratorAverage, .* got 0.999"),
    ],
)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
