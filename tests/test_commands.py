"""`kgan sample` and `kgan interpolate`, on a run that a few steps have left behind."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

import kgan
from kgan import cli, experiments
from kgan.evaluation import NearestNeighbours
from kgan.gan.latent import interpolate, slerp
from kgan.pictures import image_grid

TINY = ["--architecture=template", "--batch-size=100", "--epochs=1", "--data=mnist-5k"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a run."""
    path = tmp_path_factory.mktemp("runs") / "gan-1"
    assert cli.train_gan([*TINY, f"--run-dir={path}"]) == 0
    return path


@pytest.fixture
def run(trained, tmp_path):
    """A copy of it, to be written to."""
    return shutil.copytree(trained, tmp_path / "runs" / "gan-1")


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


def said(capsys):
    return capsys.readouterr().out.strip()


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


def test_interpolate_draws_from_one_digit_to_another(run, capsys):
    arguments = ["--seed=2", "--num-intermediate=8", "--method=slerp"]
    assert cli.main(["interpolate", str(run), *arguments]) == 0
    path = run / "plots" / "interpolation-slerp-8-seed-2.png"
    assert pixels(path).shape == (29 * 4, 10 * 29 * 4)
    begin, end = (int(word) for word in said(capsys).split() if word.isdigit() and len(word) == 1)
    assert begin != end


def test_the_strip_shows_the_images_of_the_latents_between(run):
    strip = experiments.interpolate(run, seed=2, method=slerp)
    gan = kgan.load_model(run / "model.keras")
    assert strip.latents.shape == (9, 100)
    between = interpolate(strip.latents[0], strip.latents[-1], 7, slerp)
    np.testing.assert_allclose(strip.latents, between, atol=1e-6)
    np.testing.assert_array_equal(pixels(strip.picture), image_grid(gan.generate(strip.latents), columns=9))
    classifier = NearestNeighbours(*kgan.load_digits("mnist-5k"))
    assert tuple(classifier.classify(gan.generate(strip.latents[[0, -1]]))[0]) == strip.classes


def test_the_number_of_images_is_that_of_the_preset_unless_given(run, tmp_path):
    config = json.loads((run / "config.json").read_text())
    config["settings"]["num_intermediate"] = 3
    (run / "config.json").write_text(json.dumps(config))
    assert len(experiments.interpolate(run).latents) == 5
    assert len(experiments.interpolate(run, num_intermediate=1).latents) == 3


def rewrite_data(run, **values):
    config = json.loads((run / "config.json").read_text())
    config["data"] |= values
    (run / "config.json").write_text(json.dumps(config))


def test_data_that_are_gone_are_replaced_by_what_is_at_hand_loudly(run, caplog):
    rewrite_data(run, name="mnist", dir="/nowhere")
    assert experiments.interpolate(run).picture.is_file()
    assert "these are 5,000 real MNIST digits" in caplog.text


@pytest.mark.parametrize(
    ("name", "recorded", "given", "expected"),
    [
        ("mnist", ".", None, ("mnist", ".")),  # the folder of the training
        ("mnist", ".", "other", ("mnist", "other")),
        ("mnist-5k", None, "other", ("mnist", "other")),  # all of MNIST tells better than a part
        ("mnist-5k", None, None, ("mnist-5k", None)),
    ],
)
def test_classes_are_told_by_the_data_of_the_training_or_those_given(
    run, monkeypatch, name, recorded, given, expected
):
    class FoundError(Exception):
        pass

    def find(name, *, data_dir):
        raise FoundError(name, data_dir)

    rewrite_data(run, name=name, dir=recorded)
    monkeypatch.setattr("kgan.digits.find_digits", find)
    with pytest.raises(FoundError) as found:
        experiments.interpolate(run, data_dir=given)
    assert found.value.args == expected


def test_a_run_ends_with_the_strip_of_its_seed_and_its_number_of_images(tmp_path):
    run = tmp_path / "run"
    assert cli.train_gan([*TINY, "--seed=4", "--num-intermediate=8", f"--run-dir={run}"]) == 0
    again = experiments.interpolate(run, seed=4).picture
    assert pixels(again).shape == (29 * 4, 10 * 29 * 4)
    assert again.read_bytes() == (run / "plots" / "interpolation.png").read_bytes()


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
        "`path` must be a file that ends in .png, got 'x.npy'.",
    ),
    (["interpolate", "runs/gan-1", "--data-dir", "nowhere"], "got 'nowhere'."),
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
    for command in ("sample", "interpolate"):
        assert cli.main([command, str(run)]) == 2
        error = capsys.readouterr().err
        assert f"{run} holds no model.keras: its training goes on or was broken off." in error
        assert "There are config.json, log.csv, plots, samples, steps.csv." in error


@pytest.mark.parametrize("command", ["sample", "interpolate"])
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


def test_a_run_of_before_there_was_a_number_of_images_has_seven(run):
    config = json.loads((run / "config.json").read_text())
    del config["settings"]["num_intermediate"], config["data"]["dir"]
    (run / "config.json").write_text(json.dumps(config))
    assert len(experiments.interpolate(run).latents) == 9


def test_a_run_that_draws_one_digit_only_is_said_and_keeps_its_model(monkeypatch, tmp_path, caplog):
    def alike(self, images):
        return np.full(len(images), 3), np.ones(len(images))

    monkeypatch.setattr(NearestNeighbours, "classify", alike)
    run = tmp_path / "run"
    assert cli.train_gan([*TINY, f"--run-dir={run}"]) == 0
    assert (run / "model.keras").is_file()
    assert not (run / "plots" / "interpolation.png").exists()
    assert any(
        "no interpolation was drawn: `gan` must draw images of two" in r.message for r in caplog.records
    )


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
