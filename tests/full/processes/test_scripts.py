"""`train_gan.py` as a process: output and interrupts."""

import contextlib
import os
import signal
import time

import pytest

import kgan
from support.processes import ROOT, start_python

TINY = ["--architecture=template", "--batch-size=500", "--judged=none", "--evaluate-every=none"]


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    """Change to an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def script(*arguments, backend=None):
    """Return the exit status, stdout and stderr of `python train_gan.py`."""
    backend = backend or os.environ["KERAS_BACKEND"]
    with start_python(ROOT / "train_gan.py", *arguments, backend=backend) as process:
        out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def test_the_script_prints_its_version():
    assert script("--version") == (0, f"kgan {kgan.__version__}\n", "")


def test_the_script_says_one_line_and_nothing_of_what_it_would_have_done(folder):
    status, out, err = script("--batch-size", "4001")
    assert (status, out) == (2, "")
    assert err.endswith(
        "train_gan.py: error: `batch_size` must be at most the number of images, 4000, got 4001.\n"
    )
    assert "5,000" not in err
    assert list(folder.iterdir()) == []


def test_a_script_in_a_process_of_its_own_leaves_no_traceback():
    status, _, err = script("--resume", "nowhere")
    assert status == 2
    assert err.count("\n") == 1
    assert "nowhere" in err


def test_an_unknown_backend_is_named_with_the_way_out():
    status, _, err = script("--data=mnist-5k", backend="mxnet")
    assert status == 2
    assert "Traceback" not in err
    assert "KERAS_BACKEND" in err
    assert "mxnet" in err


@contextlib.contextmanager
def training_process(folder):
    """`train_gan.py` in another process, a few steps into its training."""
    arguments = (*TINY, "--data=mnist-5k", "--run-dir=here")
    with start_python(ROOT / "train_gan.py", *arguments, backend=os.environ["KERAS_BACKEND"]) as process:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not (folder / "here" / "log.csv").exists():
            time.sleep(0.1)
        time.sleep(3)
        yield process


def test_ctrl_c_finishes_the_step_saves_and_exits_130(folder):
    with training_process(folder) as process:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert out.startswith("Interrupted after ")
    steps = int(kgan.load_model(folder / "here" / "model.keras").step.value)
    assert f"Interrupted after {steps:,} steps" in out
    assert (folder / "here" / "samples" / f"step-{steps:06d}.png").exists()
