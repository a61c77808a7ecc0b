"""Resuming a run of the palindrome task with `override`."""

import dataclasses
import signal

import keras
import pytest

from kgan import experiments, saving
from kgan.optimizers import SGD, Adam, RMSprop
from support.lstm_runs import (
    COURSE,
    DIRECT,
    assert_same_run,
    kill,
    outputs,
    poison_at,
    resume,
    resume_interrupted,
    send,
    train_interrupted,
)

pytestmark = pytest.mark.usefixtures("few_pictures_in_module")


def changed(run, **settings):
    """Resume with other settings."""
    return resume(run, override=True, **settings)


def test_steps_cannot_be_added_to_where_a_training_has_ended(tmp_path):
    run = tmp_path / "run"
    experiments.train_lstm(dataclasses.replace(DIRECT, lengths=(3,), steps=3), run_dir=run, progress=False)
    config, before = (run / "config.json").read_bytes(), outputs(run)
    message = (
        "lstm, length 3 has ended after 3 steps and would not follow a change of `steps`: begin a new run"
    )
    with pytest.raises(ValueError, match=message):
        changed(run, steps=9)
    assert (run / "config.json").read_bytes() == config
    with pytest.raises(ValueError, match="of `lstm_optimizer`: begin"):
        changed(run, lstm_optimizer=Adam(0.1))
    assert outputs(run)[:2] == before[:2]
    changed(run, lengths=(3, 4), rnn_optimizer=DIRECT.rnn_optimizer)
    experiments.train_lstm(dataclasses.replace(DIRECT, steps=3), run_dir=tmp_path / "whole", progress=False)
    assert_same_run(run, tmp_path / "whole")


def test_steps_are_added_where_no_training_has_ended(whole_lstm_run, tmp_path):
    preset = dataclasses.replace(DIRECT, lengths=(3,), networks=("lstm",))
    run, other = tmp_path / "run", tmp_path / "whole"
    experiments.train_lstm(dataclasses.replace(preset, steps=3), run_dir=run, progress=False)
    changed(run, steps=9)
    experiments.train_lstm(preset, run_dir=other, progress=False)
    assert_same_run(run, other)


# The first has both networks stop at length 3; in the second both have solved it.
@pytest.mark.parametrize(
    ("setting", "less", "kills"), [("max_steps", 5, 2), ("max_length", 3, 2), ("max_steps", 5, 0)]
)
def test_a_curriculum_that_has_ended_is_taken_further_for_each_network(
    setting, less, kills, whole_lstm_run, tmp_path
):
    run, preset = tmp_path / "run", dataclasses.replace(COURSE, **{setting: less})
    ended = experiments.train_lstm(preset, run_dir=run, progress=False)
    if setting == "max_steps":
        assert all(verdict.startswith("Stopped at length 3") for verdict in ended.verdicts.values())
    further = {"override": True, setting: getattr(COURSE, setting)}
    if kills:
        resume_interrupted(run, step=3, act=kill, **further)
        resume_interrupted(run, step=3, act=kill, network="rnn")
        further = {}
    resume(run, **further)
    assert_same_run(run, whole_lstm_run("course"))


def test_a_network_without_memory_for_a_length_tries_it_again_when_both_have_ended(whole_lstm_run, tmp_path):
    run, expected = tmp_path / "run", whole_lstm_run("course")
    fit = keras.Model.fit

    def short(self, *arguments, **options):
        if self.name == "lstm":
            raise MemoryError
        return fit(self, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.Model, "fit", short)
        result = experiments.train_lstm(COURSE, run_dir=run, progress=False)
    assert result.out_of_memory == {"lstm": 3}
    result = resume(run)
    assert result.out_of_memory == {}
    assert_same_run(run, expected)


def test_a_max_length_of_other_lengths_than_those_reached_is_refused_by_its_name(tmp_path):
    run = tmp_path / "run"
    preset = dataclasses.replace(COURSE, max_length=4, networks=("lstm",))
    experiments.train_lstm(preset, run_dir=run, progress=False)
    config = (run / "config.json").read_bytes()
    message = (
        "`max_length` must be one that is reached by length 4, to which lstm has come, got 5: go on with"
    )
    with pytest.raises(ValueError, match=message):
        changed(run, max_length=5)
    assert (run / "config.json").read_bytes() == config


@pytest.mark.parametrize("now", [SGD(0.01, momentum=0.9), RMSprop(1e-3)])
def test_an_optimiser_that_keeps_other_numbers_begins_anew_and_says_so(now, tmp_path, caplog):
    run = tmp_path / "run"
    preset = dataclasses.replace(DIRECT, lengths=(3,), lstm_optimizer=SGD(0.01))
    train_interrupted(preset, run, step=5, act=send(signal.SIGTERM))
    result = changed(run, lstm_optimizer=now)
    assert [outcome.steps for outcome in result.outcomes] == [9, 9]
    (said,) = [message for message in caplog.messages if "anew" in message]
    assert said.endswith("has other slots and begins anew.")
    optimizer = saving.load(run / "models" / "lstm-03.keras").optimizer
    assert (type(optimizer).__name__, int(optimizer.iterations)) == (type(now).__name__, 4)


def test_an_optimiser_with_another_rate_alone_keeps_its_numbers(tmp_path, caplog):
    run = tmp_path / "run"
    preset = dataclasses.replace(DIRECT, lengths=(3,), networks=("lstm",), lstm_optimizer=Adam(1e-3))
    train_interrupted(preset, run, step=5, act=send(signal.SIGTERM))
    changed(run, lstm_optimizer=Adam(1e-2))
    optimizer = saving.load(run / "models" / "lstm-03.keras").optimizer
    assert int(optimizer.iterations) == 9
    assert float(optimizer.learning_rate) == pytest.approx(1e-2)
    assert not [message for message in caplog.messages if "anew" in message]


def test_a_rollback_after_settings_have_changed_is_to_the_changed_ones(tmp_path, monkeypatch):
    run = tmp_path / "run"
    preset = dataclasses.replace(DIRECT, lengths=(3,), networks=("lstm",), lstm_optimizer=SGD(0.01))
    train_interrupted(preset, run, step=5, act=send(signal.SIGTERM))
    poison_at(monkeypatch, 1)
    changed(run, lstm_optimizer=SGD(0.02, momentum=0.9), on_nan="rollback")
    optimizer = saving.load(run / "models" / "lstm-03.keras").optimizer
    assert (optimizer.momentum, float(optimizer.learning_rate)) == (0.9, pytest.approx(0.01))
