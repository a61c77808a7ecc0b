"""`kgan sample`, `kgan interpolate` and `kgan evaluate`, on a run that a few steps have left behind."""

import json

import numpy as np
import pytest

import kgan
from kgan import cli, experiments
from kgan.evaluation import judge
from kgan.gan.latent import interpolate, slerp
from kgan.pictures import image_grid
from support.digit_runs import pixels, rewrite, said


def test_sample_draws_so_many_images_from_the_seed_and_says_where(run, capsys):
    assert cli.main(["sample", str(run), "-n", "10", "--seed", "1"]) == 0
    path = run / "samples" / "n-10-seed-1.png"
    assert said(capsys) == str(path)
    images = kgan.load_model(run / "model.keras").sample(10, seed=1)
    np.testing.assert_array_equal(pixels(path), image_grid(images, columns=4))


def test_sample_writes_an_array_where_asked_to(run, tmp_path):
    assert cli.main(["sample", str(run), "-n", "3", "--out", str(tmp_path / "new" / "digits.npy")]) == 0
    images = np.load(tmp_path / "new" / "digits.npy")
    assert images.dtype == "float32"
    np.testing.assert_array_equal(images, kgan.load_model(run / "model.keras").sample(3, seed=0))


def test_interpolate_draws_from_one_chosen_digit_to_another(run, capsys, bright):
    arguments = ["--from=4", "--to=1", "--seed=2", "--num-intermediate=8", "--method=slerp"]
    assert cli.main(["interpolate", str(run), *arguments]) == 0
    path = run / "plots" / "interpolation-4-to-1-slerp-8-seed-2.png"
    assert said(capsys).startswith(f"{path}: from 4 (0.991) to 1 (0.991) in 10 images, taken for 4 ")
    assert pixels(path).shape[1] > 1000


def test_the_way_is_that_of_the_latents_between_as_the_classifier_sees_it(run, bright, tmp_path):
    strip = experiments.interpolate(run, classes=(4, 1), seed=2, method=slerp, path=tmp_path / "strip.svg")
    gan = kgan.load_model(run / "model.keras")
    assert strip.latents.shape == (9, 100)
    between = interpolate(strip.latents[0], strip.latents[-1], 7, slerp)
    np.testing.assert_allclose(strip.latents, between, atol=1e-6)
    probabilities = bright.probabilities(gan.generate(strip.latents))
    np.testing.assert_array_equal(strip.confidence, probabilities[:, [4, 1]])
    assert strip.confidence[0, 0] == strip.confidence[-1, 1] == pytest.approx(0.991)
    assert (strip.shown[0], strip.shown[-1]) == strip.classes == (4, 1)
    assert "<svg" in (tmp_path / "strip.svg").read_text()


def test_interpolation_json_and_its_frames_are_those_of_the_last_way_that_was_drawn_into_the_run(run, bright):
    strip = experiments.interpolate(run, classes=(4, 1), seed=2)
    record = json.loads((run / "interpolation.json").read_text())
    assert (record["classes"], record["method"], record["num_frames"]) == ([4, 1], "lerp", 33)
    latents = interpolate(np.float32(record["begin"]), np.float32(record["end"]), 31)
    np.testing.assert_allclose(latents[::4], strip.latents, atol=1e-5)  # of 33 and of 9
    images = kgan.load_model(run / "model.keras").generate(latents)
    frames = pixels(run / record["frames"])
    assert frames.shape == (28, 33 * 28)
    for k in (0, 16, 32):
        expected = np.round((images[k, :, :, 0] + 1) * 127.5)
        np.testing.assert_allclose(frames[:, 28 * k : 28 * (k + 1)], expected, atol=1)
    probabilities = bright.probabilities(images)
    assert record["classes_shown"][::32] == [4, 1]
    np.testing.assert_allclose(record["confidence"], probabilities[:, [4, 1]], atol=1e-4)
    before = (run / "interpolation.json").read_bytes()
    experiments.interpolate(run, classes=(3, 2), path=run / "elsewhere.png")
    assert (run / "interpolation.json").read_bytes() == before


def test_the_number_of_images_is_that_of_the_preset_unless_given(run, bright):
    rewrite(run, "settings", num_intermediate=3)
    assert len(experiments.interpolate(run).latents) == 5
    assert len(experiments.interpolate(run, num_intermediate=1).latents) == 3


