"""What `fit` takes, in which order, what it logs and what it refuses."""

import importlib.util

import keras
import numpy as np
import pytest
from keras import ops

import kgan
from conftest import same_bits, small_gan, small_images, small_pair, values
from kgan.gan.data import ShuffledImages
from kgan.gan.update_policies import Always, EveryK, FixedProbability, LossBalanced, UpdatePolicy

IMAGES = small_images(20)


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return IMAGES[8 * index : 8 * index + 8], np.arange(len(IMAGES))[8 * index : 8 * index + 8]


def data_loader():
    data = importlib.import_module("torch.utils.data")
    images = importlib.import_module("torch").from_numpy(IMAGES)
    return data.DataLoader(data.TensorDataset(images), batch_size=8)


def tf_dataset():
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("TensorFlow is not installed")
    return importlib.import_module("tensorflow").data.Dataset.from_tensor_slices(IMAGES).batch(8)


@pytest.mark.parametrize(
    "arguments",
    [
        lambda: {"x": IMAGES, "y": np.arange(20), "batch_size": 8},
        lambda: {"x": ops.convert_to_tensor(IMAGES), "batch_size": 8},
        lambda: {"x": Batches()},
        lambda: {"x": data_loader()},
        lambda: {"x": tf_dataset()},
    ],
    ids=["array and labels", "tensor", "PyDataset with labels", "DataLoader", "tf.data"],
)
def test_every_source_of_the_same_batches_trains_the_same_weights(arguments):
    expected, gan = small_gan(), small_gan()
    expected.fit(IMAGES, batch_size=8, shuffle=False, verbose=0)
    gan.fit(**arguments(), shuffle=False, verbose=0)
    assert int(gan.step.value) == 3
    for ours, theirs in zip(values(gan.weights), values(expected.weights), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_the_order_is_a_function_of_seed_and_epoch_and_visits_each_image_once():
    images = np.arange(20)

    def epochs(seed, first_epoch, count):
        batches = ShuffledImages(images, batch_size=8, seed=seed, first_epoch=first_epoch)
        orders = []
        for _ in range(count):
            batches.on_epoch_begin()
            orders.append(np.concatenate([batches[i][0] for i in range(len(batches))]).tolist())
        return orders

    three = epochs(seed=1, first_epoch=0, count=3)
    assert [sorted(order) for order in three] == [list(range(20))] * 3
    assert len({tuple(order) for order in three}) == 3
    assert epochs(seed=1, first_epoch=1, count=2) == three[1:]
    assert epochs(seed=2, first_epoch=0, count=1) != three[:1]
    assert epochs(seed=None, first_epoch=0, count=2) == [list(range(20))] * 2
    assert [len(ShuffledImages(images, batch_size=8, seed=0)[i][0]) for i in range(3)] == [8, 8, 4]


def test_fit_shuffles_anew_in_each_epoch_of_the_models_life():
    seen = []

    class Watching(kgan.GAN):
        def adversarial_step(self, real):
            seen.append(ops.convert_to_numpy(real[:, 0]).tolist())
            return super().adversarial_step(real)

    gan = Watching(*small_pair(), latent_dim=3, seed=4)
    gan.compile("adam", "sgd", run_eagerly=True)
    gan.fit(IMAGES, batch_size=20, epochs=2, verbose=0)
    gan.fit(IMAGES, batch_size=20, verbose=0)
    expected = [np.random.default_rng((4, epoch)).permutation(20) for epoch in range(3)]
    assert seen == [IMAGES[order, 0].tolist() for order in expected]
    assert int(gan.epoch.value) == 3


def test_logs_are_means_over_the_steps_of_each_epoch():
    gan = small_gan(update_policy=EveryK(2))
    history = gan.fit(IMAGES, batch_size=8, epochs=2, verbose=0).history
    assert set(history) == {"d_loss", "g_loss", "p", "d_updates", "d_real", "d_fake"}
    # Steps 0, 1, 2 and 3, 4, 5: two, then one of three are even.
    assert history["d_updates"] == history["p"] == pytest.approx([2 / 3, 1 / 3])


def test_logged_probabilities_are_the_discriminators():
    gan = small_gan(update_policy=FixedProbability(0.0))
    gan.discriminator.layers[-1].kernel.assign(np.zeros((6, 1)))
    gan.discriminator.layers[-1].bias.assign([np.log(3.0)])  # a probability of 3/4 for every image
    history = gan.fit(IMAGES, batch_size=8, verbose=0).history
    assert history["d_real"] == history["d_fake"] == pytest.approx([0.75], abs=1e-6)
    assert history["g_loss"] == pytest.approx([-np.log(0.75)], abs=1e-6)
    assert history["d_loss"] == pytest.approx([-(np.log(0.75) + np.log(0.25)) / 2], abs=1e-6)


def test_evaluate_gives_both_losses_the_same_each_time_and_changes_nothing():
    gan = small_gan(dropout=0.5, batch_norm=True)
    gan.fit(IMAGES, batch_size=8, verbose=0)
    before = values([*gan.weights, *gan.optimizer.variables])
    first = gan.evaluate(IMAGES, batch_size=8, return_dict=True, verbose=0)
    assert gan.evaluate(IMAGES, batch_size=8, return_dict=True, verbose=0) == first
    assert set(first) == {"d_loss", "g_loss", "d_real", "d_fake"}
    assert same_bits(before, values([*gan.weights, *gan.optimizer.variables]))


def test_validation_data_is_evaluated_beside_training_and_does_not_disturb_it():
    alone, watched = small_gan(dropout=0.5), small_gan(dropout=0.5)
    alone.fit(IMAGES, batch_size=8, epochs=2, verbose=0)
    history = watched.fit(IMAGES, batch_size=8, epochs=2, validation_data=(IMAGES,), verbose=0).history
    assert {"val_d_loss", "val_g_loss"} <= set(history)
    assert same_bits(values(alone.weights), values(watched.weights))


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    def weights(seed):
        gan = small_gan(seed=seed, dropout=0.5)
        gan.fit(IMAGES, batch_size=8, epochs=2, verbose=0)
        return values(gan.weights)

    assert same_bits(weights(1), weights(1))
    assert not same_bits(weights(1), weights(2))


def test_global_generators_are_left_alone():
    def draw():
        return values([keras.random.normal((3,))])

    keras.utils.set_random_seed(5)
    expected = draw()
    gan = small_gan(dropout=0.5)
    keras.utils.set_random_seed(5)
    gan.fit(IMAGES, batch_size=8, verbose=0)
    assert same_bits(expected, draw())


def test_each_step_draws_its_own_latents():
    gan = small_gan()
    drawn = []
    gan.draw_latents = lambda n: drawn.append(type(gan).draw_latents(gan, n)) or drawn[-1]
    gan.run_eagerly = True
    gan.fit(IMAGES, batch_size=10, verbose=0)
    first, second = map(ops.convert_to_numpy, drawn)
    assert first.shape == second.shape == (10, 3)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.75  # four standard errors of 30 pairs


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epochs": 0}, "`epochs` must be a positive integer, got 0."),
        ({"epochs": 1.5}, "`epochs` must be a positive integer, got 1.5."),
        ({"batch_size": 0}, "`batch_size` must be a positive integer, got 0."),
        ({"batch_size": 21}, "`batch_size` must be at most the number of images, 20, got 21."),
        ({"x": IMAGES[:, :3]}, r"`x` must hold images of shape \(4,\), got \(3,\)."),
        ({"x": 255 * np.abs(IMAGES)}, r"`x` must hold images in \[-1, 1\], got .* give x / 127.5 - 1."),
        ({"x": np.full_like(IMAGES, np.nan)}, r"`x` must hold images in \[-1, 1\], got \[nan, nan\]"),
    ],
)
def test_bad_input_is_named_with_its_rule_and_changes_nothing(arguments, message):
    gan = small_gan()
    before = values(gan.variables)
    with pytest.raises(ValueError, match=message):
        gan.fit(**({"x": IMAGES, "batch_size": 8, "verbose": 0} | arguments))
    assert same_bits(before, values(gan.variables))


