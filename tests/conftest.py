"""Test tiers, a shared cache and shared fixtures."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch reads it at import; several threads are slower here

import kgan  # noqa: F401 - before Keras, because it chooses the backend

# isort: split
import signal
from collections import Counter

import keras
import pytest

from support.digit_runs import bright, run, trained_on_digits
from support.gan_runs import interrupted, interrupted_copy
from support.lstm_runs import whole_lstm_run
from support.processes import MNIST
from support.runs import few_digits, few_pictures, few_pictures_in_module
from support.tiers import reason_to_leave_out

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


@pytest.hookimpl(trylast=True)  # after the directories' own hooks, which set the markers
def pytest_collection_modifyitems(config, items):
    full, backend = config.getoption("--full"), keras.backend.backend()
    reasons = [reason_to_leave_out(item, full=full, backend=backend) for item in items]
    left_out = [item for item, reason in zip(items, reasons, strict=True) if reason]
    config.stash[LEFT_OUT] = Counter(filter(None, reasons))
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item, reason in zip(items, reasons, strict=True) if not reason]


LEFT_OUT = pytest.StashKey[Counter]()


def pytest_report_collectionfinish(config):
    counts = config.stash.get(LEFT_OUT, {})
    return [
        f"left out: {number} test{'s'[: number != 1]}, {reason}" for reason, number in sorted(counts.items())
    ]


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
