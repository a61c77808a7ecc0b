"""The reports' presets, started: two epochs of the embedded digits each."""

import csv
import json

import numpy as np
import pytest

import kgan
from kgan import cli


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a", "b", "d", "e"])
def test_a_reports_preset_starts_and_leaves_every_picture(name, tmp_path, caplog):
    run = tmp_path / "run"
    arguments = [f"--preset={name}", "--data=mnist-5k", "--epochs=2", f"--run-dir={run}"]
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
