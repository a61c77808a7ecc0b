"""Judged runs and interpolations."""

import csv
import json
import shutil

import numpy as np
import pytest

import kgan
from kgan import cli, experiments
from kgan.evaluation import DigitClassifier
from support.digit_runs import TINY, Bright, pixels, rewrite, said


def test_a_run_judges_its_samples_at_the_end_and_evaluates_them_in_training(tmp_path, capsys, caplog):
    run = tmp_path / "run"
    arguments = [*TINY[:-2], "--batch-size=500", "--judged=64", "--evaluate-every=4", "--explorer"]
    assert cli.train_gan([*arguments, f"--run-dir={run}"]) == 0
    out = said(capsys)
    with (run / "evaluations.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["4", "8"]
    best = min(rows, key=lambda row: float(row["frechet"]))
    assert (
        f"{run / 'best.keras'}  (Fréchet distance {float(best['frechet']):.3g} at step {best['step']}" in out
    )
    assert int(kgan.load_model(run / "best.keras").step.value) == int(best["step"])
    with (run / "log.csv").open(newline="") as file:
        assert next(csv.DictReader(file))["frechet"] == rows[-1]["frechet"]
    judgement = json.loads((run / "evaluation.json").read_text())
    distance = judgement["metrics"][0]
    assert (
        f"(Fréchet distance {distance['value']:.3g} of 64 samples; real digits {distance['floor']:.2g})"
        in out
    )
    assert {"classes.png", "evaluations.png"} < {path.name for path in (run / "plots").iterdir()}
    assert any("judging 64 samples…" in record.message for record in caplog.records)
    results = json.loads((run / "results.json").read_text())
    assert (results["interrupted"], results["alarms"]) == (False, [])
    assert results["seconds"] > 0
    assert 'class="explorer"' in (run / "report.html").read_text()


def test_a_run_ends_with_the_way_from_4_to_1_or_between_the_two_surest_digits(tmp_path, bright, monkeypatch):
    run = tmp_path / "run"
    assert cli.train_gan([*TINY, "--seed=4", "--num-intermediate=8", f"--run-dir={run}"]) == 0
    again = experiments.interpolate(run, classes=(4, 1), seed=4).picture
    assert again.name == "interpolation-4-to-1-lerp-8-seed-4.png"
    assert again.read_bytes() == (run / "plots" / "interpolation.png").read_bytes()
    assert json.loads((run / "interpolation.json").read_text())["classes"] == [4, 1]


def test_all_pairs_are_one_picture_without_the_digits_that_are_not_drawn_surely(run, capsys, bright):
    assert cli.main(["interpolate", str(run), "--all-pairs", "--num-intermediate=1"]) == 0
    assert said(capsys) == f"{run / 'plots' / 'pairs.png'}: 45 pairs"
    assert pixels(run / "plots" / "pairs.png").shape[1] == 1800

    class NoSeven(Bright):
        def embed(self, images):
            found = super().embed(images)
            found.probabilities[:, 7] *= 0.5
            return found

    DigitClassifier.load = NoSeven  # which the fixture takes back
    pairs = experiments.interpolate_pairs(run, num_intermediate=1, path=run / "pairs.svg")
    assert len(pairs.drawn) == 36
    assert pairs.missing == {7: pytest.approx(0.4955)}
    assert (run / "pairs.svg").is_file()


def test_ctrl_c_while_samples_are_judged_keeps_what_there_is_and_says_how_to_go_on(
    tmp_path, monkeypatch, capsys, caplog
):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("kgan.experiments.evaluation.judge", interrupted)
    run = tmp_path / "run"
    assert cli.train_gan([*TINY[:-2], "--judged=64", "--evaluate-every=none", f"--run-dir={run}"]) == 130
    assert said(capsys).startswith("Interrupted after 8 steps")
    assert (run / "model.keras").is_file()
    assert (run / "plots" / "losses.png").is_file()
    assert any(f"kgan evaluate {run}" in record.message for record in caplog.records)


def test_a_picture_or_a_judgement_that_fails_costs_neither_the_run_nor_its_page(
    tmp_path, monkeypatch, capsys, caplog
):
    def failing(*arguments, **options):
        raise RuntimeError("out of memory")

    for name in ("evaluation.judge", "recording.write_stages", "interpolation.best_latents"):
        monkeypatch.setattr(f"kgan.experiments.{name}", failing)
    run = tmp_path / "run"
    assert cli.train_gan([*TINY[:-2], "--judged=64", "--evaluate-every=none", f"--run-dir={run}"]) == 0
    assert said(capsys).startswith("Trained after 8 steps")
    assert (run / "model.keras").is_file()
    assert "Its samples were not judged" in (run / "report.html").read_text()
    messages = [record.message for record in caplog.records if "out of memory" in record.message]
    assert [message.split(": ")[1] for message in messages] == [
        "a picture could not be drawn",
        "the interpolation could not be drawn",
        "the samples were not judged",
    ]


def test_a_run_that_draws_one_digit_only_is_said_and_keeps_its_model(monkeypatch, tmp_path, caplog):
    def alike(self, images):
        return np.full(len(images), 3), np.ones(len(images))

    monkeypatch.setattr(DigitClassifier, "classify", alike)
    run = tmp_path / "run"
    assert cli.train_gan([*TINY, f"--run-dir={run}"]) == 0
    assert (run / "model.keras").is_file()
    assert not (run / "plots" / "interpolation.png").exists()
    assert any(
        "no interpolation was drawn: `gan` must draw images of two" in r.message for r in caplog.records
    )


def test_digits_that_are_not_drawn_are_one_line(run, capsys):
    """The classifier that is shipped is sure of little that an untrained GAN draws."""
    assert cli.main(["interpolate", str(run), "--from=4", "--to=1"]) == 2
    error = capsys.readouterr().err
    assert (
        "kgan interpolate: error: `gan` must draw a 4 that is taken for one with a confidence of 0.99"
        in error
    )
    assert "or a lower `min_confidence`" in error
    assert error.count("\n") == 1


def test_classes_may_be_integers_of_numpy_and_nothing_else(run, bright):
    strip = experiments.interpolate(run, classes=np.array([8, 3]), min_confidence=0.5)
    assert strip.classes == (8, 3)
    for classes in ((True, False), 5, (4, 4), (4, 10), (4, 1.0)):
        with pytest.raises(ValueError, match="`classes` must be two different classes from 0 to 9, or None"):
            experiments.interpolate(run, classes=classes)


def test_evaluate_takes_the_best_model_where_asked_to_and_says_if_there_is_none(run, capsys):
    assert cli.main(["evaluate", str(run), "--best"]) == 2
    assert (
        f"{run} holds no best.keras: none was kept in training. There are checkpoints, config.json,"
        in capsys.readouterr().err
    )
    shutil.copy(run / "model.keras", run / "best.keras")
    found = experiments.evaluate(run, 64, best=True)
    assert found.judgement["model"] == "best.keras"


def test_training_images_that_are_not_at_hand_are_not_downloaded_but_said(run, monkeypatch):
    rewrite(run, "data", name="mnist", dir="/nowhere")
    monkeypatch.setattr("kgan.digits.sources.unreachable", lambda url: pytest.fail("the network was asked"))
    found = experiments.evaluate(run, 64)
    assert found.metric("memorised")["value"] is None
    assert found.judgement["notes"][0].startswith("Memorising was not measured: ")
    assert found.judgement["notes"][1] == "--data-dir names the folder of the training images."
