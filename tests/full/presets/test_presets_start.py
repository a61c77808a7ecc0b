"""The reports' presets, started: two epochs of the embedded digits each."""

import csv
import json

import numpy as np
import pytest

import kgan
from kgan import cli, experiments
from kgan.presets import GAN_PRESETS


@pytest.mark.parametrize("name", ["a", "b", "d", "e"])
def test_a_reports_preset_starts_and_leaves_every_picture(name, tmp_path, caplog):
    run = tmp_path / "run"
    arguments = [f"--preset={name}", "--data=mnist-5k", "--epochs=2", f"--run-dir={run}"]
    arguments += ["--judged=none", "--evaluate-every=none"]
    assert cli.train_gan(arguments) == 0
    with (run / "log.csv").open(newline="") as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    assert [row["step"] for row in rows] == [63, 126]
    assert np.isfinite([list(row.values()) for row in rows]).all()
    by_rule = name in "ab"
    for row in rows:
        assert 0.2 < row["p"] < 0.8 if by_rule else row["p"] == row["d_updates"] == 1
    plots = {path.name for path in (run / "plots").iterdir()}
    assert {"losses.png", "balance.png", "progress.png"} <= plots
    one_digit = any("no interpolation was drawn" in record.message for record in caplog.records)
    assert ("interpolation.png" in plots) is not one_digit
    images = kgan.load_model(run / "model.keras").sample(100, seed=1)
    assert images.std(axis=0).mean() > 0.05  # not one image for all latents
    assert json.loads((run / "config.json").read_text())["preset"] == name


def test_preset_c_trains_its_discriminator_in_every_second_epoch():
    gan = experiments.build_gan(GAN_PRESETS["c"])
    images = kgan.load_digits("mnist-5k")[0][:16]
    history = gan.fit(images, batch_size=8, epochs=3, verbose=0).history
    assert history["d_updates"] == [1, 0, 1]
    assert np.isfinite(history["g_loss"]).all()
