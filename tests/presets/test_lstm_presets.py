import dataclasses

import numpy as np
import pytest

from kgan.palindrome.settings import percent
from kgan.presets import DEFAULT_LSTM_PRESET, LSTM_PRESETS, RecallPreset
from kgan.spec import Spec

QUICK = LSTM_PRESETS[DEFAULT_LSTM_PRESET]
CURRICULUM = LSTM_PRESETS["curriculum"]

STATED = {  # what the reports say, by preset
    "a": {"lengths": "5,10,15,20", "networks": "lstm,rnn"},
    "a-default": {"steps": 1000},
    "c": {"lengths": "5,10,15,20,50", "steps": 1500},
    "d": {
        "lengths": "5,10,15,20",
        "num_palindromes": 2048,
        "batch_size": 128,
        "epochs": 100,
        "clip_norm": 10.0,
        "evaluate_every": None,  # at the end of each epoch
    },
    "e": {"lengths": "10,20,25,30", "num_palindromes": 100_000, "steps": 2000},
    "curriculum": {"max_length": 150, "networks": "lstm,rnn"},
}

CLAIMS = {  # network, length: accuracy, and a word of the text
    "a": {
        ("lstm", 5): (None, "better"),
        ("rnn", 15): (None, "worse"),
        ("lstm", 20): (None, "fails"),
        ("rnn", 20): (None, "fails"),
    },
    "c": {
        ("lstm", 20): (None, "easy"),
        ("lstm", 50): (None, "before step 1,500"),
        ("rnn", 50): (None, "does not reach"),
    },
    "d": {
        ("rnn", 5): (1.0, "100 %"),
        ("rnn", 10): (1.0, "close to 100 % at epoch 100, still rising"),
        ("rnn", 15): (0.12, "12 %"),
        ("rnn", 20): (None, "very poor"),
        ("lstm", 5): (1.0, "converges faster"),
        ("lstm", 10): (1.0, "converged at epoch 50"),
        ("lstm", 15): (1.0, "converged at about epoch 60"),
        ("lstm", 20): (1.0, "perfect"),
    },
    "e": {
        ("lstm", 10): (1.0, "100 %"),
        ("lstm", 20): (1.0, "100 %"),
        ("lstm", 25): (1.0, "100 %"),
        ("lstm", 30): (0.9, "about 90 %"),
        ("rnn", 30): (None, "much worse"),
    },
    "curriculum": {("lstm", 10): (1.0, "100 %"), ("rnn", 150): (1.0, "100 %")},
}


@pytest.mark.parametrize("name", sorted(STATED))
def test_what_a_report_states_is_in_its_preset_and_marked(name):
    preset = LSTM_PRESETS[name]
    for setting, value in STATED[name].items():
        assert preset.describe()[setting] == value
        assert preset.basis_of(setting).startswith(("stated", "inferred"))
    assert preset.basis_of("seed") == "chosen"


def test_the_reports_optimizers_are_theirs():
    optimizers = {name: preset.lstm_optimizer for name, preset in LSTM_PRESETS.items()}
    assert type(optimizers["a"]).__name__ == type(optimizers["curriculum"]).__name__ == "Adam"
    assert type(optimizers["a-default"]).__name__ == type(optimizers["d"]).__name__ == "RMSprop"
    assert optimizers["d"].learning_rate == 1e-3
    assert optimizers["e"].learning_rate == 5e-3


@pytest.mark.parametrize("name", sorted(CLAIMS))
def test_the_claims_are_those_of_the_report(name):
    preset = LSTM_PRESETS[name]
    for (network, length), (accuracy, words) in CLAIMS[name].items():
        claim = preset.claim_of(network, length)
        assert claim.accuracy == accuracy
        assert words in claim.text
    assert preset.claim_of("lstm", 999) is None
    tried = getattr(preset, "lengths", range(10, 151, 10))
    assert {claim.length for claim in preset.claims} <= set(tried)


def test_a_preset_of_no_report_claims_nothing():
    assert QUICK.claims == ()


@pytest.mark.parametrize("name", sorted(LSTM_PRESETS))
def test_every_setting_is_shown_as_the_command_line_would_take_it(name):
    preset = LSTM_PRESETS[name]
    for field, shown in preset.describe().items():
        value = getattr(preset, field)
        if isinstance(value, Spec):
            assert Spec.parse(shown) == value
        elif isinstance(value, tuple):
            assert tuple(shown.split(",")) == tuple(map(str, value))
        else:
            assert shown == value
    assert hash(preset) == hash(dataclasses.replace(preset))


