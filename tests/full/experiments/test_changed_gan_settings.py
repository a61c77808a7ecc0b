"""Resuming a GAN with `override`."""

import functools
import json

import keras
import numpy as np
import pytest

import kgan
from kgan import callbacks, experiments
from kgan.optimizers import SGD, Adam
from support.gan_runs import OFTEN, STEPS, not_finite_at, preset, state
from support.networks import same_bits, values

pytestmark = pytest.mark.usefixtures("few_digits", "few_pictures_in_module")


DECAY = kgan.LinearDecay(begin=0.5, end=0.2)


@pytest.fixture(scope="module", autouse=True)
def rates_fall_each_step():
    """Lower the rates in each step, not every hundred steps, which would take long."""
    each_step = functools.partial(callbacks.DecayLearningRates, every_steps=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(callbacks, "DecayLearningRates", each_step)
        yield


def rates(model):
    return [float(optimizer.learning_rate) for optimizer in model.optimizer.optimizers]


def test_a_run_whose_batches_change_is_as_long_in_steps_as_was_asked(tmp_path, interrupted_copy):
    interrupted_copy(tmp_path / "run")  # after step 11 of 16
    result = experiments.resume(tmp_path / "run", progress=False, override=True, batch_size=40)
    assert int(result.model.step.value) == 19  # two epochs of four steps, for whole ones alone are trained
    assert json.loads(result.run.config.read_text())["epochs"] == 3


def test_an_optimiser_that_gets_other_slots_begins_anew_and_says_so(tmp_path, caplog, interrupted_copy):
    interrupted_copy(tmp_path / "run", generator_optimizer=SGD(learning_rate=0.01))
    momentum = SGD(learning_rate=0.01, momentum=0.9)
    result = experiments.resume(tmp_path / "run", progress=False, override=True, generator_optimizer=momentum)
    assert int(result.model.step.value) == STEPS
    assert int(result.model.generator_optimizer.iterations.value) == STEPS - 11
    assert "has other slots and begins anew" in caplog.text


def test_overridden_optimisers_keep_their_moments_where_they_are_of_one_kind(tmp_path, interrupted_copy):
    interrupted_copy(tmp_path / "run", generator_optimizer=Adam(learning_rate=1e-3))
    slower = Adam(learning_rate=1e-4)
    result = experiments.resume(
        tmp_path / "run",
        progress=False,
        override=True,
        generator_optimizer=slower,
        discriminator_optimizer=SGD(learning_rate=0.01),
    )
    generator, discriminator = result.model.generator_optimizer, result.model.discriminator_optimizer
    assert float(generator.learning_rate) == pytest.approx(1e-4)
    assert int(generator.iterations.value) == STEPS
    assert isinstance(discriminator, keras.optimizers.SGD)
    assert int(result.model.step.value) == STEPS


def test_an_average_is_kept_or_begun_where_settings_change(tmp_path, interrupted_copy):
    interrupted_copy(tmp_path / "run")
    options = {"progress": False, "override": True}
    begin = experiments.resume(tmp_path / "run", **options, average=kgan.GeneratorAverage(0.5)).model
    updates = STEPS - 11  # the average was not there for the first
    assert int(begin.average_updates.value) == updates
    difference = values(begin.average_generator.weights)[0] - values(begin.generator.weights)[0]
    assert 1e-5 < np.abs(difference).max() < 0.1
    kept = experiments.resume(
        tmp_path / "run", **options, average=kgan.GeneratorAverage(0.9), steps=STEPS + 8
    )
    assert int(kept.model.average_updates.value) == updates + 8
    assert kept.run.read_config()["settings"]["average"] == "GeneratorAverage(decay=0.9, warm_up=True)"
    none = experiments.resume(tmp_path / "run", **options, average=None)
    assert none.model.average is None
    assert same_bits(values(none.model.generator.weights), values(kept.model.generator.weights))


def test_the_rates_fall_over_the_run_and_a_resumed_one_ends_at_the_same_bits(tmp_path, interrupted_copy):
    falling = preset(decay=DECAY)
    whole = experiments.train_gan(falling, run_dir=tmp_path / "whole", progress=False)
    wanted = [falling.generator_optimizer.learning_rate, falling.discriminator_optimizer.learning_rate]
    np.testing.assert_allclose(rates(whole.model), 0.2 * np.array(wanted), rtol=1e-5)
    interrupted_copy(tmp_path / "run", decay=DECAY)
    resumed = experiments.resume(tmp_path / "run", progress=False)
    assert same_bits(state(resumed), state(whole))


@pytest.mark.parametrize(
    ("decay", "changes", "factor"),
    [
        (DECAY, {"generator_optimizer": Adam(3e-4)}, 0.2),
        (DECAY, {"generator_optimizer": Adam(2e-4, beta_1=0.6)}, 0.2),  # the rate as it was
        (DECAY, {"generator_optimizer": SGD(1e-2)}, 0.2),
        (DECAY, {"decay": kgan.LinearDecay(begin=0.5, end=0.6)}, 0.6),
        (DECAY, {"decay": None}, 1.0),
        (DECAY, {"decay": None, "generator_optimizer": Adam(3e-4)}, 1.0),
        (None, {"decay": DECAY}, 0.2),
        (None, {"decay": DECAY, "generator_optimizer": Adam(3e-4)}, 0.2),
    ],
)
def test_rates_end_on_the_line_whatever_is_changed_while_they_fall(
    decay, changes, factor, tmp_path, interrupted_copy
):
    begin = {"generator_optimizer": Adam(2e-4), "discriminator_optimizer": Adam(1e-4)}
    interrupted_copy(tmp_path / "run", decay=decay, **begin)
    result = experiments.resume(tmp_path / "run", progress=False, override=True, **changes)
    whole = [changes.get(name, settings).learning_rate for name, settings in begin.items()]
    np.testing.assert_allclose(rates(result.model), factor * np.array(whole), rtol=1e-5)


def test_a_rate_that_a_rollback_halved_stays_so_where_another_setting_is_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(kgan.GAN, "fit", not_finite_at(11, "generator"))
    settings = {"on_nan": "rollback", "generator_optimizer": Adam(2e-4)}
    experiments.train_gan(preset(**settings), run_dir=tmp_path / "run", **OFTEN)
    changed = {"generator_optimizer": Adam(2e-4, beta_1=0.6), "steps": 24}
    result = experiments.resume(tmp_path / "run", progress=False, override=True, **changed)
    assert float(result.model.generator_optimizer.learning_rate) == pytest.approx(1e-4)
