"""What `fit` takes, in which order, what it logs and what it refuses."""

import importlib.util
import random

import keras
import numpy as np
import pytest
from keras import ops

import kgan
from kgan.gan.data import ShuffledImages
from kgan.gan.update_policies import Always, EveryK, FixedProbability, LossBalanced, UpdatePolicy
from numpy_gan import NumpyGAN, forward, sigmoid
from support.networks import same_bits, small_gan, small_images, small_pair, values

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
        def adversarial_step(self, real, labels=None):
            seen.append(ops.convert_to_numpy(real[:, 0]).tolist())
            return super().adversarial_step(real, labels)

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


def test_evaluate_gives_the_oracles_losses_and_probabilities():
    gan = small_gan()
    kernel, bias = gan.generator.layers[2].weights
    kernel.assign(np.zeros(kernel.shape))  # the same image for all latents, so that any will do below
    bias.assign([0.3, -0.2, 0.8, -0.5])
    oracle = NumpyGAN(values(gan.generator.weights), values(gan.discriminator.weights), 0.01)
    d_loss, g_loss = oracle.losses(IMAGES, np.zeros((20, 3)))
    of_real = sigmoid(forward(oracle.d, IMAGES)[0]).mean()
    of_fake = sigmoid(forward(oracle.d, np.tanh([[0.3, -0.2, 0.8, -0.5]]))[0]).mean()
    logs = gan.evaluate(IMAGES, batch_size=10, return_dict=True, verbose=0)
    assert logs["d_loss"] == pytest.approx(d_loss, abs=1e-6)
    assert logs["g_loss"] == pytest.approx(g_loss, abs=1e-6)
    assert logs["d_real"] == pytest.approx(of_real, abs=1e-6)
    assert logs["d_fake"] == pytest.approx(of_fake, abs=1e-6)


def test_evaluate_gives_the_same_each_time_and_changes_nothing():
    gan = small_gan(dropout=0.5, batch_norm=True)
    gan.fit(IMAGES, batch_size=8, verbose=0)
    before = values([*gan.weights, *gan.optimizer.variables])
    first = gan.evaluate(IMAGES, batch_size=8, return_dict=True, verbose=0)
    assert gan.evaluate(IMAGES, batch_size=8, return_dict=True, verbose=0) == first
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


def test_a_step_leaves_the_global_generators_alone():
    torch = importlib.import_module("torch")
    gan = small_gan(dropout=0.5)
    gan.compile("sgd", "sgd", run_eagerly=True)
    states = []

    class Watching(keras.callbacks.Callback):
        # Around the step alone: before it, torch's DataLoader draws a seed for its workers.
        def on_train_batch_begin(self, batch, logs=None):
            states.append(self.now())

        def on_train_batch_end(self, batch, logs=None):
            states.append(self.now())

        def now(self):
            return torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002

    gan.fit(IMAGES, batch_size=20, verbose=0, callbacks=[Watching()])
    assert states[0] == states[1]


