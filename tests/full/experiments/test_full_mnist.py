"""A run on the full MNIST, read from a folder."""

import json

from kgan import cli


def test_full_mnist_is_trained_on_from_a_folder(full_mnist, tmp_path):
    run = tmp_path / "run"
    arguments = ["--architecture=slim", "--batch-size=2000", "--epochs=1", "--judged=none"]
    arguments += ["--evaluate-every=none", f"--run-dir={run}", f"--data-dir={full_mnist}", "--seed=1"]
    assert cli.train_gan(arguments) == 0
    data = json.loads((run / "config.json").read_text())["data"]
    assert (data["name"], data["images"]) == ("mnist", 60000)
    assert data["sha256"]["train-images-idx3-ubyte"].startswith("ba891046e6505d7a")
