"""`train_lstm.py`: quick help, one line for bad input, results that are in the log, nothing lost."""

import contextlib
import csv
import errno
import json
import os
import signal
import sys

import keras
import numpy as np
import pytest

import kgan
from kgan import cli, plots
from kgan.batches import NumberedEpochs
from kgan.experiments import palindrome, recall, train_lstm
from kgan.palindrome import draw_palindromes, encode
from kgan.presets import LSTM_PRESETS
from support.runs import leave_out_pictures

SMALL = ["--units=16", "--batch-size=100", "--encoding=one-hot"]
DIRECT = [*SMALL, "--lengths=3,4", "--steps=4", "--evaluate-every=2"]
COURSE = [
    *SMALL,
    "--curriculum",
    "--min-length=3",
    "--max-length=4",
    "--lstm-round-steps=5",
    "--rnn-round-steps=5",
    "--max-steps=5",
]
COURSE += ["--lstm-target-loss=none", "--num-validation=100"]


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows_of(run):
    """The log as dicts, numbers as numbers."""
    with (run / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    text = ("network",)
    return [{k: v if k in text else float(v or "nan") for k, v in row.items()} for row in rows]


def results_of(run):
    return json.loads((run / "results.json").read_text())


def names(path):
    return sorted(file.name for file in path.iterdir())


@pytest.mark.parametrize("preset", ["quick", "curriculum"])
def test_help_lists_every_setting(preset, capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.train_lstm(["--preset", preset, "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    row = LSTM_PRESETS[preset]
    assert row.source in shown
    assert all(f"--{setting.replace('_', '-')} " in shown for setting in row.describe())


def test_a_run_trains_each_network_at_each_length_and_says_where_all_is(capsys, folder):
    assert cli.train_lstm(DIRECT) == 0
    out, err = capsys.readouterr()
    run = folder / "runs" / "lstm-quick-1"
    files = ["checkpoints", "config.json", "log.csv", "models", "plots", "report.html", "results.json"]
    assert names(run) == files
    assert names(run / "models") == ["lstm-03.keras", "lstm-04.keras", "rnn-03.keras", "rnn-04.keras"]
    assert names(run / "plots") == ["length-03.png", "length-04.png", "length-accuracy.png"]
    for file in ("plots", "results.json", "log.csv", "config.json", "models"):
        assert f"runs/lstm-quick-1/{file}" in out
    device = json.loads((run / "config.json").read_text())["device"]
    assert f"16 steps by {os.environ['KERAS_BACKEND']} on {device}" in err
    assert "rnn, length 4: epoch 2/2: 100%" in err


@pytest.mark.usefixtures("few_pictures")
def test_results_are_those_of_the_log_and_of_the_saved_model(folder):
    assert (
        cli.train_lstm(
            [*DIRECT, "--run-dir=here", "--lstm-optimizer=Adam(0.1)", "--steps=60", "--evaluate-every=20"]
        )
        == 0
    )
    run, preset = folder / "here", LSTM_PRESETS["quick"]
    rows, results = rows_of(run), results_of(run)["results"]
    assert [(r["length"], r["network"]) for r in results] == [
        (3, "lstm"),
        (3, "rnn"),
        (4, "lstm"),
        (4, "rnn"),
    ]
    for result in results:
        mine = [r for r in rows if (r["network"], r["length"]) == (result["network"], result["length"])]
        assert [row["step"] for row in mine] == [20, 40, 60]
        accuracies = [row["val_accuracy"] for row in mine]
        assert (result["accuracy"], result["best_accuracy"]) == (accuracies[-1], max(accuracies))
        solved = [row for row in mine if row["val_accuracy"] == 1]
        assert result["solved_step"] == (solved[0]["step"] if solved else None)
        assert result["solved_epoch"] == (solved[0]["epoch"] if solved else None)
    assert results[0]["solved_step"] is not None  # three digits are soon recalled
    digits = draw_palindromes(preset.num_validation, 3, part="validation", seed=preset.seed)
    model = keras.models.load_model(run / "models" / "lstm-03.keras")
    logits = model.predict(encode(digits[:, :-1], "one-hot"), verbose=0)
    assert np.mean(logits.argmax(axis=1) == digits[:, -1]) == pytest.approx(results[0]["accuracy"])


@pytest.mark.usefixtures("few_pictures")
def test_claimed_stands_beside_measured(capsys, folder):
    arguments = ["--preset=d", *SMALL, "--lengths=5", "--epochs=1", "--run-dir=here"]
    assert cli.train_lstm(arguments) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].split("  ")[0] == "length"
    assert out[0].index("claimed") < out[0].index("measured")
    results = results_of(folder / "here")["results"]
    assert [result["claimed"] for result in results] == ["100 %, converges faster", "100 %"]
    assert [result["claimed_accuracy"] for result in results] == [1.0, 1.0]
    for line, result in zip(out[1:3], results, strict=True):
        assert line.startswith("5 ")
        for told in ("network", "claimed", "measured"):
            assert result[told] in line
    (row, _) = rows_of(folder / "here")
    assert row["step"] == 17  # an epoch of 1,638 palindromes in batches of 100


def watch_what_is_on_disk(monkeypatch, run):
    """Return a dict that gets, for each length of the LSTM, the results and models on disk at its start."""
    evaluate, found = keras.Model.evaluate, {}

    def watched(self, data, **options):
        length = len(data[0][0][0]) + 1
        if length not in found and self.name == "lstm":
            kept = (
                [r["length"] for r in results_of(run)["results"]] if (run / "results.json").exists() else []
            )
            found[length] = (kept, names(run / "models") if (run / "models").exists() else [])
        return evaluate(self, data, **options)

    monkeypatch.setattr(keras.Model, "evaluate", watched)
    return found


def test_a_curriculum_carries_weights_over_writes_each_length_and_ends_with_a_verdict(
    monkeypatch, capsys, folder
):
    on_disk = watch_what_is_on_disk(monkeypatch, folder / "here")
    assert cli.train_lstm([*COURSE, "--run-dir=here", "--lstm-optimizer=Adam(0.1)", "--max-steps=100"]) == 0
    assert on_disk == {3: ([], []), 4: ([3], ["lstm.keras"])}
    run, out = folder / "here", capsys.readouterr().out
    assert names(run / "models") == ["lstm.keras", "rnn.keras"]
    assert names(run / "plots") == ["curriculum.png", "length-accuracy.png"]
    results, rows = results_of(run), rows_of(run)
    lstm = [row for row in rows if row["network"] == "lstm"]
    assert (lstm[0]["length"], lstm[0]["epoch"], lstm[0]["step"]) == (3, 0, 0)  # before any training
    at_3 = [row for row in lstm if row["length"] == 3]
    at_4 = [row for row in lstm if row["length"] == 4]
    assert at_3[-1]["val_accuracy"] == 1
    assert at_4[0]["step"] == at_3[-1]["step"]
    assert at_4[0]["val_accuracy"] > 0.15  # what length 3 has taught
    for result in results["results"]:
        mine = [r for r in rows if (r["network"], r["length"]) == (result["network"], result["length"])]
        assert result["accuracy"] == mine[-1]["val_accuracy"]
        assert result["steps"] == mine[-1]["step"] - mine[0]["step"]
    assert "Solved every length up to 4" in results["verdicts"]["lstm"]
    for network, verdict in results["verdicts"].items():
        assert f"{network}: {verdict}" in out


@pytest.mark.usefixtures("few_pictures")
def test_the_other_network_goes_on_where_one_is_stopped(folder):
    assert cli.train_lstm([*COURSE, "--run-dir=here", "--lstm-optimizer=SGD(1e-6)"]) == 0
    results = results_of(folder / "here")
    assert results["verdicts"]["lstm"].startswith("Stopped at length 3")
    assert [(r["network"], r["length"]) for r in results["results"]][:2] == [("lstm", 3), ("rnn", 3)]


@pytest.mark.usefixtures("few_pictures")
def test_the_settings_of_a_run_are_recorded(folder):
    assert cli.train_lstm([*DIRECT, "--lengths=3", "--networks=lstm", "--run-dir=here"]) == 0
    config = json.loads((folder / "here" / "config.json").read_text())
    assert config["preset"] == "quick"
    assert config["settings"]["lengths"] == "3"
    assert config["basis"]["lengths"] == "given"
    assert config["backend"] == os.environ["KERAS_BACKEND"]
    assert {"python", "keras", "kgan", "numpy"} < set(config["versions"])


def test_a_dry_run_prints_the_resolved_preset_and_does_nothing(capsys, folder):
    assert cli.train_lstm(["--dry-run", "--preset=d", "--lengths=5,7", "--clip-norm=none"]) == 0
    shown = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert shown["lengths"].split() == ["5,7", "given"]
    assert shown["clip_norm"].split() == ["none", "given"]
    assert shown["batch_size"].split() == ["128", "stated"]
    assert "steps" not in shown
    assert list(folder.iterdir()) == []


BAD_INPUT = [
    (["--preset", "z"], "invalid choice: 'z' (choose from"),
    (["--curriculum", "--preset", "d"], "argument --preset: not allowed with argument --curriculum"),
    (["--curriculum", "--lengths", "5"], "unrecognized arguments: --lengths 5"),
    (["--lengths", "5,x"], "argument --lengths: invalid comma-separated int value: '5,x'"),
    (["--lengths", "1"], "`lengths` must be one or more integers of at least 2, each once, got '1'."),
    (["--networks", "gru"], "`networks` must be one or more of lstm, rnn, each once, got 'gru'."),
    (["--encoding", "x"], "`encoding` must be one of one-hot, scalar, got 'x'."),
    (["--units", "0"], "`units` must be a positive integer, got 0."),
    (["--clip-norm", "x"], "argument --clip-norm: invalid float value: 'x'"),
    (
        ["--forget-bias=log", "--time-lag=none"],
        "`time_lag` must be a number of steps above 2 with forget_bias log",
    ),
    (["--lstm-optimizer", "Adam(0)"], "`learning_rate` must be a positive number, got 0."),
    (["--curriculum", "--max-length", "3"], "`max_length` must be an integer of at least the min_length of"),
    (["--run-dir", "."], ". exists, and no run is overwritten: name another."),
    (["--dry-run", "--run-dir", "."], ". exists, and no run is overwritten: name another."),
    (["--run-dir", "/proc/run"], "/proc/run: No such file or directory"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_INPUT, ids=[" ".join(a) for a, _ in BAD_INPUT])
def test_bad_input_is_one_line_and_exit_2_and_leaves_nothing(arguments, message, capsys, folder):
    try:
        status = cli.train_lstm(arguments)
    except SystemExit as stop:
        status = stop.code
    assert status == 2
    error = capsys.readouterr().err
    assert error.startswith("train_lstm.py: error: ")
    assert message in error
    assert error.count("\n") == 1
    assert list(folder.iterdir()) == []


def interrupt_at_step(monkeypatch, step):
    """Let a Ctrl-C come in a training step, counted over the run."""
    count, log = [], kgan.callbacks.NetworkLog
    counted = log.on_train_batch_end

    def interrupted(self, batch, logs=None):
        count.append(batch)
        if len(count) == step:
            os.kill(os.getpid(), signal.SIGINT)
        counted(self, batch, logs)

    monkeypatch.setattr(log, "on_train_batch_end", interrupted)


def test_ctrl_c_finishes_the_step_keeps_what_there_is_and_exits_130(monkeypatch, capsys, folder):
    interrupt_at_step(monkeypatch, 7)  # the third of the second network
    assert cli.train_lstm([*DIRECT, "--run-dir=here"]) == 130
    run, out = folder / "here", capsys.readouterr().out
    assert "Interrupted after " in out
    assert [(r["network"], r["note"]) for r in results_of(run)["results"]] == [
        ("lstm", ""),
        ("rnn", "interrupted"),
    ]
    assert len(rows_of(run)) == 3
    assert names(run / "models") == ["lstm-03.keras", "rnn-03.keras"]
    assert names(run / "plots") == ["length-03.png", "length-accuracy.png"]


@pytest.mark.usefixtures("few_pictures")
def test_ctrl_c_in_a_curriculum_keeps_the_best_weights_and_says_how_far_it_came(monkeypatch, folder):
    fit, calls = keras.Model.fit, []

    def interrupted(self, *arguments, **options):
        calls.append(self)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return fit(self, *arguments, **options)

    monkeypatch.setattr(keras.Model, "fit", interrupted)
    assert cli.train_lstm([*COURSE, "--run-dir=here", "--lstm-optimizer=SGD(1e-6)", "--max-steps=10"]) == 130
    results = results_of(folder / "here")
    assert results["verdicts"] == {"lstm": "Interrupted after 5 steps: no length was solved."}
    (result,) = results["results"]
    assert (result["length"], result["steps"], result["note"]) == (3, 5, "interrupted")
    assert names(folder / "here" / "models") == ["lstm.keras"]


@pytest.mark.usefixtures("few_pictures")
def test_short_memory_says_at_which_length_and_what_to_lower(monkeypatch, capsys, folder):
    fit = keras.Model.fit

    def short(self, data, **options):
        if self.name == "lstm" and len(data[0][0][0]) > 2:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")
        return fit(self, data, **options)

    monkeypatch.setattr(keras.Model, "fit", short)
    assert cli.train_lstm([*DIRECT, "--lengths=3,4,5", "--run-dir=here"]) == 2
    out = capsys.readouterr().out
    assert "Out of memory at length 4, lstm: --checkpoint sqrt keeps fewer states" in out
    assert "--batch-size" in out
    results = [(r["length"], r["network"], r["note"]) for r in results_of(folder / "here")["results"]]
    assert (4, "lstm", "out of memory") in results
    assert [r[:2] for r in results if r[2] == ""] == [(3, "lstm"), (3, "rnn"), (4, "rnn"), (5, "rnn")]


@pytest.mark.usefixtures("few_pictures")
def test_an_error_that_is_not_of_memory_is_raised(monkeypatch):
    def wrong(*arguments, **options):
        raise RuntimeError("something else")

    monkeypatch.setattr(keras.Model, "fit", wrong)
    with pytest.raises(RuntimeError, match="something else"):
        train_lstm(LSTM_PRESETS["quick"], progress=False)


def test_rounds_go_on_through_the_passes_of_a_set_whatever_their_length_and_from_any_epoch():
    class Numbers(NumberedEpochs):
        def __len__(self):
            return 3

        def batch(self, index):
            return 10 * self.epoch + index

    def epochs(rounds, number):
        for _ in range(number):
            rounds.on_epoch_begin()
            yield [rounds[i] for i in range(len(rounds))]

    rounds = recall.Rounds(Numbers(), 2)
    rounds.on_epoch_begin()
    assert rounds[0] == 0  # Keras may look at a batch before the first epoch
    expected = [[0, 1], [2, 10], [11, 12], [20, 21]]
    assert list(epochs(rounds, 4)) == expected
    for first in range(4):
        later = recall.Rounds(Numbers(), 2, first_epoch=first)
        assert list(epochs(later, 4 - first)) == expected[first:]


@pytest.mark.usefixtures("few_pictures")
def test_a_run_that_goes_on_names_settings_that_differ_and_takes_them_when_told_to(capsys, folder):
    settings = [*COURSE, "--networks=lstm", "--lstm-optimizer=Adam(0.1)", "--max-steps=100"]
    assert cli.train_lstm([*settings, "--max-length=3"]) == 0
    capsys.readouterr()
    assert cli.train_lstm(["--resume=last", "--max-length=4"]) == 2
    error = capsys.readouterr().err
    assert (
        "`max_length` is 3 in the run, 4 was given. Leave it out, or go on otherwise by --override" in error
    )
    assert cli.train_lstm(["--resume=last", "--max-length=4", "--units=8", "--override"]) == 2
    assert "units cannot change in a run" in capsys.readouterr().err
    assert cli.train_lstm(["--resume=last", "--curriculum", "--max-length=4", "--override"]) == 0
    run = folder / "runs" / "lstm-curriculum-1"
    assert [result["length"] for result in results_of(run)["results"]] == [3, 4]
    assert cli.train_lstm([*settings, "--run-dir=whole"]) == 0
    assert (run / "log.csv").read_bytes() == (folder / "whole" / "log.csv").read_bytes()


@pytest.mark.parametrize("further", [[], ["--dry-run"]])
@pytest.mark.parametrize(
    ("begun", "given", "message"),
    [
        (COURSE, ["--epochs=3"], "unrecognized arguments: --epochs=3"),
        (COURSE, ["--preset=quick"], "--resume: the run is a curriculum, which --preset quick is not: leave"),
        (COURSE, ["--preset=quick", "--epochs=3"], "--resume: the run is a curriculum, which --preset quick"),
        (DIRECT, ["--max-steps=3"], "unrecognized arguments: --max-steps=3"),
        (DIRECT, ["--curriculum"], "--resume: the run is a training at each length from the start, which"),
    ],
)
def test_a_run_that_goes_on_takes_the_options_of_its_kind_alone(
    begun, given, message, further, capsys, folder
):
    begin_only(begun)
    with pytest.raises(SystemExit, match="2"):
        cli.train_lstm(["--resume=here", "--override", *given, *further])
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(("begun", "kind"), [(COURSE, "curriculum"), (DIRECT, "d")])
def test_a_preset_says_of_what_kind_the_run_is_and_changes_no_setting_of_it(begun, kind, capsys, folder):
    begin_only(begun)
    assert cli.train_lstm(["--resume=here", "--dry-run"]) == 0
    expected = capsys.readouterr().out
    assert cli.train_lstm(["--resume=here", "--preset", kind, "--dry-run"]) == 0
    assert capsys.readouterr().out == expected


def begin_only(arguments):
    """A run without a step, in the folder "here"."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(palindrome, "_follow", lambda *_, **__: sys.exit())
        with pytest.raises(SystemExit):
            cli.train_lstm([*arguments, "--run-dir=here"])


@contextlib.contextmanager
def deaf():
    """Inside, signals that nobody waits for are ignored, so that a test fails rather than ends with all."""
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("what", ["report", "plots"])
def test_a_signal_after_training_waits_for_plots_and_report_and_says_how_to_go_on(
    what, number, monkeypatch, capsys, folder
):
    owner, name = {"report": (palindrome, "report_on"), "plots": (plots, "write_length_accuracy")}[what]
    write = getattr(owner, name)

    def signalled(*arguments, **options):
        monkeypatch.setattr(owner, name, write)  # one signal alone: a second would not wait
        os.kill(os.getpid(), number)
        write(*arguments, **options)

    monkeypatch.setattr(owner, name, signalled)
    command = [*DIRECT, "--lengths=3", "--networks=lstm", "--run-dir=here"]
    with deaf():
        assert cli.train_lstm(command) == 128 + number
    assert "  go on     kgan train-lstm --resume here" in capsys.readouterr().out
    assert (folder / "here" / "report.html").is_file()
    assert (folder / "here" / "plots" / "length-accuracy.png").is_file()
    leave_out_pictures(monkeypatch)
    assert cli.train_lstm(["--resume=here"]) == 0
    (result,) = results_of(folder / "here")["results"]
    assert (result["steps"], result["note"]) == (4, "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--resume=nowhere"], "`run` must be the folder of a run, with its config.json, got 'nowhere'."),
        (["--resume=last"], "There is no run runs/lstm-… to go on with: name its folder."),
        (["--override"], "--override is for --resume, which was not given."),
        (["--resume=last", "--run-dir=x"], "Give either --resume, which goes on in that run's folder, or"),
        (["--on-nan=go-on"], "`on_nan` must be stop or rollback, got 'go-on'."),
    ],
)
def test_what_cannot_go_on_is_one_line_and_exit_2(arguments, message, capsys, folder):
    assert cli.train_lstm(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert list(folder.iterdir()) == []


def test_a_plot_that_the_disk_does_not_take_is_said_once_and_training_goes_on(monkeypatch, caplog, folder):
    def full(path, *_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(plots, "write_curves", full)
    assert cli.train_lstm([*DIRECT, "--run-dir=here"]) == 0
    said = [message for message in caplog.messages if "training goes on" in message]
    assert said == [
        "kgan: here/plots/length-03.png was not written (No space left on device): training goes on "
        "without plots."
    ]
    assert len(results_of(folder / "here")["results"]) == 4


def test_the_kgan_command_answers(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["train-lstm", "--help"])
    assert "usage: kgan train-lstm" in capsys.readouterr().out


def test_the_help_of_a_curriculum_shows_its_percentages(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.train_lstm(["--curriculum", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "none for 100 % alone" in shown
    assert "%%" not in shown