def test_several_steps_an_execution_train_the_same_weights():
    if keras.backend.backend() == "torch":
        pytest.skip("torch runs one step at a time")
    together, alone = small_gan(), small_gan()
    together.compile(keras.optimizers.Adam(0.01), keras.optimizers.Adam(0.01), steps_per_execution=2)
    for gan in (together, alone):
        gan.fit(IMAGES, batch_size=5, epochs=2, verbose=0)
    for ours, theirs in zip(values(together.weights), values(alone.weights), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


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
        ({"steps_per_epoch": 2}, "`steps_per_epoch` must be None for arrays, whose epoch is a pass"),
        (
            {"x": np.array([[0] * 4, [np.nan] * 4])},
            r"`x` must hold finite values; 1 images do not, first x\[1\]",
        ),
        ({"x": 1.5 * IMAGES}, r"`x` must hold images in \[-1, 1\], got \[-1\.[0-9]+, 1\.[0-9]+\]\.$"),
        ({"x": IMAGES[:0]}, r"`len\(x\)` must be at least 1, got 0"),
        ({"x": (IMAGES, np.arange(20))}, "`x` must be an array of images, .* got tuple; give images alone"),
        ({"x": None}, "`x` must be an array of images, .* got NoneType"),
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


def test_a_data_set_or_evaluated_array_of_another_range_is_refused():
    class Pixels(Batches):
        def __getitem__(self, index):
            return 255 * np.abs(super().__getitem__(index)[0]), None

    gan = small_gan()
    with pytest.raises(ValueError, match=r"`x` must hold images in \[-1, 1\], got"):
        gan.fit(Pixels(), verbose=0)
    with pytest.raises(ValueError, match=r"`x` must hold images in \[-1, 1\], got"):
        gan.evaluate(255 * IMAGES, verbose=0)


def test_losses_and_policies_of_another_kind_are_named():
    with pytest.raises(
        ValueError, match=r"`loss` must be a kgan Loss, such as NonSaturating\(\), got 'minimax'"
    ):
        kgan.GAN(*small_pair(), latent_dim=3, loss="minimax")
    with pytest.raises(
        ValueError, match=r"`update_policy` must be a kgan UpdatePolicy, such as LossBalanced"
    ):
        kgan.GAN(*small_pair(), latent_dim=3, update_policy=0.5)


def sigmoid_ends():
    """Discriminators that return probabilities."""
    layers, ops = keras.layers, keras.ops
    squashed = layers.Dense(1, activation="sigmoid")
    ends = {
        "activation": [squashed],
        "wrapper": [kgan.layers.SpectralNormalization(squashed)],
        "layer": [layers.Dense(1), layers.Activation("sigmoid")],
        "hard": [layers.Dense(1, activation="hard_sigmoid")],
        "function": [layers.Dense(1, activation=ops.sigmoid)],
        "Lambda": [layers.Dense(1), layers.Lambda(ops.sigmoid)],
        "nested": [keras.Sequential([squashed])],
    }
    for name, end in ends.items():
        yield name, keras.Sequential([layers.Input((4,)), *end])
    images = layers.Input((4,))
    yield "operation", keras.Model(images, ops.sigmoid(layers.Dense(1)(images)))


@pytest.mark.parametrize("discriminator", [pytest.param(d, id=name) for name, d in sigmoid_ends()])
def test_a_sigmoid_at_d_s_end_is_refused(discriminator):
    with pytest.raises(ValueError, match=r"`discriminator` must end in a logit, got a sigmoid; leave it out"):
        kgan.GAN(small_pair()[0], discriminator, latent_dim=3)


def test_a_functional_discriminator_is_accepted():
    images = keras.Input((4,))
    hidden = keras.layers.Dense(1, activation="sigmoid")(images)
    kgan.GAN(small_pair()[0], keras.Model(images, keras.layers.Dense(1)(hidden)), latent_dim=3)


def test_networks_that_do_not_fit_are_named():
    generator, discriminator = small_pair()
    layers = keras.layers
    with pytest.raises(ValueError, match=r"`generator` takes inputs \(3,\), but latents .* are \(100,\)."):
        kgan.GAN(generator, discriminator)
    with pytest.raises(ValueError, match=r"`discriminator` takes inputs \(5,\), but .* images are \(4,\)."):
        kgan.GAN(generator, small_pair(image_shape=(5,))[1], latent_dim=3)
    two = keras.Sequential([layers.Input((4,)), layers.Dense(2)])
    with pytest.raises(
        ValueError, match=r"`discriminator` must return logits \(batch, 1\), .*, got \(None, 2\)\."
    ):
        kgan.GAN(generator, two, latent_dim=3)
    heads = keras.Input((4,))
    two_heads = keras.Model(heads, [layers.Dense(1)(heads), layers.Dense(1)(heads)])
    with pytest.raises(ValueError, match=r"as of Dense\(1\), got 2 outputs"):
        kgan.GAN(generator, two_heads, latent_dim=3)
    with pytest.raises(ValueError, match=r"`generator` must be a keras.Model, got 'generator'"):
        kgan.GAN("generator", discriminator, latent_dim=3)
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


def test_a_gan_that_was_not_compiled_says_how():
    gan = kgan.GAN(*small_pair(), latent_dim=3)
    for method in (gan.fit, gan.evaluate):
        with pytest.raises(
            ValueError, match=r"Call `compile\(generator_optimizer, discriminator_optimizer\)`"
        ):
            method(IMAGES)


def test_the_pairs_learning_rate_names_its_children():
    gan = small_gan()
    with pytest.raises(ValueError, match=r"`gan.generator_optimizer.learning_rate`"):
        gan.optimizer.learning_rate = 0.1
    with pytest.raises(ValueError, match=r"`gan.discriminator_optimizer.learning_rate`"):
        _ = gan.optimizer.learning_rate
    assert [id(optimizer) for optimizer in gan.optimizer.optimizers] == [
        id(gan.generator_optimizer),
        id(gan.discriminator_optimizer),
    ]
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
    with pytest.warns(UserWarning, match=r"Minimax\(.*\) leaves unbounded below"):
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
