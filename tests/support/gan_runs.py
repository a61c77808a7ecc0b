"""Short runs of a GAN: their preset, signals and NaN in them, and what is left of them."""

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
STEPS = 16  # two epochs of eight


OFTEN = {"progress": False, "checkpoint_every": 1e-4}


def preset(**changes):
    settings = {
        "data": "mnist-5k",
        "architecture": "slim",
        "latent_dim": 8,
        "batch_size": 20,
        "steps": STEPS,
        "average": None,
        "sample_every": 3,
        "evaluate_every": None,
        "judged": None,
    }
    return QUICK.replace(**settings | changes)


def sending(sent, at):
    """A `draw_latents` that sends this process a signal when it draws for a step of training."""
    draw = kgan.GAN.draw_latents

    def draw_latents(self, n):
        if n == 20 and int(self.step.value) == at - 1:
            os.kill(os.getpid(), sent)
        return draw(self, n)

    return draw_latents


def state(result):
    return values([*result.model.weights, *result.model.optimizer.variables])


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    """Return a function that trains until a signal comes in a step, once for the same arguments."""

    @functools.cache
    def run(at, sent, **changes):
        folder = tmp_path_factory.mktemp("interrupted") / "run"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(kgan.GAN, "draw_latents", sending(sent, at))
            return experiments.train_gan(
                preset(**changes), run_dir=folder, progress=False, checkpoint_every=1000
            )

    return run


@pytest.fixture
def begun(interrupted):
    """Return a function that copies an interrupted run to a folder."""

    def copy(folder, *, at=11, sent=signal.SIGTERM, **changes):
        result = interrupted(at, sent, **changes)
        shutil.copytree(result.run.path, folder)
        return result

    return copy


def not_finite_at(step, part):
    """A `fit` in which a network's weights become NaN before a step."""

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
    for path in folder.rglob("*.keras"):
        for array in values(kgan.load_model(path).variables):
            assert np.isfinite(array).all()
    return True
