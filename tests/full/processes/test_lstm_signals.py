"""Signals to a `train_lstm.py` process."""

import dataclasses
import os
import signal
import time

import pytest

from kgan import cli, saving
from kgan.optimizers import Adam
from support.lstm_runs import COURSE, DIRECT, arguments_of, assert_same_run
from support.processes import ROOT, start_python

LONG = {
    "direct": dataclasses.replace(DIRECT, networks=("lstm",), lengths=(4,), steps=240),
    "course": dataclasses.replace(COURSE, networks=("rnn",), max_steps=150, rnn_optimizer=Adam(1e-4)),
}


@pytest.mark.parametrize(("name", "number"), [("direct", signal.SIGTERM), ("course", signal.SIGKILL)])
def test_a_process_that_gets_a_signal_leaves_a_run_that_ends_as_if_it_did_not(
    name, number, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    run, preset = tmp_path / "run", LONG[name]
    settings = arguments_of(preset)
    script = [ROOT / "train_lstm.py", *settings, f"--run-dir={run}"]
    with start_python(*script, backend=os.environ["KERAS_BACKEND"]) as process:
        while not ((run / "log.csv").is_file() and (run / "log.csv").read_bytes().count(b"\n") > 3):
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.005)
        sent = time.time()
        process.send_signal(number)
        out, err = process.communicate(timeout=120)
    saved = saving.Checkpoints(run / "checkpoints").last()
    if number == signal.SIGTERM:
        assert process.returncode == 128 + number, err
        assert saved.step > 0
        assert (saved.path / "checkpoint.json").stat().st_mtime - sent < 2
        assert f"go on     kgan train-lstm --resume {run}" in out
    else:
        assert process.returncode == -number
    assert cli.train_lstm(["--resume", str(run)]) == 0
    assert cli.train_lstm([*settings, "--run-dir=whole"]) == 0
    assert_same_run(run, tmp_path / "whole")
    capsys.readouterr()