@pytest.mark.parametrize(
    ("recorded", "given", "expected"), [(".", None, "."), (".", "other", "other"), ("/nowhere", None, None)]
)
def test_classes_of_other_data_are_told_by_those_of_the_training_or_those_given(
    run, monkeypatch, recorded, given, expected
):
    class FoundError(Exception):
        pass

    def find(name, *, data_dir):
        raise FoundError(name, data_dir)

    rewrite(run, "data", name="kmnist", dir=recorded)
    monkeypatch.setattr("kgan.digits.find_digits", find)
    with pytest.raises(FoundError) as found:
        experiments.interpolate(run, data_dir=given)
    assert found.value.args == ("kmnist", expected)


def test_evaluate_judges_the_samples_and_prints_each_metric_beside_that_of_real_digits(run, capsys):
    rewrite_alarms = {"seconds": 1.0, "alarms": [{"text": "samples are alike since step 2"}]}
    (run / "results.json").write_text(json.dumps(rewrite_alarms))
    assert cli.main(["evaluate", str(run), "-n", "100", "--seed", "1"]) == 0
    judgement = json.loads((run / "evaluation.json").read_text())
    expected = judge(
        kgan.load_model(run / "model.keras").sample(100, seed=1), training=kgan.load_digits("mnist-5k")[0]
    ).described()
    assert judgement["metrics"] == expected["metrics"]
    assert judgement["classes"] == expected["classes"]
    assert (judgement["samples"], judgement["seed"], judgement["model"]) == (100, 1, "model.keras")
    assert judgement["notes"][-1] == "In training, samples are alike since step 2"
    out = said(capsys)
    assert out.startswith("100 samples of model.keras, seed 1:")
    for metric in judgement["metrics"]:
        assert f"  {metric['label']} " in out
    distance = judgement["metrics"][0]
    row = next(line for line in out.splitlines() if line.startswith(f"  {distance['label']} "))
    assert row.split()[-5:-3] == [f"{distance['value']:.3g}", f"{distance['floor']:.3g}"]
    assert " ".join(judgement["classes"]["sentence"].split()) in " ".join(out.split())
    assert f"{run / 'plots' / 'classes.png'}" in out
    assert pixels(run / "plots" / "classes.png").shape[:2] == (540, 960)


def test_there_is_no_judge_for_other_data_and_a_run_says_so(run, capsys):
    rewrite(run, "data", name="kmnist")
    assert cli.main(["evaluate", str(run)]) == 2
    rule = "`run` must be a run on mnist or mnist-5k, whose digits there is a judge for, got 'one on kmnist'."
    assert rule in capsys.readouterr().err


BAD_INPUT = [
    (["sample", "nowhere"], "`run` must be the folder of a run, with its config.json, got 'nowhere'."),
    (["sample", "runs"], "got 'runs'. There is runs/gan-1."),
    (["sample", "runs/gan-1", "-n", "0"], "`n` must be a positive integer, got 0."),
    (["sample", "runs/gan-1", "-n", "many"], "argument -n: invalid int value: 'many'"),
    (["sample", "runs/gan-1", "--seed", "-1"], "`seed` must be an integer in [0, 2**31), got -1."),
    (
        ["sample", "runs/gan-1", "--out", "x.gif"],
        "`path` must be a file that ends in .png or .npy, got 'x.gif'.",
    ),
    (["interpolate", "nowhere"], "`run` must be the folder of a run, with its config.json, got 'nowhere'."),
    (["interpolate", "runs/gan-1", "--seed", "-1"], "`seed` must be an integer in [0, 2**31), got -1."),
    (
        ["interpolate", "runs/gan-1", "--num-intermediate", "0"],
        "`num_intermediate` must be a positive integer, got 0.",
    ),
    (["interpolate", "runs/gan-1", "--method", "walk"], "argument --method: invalid choice: 'walk'"),
    (
        ["interpolate", "runs/gan-1", "--out", "x.npy"],
        "`path` must be a file that ends in .png or .svg, got 'x.npy'.",
    ),
    (
        ["interpolate", "runs/gan-1", "--data-dir", "nowhere"],
        "`data_dir` must be None for a run on mnist-5k, whose digits the shipped classifier reads, got",
    ),
    (["interpolate", "runs/gan-1", "--from", "4"], "Give both of --from and --to, or neither"),
    (
        ["interpolate", "runs/gan-1", "--from", "4", "--to", "4"],
        "--from and --to must be two different digits from 0 to 9, got 4 and 4.",
    ),
    (["interpolate", "runs/gan-1", "--from", "4", "--to", "one"], "argument --to: invalid int value: 'one'"),
    (
        ["interpolate", "runs/gan-1", "--all-pairs", "--from", "4", "--to", "1"],
        "Give either --all-pairs or --from and --to.",
    ),
    (["interpolate", "runs/gan-1", "--all-pairs", "--seed", "-1"], "`seed` must be an integer in"),
    (
        ["interpolate", "runs/gan-1", "--min-confidence", "1.5"],
        "`min_confidence` must be a number above 0, at most 1, got 1.5.",
    ),
    (["evaluate", "nowhere"], "`run` must be the folder of a run, with its config.json, got 'nowhere'."),
    (["evaluate", "runs/gan-1", "-n", "63"], "`n` must be an integer of at least 64, got 63."),
    (["evaluate", "runs/gan-1", "--seed", "-1"], "`seed` must be an integer in [0, 2**31), got -1."),
    (["evaluate", "runs/gan-1", "--data-dir", "nowhere"], "got 'nowhere'."),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_INPUT, ids=[" ".join(a) for a, _ in BAD_INPUT])
