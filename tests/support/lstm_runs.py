"""Short runs of the palindrome task and a comparison of two runs."""

import dataclasses
import json

from kgan import saving
from kgan.optimizers import Adam
from kgan.presets import LSTM_PRESETS, RecallPreset
from support.networks import same_bits, values

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
