"""One short run of each script on every backend, killed on the way and resumed to the same bits."""

import json

import keras
import pytest

import kgan
from kgan import cli, experiments, saving
from support.lstm_runs import COURSE, KilledError, arguments_of, assert_same_run
from support.networks import same_bits, values

GAN = ["--data=mnist-5k", "--architecture=slim", "--latent-dim=4", "--batch-size=500", "--steps=8"]
GAN += ["--sample-every=4", "--evaluate-every=none", "--judged=none", "--num-intermediate=1"]


class Kill(keras.callbacks.Callback):
    """Raise KilledError after a number of steps."""

    def __init__(self, step):
        super().__init__()
        self.left = step

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            raise KilledError


def killed(monkeypatch, model, step, script, arguments):
    """Run a script in this process until a step of training; a model's `fit` is given the killer last."""
    fit, kill = model.fit, Kill(step)

    def fit_until(self, *args, callbacks=(), **kwargs):
        return fit(self, *args, callbacks=[*callbacks, kill], **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(model, "fit", fit_until)
        with pytest.raises(KilledError):
            script(arguments)


def state(run):
    gan = kgan.load_model(run / "model.keras")
    return values([*gan.weights, *gan.optimizer.variables])


def test_a_gan_trains_draws_its_page_and_resumes_to_the_same_bits(tmp_path, monkeypatch, capsys):
    whole, run = tmp_path / "whole", tmp_path / "run"
    assert cli.train_gan([*GAN, f"--run-dir={whole}"]) == 0
    assert f"8 steps by {keras.backend.backend()} on " in capsys.readouterr().err
    killed(monkeypatch, kgan.GAN, 5, cli.train_gan, [*GAN, "--checkpoint-every=1e-9", f"--run-dir={run}"])
    assert saving.Checkpoints(run / "checkpoints").last().step == 5
    assert cli.train_gan(["--resume", str(run)]) == 0
    assert same_bits(state(run), state(whole))
    for name in ("log.csv", "samples/step-000008.png", "plots/losses.png", "plots/balance.png"):
        assert (run / name).read_bytes() == (whole / name).read_bytes(), name
    assert (run / "report.html").is_file()
    assert json.loads((run / "config.json").read_text())["backend"] == keras.backend.backend()


def test_a_curriculum_of_both_networks_ends_with_a_page_and_resumes_to_the_same_bits(tmp_path, monkeypatch):
    whole, run, arguments = tmp_path / "whole", tmp_path / "run", arguments_of(COURSE)
    assert cli.train_lstm([*arguments, f"--run-dir={whole}"]) == 0
    results = json.loads((whole / "results.json").read_text())["results"]
    assert {("lstm", 3), ("rnn", 3)} <= {(row["network"], row["length"]) for row in results}
    assert (whole / "report.html").is_file()
    assert (whole / "plots" / "curriculum.png").is_file()
    killed(monkeypatch, keras.Model, 4, cli.train_lstm, [*arguments, f"--run-dir={run}"])
    assert saving.Checkpoints(run / "checkpoints").last() is not None
    experiments.resume(run, progress=False)
    assert_same_run(run, whole)
