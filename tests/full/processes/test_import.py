"""Imports: the choice of the backend, and frameworks that stay unloaded."""

import json

import keras
import pytest

from support.processes import BACKENDS, run_python

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


def test_a_policy_that_was_registered_before_kgan_was_loaded_keeps_its_name(tmp_path):
    code = """
import dataclasses, sys, kgan, keras
@keras.saving.register_keras_serializable("mine")
@dataclasses.dataclass(frozen=True)
class Own(kgan.update_policies.UpdatePolicy):
    pass
kgan.GAN
print(keras.saving.get_registered_name(Own), keras.saving.get_registered_name(kgan.update_policies.Always))
"""
    assert run_python(code, backend=keras.backend.backend()).stdout.split() == ["mine>Own", "kgan>Always"]


def test_importing_the_evaluation_loads_no_framework():
    code = "import sys, kgan.evaluation; print({'keras', 'scipy', 'sklearn', 'torch'} & set(sys.modules))"
    assert printed(code) == "set()"


def test_the_tensorboard_callback_needs_no_tensorflow(tmp_path):
    pytest.importorskip("tensorboard")
    code = "import sys; sys.modules['tensorflow'] = None\n"
    code += "from kgan.backend.summary import summary_writer; summary_writer(sys.argv[1]).close()"
    finished = run_python(code, tmp_path / "events", backend="torch")
    assert finished.returncode == 0, finished.stderr
    assert list((tmp_path / "events").iterdir())
