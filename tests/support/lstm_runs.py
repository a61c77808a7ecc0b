"""Short runs of the palindrome task and a comparison of two runs."""

import contextlib
import dataclasses
import functools
import json
import os

import pytest

from kgan import callbacks, experiments, saving
from kgan.optimizers import Adam
from kgan.presets import LSTM_PRESETS, RecallPreset
from support.networks import same_bits, values
from support.runs import leave_out_pictures

# 9 steps for each of two networks at each of two lengths: passes of 5 steps, evaluations after each third.
DIRECT = dataclasses.replace(
    LSTM_PRESETS["quick"],
    lengths=(3, 4),
    num_palindromes=100,
    batch_size=16,
    units=8,
    steps=9,
    evaluate_every=3,
)
COURSE = dataclasses.replace(
    LSTM_PRESETS["curriculum"],
    min_length=3,
    max_length=5,
    units=16,
    rnn_units=16,
    batch_size=32,
    lstm_round_steps=5,
    rnn_round_steps=5,
    max_steps=30,
    num_validation=40,
    chunk=20,
    lstm_target_loss=0.05,
    lstm_optimizer=Adam(0.05),
    rnn_optimizer=Adam(0.02),
)
PRESETS = {"direct": DIRECT, "course": COURSE}


def arguments_of(preset):
    """Return the command-line arguments of a preset."""
    kind = "quick" if isinstance(preset, RecallPreset) else "curriculum"
    row = LSTM_PRESETS[kind].describe()
    given = {name: value for name, value in preset.describe().items() if value != row[name]}
    return ["--preset", kind, *(f"--{name.replace('_', '-')}={value}" for name, value in given.items())]


def outputs(run):
    """Return a run's log, its results without times, and its models' weights."""
    results = json.loads((run / "results.json").read_text())
    for result in results["results"]:
        del result["seconds"]
    models = {path.name: saving.load(path) for path in sorted((run / "models").iterdir())}
    numbers = {name: values([*m.weights, *m.optimizer.variables]) for name, m in models.items()}
    return (run / "log.csv").read_bytes(), results, numbers


def assert_same_run(run, other):
    """Assert that two runs are bit-identical."""
    (log, results, models), (other_log, other_results, other_models) = map(outputs, (run, other))
    assert log == other_log
    assert results == other_results
    assert models.keys() == other_models.keys()
    for name, numbers in models.items():
        assert same_bits(numbers, other_models[name]), name


class KilledError(BaseException):
    """An end that nothing catches, as with SIGKILL."""


@pytest.fixture(scope="session")
def whole_lstm_run(tmp_path_factory):
    """Return a function that trains one of `PRESETS` without interruption, once, and returns its folder."""

    @functools.cache
    def run(name):
        folder = tmp_path_factory.mktemp(name) / "whole"
        with pytest.MonkeyPatch.context() as patch:
            leave_out_pictures(patch)
            experiments.train_lstm(PRESETS[name], run_dir=folder, progress=False)
        return folder

    return run


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


def until_interrupted(train, *, step, act, network=None):
    """Return the result of a run that something happens to, or None if it was killed."""
    result = None
    with pytest.MonkeyPatch.context() as patch:
        steps = at_step(patch, step, act, network)
        with contextlib.suppress(KilledError):
            result = train()
    assert len(steps) >= step, "nothing happened to the run"
    return result


def train_interrupted(preset, run, *, step, act, **options):
    """Return the result of a new run that something happens to, or None if it was killed."""
    train = functools.partial(experiments.train_lstm, preset, run_dir=run, progress=False, **options)
    return until_interrupted(train, step=step, act=act)


def resume(run, **options):
    """Resume a run to its end."""
    return experiments.resume(run, progress=False, **options)


def resume_interrupted(run, *, step, act, network=None, **options):
    """Resume a run, to which something happens again."""
    train = functools.partial(resume, run, **options)
    return until_interrupted(train, step=step, act=act, network=network)


def last_checkpoint(run):
    return saving.Checkpoints(run / "checkpoints").last()


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
