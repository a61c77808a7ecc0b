import importlib
import json
import os

import keras
import pytest

import kgan.backend
from conftest import BACKENDS, run_python

BACKEND = "import kgan, keras; print(keras.backend.backend())"


def printed(code, **options):
    finished = run_python(code, **options)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip()


def test_torch_is_the_default_backend_even_where_keras_json_names_another(tmp_path):
    (tmp_path / "keras.json").write_text(json.dumps({"backend": "tensorflow"}))
    assert printed(BACKEND, KERAS_HOME=str(tmp_path)) == "torch"


@pytest.mark.parametrize("backend", BACKENDS)
def test_keras_backend_is_respected(backend):
    assert printed(BACKEND, backend=backend) == backend


def test_a_keras_that_is_imported_already_is_respected():
    code = "import keras, os; del os.environ['KERAS_BACKEND']; import kgan\n"
    code += "print(keras.backend.backend(), os.environ.get('KERAS_BACKEND'))"
    for backend in BACKENDS:
        assert printed(code, backend=backend) == f"{backend} None"


def test_a_backend_that_cannot_train_is_named(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "numpy")
    message = "set KERAS_BACKEND to one of them, not 'numpy'."
    with pytest.raises(ImportError, match=message):
        importlib.reload(kgan.backend)


def test_importing_kgan_imports_no_framework_and_changes_no_global():
    code = """
import os, random, sys, warnings
import numpy as np
before = random.getstate(), str(np.random.get_state()), dict(os.environ), list(warnings.filters)
import kgan, kgan.presets, kgan.cli
after = random.getstate(), str(np.random.get_state()), dict(os.environ), list(warnings.filters)
assert after[2].pop("KERAS_BACKEND") == "torch"
assert before == after
assert not {"keras", "torch", "jax", "tensorflow", "matplotlib"} & set(sys.modules)
"""
    printed(code)


def test_every_public_name_resolves():
    assert all(getattr(kgan, name) is not None for name in kgan.__all__)
    assert set(kgan.__all__) <= set(dir(kgan))
    with pytest.raises(AttributeError, match=r"no attribute 'nothing'"):
        _ = kgan.nothing


def test_the_suite_runs_on_the_backend_that_was_asked_for():
    assert keras.backend.backend() == os.environ["KERAS_BACKEND"]