def test_report_ds_palindromes_make_thirteen_steps_an_epoch():
    preset = LSTM_PRESETS["d"]
    assert (preset.num_training, preset.num_validation) == (1638, 410)  # 80 % and 20 % of 2,048
    assert preset.steps_per_evaluation == 13  # 12.8 batches of 128
    assert preset.num_evaluations == 100


def test_a_length_in_steps_is_rounded_up_to_whole_evaluations():
    preset = dataclasses.replace(QUICK, steps=100, evaluate_every=30)
    assert (preset.steps_per_evaluation, preset.num_evaluations) == (30, 4)
    preset = dataclasses.replace(preset, num_palindromes=1000, batch_size=100)
    assert (preset.num_training, preset.num_evaluations) == (800, 4)
    preset = dataclasses.replace(preset, evaluate_every=None)
    assert (preset.steps_per_evaluation, preset.num_evaluations) == (8, 13)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lengths": ()}, "`lengths` must be one or more integers of at least 2, each once, got ''"),
        ({"lengths": (5, 1)}, "`lengths` must be .* got '5,1'"),
        ({"lengths": (5, 5)}, "`lengths` must be .* got '5,5'"),
        ({"networks": ()}, "`networks` must be one or more of lstm, rnn, each once, got ''"),
        ({"networks": ("gru",)}, "`networks` must be .* got 'gru'"),
        ({"encoding": "binary"}, "`encoding` must be one of one-hot, scalar, got 'binary'"),
        ({"units": 0}, "`units` must be a positive integer, got 0"),
        ({"clip_norm": 0}, "`clip_norm` must be a positive number, got 0"),
        ({"clip_norm": float("nan")}, "`clip_norm` must be a positive number, got nan"),
        ({"forget_bias": "big"}, "`forget_bias` must be a number or one of log, chrono, got 'big'"),
        ({"forget_bias": "log"}, "`time_lag` must be a number of steps above 2 .*, got None"),
        ({"time_lag": 10}, "`time_lag` must be .* and none without: .*, got 10"),
        ({"forget_bias": "chrono", "time_lag": 2}, "`time_lag` must be a number of steps above 2"),
        ({"checkpoint": 0}, "`checkpoint` must be a positive integer or sqrt, got 0"),
        ({"checkpoint": "all"}, "`checkpoint` must be a positive integer or sqrt, got 'all'"),
        ({"num_palindromes": 4}, "`num_palindromes` must be at least 5 and the batch_size of 128"),
        ({"num_palindromes": 100}, "`num_palindromes` must be at least 5 and the batch_size of 128"),
        ({"evaluate_every": None}, "`evaluate_every` must be given where palindromes are drawn without end"),
        ({"steps": None, "epochs": 3}, "`steps` must be given where palindromes are drawn without end"),
        ({"epochs": 1}, "Give one of `epochs` and `steps`"),
        ({"seed": -1}, r"`seed` must be an integer in \[0, 2\*\*31\), got -1"),
    ],
)
def test_bad_settings_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(QUICK, **{"forget_bias": None, "time_lag": None} | change)
    with pytest.raises(TypeError):
        RecallPreset(8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_length": 9}, "`max_length` must be an integer of at least the min_length of 10, got 9"),
        ({"min_length": 1}, "`min_length` must be an integer of at least 2, got 1"),
        ({"rnn_round_steps": 0}, "`rnn_round_steps` must be a positive integer, got 0"),
        ({"chunk": -1}, "`chunk` must be a positive integer, got -1"),
        ({"decay": 1}, r"`decay` must be a number in \(0, 1\), got 1"),
        ({"least_rate": 2}, r"`least_rate` must be a number in \(0, 1\], got 2"),
        ({"rnn_target_loss": 0}, "`rnn_target_loss` must be a positive number, got 0"),
    ],
)
def test_bad_settings_of_a_curriculum_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(CURRICULUM, **change)


@pytest.mark.parametrize(
    ("share", "words"), [(0.99099999, "99.1 %"), (0.9996, "99.9 %"), (1.0, "100 %"), (0.29, "29 %")]
)
def test_percentages_are_rounded_down_but_not_by_float32(share, words):
    assert percent(np.float32(share)) == words
