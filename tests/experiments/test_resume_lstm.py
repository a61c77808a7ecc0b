"""Runs of the palindrome task that are broken off anywhere end as those that are not, bit by bit."""

import contextlib
import dataclasses
import errno
import functools
import json
import os
import signal

import keras
import pytest

from kgan import callbacks, cli, experiments, saving
from kgan.experiments import palindrome, resuming
from kgan.files import naming
from kgan.optimizers import SGD, Adam, RMSprop
from support.lstm_runs import COURSE, DIRECT, PRESETS, arguments_of, assert_same_run, outputs
from support.networks import same_bits


class KilledError(BaseException):
    """What nothing catches, as nothing runs after a SIGKILL."""


pytestmark = pytest.mark.usefixtures("few_pictures_in_module")


@pytest.fixture(scope="module")
def whole(few_pictures_in_module, tmp_path_factory):
    """A run of each preset that nothing interrupted, and how many steps it took."""
    found = {}

    def of(name):
        if name not in found:
            folder = tmp_path_factory.mktemp(name) / "whole"
            with pytest.MonkeyPatch.context() as patch:
                steps = at_step(patch, None, lambda: None)
                experiments.train_lstm(PRESETS[name], run_dir=folder, progress=False)
            found[name] = folder, len(steps)
        return found[name]

    return of


def at_step(patch, step, act, network=None):
    """Call `act` after a training step, counted over one process's run of all networks or of one."""
    steps, seen = [], callbacks.FinishStepOnInterrupt.on_train_batch_end

    def acting(self, batch, logs=None):
        if network in (None, self.model.name):
            steps.append(batch)
            if len(steps) == step:
                act()
        seen(self, batch, logs)

    patch.setattr(callbacks.FinishStepOnInterrupt, "on_train_batch_end", acting)
    return steps


def kill():
    raise KilledError


def send(number):
    return lambda: os.kill(os.getpid(), number)


def interrupted(train, *, step, act, network=None):
    """Return the result of a run that something happens to, or None if it was killed."""
    result = None
    with pytest.MonkeyPatch.context() as patch:
        steps = at_step(patch, step, act, network)
        with contextlib.suppress(KilledError):
            result = train()
    assert len(steps) >= step, "nothing happened to the run"
    return result


def broken_off(preset, run, *, step, act, **options):
    """Return the result of a new run that something happens to, or None if it was killed."""
    train = functools.partial(experiments.train_lstm, preset, run_dir=run, progress=False, **options)
    return interrupted(train, step=step, act=act)


def resumed(run, **options):
    """Resume a run to its end."""
    return experiments.resume(run, progress=False, **options)


def resumed_and_broken_off(run, *, step, act, network=None, **options):
    """Resume a run, to which something happens again."""
    train = functools.partial(resumed, run, **options)
    return interrupted(train, step=step, act=act, network=network)


def last_checkpoint(run):
    return saving.Checkpoints(run / "checkpoints").last()


def test_the_course_of_these_tests_trains_both_networks_and_reaches_its_second_length(whole):
    run, _ = whole("course")
    results = json.loads((run / "results.json").read_text())["results"]
    assert results[0]["steps"] > 0
    assert {("lstm", 3), ("lstm", 5), ("rnn", 3)} <= {(r["network"], r["length"]) for r in results}


def test_a_training_that_is_killed_again_and_again_ends_as_if_it_was_not(whole, tmp_path):
    run, every_step = tmp_path / "run", {"checkpoint_every": 1e-9}
    assert broken_off(DIRECT, run, step=5, act=kill, **every_step) is None  # in mid-epoch
    assert last_checkpoint(run).step == 5
    resumed_and_broken_off(run, step=4, act=kill, **every_step)  # at the last step of a network
    assert last_checkpoint(run).step == 8
    resumed_and_broken_off(run, step=2, act=kill, **every_step)  # at the first of the next
    assert last_checkpoint(run).step == 1
    resumed(run)
    assert_same_run(run, whole("direct")[0])


def test_a_training_without_a_checkpoint_for_long_ends_as_if_it_was_not_killed(whole, tmp_path):
    broken_off(DIRECT, tmp_path / "run", step=17, act=kill)
    saved = saving.Checkpoints(tmp_path / "run" / "checkpoints").last()
    assert saved.state["own"]["at"]["network"] == "rnn"
    assert saved.batch == 0  # the last is of an evaluation
    experiments.resume(tmp_path / "run", progress=False)
    assert_same_run(tmp_path / "run", whole("direct")[0])


def test_a_signal_in_mid_epoch_is_a_checkpoint_of_that_step(whole, tmp_path):
    run = tmp_path / "run"
    first = broken_off(DIRECT, run, step=11, act=send(signal.SIGINT))
    assert (last_checkpoint(run).step, last_checkpoint(run).batch) == (2, 2)
    second = resumed_and_broken_off(run, step=12, act=send(signal.SIGTERM))  # after 23 steps
    assert (last_checkpoint(run).step, last_checkpoint(run).batch) == (5, 2)
    for result, number in ((first, signal.SIGINT), (second, signal.SIGTERM)):
        assert (result.interrupted, result.signal) == (True, number)
        assert result.outcomes[-1].note == "interrupted"
    assert not resumed(run).interrupted
    assert_same_run(run, whole("direct")[0])


