"""The scripts under torchrun: one folder, and a run that outlives its processes."""

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import pytest

from faults.remains import differences
from faults.remains import remains as remains_of
from kgan import cli
from support.processes import ROOT

pytestmark = pytest.mark.skipif(keras.backend.backend() != "torch", reason="torchrun is PyTorch's")
GAN = (
    *("train_gan.py", "--data", "mnist-5k", "--architecture", "compact", "--latent-dim", "8"),
    *("--batch-size", "64", "--steps", "126", "--sample-every", "60", "--evaluate-every", "126"),
    *("--judged", "none", "--num-intermediate", "1", "--augmentations", "none"),
)
LSTM = (
    *("train_lstm.py", "--curriculum", "--min-length", "10", "--max-length", "20", "--networks", "lstm"),
    *("--max-steps", "300", "--units", "32"),
)
SECONDS = 180
LIMIT = 30  # seconds in which the others must end


def torchrun(folder, *command, restarts=0, ranks=2):
    """Begin a script in a folder, in several processes."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    launch += ["--nproc-per-node", str(ranks), "--max-restarts", str(restarts)]
    script, *options = command
    environ = os.environ | {"OMP_NUM_THREADS": "1", "KERAS_BACKEND": "torch"}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen([*launch, ROOT / script, *options], cwd=folder, env=environ, **streams)


def finished(process):
    """What it printed, once it has ended well."""
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, output
    return output


def children(process):
    """Process ids of the ranks, in their order, once both have begun to train."""
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    found = {}
    for pid in map(int, listed.split()):
        with contextlib.suppress(OSError):
            environ = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            found |= {int(entry[5:]): pid for entry in environ if entry.startswith(b"RANK=")}
    return [found[rank] for rank in sorted(found)]


def wait_for(condition, process):
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)


def has_stepped(run):
    """Whether steps are logged, so that both processes are in the midst of training."""
    return lambda: (run / "steps.csv").is_file() and (run / "steps.csv").read_text().count("\n") > 1


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A run of two processes that went through, and what it printed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    return folder / "run", finished(torchrun(folder, *GAN, "--run-dir", "run"))


def test_two_processes_leave_one_run_and_the_first_alone_speaks(undisturbed):
    run, output = undisturbed
    assert output.count("Trained after 126 steps") == 1
    assert "Warning" not in output
    names = {path.name for path in run.iterdir()}
    assert names >= {"model.keras", "best.keras", "report.html", "checkpoints", "results.json", "samples"}
    assert json.loads((run / "config.json").read_text())["processes"] == 2
    with (run / "log.csv").open() as log:
        assert [row["step"] for row in csv.DictReader(log)] == ["63", "126"]


def test_a_process_that_dies_ends_the_others_at_once_with_a_message_and_a_restart_comes_to_the_same_bits(
    undisturbed, tmp_path
):
    process = torchrun(tmp_path, *GAN, restarts=1)
    run = next_run(process, tmp_path)
    wait_for(has_stepped(run), process)
    os.kill(children(process)[1], signal.SIGKILL)
    finished(process)
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [run.name]  # it went on in its folder
    assert differences(run, undisturbed[0]) == []


def next_run(process, folder):
    """The folder of the run that a process begins."""
    wait_for(lambda: list((folder / "runs").glob("*/config.json")), process)
    return next((folder / "runs").iterdir())


def test_without_a_restart_the_message_says_how_to_go_on_and_one_process_can(undisturbed, tmp_path, capsys):
    process = torchrun(tmp_path, *GAN, "--run-dir", "run")
    run = tmp_path / "run"
    wait_for(has_stepped(run), process)
    first, second = children(process)
    os.kill(second, signal.SIGKILL)
    killed = time.monotonic()
    while Path(f"/proc/{first}").exists() and time.monotonic() < killed + LIMIT:
        time.sleep(0.05)
    assert time.monotonic() - killed < LIMIT
    output, _ = process.communicate(timeout=LIMIT)
    assert process.returncode != 0
    # A tenth of a second later torchrun asks it to end, too.
    words = ("train_gan.py: error: Another process of this training has ended", "interrupted")
    assert any(word in output for word in words)
    assert "Go on with: kgan train-gan --resume run" in output
    assert cli.train_gan(["--resume", str(run)]) == 0
    assert "Trained after 126 steps" in capsys.readouterr().out
    assert set(remains_of(run)) == set(remains_of(undisturbed[0]))


def test_a_run_of_one_process_goes_on_in_two(tmp_path):
    assert cli.train_gan([*GAN[1:], "--run-dir", str(tmp_path / "run"), "--steps", "63"]) == 0
    more = ("train_gan.py", "--resume", "run", "--override", "--steps", "126")
    assert finished(torchrun(tmp_path, *more)).count("Trained after 126 steps") == 1


def test_sigterm_to_all_leaves_a_checkpoint_of_one_step_from_which_both_go_on(undisturbed, tmp_path):
    process = torchrun(tmp_path, *GAN, "--run-dir", "run")
    run = tmp_path / "run"
    wait_for(has_stepped(run), process)
    process.send_signal(signal.SIGTERM)  # which torchrun sends on
    process.communicate(timeout=SECONDS)
    assert "Trained after 126 steps" in finished(torchrun(tmp_path, "train_gan.py", "--resume", "run"))
    assert differences(run, undisturbed[0]) == []


def test_bad_input_is_said_once(tmp_path):
    process = torchrun(tmp_path, *GAN[:-2], "--batch-size", "63")
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode != 0
    assert output.count("`batch_size` must be such that each batch is divided evenly by 2 processes") == 1
    assert not (tmp_path / "runs").exists()


def test_the_palindrome_task_is_one_run_too(tmp_path):
    output = finished(torchrun(tmp_path, *LSTM, "--run-dir", "run"))
    assert output.count("lstm") >= 1
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names >= {"models", "log.csv", "results.json", "plots", "checkpoints", "report.html"}
    rows = json.loads((tmp_path / "run" / "results.json").read_text())["results"]
    assert [row["length"] for row in rows] == [10, 20][: len(rows)]
    assert rows[0]["steps"] <= 300
