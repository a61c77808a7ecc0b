"""Lock of a run folder."""

import dataclasses

from kgan import experiments
from kgan.presets import GAN_PRESETS
from support.processes import run_python

RESUME = """
import sys, kgan
try:
    kgan.experiments.resume(sys.argv[1], progress=False)
except BlockingIOError as error:
    print("refused:", error)
"""
PRESET = dataclasses.replace(
    GAN_PRESETS["quick"],
    data="mnist-5k",
    architecture="slim",
    latent_dim=8,
    batch_size=500,
    steps=8,
    evaluate_every=None,
    judged=None,
)


def test_another_process_is_refused_from_the_first_step_to_the_report(tmp_path, monkeypatch):
    said = []

    def drawing(run, *_, **__):
        said.append(run_python(RESUME, run.path).stdout)

    monkeypatch.setattr("kgan.experiments.training.draw_interpolation", drawing)
    run = experiments.train_gan(PRESET, run_dir=tmp_path / "run", progress=False).run
    assert said[0].startswith("refused: Another process is training what is in")
    assert "refused" not in run_python(RESUME, run.path).stdout
