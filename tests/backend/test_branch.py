"""A skipped update is a branch that is not taken, where the backend compiles the step."""

import importlib

import keras
import pytest

from kgan.gan.regularizers import R1, R2
from kgan.gan.update_policies import Always, FixedProbability
from support.networks import small_gan, small_images


def compiled_text(gan):
    """The compiled training step as text: JAX's jaxpr, or the kinds of TensorFlow's operations."""
    images = small_images(8)
    if keras.backend.backend() == "jax":
        groups = (gan.trainable_variables, gan.non_trainable_variables, gan.optimizer.variables)
        state = tuple([v.value for v in group] for group in (*groups, gan.metrics_variables))
        return str(importlib.import_module("jax").make_jaxpr(gan.train_step)(state, (images,)))
    function = importlib.import_module("tensorflow").function(gan.train_step, autograph=False)
    return " ".join(
        operation.type for operation in function.get_concrete_function(images).graph.get_operations()
    )


def test_a_thrown_coin_compiles_to_a_branch_and_a_certain_one_to_none():
    if keras.backend.backend() == "torch":
        pytest.skip("torch runs the step as it is written")
    assert num_branches(update_policy=FixedProbability(0.5)) == 1
    assert num_branches(update_policy=Always()) == 0


def test_a_penalty_now_and_then_compiles_to_a_branch_and_one_in_each_step_to_none():
    if keras.backend.backend() == "torch":
        pytest.skip("torch runs the step as it is written")
    assert num_branches(update_policy=Always(), regularizers=(R1(every=4), R2(every=4))) == 1
    assert num_branches(update_policy=Always(), regularizers=(R1(every=1),)) == 0


def num_branches(**options):
    branch = {"jax": "cond[", "tensorflow": "If"}[keras.backend.backend()]
    return compiled_text(small_gan(**options)).count(branch)


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_torch_runs_no_backward_pass_for_a_skipped_update(monkeypatch, run_eagerly):
    if keras.backend.backend() != "torch":
        pytest.skip("the others compile the step")
    gan = small_gan(update_policy=FixedProbability(0.0))
    gan.run_eagerly = run_eagerly
    gan.fit(small_images(8), batch_size=8, verbose=0)  # where the step is captured, both passes are
    module, name = ("torch.autograd", "grad") if run_eagerly else ("kgan.backend.torch.capture", "_run")
    module = importlib.import_module(module)
    calls, backward = [], getattr(module, name)
    monkeypatch.setattr(module, name, lambda *args, **kwargs: calls.append(1) or backward(*args, **kwargs))
    gan.fit(small_images(8), batch_size=8, verbose=0)
    assert len(calls) == 1  # the generator's
