"""The package: its public names and its backends."""

import importlib
import os
import runpy
import sys

import keras
import pytest

import kgan.backend


def test_a_backend_that_cannot_train_is_named(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "numpy")
    message = "set KERAS_BACKEND to one of them, not 'numpy'."
    with pytest.raises(ImportError, match=message):
        importlib.reload(kgan.backend)


def test_every_public_name_resolves():
    assert all(getattr(kgan, name) is not None for name in kgan.__all__)
    assert set(kgan.__all__) <= set(dir(kgan))
    assert not {"importlib", "os", "sys"} & set(dir(kgan))
    with pytest.raises(AttributeError, match=r"no attribute 'nothing'"):
        _ = kgan.nothing


def test_the_package_can_be_run_as_the_kgan_command(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["kgan", "--help"])
    with pytest.raises(SystemExit, match="0"):
        runpy.run_module("kgan", run_name="__main__")
    assert "train-gan" in capsys.readouterr().out


def test_the_suite_runs_on_the_backend_that_was_asked_for():
    assert keras.backend.backend() == os.environ["KERAS_BACKEND"]
