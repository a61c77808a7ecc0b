"""Runs on images that are no digits: from a folder to grids, page, interpolation, and on from there."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

import kgan
from image_files import colour, write_folder
from kgan import cli, experiments
from kgan.experiments.interpolation import draw_interpolation
from kgan.presets import GAN_PRESETS
from kgan.saving import Checkpoints

SHORT = ("--preset", "quick", "--batch-size", "64", "--evaluate-every", "none", "--judged", "none")


def shapes(n, side):
    """Light squares on dark ground, in colour."""
    pixels = colour(n, side=side) // 4
    for k, image in enumerate(pixels):
        image[side // 4 : side // 2 + k % 8, side // 4 : side // 2] = 255, 60 * (k % 4), 0
    return pixels


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """200 colour PNGs of 32 × 32 in two classes."""
    path = tmp_path_factory.mktemp("photos")
    write_folder(path, shapes(200, 32), classes=("round", "square"))
    return path


@pytest.fixture(scope="module")
def trained(folder, tmp_path_factory):
    """A run of 3 steps, rounded up to an epoch of 4, by the command."""
    run = tmp_path_factory.mktemp("runs") / "whole"
    options = ("--data", "images", "--data-dir", str(folder), "--steps", "3", "--run-dir", str(run))
    assert cli.train_gan([*SHORT, *options]) == 0
    return run


def test_a_folder_of_colour_trains_by_the_command(trained, folder):
    config = json.loads((trained / "config.json").read_text())
    data = config["data"]
    assert (data["name"], data["dir"], data["images"]) == ("images", str(folder), 200)
    assert (data["shape"], data["classes"], data["num_classes"]) == ([32, 32, 3], ["round", "square"], 2)
    assert len(data["sha256"]["images"]) == 64
    gan = kgan.load_model(trained / "model.keras")
    assert gan.image_shape == (32, 32, 3)
    assert int(gan.step.value) == 4


def test_its_grid_shows_the_samples_in_colour(trained):
    with Image.open(trained / "samples" / "step-000004.png") as picture:
        pixels = np.asarray(picture)
    assert pixels.shape == (8 * 33 * 4, 8 * 33 * 4, 3)
    sample = kgan.load_model(trained / "model.keras").sample(64, seed=0)[9]  # second row, second column
    shown = pixels[33 * 4 : 65 * 4 : 4, 33 * 4 : 65 * 4 : 4]
    np.testing.assert_allclose(shown, (sample + 1) * 127.5, atol=0.51)
    assert (shown[..., 0] != shown[..., 2]).any()


def test_its_page_names_the_images_and_says_that_nothing_judges_them(trained, folder):
    page = (trained / "report.html").read_text(encoding="utf-8")
    assert f"trained on 200 image files in {folder}" in page
    assert "32 × 32 × 3" in page
    assert "round, square" in page
    assert "there is a judge for MNIST" in page


def test_the_judge_of_digits_refuses_it_in_one_line(trained):
    message = "`run` must be a run on mnist or mnist-5k, whose digits there is a judge for, got"
    with pytest.raises(ValueError, match=message):
        experiments.evaluate(trained)


def test_the_generator_can_be_walked_on_its_page(trained, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(trained, copy)
    page = experiments.report(copy, explorer=True).read_text(encoding="utf-8")
    assert 'class="explorer"' in page


def settings(**changes):
    row = {"data": "images", "steps": 8, "batch_size": 16, "latent_dim": 4, "evaluate_every": None}
    return GAN_PRESETS["quick"].replace(**row | {"judged": None, "architecture": "template"} | changes)


@pytest.fixture
def small(tmp_path):
    """40 colour PNGs of 16 × 16."""
    write_folder(tmp_path / "small", shapes(40, 16))
    return tmp_path / "small"


def bits(run):
    saved = Checkpoints(run / "checkpoints").last()
    return [np.asarray(weights).tobytes() for weights in saved.load().get_weights()]


def test_read_as_it_is_wanted_or_not_and_interrupted_or_not_a_run_comes_to_the_same_bits(small, tmp_path):
    runs = {}
    for stream in (False, True):
        runs[stream] = tmp_path / f"stream-{stream}"
        experiments.train_gan(settings(), data_dir=small, run_dir=runs[stream], stream=stream, progress=False)
    assert bits(runs[True]) == bits(runs[False])
    part = tmp_path / "part"
    experiments.train_gan(settings(steps=3), data_dir=small, run_dir=part, stream=True, progress=False)
    assert bits(part) != bits(runs[True])
    experiments.resume(part, override=True, steps=8, stream=True, progress=False)
    assert bits(part) == bits(runs[True])


def test_a_run_refuses_other_images_and_finds_its_own_in_another_place(small, tmp_path):
    run = tmp_path / "run"
    experiments.train_gan(settings(steps=3), data_dir=small, run_dir=run, progress=False)
    moved = tmp_path / "moved"
    small.rename(moved)
    with pytest.raises(FileNotFoundError, match=r"`data_dir` must be a folder of images, got .*small"):
        experiments.resume(run, override=True, steps=6, progress=False)
    extra = moved / "ant" / "extra.png"
    Image.fromarray(shapes(1, 16)[0]).save(extra)
    with pytest.raises(
        ValueError, match=r"The run was begun on other data than image files in .*moved: name"
    ):
        experiments.resume(run, data_dir=moved, override=True, steps=6, progress=False)
    extra.unlink()
    result = experiments.resume(run, data_dir=moved, override=True, steps=6, progress=False)
    assert int(result.model.step.value) == 6


def test_what_is_damaged_is_said_before_there_is_a_run(small, tmp_path, capsys):
    file = small / "ant" / "001.png"
    file.write_bytes(file.read_bytes()[:200])
    for stream in ("always", "never"):
        run = tmp_path / "run"
        options = ("--data", "images", "--data-dir", str(small), "--run-dir", str(run), "--stream", stream)
        assert cli.train_gan([*SHORT, *options, "--batch-size", "8"]) == 2
        assert "ant/001.png is no whole image" in capsys.readouterr().err
        assert not run.exists()


REFUSED = {
    ("--image-size", "30"): "`image_size` must be a positive multiple of 4, or None, got 30.",
    (
        "--image-size",
        "8",
    ): "`image_shape` must be (height, width, 1 or 3), its sides multiples of 4 from 16",
    ("--channels", "2"): "`channels` must be 1 for grey, 3 for colour, or None, got 2.",
}


@pytest.mark.parametrize("options", sorted(REFUSED))
def test_sizes_that_do_not_fit_are_refused_before_there_is_a_run(options, small, tmp_path, capsys):
    run = tmp_path / "run"
    given = ("--data", "images", "--data-dir", str(small), "--run-dir", str(run), *options)
    assert cli.train_gan([*SHORT, *given, "--batch-size", "8"]) == 2
    assert REFUSED[options] in capsys.readouterr().err
    assert not run.exists()


class Steered:
    """Draws black or white by the sign of the first latent."""

    latent_dim = 4

    def generate(self, latents):
        signs = np.sign(np.asarray(latents)[:, :1, None, None])
        return np.broadcast_to(signs, (len(latents), 16, 16, 3)).astype("float32")


def test_the_way_between_two_classes_is_told_by_the_nearest_images(small, tmp_path):
    for file in small.rglob("*.png"):  # dark ants, light birds
        Image.new("RGB", (16, 16), "black" if file.parent.name == "ant" else "white").save(file)
    preset = settings(steps=2, channels=3)
    result = experiments.train_gan(preset, data_dir=small, run_dir=tmp_path / "run", progress=False)
    strip = draw_interpolation(result.run, Steered(), preset=preset)
    assert sorted(strip.classes) == [0, 1]
    assert strip.confidence[0, 0] == strip.confidence[-1, 1] == 1
    assert strip.shown[0] == strip.classes[0]
    assert strip.picture.is_file()


def test_of_images_of_one_class_the_way_between_two_latents_is_drawn(small, tmp_path):
    flat = tmp_path / "flat"
    shutil.copytree(small / "ant", flat)
    run = tmp_path / "run"
    experiments.train_gan(settings(steps=2), data_dir=flat, run_dir=run, progress=False)
    with Image.open(run / "plots" / "interpolation.png") as picture:
        assert picture.size == (9 * 17 * 4, 17 * 4)
    with pytest.raises(ValueError, match="`run` must be a run on images of two classes or more, to go"):
        experiments.interpolate(run)
