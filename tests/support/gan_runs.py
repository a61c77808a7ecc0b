"""Short GAN runs: their preset, interrupted runs, NaN faults and their checks."""

import functools
import os
import shutil
import signal

import keras
import numpy as np
import pytest

import kgan
from kgan import experiments
from support.networks import values

QUICK = kgan.presets.GAN_PRESETS["quick"]
STEPS, BATCH = 16, 20  # two epochs of eight steps with `few_digits`


OFTEN = {"progress": False, "checkpoint_every": 1e-4}


def preset(**changes):
    """Return the quick preset for 16 steps on the images of `few_digits`."""
    settings = {
        "data": "mnist-5k",
        "architecture": "slim",
        "latent_dim": 8,
        "batch_size": BATCH,
        "steps": STEPS,
        "average": None,
        "sample_every": 3,
        "evaluate_every": None,
        "judged": None,
    }
    return QUICK.replace(**settings | changes)


def sending(sent, at):
    """Return a `draw_latents` that sends this process a signal in step `at`."""
    draw = kgan.GAN.draw_latents

    def draw_latents(self, n):
        if n == BATCH and int(self.step.value) == at - 1:
            os.kill(os.getpid(), sent)
        return draw(self, n)

    return draw_latents


def state(result):
    """Return the weights and the optimizer state as arrays."""
    return values([*result.model.weights, *result.model.optimizer.variables])


@pytest.fixture(scope="module")
def interrupted(few_digits, few_pictures_in_module, tmp_path_factory):
    """Return a function that trains until a signal in step `at`; equal arguments share a run."""

    @functools.cache
    def run(at, sent, **changes):
        folder = tmp_path_factory.mktemp("interrupted") / "run"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(kgan.GAN, "draw_latents", sending(sent, at))
            result = experiments.train_gan(
                preset(**changes), run_dir=folder, progress=False, checkpoint_every=1000
            )
        assert (result.interrupted, result.signal, int(result.model.step.value)) == (True, sent, at)
        return folder

    return run


@pytest.fixture
def interrupted_copy(interrupted):
    """Return a function that copies an interrupted run to a folder."""

    def copy(folder, *, at=11, sent=signal.SIGTERM, **changes):
        shutil.copytree(interrupted(at, sent, **changes), folder)

    return copy


def not_finite_at(step, part):
    """Return a `fit` that sets a network's first weight to NaN before step `step`."""

    class Poison(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if int(self.model.step.value) == step - 1 and not seen:
                seen.append(step)
                variable = getattr(self.model, part).trainable_variables[0]
                variable.assign(np.full(variable.shape, np.nan, "float32"))

    seen, fit = [], kgan.GAN.fit

    def poisoned(self, *args, callbacks, **kwargs):
        return fit(self, *args, callbacks=[Poison(), *callbacks], **kwargs)

    return poisoned


def finite_models(folder):
    """Assert that every saved model in a folder is finite, and return True."""
    for path in folder.rglob("*.keras"):
        for array in values(kgan.load_model(path).variables):
            assert np.isfinite(array).all()
    return True
