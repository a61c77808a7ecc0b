"""The command line: quick help, one line for bad input, nothing half-written."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

import kgan
from conftest import ROOT
from kgan import cli
from kgan.presets import GAN_PRESETS

TINY = ["--architecture=template", "--batch-size=500", "--epochs=1", "--sample-every=4", "--data=mnist-5k"]


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments, **options):
    command = [sys.executable, str(ROOT / "train_gan.py"), *map(str, arguments)]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, env=env, **options
    )


def test_help_lists_every_setting_at_once_and_imports_no_framework():
    code = "import sys; from kgan import cli\ntry: cli.train_gan(['--help'])\nexcept SystemExit: pass\n"
    code += "assert not {'keras', 'torch', 'jax', 'tensorflow'} & set(sys.modules)"
    best = float("inf")
    for _ in range(3):
        start = time.monotonic()
        shown = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        ).stdout
        best = min(best, time.monotonic() - start)
    assert best < 1  # 0.07 s on a quiet machine
    shown = " ".join(shown.split())
    for setting in GAN_PRESETS["quick"].describe():
        assert f"--{setting.replace('_', '-')} " in shown
    assert "LossBalanced, Always, FixedProbability, EveryK, EveryKEpochs, KSteps" in shown
    assert "fully_connected, template, convolutional" in shown


def test_a_run_leaves_pictures_log_model_and_settings_and_says_where(capsys, folder):
    assert cli.train_gan([*TINY, "--seed=3"]) == 0
    out, err = capsys.readouterr()
    run_dir = folder / "runs" / "gan-quick-1"
    assert sorted(path.name for path in run_dir.iterdir()) == [
        "config.json",
        "log.csv",
        "model.keras",
        "samples",
    ]
    pictures = sorted(path.name for path in (run_dir / "samples").iterdir())
    assert pictures == ["step-000000.png", "step-000004.png", "step-000008.png"]
    assert np.asarray(Image.open(run_dir / "samples" / pictures[-1])).shape == (8 * 29 * 4, 8 * 29 * 4)
    assert "epoch 1/1: 100%" in err
    for file in ("samples/step-000008.png", "log.csv", "config.json", "model.keras"):
        assert f"runs/gan-quick-1/{file}" in out
    header, row = (run_dir / "log.csv").read_text().splitlines()
    assert set(header.split(",")) == {
        "epoch",
        "step",
        "d_loss",
        "g_loss",
        "p",
        "d_updates",
        "d_real",
        "d_fake",
    }
    assert all(np.isfinite(float(value)) for value in row.split(","))
    assert kgan.load_model(run_dir / "model.keras").sample(2, seed=0).shape == (2, 28, 28, 1)


def test_the_settings_of_a_run_are_recorded(folder):
    assert cli.train_gan([*TINY, "--update-policy=EveryK(3)", "--run-dir=here"]) == 0
    config = json.loads((folder / "here" / "config.json").read_text())
    assert config["preset"] == "quick"
    assert config["settings"]["update_policy"] == "EveryK(k=3)"
    assert config["settings"]["batch_size"] == 500
    assert config["epochs"] == 1
    assert config["backend"] == os.environ["KERAS_BACKEND"]
    assert config["data"]["name"] == "mnist-5k"
    assert config["data"]["images"] == 4000
    assert all(len(checksum) == 64 for checksum in config["data"]["sha256"].values())
    assert {"python", "keras", "kgan", "numpy"} < set(config["versions"])


def test_the_same_command_gives_the_same_log(folder):
    for name in ("one", "two"):
        assert cli.train_gan([*TINY, f"--run-dir={name}"]) == 0
    assert (folder / "one" / "log.csv").read_bytes() == (folder / "two" / "log.csv").read_bytes()
    last = "samples/step-000008.png"
    assert (folder / "one" / last).read_bytes() == (folder / "two" / last).read_bytes()


def test_a_dry_run_prints_the_resolved_preset_and_does_nothing(capsys, folder):
    assert cli.train_gan(["--dry-run", "--epochs", "3", "--seed", "1", "--loss", "Minimax"]) == 0
    shown = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert shown["preset"] == "quick"
    assert (shown["epochs"], shown["steps"], shown["seed"]) == ("3", "None", "1")
    assert shown["loss"] == "Minimax()"
    assert list(folder.iterdir()) == []


BAD_INPUT = [
    (["--preset", "huge"], "invalid choice: 'huge' (choose from"),
    (["--colour", "red"], "unrecognized arguments: --colour red"),
    (["--epochs", "0"], "`epochs` must be a positive integer, got 0."),
    (["--epochs", "many"], "argument --epochs: invalid int value: 'many'"),
    (["--epochs", "1", "--steps", "1"], "Give one of `epochs` and `steps`, got 1 and 1."),
    (["--batch-size", "-1"], "`batch_size` must be a positive integer, got -1."),
    (["--batch-size", "4001"], "`batch_size` must be at most the number of images, 4000, got 4001."),
    (["--latent-dim", "0"], "`latent_dim` must be a positive integer, got 0."),
    (["--architecture", "big"], "`architecture` must be one of"),
    (["--update-policy", "EveryK(0)"], "argument --update-policy: `k` must be a positive integer, got 0."),
    (["--loss", "Hinge"], "argument --loss: 'Hinge' is not one of NonSaturating, Minimax."),
    (["--generator-optimizer", "Adam(rate=1)"], "'Adam(rate=1)' does not fit Adam(learning_rate="),
    (["--data", "cifar"], "`name` must be one of mnist, mnist-5k, got 'cifar'."),
    (["--data-dir", "nowhere"], "`data_dir` must be a folder with MNIST's files, got 'nowhere'."),
    (["--data-dir", "."], "holds neither train-images-idx3-ubyte.gz nor train-images-idx3-ubyte"),
    (["--run-dir", "."], ". exists, and no run is overwritten: name another."),
    (["--run-dir", "/proc/run"], "/proc/run: No such file or directory"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_INPUT, ids=[" ".join(a) for a, _ in BAD_INPUT])
def test_bad_input_is_one_line_and_exit_2_and_leaves_nothing(arguments, message, capsys, folder, caplog):
    try:
        status = cli.train_gan(arguments)
    except SystemExit as stop:
        status = stop.code
    assert status == 2
    error = capsys.readouterr().err
    assert error.startswith("train_gan.py: error: ")
    assert message in error
    assert error.count("\n") == 1
    assert list(folder.iterdir()) == []


def test_a_full_disk_is_one_line_and_keeps_what_was_written(monkeypatch, capsys, folder):
    def full(self, path, *arguments, **options):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Image.Image, "save", full)
    assert cli.train_gan([*TINY, "--run-dir=here"]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("train_gan.py: error: here/samples/")
    assert last.endswith("No space left on device; free or name another place.")
    assert json.loads((folder / "here" / "config.json").read_text())["preset"] == "quick"
    assert list((folder / "here" / "samples").iterdir()) == []


def test_ctrl_c_finishes_the_step_saves_and_exits_130(folder):
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "train_gan.py"), *TINY[:2], "--data=mnist-5k", "--run-dir=here"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not list(folder.glob("here/log.csv")):
        time.sleep(0.1)
    time.sleep(3)  # some steps further
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert out.startswith("Interrupted after ")
    assert (folder / "here" / "model.keras").exists()
    steps = int(kgan.load_model(folder / "here" / "model.keras").step.value)
    assert f"Interrupted after {steps:,} steps" in out
    assert (folder / "here" / "samples" / f"step-{steps:06d}.png").exists()


def test_the_script_and_the_kgan_command_answer():
    assert run("--version").stdout == f"kgan {kgan.__version__}\n"
    assert (
        "usage: kgan train-gan"
        in subprocess.run(
            [
                sys.executable,
                "-c",
                "import sys; from kgan.cli import main; sys.exit(main())",
                "train-gan",
                "--help",
            ],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        ).stdout
    )


def test_a_command_that_is_unknown_is_named(capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["train-cat"])
    assert "invalid choice: 'train-cat'" in capsys.readouterr().err
