"""Interrupted runs of the palindrome task resume to the bits of uninterrupted ones."""

import contextlib
import dataclasses
import errno
import json
import os
import signal

import keras
import pytest

from kgan import callbacks, cli, experiments, saving
from kgan.experiments import palindrome, resuming
from kgan.files import naming
from support.lstm_runs import (
    COURSE,
    DIRECT,
    PRESETS,
    KilledError,
    arguments_of,
    assert_same_run,
    at_step,
    kill,
    last_checkpoint,
    outputs,
    poison_at,
    resume,
    resume_interrupted,
    send,
    train_interrupted,
)
from support.networks import same_bits

pytestmark = pytest.mark.usefixtures("few_pictures_in_module")


def test_the_course_of_these_tests_trains_both_networks_and_reaches_its_second_length(whole_lstm_run):
    run = whole_lstm_run("course")
    results = json.loads((run / "results.json").read_text())["results"]
    assert results[0]["steps"] > 0
    assert {("lstm", 3), ("lstm", 5), ("rnn", 3)} <= {(r["network"], r["length"]) for r in results}


def test_a_training_that_is_killed_again_and_again_ends_as_if_it_was_not(whole_lstm_run, tmp_path):
    run, every_step = tmp_path / "run", {"checkpoint_every": 1e-9}
    assert train_interrupted(DIRECT, run, step=5, act=kill, **every_step) is None  # in mid-epoch
    assert last_checkpoint(run).step == 5
    resume_interrupted(run, step=4, act=kill, **every_step)  # at the last step of a network
    assert last_checkpoint(run).step == 8
    resume_interrupted(run, step=2, act=kill, **every_step)  # at the first of the next
    assert last_checkpoint(run).step == 1
    resume(run)
    assert_same_run(run, whole_lstm_run("direct"))


def test_a_training_without_a_checkpoint_for_long_ends_as_if_it_was_not_killed(whole_lstm_run, tmp_path):
    train_interrupted(DIRECT, tmp_path / "run", step=17, act=kill)
    saved = saving.Checkpoints(tmp_path / "run" / "checkpoints").last()
    assert saved.state["own"]["at"]["network"] == "rnn"
    assert saved.batch == 0  # the last is of an evaluation
    resume(tmp_path / "run")
    assert_same_run(tmp_path / "run", whole_lstm_run("direct"))


def test_a_signal_in_mid_epoch_is_a_checkpoint_of_that_step(whole_lstm_run, tmp_path):
    run = tmp_path / "run"
    first = train_interrupted(DIRECT, run, step=11, act=send(signal.SIGINT))
    assert (last_checkpoint(run).step, last_checkpoint(run).batch) == (2, 2)
    second = resume_interrupted(run, step=12, act=send(signal.SIGTERM))  # after 23 steps
    assert (last_checkpoint(run).step, last_checkpoint(run).batch) == (5, 2)
    for result, number in ((first, signal.SIGINT), (second, signal.SIGTERM)):
        assert (result.interrupted, result.signal) == (True, number)
        assert result.outcomes[-1].note == "interrupted"
    assert not resume(run).interrupted
    assert_same_run(run, whole_lstm_run("direct"))


def test_a_curriculum_that_is_interrupted_in_several_rounds_ends_as_if_it_was_not(whole_lstm_run, tmp_path):
    run = tmp_path / "run"
    train_interrupted(COURSE, run, step=3, act=kill)  # in the first round
    resume_interrupted(run, step=14, act=send(signal.SIGTERM))  # in a later one
    resume_interrupted(run, step=3, act=kill, network="rnn")  # in the second network's
    resume(run)
    assert_same_run(run, whole_lstm_run("course"))


def test_a_curriculum_that_was_killed_between_two_lengths_ends_as_if_it_was_not(whole_lstm_run, tmp_path):
    run, expected = tmp_path / "run", whole_lstm_run("course")
    save, names = keras.Model.save, []

    def killed(self, path, **options):
        names.append(path.parent.name)
        if names[-1].startswith(".writing") and "models" in names:  # the checkpoint after the first length
            raise KilledError
        save(self, path, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.Model, "save", killed)
        with pytest.raises(KilledError):
            experiments.train_lstm(COURSE, run_dir=run, progress=False)
    assert [r["length"] for r in json.loads((run / "results.json").read_text())["results"]] == [3]
    resume(run)
    assert_same_run(run, expected)


@pytest.mark.parametrize("name", PRESETS)
def test_to_resume_a_finished_run_changes_nothing(name, whole_lstm_run):
    run = whole_lstm_run(name)
    before = outputs(run)
    resume(run)
    log, results, models = outputs(run)
    assert (log, results) == before[:2]
    assert all(same_bits(models[file], numbers) for file, numbers in before[2].items())


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_in_a_step_that_leaves_nan_is_a_signal_and_the_last_checkpoint_stands(
    number, status, tmp_path, monkeypatch, caplog, capsys
):
    monkeypatch.chdir(tmp_path)

    def poison_and_send():
        kernel = interrupts[-1].model.trainable_variables[-1]
        kernel.assign(kernel * float("nan"))  # after the step, whose loss was finite
        os.kill(os.getpid(), number)

    interrupts, begin = [], callbacks.FinishStepOnInterrupt.on_train_begin
    monkeypatch.setattr(
        callbacks.FinishStepOnInterrupt,
        "on_train_begin",
        lambda self, logs=None: [interrupts.append(self), begin(self, logs)],
    )
    at_step(monkeypatch, 5, poison_and_send)
    # However slow the machine is, no checkpoint falls due between the first and the poison.
    monkeypatch.setattr(resuming, "_SPACING", 3600.0)
    assert cli.train_lstm([*arguments_of(DIRECT), "--run-dir=run", "--checkpoint-every=60"]) == status
    (said,) = [message for message in caplog.messages if "not finite" in message]
    assert "holds values that are not finite at step 5; the last checkpoint is" in said
    assert said.endswith("The last checkpoint stands.")
    saved = saving.Checkpoints(tmp_path / "run" / "checkpoints").last()
    assert saved.step == 0
    saving.check_finite(saved.load())
    results = json.loads((tmp_path / "run" / "results.json").read_text())["results"]
    assert [result["note"] for result in results] == ["interrupted"]
    assert "go on     kgan train-lstm --resume run" in capsys.readouterr().out


