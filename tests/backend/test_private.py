"""Fallbacks: remove each private name and compare results, or expect an error."""

import contextlib
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
    """Execute a module of kgan again; return the copy, apart from the imported one."""
    spec = importlib.util.find_spec(f"kgan.backend.torch.{name}")
    executed = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(executed)
    return executed


def without(monkeypatch, *names, of="torch"):
    """Return `kgan.backend.torch.private` as if a module lacked these names."""
    for name in names:
        monkeypatch.delattr(importlib.import_module(of), name)
    return fresh("private")


def trained(**settings):
    """Train a small GAN for three steps; return it and the values of its variables."""
    gan = small_gan(update_policy=Always(), **settings)
    gan.fit(small_images(24), batch_size=8, verbose=0)
    return gan, values([*gan.variables, *gan.optimizer.variables])


def assert_close(ones, others):
    for one, other in zip(ones, others, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


class OwnMasksCell(private.OwnDropoutMasks, kgan.layers.LSTMCell):
    """A cell that draws its own masks, so Keras prepares none."""


def dropped(**arguments):
    """Return an LSTM with dropout and the outputs of two calls."""
    keras.utils.set_random_seed(1)
    layer = kgan.layers.LSTM(4, seed=3, return_sequences=True, **arguments)
    return layer, values([layer(SEQUENCES, training=True) for _ in range(2)])


@pytest.mark.parametrize(
    "arguments",
    [{"dropout": 0.4}, {"dropout": 0.4, "implementation": 1}, {"dropout": 0.2, "recurrent_dropout": 0.5}],
)
def test_own_dropout_masks_equal_those_of_keras(monkeypatch, arguments):
    layer, expected = dropped(**arguments)
    assert not isinstance(layer.cell, OwnMasksCell)
    monkeypatch.setattr(importlib.import_module("kgan.layers.lstm"), "LSTMCell", OwnMasksCell)
    monkeypatch.setattr(keras.layers.RNN, "_maybe_config_dropout_masks", lambda *_: None, raising=False)
    layer, found = dropped(**arguments)
    assert isinstance(layer.cell, OwnMasksCell)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_cell_without_masks_from_keras_names_the_version_that_it_needs(monkeypatch):
    monkeypatch.setattr(private, "_BASES", {})
    layer = keras.layers.RNN(kgan.layers.LSTMCell(4, dropout=0.1))
    layer(SEQUENCES, training=False)
    with pytest.raises(RuntimeError, match=r"needs Keras 3\.15"):
        layer(SEQUENCES, training=True)
    keras.layers.RNN(kgan.layers.LSTMCell(4))(SEQUENCES, training=True)  # no dropout


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
def test_an_adam_without_known_moments_falls_back_to_keras(monkeypatch):
    _, expected = trained()
    monkeypatch.setattr(plain_adam, "adam_moments", lambda *_: None)
    gan, found = trained()
    assert not plain_adam.is_plain_adam(gan.generator_optimizer, gan.generator.trainable_variables)
    assert_close(found, expected)


def test_batch_norm_without_moments_names_the_version_that_it_needs():
    layer = keras.layers.BatchNormalization()
    assert not private.has_own_moments(layer)
    private.set_moments(layer, lambda *_: None)
    assert private.has_own_moments(layer)
    with pytest.raises(RuntimeError, match=r"needs Keras 3\.15"):
        private.set_moments(keras.layers.Dense(1), lambda *_: None)


def test_keras_finds_the_attributes_that_it_skips(monkeypatch):
    saving_lib = importlib.import_module("keras.src.saving.saving_lib")
    skipped = saving_lib.get_attr_skipset("Layer")
    private.remember_skipped_attributes()
    assert saving_lib.get_attr_skipset("Layer") is saving_lib.get_attr_skipset("Layer")
    assert saving_lib.get_attr_skipset("Layer") == skipped
    monkeypatch.setattr(private, "_STATE", None)
    private.remember_skipped_attributes()


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
        # A Sequential also holds the functional model that it runs.
        runs = {id(one) for one in all_layers(layer) if type(one).__name__ == "Functional"}
        assert set(tracked) | runs == set(found)


@on_torch
def test_an_operation_on_a_list_of_tensors_falls_back_to_a_loop(monkeypatch):
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
def test_a_gan_without_an_operation_of_torch_falls_back_to_equal_results(monkeypatch, name):
    settings = {"batch_norm": True, "average": kgan.GeneratorAverage()}
    _, expected = trained(**settings)
    slow = without(monkeypatch, name)
    monkeypatch.setattr(module("step"), "private", slow)
    monkeypatch.setattr(module("capture"), "copy_all", slow.copy_all)
    gan, found = trained(**settings)
    assert any(gan._fused_adams.values()) == (name != "_fused_adam_")
    assert_close(found, expected)


@on_torch
def test_a_step_that_cannot_be_captured_falls_back_to_equal_results(monkeypatch):
    captured, expected = trained()
    slow = without(monkeypatch, "TorchDispatchMode", of="torch.utils._python_dispatch")
    monkeypatch.setattr(module("private"), "DispatchMode", slow.DispatchMode)
    monkeypatch.setattr(module("capture"), "Tape", fresh("tape").Tape)
    gan, found = trained()
    assert any(captured._captures._programs.values())
    assert not any(gan._captures._programs.values())
    assert_close(found, expected)


@on_torch
def test_an_lstm_falls_back_to_the_loop_if_transforms_are_unknown(monkeypatch):
    layer = kgan.layers.LSTM(4)
    expected, path = values([layer(SEQUENCES)]), layer.last_path
    slow = without(monkeypatch, "_are_functorch_transforms_active", of="torch._C")
    monkeypatch.setattr(module("lstm"), "private", slow)
    assert_close(values([layer(SEQUENCES)]), expected)
    assert (path, layer.last_path) == ("fused", "loop")


@on_torch
@pytest.mark.parametrize("checkpoint", [None, 2])
def test_a_gradient_falls_back_to_the_general_one_if_batching_is_unknown(monkeypatch, checkpoint):
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


@contextlib.contextmanager
def one_rank():
    """Join a process group of one rank."""
    distributed = importlib.import_module("torch.distributed")
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    try:
        yield
    finally:
        distributed.destroy_process_group()


@on_torch
def test_models_are_not_wrapped_in_a_scope_and_keras_gets_its_method_back(monkeypatch):
    wrapped, trainer, name = [], keras.Model.__mro__[1], "_initialize_ddp"
    monkeypatch.setattr(trainer, name, wrapped.append, raising=False)
    scope, model = module("private").ddp_disabled, small_pair()[0]
    with scope():
        with scope():
            model._initialize_ddp()
        model._initialize_ddp()
        assert not wrapped
    assert name not in vars(keras.Model)  # inherited again
    keras.Model._initialize_ddp(model)
    assert wrapped == [model]


@on_torch
def test_a_scope_adds_no_method_to_a_keras_without_it(monkeypatch):
    monkeypatch.delattr(keras.Model.__mro__[1], "_initialize_ddp", raising=False)
    with module("private").ddp_disabled():
        assert hasattr(keras.Model, "_initialize_ddp")
    assert not hasattr(keras.Model, "_initialize_ddp")


@on_torch
def test_a_gan_is_not_wrapped_in_a_process_group():
    gan = small_gan()
    with one_rank():
        gan.fit(small_images(8), batch_size=8, verbose=0)
    # Keras 3.16 wraps if None, and would call a wrapper.
    assert gan.ddp_model is False


@on_torch
def test_a_gan_logs_its_metrics_without_the_sum_of_keras(monkeypatch):
    def summed(_):
        raise AssertionError

    monkeypatch.setattr(keras.Model, "get_metrics_result", summed)
    gan = small_gan()
    logs = gan.fit(small_images(8), batch_size=8, verbose=0).history
    assert logs.keys() == {metric.name for metric in gan.metrics}


@on_torch
@pytest.mark.parametrize("is_overridden", [True, False])
def test_shared_steps_average_the_metrics_of_an_override(monkeypatch, is_overridden):
    class Overridden(keras.Sequential):
        def get_metrics_result(self):
            return {"own": 3.0}

    ranks = module("ranks")
    monkeypatch.setattr(ranks.Ranks, "number", 2)
    monkeypatch.setattr(ranks.Ranks, "give_to_all", lambda *_: None)
    monkeypatch.setattr(ranks.Ranks, "total", lambda _, tensors: [2 * tensor + 1 for tensor in tensors])
    monkeypatch.setattr(ranks, "_device", lambda: "cpu")
    layers = [keras.Input((2,)), keras.layers.Dense(1)]
    model = (Overridden if is_overridden else keras.Sequential)(layers)
    model.compile("sgd", "mse")
    ranks.Ranks().share_steps(model)
    expected = {"own": 3.5} if is_overridden else {"loss": 0.5}
    assert {name: float(value) for name, value in model.get_metrics_result().items()} == expected
