"""Runs on images that are no digits: from a folder to grids, page, interpolation, and on from there."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

import kgan
from kgan import cli, experiments
from kgan.experiments.interpolation import draw_interpolation
from kgan.presets import GAN_PRESETS
from kgan.report.explorer import explorer
from kgan.runs import Run
from kgan.saving import Checkpoints
from support.image_files import color, write_folder

SHORT = (
    "--preset",
    "quick",
    "--conditional",
    "false",
    "--batch-size",
    "64",
    "--evaluate-every",
    "none",
    "--judged",
    "none",
)


def shapes(n, side):
    """In colour, by turns a light square on dark ground and a dark one on light ground."""
    pixels = color(n, side=side) // 8
    for k, image in enumerate(pixels):
        image[side // 4 : side // 2 + k % 8, side // 4 : side // 2] = 255, 60 * (k % 4), 0
    pixels[1::2] = 255 - pixels[1::2]
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


def test_a_generator_of_colour_can_be_walked_on_a_page():
    gan = kgan.GAN(*kgan.architectures.compact(4, (16, 16, 3)), latent_dim=4)
    block = explorer(gan)
    assert block["values"]["image_shape"] == [16, 16, 3]
    assert block["corners"] == []


def settings(**changes):
    row = {"data": "images", "steps": 6, "batch_size": 16, "latent_dim": 4, "evaluate_every": None}
    return GAN_PRESETS["quick"].replace(**row | {"judged": None, "architecture": "template"} | changes)


@pytest.fixture
def small(tmp_path):
    """40 colour PNGs of 16 × 16."""
    write_folder(tmp_path / "small", shapes(40, 16))
    return tmp_path / "small"


def bits(run):
    saved = Checkpoints(run / "checkpoints").last()
    return [np.asarray(weights).tobytes() for weights in saved.load().get_weights()]


def test_a_streamed_run_refuses_other_images_and_goes_on_elsewhere_to_the_bits_of_an_array(small, tmp_path):
    whole, part, moved = tmp_path / "whole", tmp_path / "part", tmp_path / "moved"
    experiments.train_gan(settings(), data_dir=small, run_dir=whole, stream=False, progress=False)
    experiments.train_gan(settings(steps=3), data_dir=small, run_dir=part, stream=True, progress=False)
    assert bits(part) != bits(whole)
    small.rename(moved)
    options = {"override": True, "steps": 6, "progress": False}
    with pytest.raises(FileNotFoundError, match=r"`data_dir` must be a folder of images, got .*small"):
        experiments.resume(part, **options)
    extra = moved / "ant" / "extra.png"
    Image.fromarray(shapes(1, 16)[0]).save(extra)
    with pytest.raises(ValueError, match=r"begun on other data than image files in .*moved: name"):
        experiments.resume(part, data_dir=moved, **options)
    extra.unlink()
    experiments.resume(part, data_dir=moved, stream=True, **options)
    assert bits(part) == bits(whole)


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

    latent_dim, num_classes = 4, 0

    def sample_latents(self, n, *, seed=None):
        return kgan.latent.sample_latents(n, self.latent_dim, seed=seed)

    def generate(self, latents):
        signs = np.sign(np.asarray(latents)[:, :1, None, None])
        return np.broadcast_to(signs, (len(latents), 32, 32, 3)).astype("float32")


@pytest.fixture
def copied(trained, tmp_path):
    """A copy of the run, to be drawn into."""
    shutil.copytree(trained, tmp_path / "copy")
    return Run.open(tmp_path / "copy")


def test_the_way_between_two_classes_is_told_by_the_nearest_images(copied):
    strip = draw_interpolation(copied, Steered(), preset=settings())
    assert sorted(strip.classes) == [0, 1]  # round ones are dark, square ones light
    assert strip.confidence[0, 0] == strip.confidence[-1, 1] == 1
    assert strip.shown[0] == strip.classes[0]
    assert strip.shown[-1] == strip.classes[1]
    assert strip.picture.is_file()


def test_classes_that_a_folder_has_not_are_refused_before_any_is_drawn(copied):
    with pytest.raises(
        ValueError, match=r"`classes` must be two different classes from 0 to 1, or None, got"
    ):
        experiments.interpolate(copied.path, classes=(4, 1))


def test_of_images_of_one_class_the_way_between_two_latents_is_drawn(copied):
    config = copied.read_config()
    config["data"] |= {"classes": [], "num_classes": 0}
    copied.write_config(config)
    assert draw_interpolation(copied, Steered(), preset=settings()) is None
    with Image.open(copied.plots / "interpolation.png") as picture:
        assert picture.size == (9 * 33 * 4, 33 * 4)
    with pytest.raises(ValueError, match="`run` must be a run on images of two classes or more, to go"):
        experiments.interpolate(copied.path)
