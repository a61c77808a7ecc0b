"""Test tiers: mark the tests of a directory; select tests by tier and backend."""

from pathlib import Path

import pytest


def mark_directory(conftest, *names):
    """Return a `pytest_collection_modifyitems` hook that marks the tests of one directory.

    Args:
        conftest: `__file__` of the directory's `conftest.py`.
        *names: "full", "neutral", or both; none for a directory of the fast tier on every backend.
    """
    folder = Path(conftest).parent
    # Raises for a marker that pyproject.toml does not list.
    marks = [getattr(pytest.mark, name) for name in names]

    def pytest_collection_modifyitems(items):
        for item in items:
            if folder in item.path.parents:
                for mark in marks:
                    item.add_marker(mark)

    return pytest_collection_modifyitems


def is_left_out(item, *, full, backend):
    """Return True if a test does not belong to this run.

    Args:
        item: A pytest item with its markers.
        full: True for the full tier.
        backend: Name of the Keras backend.
    """
    if item.get_closest_marker("neutral") and backend != "torch":
        return True
    return bool(item.get_closest_marker("full")) and not full
