"""A run of a GAN that is conditioned on labels, and all that is done with it afterwards."""

import json
import os
import re
import shutil
import signal

import keras
import numpy as np
import pytest
from PIL import Image

import kgan
from kgan import cli, experiments
from kgan.evaluation import DigitClassifier, find_endpoints, walk
from kgan.gan.latent import slerp
from kgan.pictures import image_grid
from kgan.presets import GAN_PRESETS, stored_preset
from kgan.report.explorer import explorer, principal_directions
from kgan.runs import Run
from support.networks import same_bits, values

PRESET = GAN_PRESETS["a"].replace(
    data="images",
    conditional=True,
    classification=0.1,
    architecture="compact",
    loss=kgan.losses.Relativistic(),
    update_policy=kgan.update_policies.Always(),
    regularizers=(kgan.regularizers.R1(weight=0.3, every=4), kgan.regularizers.R2(weight=0.3, every=4)),
    average=kgan.GeneratorAverage(),
    latent_dim=6,
    batch_size=8,
    steps=12,
    sample_every=6,
    evaluate_every=None,
    judged=None,
)
CLASSES, OF_EACH = ("brick", "grass", "sand"), (16, 16, 14)


def write_photos(folder, num_images, *, seed):
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for number in range(num_images):
        Image.fromarray(rng.integers(0, 255, (16, 16), "uint8")).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder of images of three classes, 46 in all."""
    root = tmp_path_factory.mktemp("photos")
    for seed, (name, num_images) in enumerate(zip(CLASSES, OF_EACH, strict=True)):
        write_photos(root / name, num_images, seed=seed)
    return root


@pytest.fixture(scope="module")
def trained(photos, tmp_path_factory):
    """The result of two epochs of six steps."""
    folder = tmp_path_factory.mktemp("runs") / "gan-1"
    return experiments.train_gan(PRESET, data_dir=photos, run_dir=folder, progress=False)


@pytest.fixture
def run(trained, tmp_path):
    """A copy of its folder, to be written to."""
    return shutil.copytree(trained.run.path, tmp_path / "gan-1")


def drawing_digits():
    """A conditional GAN that draws of each class a real digit, and of each latent a little of its own."""
    images, labels = kgan.load_digits("mnist-5k")
    digits = np.stack([_surest(images[labels == k][:5], k).ravel() for k in range(10)])
    layers = keras.layers
    generator = [layers.Input((16,)), layers.Dense(784, activation="tanh"), layers.Reshape((28, 28, 1))]
    discriminator = [layers.Input((28, 28, 1)), layers.Flatten(), layers.Dense(10)]
    gan = kgan.ConditionalGAN(keras.Sequential(generator), keras.Sequential(discriminator), latent_dim=6)
    noise = np.random.default_rng(0).normal(0, 0.02, (6, 784))
    gan.generator.layers[0].kernel.assign(np.concatenate([noise, np.arctanh(0.99 * digits)]))
    return gan


def _surest(images, digit):
    """Of images of a digit that which is taken for it most surely."""
    return images[DigitClassifier.load().probabilities(images)[:, digit].argmax()]


@pytest.fixture
def of_digits(trained, tmp_path):
    """The folder of a run on digits, and its GAN."""
    folder = shutil.copytree(trained.run.path, tmp_path / "gan-1")
    run, gan = Run.open(folder), drawing_digits()
    config = run.read_config()
    config["settings"]["data"] = "mnist-5k"
    config["data"] |= {"name": "mnist-5k", "dir": None, "images": 4000, "num_classes": 10, "classes": []}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    run.save_model(gan)
    return folder, gan


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_the_labels_of_the_data_condition_both_networks(trained):
    gan = trained.model
    assert isinstance(gan, kgan.ConditionalGAN)
    assert gan.generator.input_shape == (None, 6 + 3)
    assert gan.discriminator.output_shape == (None, 3)
    assert values([gan.label_counts])[0].tolist() == [2 * n for n in OF_EACH]
    config = trained.run.read_config()
    assert config["settings"]["conditional"] is True
    assert stored_preset(config).describe() == PRESET.describe()


def test_a_sample_grid_has_a_row_a_class_and_a_column_a_latent(trained):
    gan = trained.model
    latents = np.random.default_rng(0).standard_normal((8, 6), dtype="float32")
    inputs = [np.hstack([latents, np.tile(np.eye(3)[k], (8, 1))]) for k in range(3)]
    expected = image_grid(gan.generate(np.concatenate(inputs)), columns=8, scale=4)
    np.testing.assert_array_equal(pixels(trained.picture), expected)


def test_a_run_that_got_a_signal_goes_on_to_the_same_bits(trained, photos, tmp_path, monkeypatch):
    if keras.backend.backend() != "torch":
        pytest.skip("a traced step draws but once")
    draw = kgan.GAN.draw_latents

    def draw_latents(self, n):
        if int(self.step.value) == 8:  # in the midst of the second epoch
            os.kill(os.getpid(), signal.SIGTERM)
        return draw(self, n)

    options = {"data_dir": photos, "run_dir": tmp_path / "x", "checkpoint_every": 1000}
    with monkeypatch.context() as patch:
        patch.setattr(kgan.GAN, "draw_latents", draw_latents)
        broken = experiments.train_gan(PRESET, progress=False, **options)
    assert broken.interrupted
    result = experiments.resume(broken.run.path, progress=False)
    state = [values([*gan.weights, *gan.optimizer.variables]) for gan in (result.model, trained.model)]
    assert same_bits(*state)
    assert (result.run.path / "log.csv").read_bytes() == (trained.run.path / "log.csv").read_bytes()


def test_data_without_labels_train_without_them_and_one_line_says_so(tmp_path, caplog):
    folder = write_photos(tmp_path / "photos", 8, seed=0)
    result = experiments.train_gan(
        PRESET.replace(steps=1), data_dir=folder, run_dir=tmp_path / "run", progress=False
    )
    assert type(result.model) is kgan.GAN
    assert result.model.generator.input_shape == (None, 6)
    said = [record.message for record in caplog.records if "label" in record.message]
    assert said == ["kgan: these images are not of several classes: the GAN is trained without labels."]


def test_images_that_are_streamed_bring_their_labels(trained, photos, tmp_path):
    options = {"data_dir": photos, "run_dir": tmp_path / "run", "stream": True}
    result = experiments.train_gan(PRESET, progress=False, **options)
    assert same_bits(values(result.model.weights), values(trained.model.weights))


def test_the_command_takes_the_setting_in_words(tmp_path, capsys):
    arguments = ["train-gan", "--dry-run", "--data", "mnist-5k", f"--run-dir={tmp_path / 'x'}"]
    assert cli.main([*arguments, "--conditional", "true"]) == 0
    assert re.search(r"conditional +True", capsys.readouterr().out)
    with pytest.raises(SystemExit):
        cli.main([*arguments, "--conditional", "perhaps"])
    assert "argument --conditional: 'perhaps' is not one of true, false." in capsys.readouterr().err


def test_kgan_sample_draws_the_labels_that_are_asked_for(run, capsys):
    gan = kgan.load_model(run / "model.keras")
    assert cli.main(["sample", str(run), "-n", "10", "--labels", "2"]) == 0
    path = run / "samples" / "n-10-seed-0-labels-2.png"
    assert capsys.readouterr().out.strip() == str(path)
    np.testing.assert_array_equal(pixels(path), image_grid(gan.sample(10, labels=2, seed=0), columns=4))

    assert cli.main(["sample", str(run), "-n", "5", "--labels", "0,1", "--seed", "3"]) == 0
    images = gan.sample(5, labels=[0, 1, 0, 1, 0], seed=3)
    path = run / "samples" / "n-5-seed-3-labels-0-1.png"
    np.testing.assert_array_equal(pixels(path), image_grid(images, columns=2))

    assert cli.main(["sample", str(run), "-n", "9"]) == 0
    path = run / "samples" / "n-9-seed-0.png"
    np.testing.assert_array_equal(pixels(path), image_grid(gan.sample(9, seed=0), columns=3))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("3", "`labels` must be integers in [0, 3), at most 32 of them, got [3]."),
        ("1,-1", "`labels` must be integers in [0, 3), at most 32 of them, got [1, -1]."),
    ],
)
def test_labels_that_cannot_be_drawn_are_named(labels, message, run, capsys):
    assert cli.main(["sample", str(run), f"--labels={labels}"]) == 2
    assert capsys.readouterr().err.strip() == f"kgan sample: error: {message}"


def test_labels_are_counted_on_where_settings_change(run):
    changes = {"steps": 18, "classification": 0.2, "override": True}
    gan = experiments.resume(run, progress=False, **changes).model
    assert gan.classification == 0.2
    assert values([gan.label_counts])[0].tolist() == [3 * n for n in OF_EACH]


def test_labels_of_a_run_without_them_are_refused(photos, tmp_path, capsys):
    plain, folder = PRESET.replace(conditional=False, classification=0.0, steps=1), tmp_path / "gan-1"
    experiments.train_gan(plain, data_dir=photos, run_dir=folder, progress=False)
    assert cli.main(["sample", str(folder), "--labels", "2"]) == 2
    rule = "`labels` must be None for a GAN that was trained without them, got [2]."
    assert capsys.readouterr().err.strip() == f"kgan sample: error: {rule}"


def test_the_way_from_class_to_class_mixes_latents_and_labels():
    gan, classifier = drawing_digits(), DigitClassifier.load()
    endpoints = find_endpoints(gan, classifier, classes=(4, 1), seed=0)
    begin, end = endpoints.begin, endpoints.end
    assert (begin[6:].argmax(), end[6:].argmax()) == (4, 1)
    straight = walk(gan, classifier, endpoints, num_intermediate=3)
    np.testing.assert_allclose(straight.latents, np.linspace(begin, end, 5), atol=1e-6)
    assert (straight.shown[0], straight.shown[-1]) == (4, 1)
    arc = walk(gan, classifier, endpoints, num_intermediate=3, method=slerp).latents
    np.testing.assert_allclose(arc[:, 6:], np.linspace(begin[6:], end[6:], 5), atol=1e-6)
    np.testing.assert_allclose(arc[:, :6], slerp(begin[:6], end[:6], np.linspace(0, 1, 5)), atol=1e-6)


def test_every_command_works_on_its_folder(of_digits, capsys):
    folder, _ = of_digits
    for command, *options in (
        ["sample", "-n", "4", "--labels", "0,1,2,3"],
        ["interpolate", "--from", "4", "--to", "1"],
        ["interpolate", "--all-pairs", "--method", "slerp"],
        ["evaluate", "-n", "100"],
        ["report", "--explorer"],
    ):
        assert cli.main([command, str(folder), *options]) == 0, capsys.readouterr().err
    assert "45 pairs" in capsys.readouterr().out
    page = (folder / "report.html").read_text()
    assert "trained on 4,000 images of mnist-5k and their labels" in page
    assert "A row is a class, a column one latent." in page
    assert "From 4 to 1" in page
    assert "Walk the latent space" in page


def test_evaluate_says_how_many_samples_are_read_as_what_was_asked_for(of_digits):
    folder, gan = of_digits
    metric = experiments.evaluate(folder, 100, seed=1).metric("agreement")
    assert metric["value"] == 1
    assert 0.98 < metric["floor"] < 1
    kernel = values([gan.generator.layers[0].kernel])[0]
    kernel[[6, 7]] = kernel[[7, 6]]  # zeros for ones, and ones for zeros
    gan.generator.layers[0].kernel.assign(kernel)
    Run.open(folder).save_model(gan)
    labels = gan.sample_latents(100, seed=1)[:, 6:].argmax(axis=1)
    metric = experiments.evaluate(folder, 100, seed=1).metric("agreement")
    assert metric["value"] == pytest.approx(np.mean(labels > 1))
    assert 0 < np.mean(labels > 1) < 1


def test_the_explorer_walks_latents_and_labels():
    gan = drawing_digits()
    block = explorer(gan)
    assert (block["values"]["latent_dim"], block["values"]["num_classes"]) == (6, 10)
    directions = principal_directions(gan)
    assert directions.shape == (4, 16)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1, atol=1e-6)
    assert not directions[:, 6:].any()