def test_a_training_that_diverges_stops_and_keeps_no_number_that_is_not_finite(tmp_path, monkeypatch):
    run = tmp_path / "run"
    poison_at(monkeypatch, 14)  # the fifth of the second network
    with pytest.raises(callbacks.DivergedError, match="rnn, length 3: loss not finite at step 5") as raised:
        experiments.train_lstm(DIRECT, run_dir=run, progress=False, checkpoint_every=1e-9)
    saved = saving.Checkpoints(run / "checkpoints").last()
    assert f"The last checkpoint is {saved.path}." in raised.value.__notes__[0]
    assert f"kgan train-lstm --resume {run} --override --on-nan rollback" in str(raised.value)
    assert saved.step == 4
    for path in [saved.path / "model.keras", *(run / "models").iterdir()]:
        saving.check_finite(saving.load(path))
    results = json.loads((run / "results.json").read_text())["results"]
    assert [(r["network"], r["note"]) for r in results] == [("lstm", ""), ("rnn", "diverged")]
    assert b"nan" not in (run / "log.csv").read_bytes()


def test_rollback_goes_back_to_the_last_checkpoint_once_at_half_the_rate(tmp_path, monkeypatch, caplog):
    preset = dataclasses.replace(DIRECT, lengths=(3,), on_nan="rollback")
    poison_at(monkeypatch, 14)
    experiments.train_lstm(preset, run_dir=tmp_path / "run", progress=False, checkpoint_every=1e-9)
    (said,) = [message for message in caplog.messages if "not finite" in message]
    assert (
        said == "kgan: rnn, length 3: loss not finite at step 5: back to step 4, at half the learning rates."
    )
    log = [line.split(",") for line in (tmp_path / "run" / "log.csv").read_text().splitlines()]
    rates = [float(row[-1]) for row in log if row[0] == "rnn"]
    assert rates == pytest.approx([1e-3, 5e-4, 5e-4])
    assert [row[3] for row in log if row[0] == "rnn"] == ["3", "6", "9"]


def test_rollback_does_not_help_twice(tmp_path, monkeypatch):
    preset = dataclasses.replace(DIRECT, lengths=(3,), on_nan="rollback")
    begin = callbacks.NetworkLog.on_train_batch_begin

    def poisoning(self, batch, logs=None):
        if self._step == 4:
            self.model.trainable_variables[-1].assign(self.model.trainable_variables[-1] * float("nan"))
        begin(self, batch, logs)

    monkeypatch.setattr(callbacks.NetworkLog, "on_train_batch_begin", poisoning)
    with pytest.raises(callbacks.DivergedError, match="lstm, length 3: loss not finite at step 5"):
        experiments.train_lstm(preset, run_dir=tmp_path / "run", progress=False)


def test_a_curriculum_whose_weights_are_not_finite_says_so_once_and_exits_3(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    build = palindrome.build_recaller

    def poisoned(preset, network):
        model = build(preset, network)
        model.trainable_variables[-1].assign(model.trainable_variables[-1] * float("nan"))
        return model

    monkeypatch.setattr(palindrome, "build_recaller", poisoned)
    assert cli.train_lstm([*arguments_of(COURSE), "--run-dir=run"]) == 3
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert "lstm: Before any training at length 3, after step 0, lstm/" in line


class FullDisk:
    """Lets a write fail as on a full disk."""

    def __init__(self, *_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("what", ["log", "checkpoint"])
def test_a_disk_that_is_full_stops_the_run_names_the_file_and_leaves_the_last_checkpoint(
    name, what, whole_lstm_run, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    writes, folder = [], tmp_path / "run"
    owner, method = {
        "log": (callbacks.NetworkLog, "_add"),
        "checkpoint": (saving.checkpoints, "_write"),
    }[what]
    write = getattr(owner, method)

    def failing(*arguments):
        writes.append(arguments)
        if len(writes) == 3:
            with naming(folder / "log.csv") if what == "log" else contextlib.nullcontext():
                FullDisk()
        return write(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, method, failing)
        command = [*arguments_of(PRESETS[name]), "--run-dir=run", "--checkpoint-every=1e-9"]
        assert cli.train_lstm(command) == 2
    saved = saving.Checkpoints(folder / "checkpoints").last()
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "error:" in line]
    failed = "log.csv" if what == "log" else "checkpoints/000003-step-"
    assert f"{failed}" in line
    assert "No space left on device" in line
    assert f"The last checkpoint is {saved.path.relative_to(tmp_path)}." in line
    assert "Go on with: " in line
    assert "kgan train-lstm --resume run" in line
    resume(folder)
    assert_same_run(folder, whole_lstm_run(name))