def test_a_curriculum_that_is_broken_off_in_several_rounds_ends_as_if_it_was_not(whole, tmp_path):
    run = tmp_path / "run"
    broken_off(COURSE, run, step=3, act=kill)  # in the first round
    resumed_and_broken_off(run, step=14, act=send(signal.SIGTERM))  # in a later one
    resumed_and_broken_off(run, step=3, act=kill, network="rnn")  # in the second network's
    resumed(run)
    assert_same_run(run, whole("course")[0])


def test_a_curriculum_that_was_killed_between_two_lengths_ends_as_if_it_was_not(whole, tmp_path):
    run, (expected, _) = tmp_path / "run", whole("course")
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
    experiments.resume(run, progress=False)
    assert_same_run(run, expected)


@pytest.mark.parametrize("name", PRESETS)
def test_to_resume_a_finished_run_changes_nothing(name, whole):
    run, _ = whole(name)
    before = outputs(run)
    experiments.resume(run, progress=False)
    log, results, models = outputs(run)
    assert (log, results) == before[:2]
    assert all(same_bits(models[file], numbers) for file, numbers in before[2].items())


def changed(run, **settings):
    """Go on with other settings."""
    return experiments.resume(run, override=True, progress=False, **settings)


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


def test_steps_are_added_where_no_training_has_ended(whole, tmp_path):
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
def test_a_curriculum_that_has_ended_is_taken_further_for_each_network(setting, less, kills, whole, tmp_path):
    run, preset = tmp_path / "run", dataclasses.replace(COURSE, **{setting: less})
    ended = experiments.train_lstm(preset, run_dir=run, progress=False)
    if setting == "max_steps":
        assert all(verdict.startswith("Stopped at length 3") for verdict in ended.verdicts.values())
    further = {"override": True, setting: getattr(COURSE, setting)}
    if kills:
        resumed_and_broken_off(run, step=3, act=kill, **further)
        resumed_and_broken_off(run, step=3, act=kill, network="rnn")
        further = {}
    resumed(run, **further)
    assert_same_run(run, whole("course")[0])


def test_a_network_without_memory_for_a_length_tries_it_again_when_both_have_ended(whole, tmp_path):
    run, (expected, _) = tmp_path / "run", whole("course")
    fit = keras.Model.fit

    def short(self, *arguments, **options):
        if self.name == "lstm":
            raise MemoryError
        return fit(self, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.Model, "fit", short)
        result = experiments.train_lstm(COURSE, run_dir=run, progress=False)
    assert result.out_of_memory == {"lstm": 3}
    result = experiments.resume(run, progress=False)
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
    broken_off(preset, run, step=5, act=send(signal.SIGTERM))
    result = changed(run, lstm_optimizer=now)
    assert [outcome.steps for outcome in result.outcomes] == [9, 9]
    (said,) = [message for message in caplog.messages if "anew" in message]
    assert said.endswith("has other slots and begins anew.")
    optimizer = saving.load(run / "models" / "lstm-03.keras").optimizer
    assert (type(optimizer).__name__, int(optimizer.iterations)) == (type(now).__name__, 4)


def test_an_optimiser_with_another_rate_alone_keeps_its_numbers(tmp_path, caplog):
    run = tmp_path / "run"
    preset = dataclasses.replace(DIRECT, lengths=(3,), networks=("lstm",), lstm_optimizer=Adam(1e-3))
    broken_off(preset, run, step=5, act=send(signal.SIGTERM))
    changed(run, lstm_optimizer=Adam(1e-2))
    optimizer = saving.load(run / "models" / "lstm-03.keras").optimizer
    assert int(optimizer.iterations) == 9
    assert float(optimizer.learning_rate) == pytest.approx(1e-2)
    assert not [message for message in caplog.messages if "anew" in message]


def test_a_rollback_after_settings_have_changed_is_to_the_changed_ones(tmp_path, monkeypatch):
    run = tmp_path / "run"
    preset = dataclasses.replace(DIRECT, lengths=(3,), networks=("lstm",), lstm_optimizer=SGD(0.01))
    broken_off(preset, run, step=5, act=send(signal.SIGTERM))
    poison_at(monkeypatch, 1)
    changed(run, lstm_optimizer=SGD(0.02, momentum=0.9), on_nan="rollback")
    optimizer = saving.load(run / "models" / "lstm-03.keras").optimizer
    assert (optimizer.momentum, float(optimizer.learning_rate)) == (0.9, pytest.approx(0.01))


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


def poison_at(patch, step):
    """Let weights become NaN before a training step, counted over the run."""
    seen, begin = [], callbacks.NetworkLog.on_train_batch_begin

    def poisoning(self, batch, logs=None):
        seen.append(batch)
        if len(seen) == step:
            kernel = self.model.trainable_variables[-1]
            kernel.assign(kernel * float("nan"))
        begin(self, batch, logs)

    patch.setattr(callbacks.NetworkLog, "on_train_batch_begin", poisoning)


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
    name, what, whole, tmp_path, monkeypatch, capsys
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
    experiments.resume(folder, progress=False)
    assert_same_run(folder, whole(name)[0])
