"""A finished run of a GAN on digits, and a classifier that is confident about an untrained GAN."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from kgan import cli
from kgan.evaluation import DigitClassifier, Embedding

TINY = [
    *("--conditional", "false", "--latent-dim", "100"),
    "--architecture=slim",
    "--batch-size=500",
    "--epochs=1",
    "--data=mnist-5k",
    "--judged=none",
    "--evaluate-every=none",
]


@pytest.fixture(scope="session")
def trained_on_digits(tmp_path_factory):
    """Return the folder of a finished run. All tests share it: copy it before you write to it."""
    path = tmp_path_factory.mktemp("runs") / "gan-1"
    assert cli.train_gan([*TINY, f"--run-dir={path}"]) == 0
    return path


@pytest.fixture
def run(trained_on_digits, tmp_path):
    """Return the folder of a copy of the shared run."""
    return shutil.copytree(trained_on_digits, tmp_path / "runs" / "gan-1")


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


def said(capsys):
    return capsys.readouterr().out.strip()


class Bright(DigitClassifier):
    """Classify an image by its number of bright pixels, modulo 10; be confident in every second."""

    def __init__(self):
        """Build no network."""

    def embed(self, images):
        bright = (images > 0).sum(axis=(1, 2, 3))
        probabilities = np.full((len(images), 10), 0.001, "float32")
        probabilities[np.arange(len(images)), bright % 10] = np.where(bright % 20 < 10, 0.991, 0.5)
        return Embedding(np.zeros((len(images), 64), "float32"), probabilities)


@pytest.fixture
def bright(monkeypatch):
    """Replace the classifier by `Bright`, which finds all ten digits in images of an untrained GAN."""
    monkeypatch.setattr(DigitClassifier, "load", Bright)
    return Bright()


def rewrite(run, part, **values):
    config = json.loads((run / "config.json").read_text())
    config[part] |= values
    (run / "config.json").write_text(json.dumps(config))