def test_a_data_set_of_another_shape_is_refused_in_the_step():
    gan = small_gan(image_shape=(2,))
    with pytest.raises(ValueError, match=r"`x` must hold images of shape \(2,\), got \(4,\)."):
        gan.fit(Batches(), verbose=0)


def test_networks_that_do_not_fit_are_named():
    generator, discriminator = small_pair()
    layers = keras.layers
    with pytest.raises(ValueError, match=r"`generator` takes inputs \(3,\), but latents are \(100,\)."):
        kgan.GAN(generator, discriminator)
    with pytest.raises(ValueError, match=r"`discriminator` takes inputs \(5,\), but .* images are \(4,\)."):
        kgan.GAN(generator, small_pair(image_shape=(5,))[1], latent_dim=3)
    two = keras.Sequential([layers.Input((4,)), layers.Dense(2)])
    with pytest.raises(
        ValueError, match=r"`discriminator` must return logits \(batch, 1\), got \(None, 2\)."
    ):
        kgan.GAN(generator, two, latent_dim=3)
    with pytest.raises(ValueError, match=r"`latent_dim` must be a positive integer, got 0."):
        kgan.GAN(generator, discriminator, latent_dim=0)
    with pytest.raises(ValueError, match=r"`seed` must be an integer in \[0, 2\*\*31\), got -1."):
        kgan.GAN(generator, discriminator, latent_dim=3, seed=-1)


