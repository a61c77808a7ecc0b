"""Test tiers, a shared cache and shared fixtures."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch reads it at import; several threads are slower here
# Tests compile more than they compute. JAX's own tests set this, too.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

import kgan  # noqa: F401 - before Keras, because it chooses the backend

# isort: split
import signal

import keras
import pytest

from support.digit_runs import bright, run, trained_on_digits
from support.gan_runs import interrupted, interrupted_copy
from support.lstm_runs import whole_lstm_run
from support.processes import MNIST
from support.runs import few_digits, few_pictures, few_pictures_in_module
from support.tiers import is_left_out

__all__ = [  # fixtures
    "bright",
    "few_digits",
    "few_pictures",
    "few_pictures_in_module",
    "interrupted",
    "interrupted_copy",
    "run",
    "trained_on_digits",
    "whole_lstm_run",
]


# A shell that starts pytest in the background ignores SIGINT, and so would every process that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="run the full tier: every test")


def pytest_report_header(config):
    tier = "full tier" if config.getoption("--full") else "fast tier (pytest --full runs every test)"
    backend = keras.backend.backend()
    cell = "" if backend == "torch" else ", without the tests that run on torch only"
    return f"{tier} on {backend}{cell}"


def pytest_xdist_auto_num_workers(config):
    """Return 0, for this process alone, if tests are named: a process takes seconds to start."""
    if config.args_source != config.ArgsSource.TESTPATHS:
        return 0
    return min(4, os.cpu_count() or 1)


@pytest.hookimpl(trylast=True)  # after the directories' own hooks, which set the markers
def pytest_collection_modifyitems(config, items):
    full, backend = config.getoption("--full"), keras.backend.backend()
    left_out = [is_left_out(item, full=full, backend=backend) for item in items]
    config.hook.pytest_deselected(items=[item for item, out in zip(items, left_out, strict=True) if out])
    items[:] = [item for item, out in zip(items, left_out, strict=True) if not out]


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """Provide one empty cache for all tests and forbid downloads."""
    path = tmp_path_factory.mktemp("cache")
    os.environ |= {"KGAN_CACHE": str(path), "KGAN_OFFLINE": "1"}
    for variable in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):  # the servers are on loopback
        os.environ.pop(variable, None)
        os.environ.pop(variable.upper(), None)
    yield path
    del os.environ["KGAN_CACHE"], os.environ["KGAN_OFFLINE"]


@pytest.fixture
def full_mnist():
    """Return the folder of the full MNIST; skip the test if it is missing."""
    if not MNIST.is_dir():
        pytest.skip("the full MNIST is not at ../shared/mnist")
    return MNIST
