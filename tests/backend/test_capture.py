"""The captured step of torch against the same step run as it is written, and what cannot be captured."""

import importlib

import keras
import numpy as np
import pytest

import kgan
from kgan.gan import architectures
from kgan.gan.regularizers import R1, R2, GradientPenalty
from kgan.gan.update_policies import Always, FixedProbability
from support.networks import same_bits, small_gan, small_images, small_pair, values

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="the others trace the step themselves"
)

layers = keras.layers


def programs(gan):
    return [program for program in gan._captures._programs.values() if program is not None]


def compiled(networks, *, run_eagerly=False, **kwargs):
    """A GAN that learns by gradient descent: Adam makes a step of the rounding of a gradient that is zero."""
    gan = kgan.GAN(*networks, latent_dim=3, update_policy=Always(), **kwargs)
    gan.compile(keras.optimizers.SGD(0.01, 0.9), keras.optimizers.SGD(0.01, 0.9), run_eagerly=run_eagerly)
    return gan


def both(make):
    """The same GAN, to be captured and to be run as it is written."""
    captured = make(run_eagerly=False)
    eager = make(run_eagerly=True)
    for ours, theirs in zip(captured.variables, eager.variables, strict=True):
        theirs.assign(ours)
    return captured, eager


def assert_same(captured, eager):
    for of in (lambda gan: gan.variables, lambda gan: gan.optimizer.variables):
        for ours, theirs in zip(values(of(captured)), values(of(eager)), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("architecture", ["template", "fully_connected", "slim", "convolutional", "compact"])
def test_captured_steps_train_as_those_that_are_run_as_written(architecture):
    networks = getattr(architectures, architecture)
    keras.utils.set_random_seed(0)

    def make(run_eagerly):
        return compiled(networks(latent_dim=3), run_eagerly=run_eagerly)

    captured, eager = both(make)
    images = small_images(20, (28, 28, 1))
    histories = [gan.fit(images, batch_size=8, verbose=0).history for gan in (captured, eager)]
    for name in histories[0]:
        np.testing.assert_allclose(histories[0][name], histories[1][name], rtol=1e-5)
    assert len(programs(captured)) == 2  # batches of 8 and of 4
    assert not programs(eager)
    assert_same(captured, eager)


@pytest.mark.parametrize("architecture", ["template", "convolutional", "compact"])
def test_captured_penalties_train_as_those_that_are_run_as_written(architecture):
    keras.utils.set_random_seed(0)
    networks = getattr(architectures, architecture)
    regularizers = (R1(0.5, every=2), R2(0.5, every=2), GradientPenalty(every=3))

    def make(run_eagerly):
        return compiled(networks(latent_dim=3), run_eagerly=run_eagerly, regularizers=regularizers)

    captured, eager = both(make)
    histories = [
        gan.fit(small_images(32, (28, 28, 1)), batch_size=8, verbose=0).history for gan in (captured, eager)
    ]
    for name in histories[0]:
        np.testing.assert_allclose(histories[0][name], histories[1][name], rtol=1e-5)
    assert len(programs(captured)) == 3  # the losses, and the penalties of either period
    assert_same(captured, eager)


def test_a_penalty_computes_no_convolution_of_the_bends_that_leaky_relu_does_not_have():
    keras.utils.set_random_seed(0)
    gan = compiled(architectures.compact(latent_dim=3), regularizers=(R1(),))
    gan.fit(small_images(8, (28, 28, 1)), batch_size=8, verbose=0)
    _, penalty = programs(gan)
    operations = [str(node.target) for node in penalty._backward[0].__self__.graph.nodes]
    # Both convolutions of D go through the slope once more, none through the logits.
    assert operations.count("aten.convolution.default") == 4
    assert operations.count("aten.convolution_backward.default") == 0


def test_a_penalty_is_captured_where_it_first_comes_and_runs_only_where_it_is_due(monkeypatch):
    capture = importlib.import_module("kgan.backend.torch.capture")
    ran, record = [], capture.Program.record
    monkeypatch.setattr(
        capture.Program, "record", lambda self, *args: ran.append(self) or record(self, *args)
    )
    gan = small_gan(update_policy=Always(), regularizers=(R1(every=3),))
    gan.fit(small_images(40), batch_size=8, verbose=0)
    _, penalty = programs(gan)
    assert [program is penalty for program in ran] == [False, True, False, False, False, True, False]


def test_other_regularisers_are_seen():
    def make(run_eagerly):
        return compiled(small_pair(), run_eagerly=run_eagerly, regularizers=(R1(0.1),))

    captured, eager = both(make)
    for gan in (captured, eager):
        for regularizers in ((R1(0.3),), (R1(0.8),), (R1(0.8), R2(0.1)), ()):
            gan.regularizers = regularizers
            gan.fit(small_images(16), batch_size=8, verbose=0)
    assert_same(captured, eager)


def test_each_backward_pass_is_a_part_of_its_own_run_only_when_asked_for(monkeypatch):
    capture = importlib.import_module("kgan.backend.torch.capture")
    ran, run = [], capture._run
    monkeypatch.setattr(capture, "_run", lambda *arguments: ran.append(arguments[0]) or run(*arguments))
    gan = small_gan(update_policy=FixedProbability(0.0))
    gan.fit(small_images(24), batch_size=8, verbose=0)
    (program,) = programs(gan)
    assert ran == [program._backward[0]] * 3  # the generator's


def test_freezing_a_layer_between_fits_is_seen():
    captured, eager = both(lambda run_eagerly: compiled(small_pair(), run_eagerly=run_eagerly))
    for gan in (captured, eager):
        gan.fit(small_images(16), batch_size=8, verbose=0)
        gan.generator.layers[0].trainable = False
    frozen = values(captured.generator.layers[0].variables)
    for gan in (captured, eager):
        gan.fit(small_images(16), batch_size=8, verbose=0)
    assert same_bits(frozen, values(captured.generator.layers[0].variables))
    assert_same(captured, eager)
    assert len(programs(captured)) == 1  # the old one is forgotten


def test_settings_and_weights_changed_between_fits_are_seen():
    captured, eager = both(lambda run_eagerly: compiled(small_pair(batch_norm=True), run_eagerly=run_eagerly))
    for gan in (captured, eager):
        gan.fit(small_images(16), batch_size=8, verbose=0)
        gan.generator.layers[1].momentum = 0.5
        gan.discriminator.layers[-1].kernel.regularizer = keras.regularizers.L2(0.1)
        gan.discriminator.set_weights([0.5 * weight for weight in gan.discriminator.get_weights()])
        gan.fit(small_images(16), batch_size=8, verbose=0)
    assert_same(captured, eager)
    assert len(programs(captured)) == 1


def test_a_model_that_was_saved_between_fits_goes_on(tmp_path):
    captured, eager = both(lambda run_eagerly: compiled(small_pair(), run_eagerly=run_eagerly))
    for gan in (captured, eager):
        gan.fit(small_images(16), batch_size=8, verbose=0)
        gan.save(tmp_path / "gan.keras")  # which sets attributes of the networks
        gan.fit(small_images(16), batch_size=8, verbose=0)
    assert_same(captured, eager)
    assert len(programs(captured)) == 1


def test_another_loss_and_other_optimizers_are_seen():
    captured, eager = both(lambda run_eagerly: compiled(small_pair(), run_eagerly=run_eagerly))
    for gan in (captured, eager):
        gan.fit(small_images(16), batch_size=8, verbose=0)
        gan.adversarial_loss = kgan.losses.Minimax()
        gan.fit(small_images(16), batch_size=8, verbose=0)
    assert_same(captured, eager)
    for gan in (captured, eager):
        scaled = [keras.optimizers.SGD(0.01, loss_scale_factor=1024.0) for _ in range(2)]
        gan.compile(*scaled, run_eagerly=gan is eager)
        gan.fit(small_images(16), batch_size=8, verbose=0)
    assert_same(captured, eager)
    assert len(programs(captured)) == 1


def test_the_strength_of_a_penalty_changed_between_fits_is_seen():
    captured, eager = both(lambda run_eagerly: compiled(small_pair(), run_eagerly=run_eagerly))
    for gan in (captured, eager):
        penalty = keras.regularizers.L2(0.1)
        gan.discriminator.layers[-1].kernel.regularizer = penalty
        gan.fit(small_images(16), batch_size=8, verbose=0)
        penalty.l2 = 5.0
        gan.fit(small_images(16), batch_size=8, verbose=0)
    assert_same(captured, eager)


class Doubled(keras.layers.Layer):
    def call(self, inputs):
        return 2 * inputs


def squashed(x):
    return keras.ops.tanh(x)


class _OwnLoss(kgan.losses.NonSaturating):
    pass


def discriminator(*middle):
    return keras.Sequential([layers.Input((4,)), layers.Dense(6), *middle, layers.Dense(1)])


def with_own_operation():
    class Tripled(keras.Operation):
        def call(self, x):
            return 3 * x

        def compute_output_spec(self, x):
            return keras.KerasTensor(x.shape, x.dtype)

    images = layers.Input((4,))
    return keras.Model(images, layers.Dense(1)(Tripled()(images)))


def with_own_call():
    layer = layers.Activation("linear")
    layer.call = lambda inputs: 2 * inputs
    return layer


@pytest.mark.parametrize(
    "make",
    [
        lambda: compiled((small_pair()[0], discriminator(layers.Dropout(0.5)))),
        lambda: compiled((small_pair()[0], discriminator(layers.GaussianNoise(0.1)))),
        lambda: compiled((small_pair()[0], discriminator(Doubled()))),
        lambda: compiled((small_pair()[0], discriminator(layers.Lambda(squashed)))),
        lambda: compiled((small_pair()[0], discriminator(layers.Activation(squashed)))),
        lambda: compiled(small_pair(), loss=_OwnLoss()),
        lambda: compiled((small_pair()[0], discriminator(layers.Dense(6, activity_regularizer="l2")))),
        lambda: compiled((small_pair()[0], with_own_operation())),
        lambda: compiled((small_pair()[0], discriminator(with_own_call()))),
        lambda: compiled(small_pair(), run_eagerly=True),
    ],
    ids=[
        *("dropout", "noise", "own layer", "Lambda", "own activation", "own loss"),
        *("activity", "own operation", "own call", "run_eagerly"),
    ],
)
def test_what_cannot_be_captured_is_run_as_it_is_written(make):
    gan = make()
    before = values(gan.weights)
    gan.fit(small_images(16), batch_size=8, verbose=0)
    assert not programs(gan)
    assert not same_bits(before, values(gan.weights))


def test_renormalised_batches_are_those_of_keras():
    def make(run_eagerly):
        generator = keras.Sequential(
            [layers.Input((3,)), layers.Dense(5), layers.BatchNormalization(renorm=True), layers.Dense(4)]
        )
        return compiled((generator, small_pair()[1]), run_eagerly=run_eagerly)

    captured, eager = both(make)
    for gan in (captured, eager):
        gan.fit(small_images(16), batch_size=8, epochs=2, verbose=0)
    assert_same(captured, eager)


def test_a_scaled_loss_is_run_as_it_is_written():
    gan = kgan.GAN(*small_pair(), latent_dim=3)
    scaled = [keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01)) for _ in range(2)]
    gan.compile(*scaled)
    gan.fit(small_images(16), batch_size=8, verbose=0)
    assert not programs(gan)


def test_a_failure_of_the_capture_falls_back(monkeypatch):
    capture = importlib.import_module("kgan.backend.torch.capture")
    monkeypatch.setattr(capture, "split", lambda graph: 1 / 0)
    gan = small_gan()
    gan.fit(small_images(16), batch_size=8, verbose=0)
    assert not programs(gan)
    assert int(gan.step.value) == 2
