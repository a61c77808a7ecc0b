"""A run's generator as ONNX: the same images, for any number of latents, without a word."""

import importlib.util

import keras
import numpy as np
import pytest

import kgan
from kgan import cli, experiments
from kgan.gan import architectures
from kgan.gan.latent import sample_latents
from support.run_folders import gan_run

CONVERTER = {"torch": "onnx", "jax": "jax2onnx", "tensorflow": "tf2onnx"}[keras.backend.backend()]
HAS = {name: importlib.util.find_spec(name) is not None for name in ("onnx", "onnxruntime", CONVERTER)}
needs_export = pytest.mark.skipif(not all(HAS.values()), reason=f"one of {', '.join(HAS)} is not installed")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run whose generator's batch norms have seen data."""
    run = gan_run(tmp_path_factory.mktemp("runs") / "gan-1", evaluated=False)
    gan = kgan.GAN(*architectures.compact(5), latent_dim=5, average=kgan.GeneratorAverage(0.9))
    gan.compile(keras.optimizers.Adam(0.01), keras.optimizers.Adam(0.01))
    images = np.random.default_rng(0).uniform(-1, 1, (32, 28, 28, 1)).astype("float32")
    gan.fit(images, batch_size=8, epochs=1, verbose=0)
    run.save_model(gan)
    return run


@needs_export
def test_the_exported_generator_draws_the_models_images_for_any_number_of_latents(run, capfd):
    import onnxruntime

    assert cli.main(["export", str(run.path)]) == 0
    path = run.path / "generator.onnx"
    assert capfd.readouterr() == (f"{path}\n", "")
    session = onnxruntime.InferenceSession(path)
    (latents,), (images,) = session.get_inputs(), session.get_outputs()
    assert (latents.name, latents.shape, images.name, images.shape) == (
        "latents",
        ["batch", 5],
        "images",
        ["batch", 28, 28, 1],
    )
    gan = kgan.load_model(run.model)
    for n in (1, 7):
        drawn = session.run(None, {"latents": sample_latents(n, 5, seed=4)})[0]
        exact = gan.generate(sample_latents(n, 5, seed=4))
        assert exact.std() > 0.1
        np.testing.assert_allclose(drawn, exact, atol=1e-5)


@needs_export
def test_a_file_that_draws_other_images_is_not_kept(run, tmp_path, monkeypatch):
    predict = keras.Sequential.predict_on_batch
    shifted = lambda self, latents: predict(self, latents) + 2e-5  # noqa: E731
    monkeypatch.setattr(keras.Sequential, "predict_on_batch", shifted)
    with pytest.raises(ValueError, match=r"images differ by 2(\.\d)?e-05 from the model's, above 1e-05"):
        experiments.export(run.path, path=tmp_path / "new" / "g.onnx")
    assert list((tmp_path / "new").iterdir()) == []


@needs_export
def test_a_generator_in_half_precision_is_exported_in_single(tmp_path):
    import onnxruntime

    run = gan_run(tmp_path / "gan-1", evaluated=False)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        gan = kgan.GAN(*architectures.compact(5), latent_dim=5, average=kgan.GeneratorAverage(0.9))
    finally:
        keras.config.set_dtype_policy(before)
    run.save_model(gan)
    session = onnxruntime.InferenceSession(experiments.export(run.path))
    (images,) = session.run(None, {"latents": sample_latents(3, 5, seed=4)})
    assert images.dtype == "float32"
    difference = np.abs(images - gan.generate(sample_latents(3, 5, seed=4))).max()
    assert 1e-6 < difference < 0.02  # of which bfloat16 has the error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"format": "tflite"}, r"`format` must be one of onnx, got 'tflite'"),
        ({"path": "generator.pb"}, r"`path` must be a file that ends in \.onnx, got 'generator\.pb'"),
    ],
)
def test_a_format_or_a_name_that_does_not_fit_is_said(arguments, message, run):
    with pytest.raises(ValueError, match=message):
        experiments.export(run.path, **arguments)


@pytest.mark.parametrize(
    ("missing", "backend", "message"),
    [
        ("onnx", "torch", r"The export needs the package onnx: pip install 'kgan\[onnx\]'\."),
        (
            "jax2onnx",
            "jax",
            r"The export on jax needs the package jax2onnx, and on torch none: KERAS_BACKEND=",
        ),
        ("tf2onnx", "tensorflow", r"The export on tensorflow needs the package tf2onnx, and on torch none"),
    ],
)
def test_what_the_export_lacks_is_said_with_the_way_out(missing, backend, message, run, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else find("json"))
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    with pytest.raises(ImportError, match=message):
        experiments.export(run.path, path=run.path / "none.onnx")
    assert not (run.path / "none.onnx").exists()


@needs_export
def test_a_generator_that_labels_condition_takes_their_one_hots(tmp_path):
    import onnxruntime

    run = gan_run(tmp_path / "gan-1", evaluated=False)
    gan = kgan.ConditionalGAN(*architectures.compact(5 + 3, num_classes=3), latent_dim=5, num_classes=3)
    run.save_model(gan)
    path = experiments.export(run.path)
    latents = gan.sample_latents(3, labels=[0, 1, 2], seed=0)
    (images,) = onnxruntime.InferenceSession(path).run(["images"], {"latents": latents})
    np.testing.assert_allclose(images, gan.sample(3, labels=[0, 1, 2], seed=0), atol=1e-5)
