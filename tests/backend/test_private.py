"""Each private name taken away: the same result by the slower way, or an error that names the version."""

import importlib
import importlib.util
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import kgan
from kgan.backend import plain_adam, private
from kgan.backend.nesting import all_layers
from kgan.gan.update_policies import Always
from support.networks import small_gan, small_images, small_pair, values

on_torch = pytest.mark.skipif(keras.backend.backend() != "torch", reason="private names of PyTorch")
SEQUENCES = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")


def module(name):
    return importlib.import_module(f"kgan.backend.torch.{name}")


def fresh(name):
    """A module of kgan, executed once more, beside the one that the others have imported."""
    spec = importlib.util.find_spec(f"kgan.backend.torch.{name}")
    executed = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(executed)
    return executed


def without(monkeypatch, *names, of="torch"):
    """`kgan.backend.torch.private` as it is where a module lacks these names."""
    for name in names:
        monkeypatch.delattr(importlib.import_module(of), name)
    return fresh("private")


def trained(**settings):
    """A small GAN after three steps, and all that it holds."""
    gan = small_gan(update_policy=Always(), **settings)
    gan.fit(small_images(24), batch_size=8, verbose=0)
    return gan, values([*gan.variables, *gan.optimizer.variables])


def assert_close(ones, others):
    for one, other in zip(ones, others, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


class OwnMasksCell(private.OwnDropoutMasks, kgan.layers.LSTMCell):
    """A cell for which Keras does nothing."""


def dropped(**arguments):
    """Outputs of two calls of a layer that drops."""
    keras.utils.set_random_seed(1)
    layer = kgan.layers.LSTM(4, seed=3, return_sequences=True, **arguments)
    return values([layer(SEQUENCES, training=True) for _ in range(2)])


@pytest.mark.parametrize(
    "arguments",
    [{"dropout": 0.4}, {"dropout": 0.4, "implementation": 1}, {"dropout": 0.2, "recurrent_dropout": 0.5}],
)
def test_own_dropout_masks_are_those_of_keras(monkeypatch, arguments):
    expected = dropped(**arguments)
    monkeypatch.setattr(importlib.import_module("kgan.layers.lstm"), "LSTMCell", OwnMasksCell)
    monkeypatch.setattr(keras.layers.RNN, "_maybe_config_dropout_masks", lambda *_: None)
    for one, other in zip(dropped(**arguments), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_cell_for_which_keras_prepares_no_masks_says_which_version_does(monkeypatch):
    monkeypatch.setattr(private, "_BASES", {})
    layer = keras.layers.RNN(kgan.layers.LSTMCell(4, dropout=0.1))
    layer(SEQUENCES, training=False)
    with pytest.raises(RuntimeError, match=r"needs Keras 3\.15"):
        layer(SEQUENCES, training=True)
    keras.layers.RNN(kgan.layers.LSTMCell(4))(SEQUENCES, training=True)  # nothing is dropped


@pytest.mark.parametrize("name", ["_get_variable_index", "_momentums", "_velocities"])
def test_moments_of_an_adam_are_found_or_none(name):
    variables = [keras.Variable(np.ones(2)), keras.Variable(np.ones(3))]
    optimizer = keras.optimizers.Adam()
    optimizer.build(variables)
    names = ("_get_variable_index", "_momentums", "_velocities")
    held = {kept: getattr(optimizer, kept) for kept in names}
    m, v = private.adam_moments(SimpleNamespace(**held), variables[::-1])
    assert [moment.shape for moment in (*m, *v)] == [(3,), (2,), (3,), (2,)]
    del held[name]
    assert private.adam_moments(SimpleNamespace(**held), variables) is None


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="JAX compiles Keras's own")
def test_an_adam_that_hides_its_moments_is_updated_by_keras(monkeypatch):
    _, expected = trained()
    monkeypatch.setattr(plain_adam, "adam_moments", lambda *_: None)
    gan, found = trained()
    assert not plain_adam.is_plain_adam(gan.generator_optimizer, gan.generator.trainable_variables)
    assert_close(found, expected)


def test_batch_norm_that_takes_its_moments_elsewhere_says_which_version_does_not():
    layer = keras.layers.BatchNormalization()
    assert not private.has_own_moments(layer)
    private.set_moments(layer, lambda *_: None)
    assert private.has_own_moments(layer)
    with pytest.raises(RuntimeError, match=r"needs Keras 3\.15"):
        private.set_moments(keras.layers.Dense(1), lambda *_: None)


def test_all_layers_are_those_that_keras_tracks():
    class Holder(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.listed, self.named = [keras.layers.Dense(1)], {"a": (keras.layers.Dense(2),)}
            self.wrapped = keras.layers.TimeDistributed(keras.layers.Dense(3))

    images = keras.Input((3,))
    functional = keras.Model(images, keras.layers.Dense(2)(keras.layers.ReLU()(images)))
    for layer in (keras.Sequential([small_pair(image_shape=(3,))[0], functional]), Holder()):
        found, tracked = (
            [id(one) for one in layers] for layers in (all_layers(layer), layer._flatten_layers())
        )
        assert len(tracked) > 4
        assert len(set(found)) == len(found)
        # Beside these, the functional model by which a Sequential runs.
        runs = {id(one) for one in all_layers(layer) if type(one).__name__ == "Functional"}
        assert set(tracked) | runs == set(found)


@on_torch
def test_lists_of_tensors_are_changed_one_by_one_to_the_same(monkeypatch):
    import_module = importlib.import_module
    torch, fast = import_module("torch"), module("private")
    slow = without(monkeypatch, "_foreach_copy_", "_foreach_lerp_", "_foreach_add_")
    others = [torch.arange(3.0), torch.ones(2, 2)]

    def changed(names):
        tensors = [torch.zeros(3), torch.zeros(2, 2)]
        names.copy_all(tensors, others)
        names.add_all(tensors, [0.5, 2.0])
        names.lerp_all(tensors, others, 0.25)
        return [tensor.tolist() for tensor in tensors]

    assert slow.copy_all is not fast.copy_all
    assert changed(slow) == changed(fast)


@on_torch
@pytest.mark.parametrize("name", ["_fused_adam_", "_foreach_copy_", "_foreach_lerp_", "_foreach_add_"])
def test_a_gan_trains_to_the_same_without_an_operation_of_torch(monkeypatch, name):
    settings = {"batch_norm": True, "average": kgan.GeneratorAverage()}
    _, expected = trained(**settings)
    slow = without(monkeypatch, name)
    monkeypatch.setattr(module("step"), "private", slow)
    monkeypatch.setattr(module("capture"), "copy_all", slow.copy_all)
    gan, found = trained(**settings)
    assert any(gan._fused_adams.values()) == (name != "_fused_adam_")
    assert_close(found, expected)


@on_torch
def test_a_step_that_cannot_be_written_down_is_run_as_it_is_written(monkeypatch):
    captured, expected = trained()
    slow = without(monkeypatch, "TorchDispatchMode", of="torch.utils._python_dispatch")
    monkeypatch.setattr(module("private"), "DispatchMode", slow.DispatchMode)
    monkeypatch.setattr(module("capture"), "Tape", fresh("tape").Tape)
    gan, found = trained()
    assert any(captured._captures._programs.values())
    assert not any(gan._captures._programs.values())
    assert_close(found, expected)


@on_torch
def test_an_lstm_comes_to_the_same_where_transformations_cannot_be_seen(monkeypatch):
    layer = kgan.layers.LSTM(4)
    expected, path = values([layer(SEQUENCES)]), layer.last_path
    slow = without(monkeypatch, "_are_functorch_transforms_active", of="torch._C")
    monkeypatch.setattr(module("lstm"), "private", slow)
    assert_close(values([layer(SEQUENCES)]), expected)
    assert (path, layer.last_path) == ("fused", "loop")


@on_torch
@pytest.mark.parametrize("checkpoint", [None, 2])
def test_an_lstm_has_the_same_gradients_where_batches_of_them_cannot_be_seen(monkeypatch, checkpoint):
    layer = kgan.layers.LSTM(4, checkpoint=checkpoint)

    def gradients():
        layer.zero_grad()
        layer(SEQUENCES).sum().backward()
        return values([weight.value.grad for weight in layer.trainable_variables])

    expected = gradients()
    slow = without(monkeypatch, "_dispatch_key_set", of="torch._C")
    assert slow.is_batched(None)
    monkeypatch.setattr(module("lstm_sequence"), "private", slow)
    assert_close(gradients(), expected)


@on_torch
def test_models_are_kept_whole_in_a_scope_and_in_the_scopes_within(monkeypatch):
    wrapped = []
    monkeypatch.setattr(keras.Model, "_initialize_ddp", wrapped.append, raising=False)
    private_names, model = module("private"), small_pair()[0]
    with private_names.all_kept_whole():
        with private_names.all_kept_whole():
            model._initialize_ddp()
        model._initialize_ddp()
        assert not wrapped
    keras.Model._initialize_ddp(model)
    assert wrapped == [model]


@on_torch
def test_a_gan_is_kept_whole_and_logs_what_this_process_has():
    gan = small_gan()
    assert gan.ddp_model is False  # neither None, which Keras would wrap, nor what it would call
    gan.fit(small_images(8), batch_size=8, verbose=0)
    assert gan.get_metrics_result().keys() == {metric.name for metric in gan.metrics}