def test_networks_without_an_input_shape_are_built():
    layers = keras.layers
    gan = kgan.GAN(
        keras.Sequential([layers.Dense(4)]), keras.Sequential([layers.Dense(1)]), latent_dim=3, seed=0
    )
    assert gan.image_shape == (4,)
    assert [variable.shape for variable in gan.trainable_variables] == [(3, 4), (4,), (4, 1), (1,)]


def test_one_optimizer_for_both_networks_is_refused():
    gan, adam = kgan.GAN(*small_pair(), latent_dim=3), keras.optimizers.Adam()
    with pytest.raises(ValueError, match=r"`discriminator_optimizer` must be another object"):
        gan.compile(adam, adam)


def test_the_pairs_learning_rate_names_its_children():
    gan = small_gan()
    with pytest.raises(ValueError, match=r"`gan.generator_optimizer.learning_rate`"):
        gan.optimizer.learning_rate = 0.1
    with pytest.raises(ValueError, match=r"`gan.discriminator_optimizer.learning_rate`"):
        _ = gan.optimizer.learning_rate
    gan.generator_optimizer.learning_rate = 0.25
    assert float(ops.convert_to_numpy(gan.generator_optimizer.learning_rate)) == 0.25


def test_averaging_optimizers_are_finished_each_with_its_own_network():
    gan = kgan.GAN(*small_pair(), latent_dim=3, update_policy=Always())
    gan.compile(keras.optimizers.SGD(0.1, use_ema=True), keras.optimizers.SGD(0.1, use_ema=True))
    gan.fit(IMAGES, batch_size=8, verbose=0)
    # The average of the last variable of each optimiser has taken the place of its weight.
    for optimizer, network in (
        (gan.generator_optimizer, gan.generator),
        (gan.discriminator_optimizer, gan.discriminator),
    ):
        averages = [v for v in optimizer.variables if "average" in v.path]
        assert same_bits(values(averages), values(network.trainable_variables))


def test_loss_balanced_warns_of_a_loss_that_is_unbounded_below():
    with pytest.warns(UserWarning, match=r"Minimax\(\) leaves unbounded below"):
        kgan.GAN(*small_pair(), latent_dim=3, loss=kgan.losses.Minimax(), update_policy=LossBalanced())
    kgan.GAN(*small_pair(), latent_dim=3, loss=kgan.losses.Minimax(), update_policy=Always())


def test_a_policy_sees_step_epoch_and_losses():
    seen = []

    class Watching(UpdatePolicy):
        def __call__(self, step, epoch, d_loss, g_loss):
            seen.append([float(value) for value in (step, epoch, d_loss, g_loss)])
            return 1, 1

    gan = small_gan(update_policy=Watching())
    gan.run_eagerly = True
    history = gan.fit(IMAGES, batch_size=10, epochs=2, verbose=0).history
    assert [row[:2] for row in seen] == [[0, 0], [1, 0], [2, 1], [3, 1]]
    assert history["d_loss"] == pytest.approx([np.mean([row[2] for row in seen[i : i + 2]]) for i in (0, 2)])
    assert history["g_loss"] == pytest.approx([np.mean([row[3] for row in seen[i : i + 2]]) for i in (0, 2)])