def test_bad_input_is_one_line_and_exit_2_and_writes_nothing(
    arguments, message, run, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    try:
        status = cli.main(arguments)
    except SystemExit as stop:
        status = stop.code
    assert status == 2
    error = capsys.readouterr().err
    assert error.startswith(f"kgan {arguments[0]}: error: ")
    assert message in error
    assert error.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_a_run_without_a_model_is_named_with_what_there_is(run, capsys):
    (run / "model.keras").unlink()
    for command in (["sample"], ["interpolate"], ["interpolate", "--all-pairs"], ["evaluate"]):
        assert cli.main([command[0], str(run), *command[1:]]) == 2
        error = capsys.readouterr().err
        assert f"{run} holds no model.keras: its training goes on or was broken off." in error
        assert "There are checkpoints, config.json, " in error
        assert "log.csv, plots, report.html, results.json, samples, steps.csv." in error


@pytest.mark.parametrize("command", ["sample", "interpolate", "evaluate"])
def test_a_damaged_model_is_one_line(run, capsys, command):
    whole = (run / "model.keras").read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], whole[:-2000]):
        (run / "model.keras").write_bytes(damaged)
        assert cli.main([command, str(run)]) == 2
        error = capsys.readouterr().err
        assert "model.keras" in error
        assert error.count("\n") == 1


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"settings": {}, "data": 3}', ""])
def test_settings_that_are_damaged_are_one_line(run, capsys, text):
    (run / "config.json").write_text(text)
    assert cli.main(["interpolate", str(run)]) == 2
    error = capsys.readouterr().err
    assert "config.json is damaged or no run's: " in error
    assert error.count("\n") == 1


def test_a_run_of_before_there_was_a_number_of_images_has_seven(run, bright):
    config = json.loads((run / "config.json").read_text())
    del config["settings"]["num_intermediate"], config["data"]["dir"]
    (run / "config.json").write_text(json.dumps(config))
    assert len(experiments.interpolate(run).latents) == 9


def test_more_images_than_a_picture_can_show_are_refused_and_memory_that_is_short_is_said(
    run, tmp_path, monkeypatch, capsys
):
    assert cli.main(["sample", str(run), "-n", "10001"]) == 2
    rule = "`n` must be at most 10,000 for a picture; write more to a .npy file, got 10001."
    assert rule in capsys.readouterr().err

    def short(self, *arguments, **options):
        raise MemoryError("Unable to allocate 37.3 GiB")

    monkeypatch.setattr(kgan.GAN, "sample", short)
    assert cli.main(["sample", str(run), "-n", "10001", "--out", str(tmp_path / "x.npy")]) == 2
    assert capsys.readouterr().err == "kgan sample: error: Unable to allocate 37.3 GiB\n"
