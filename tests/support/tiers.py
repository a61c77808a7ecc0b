"""Test tiers and backend cells: each directory's `conftest.py` sets its markers by `mark_directory`."""

from pathlib import Path

import pytest


def mark_directory(conftest, *names):
    """Return a `pytest_collection_modifyitems` hook that marks the tests of one directory.

    Args:
        conftest: `__file__` of the directory's `conftest.py`.
        *names: "full", "neutral", or both; none for a directory of the fast tier on every backend.
    """
    folder = Path(conftest).parent
    marks = [getattr(pytest.mark, name) for name in names]  # raises for a name that pyproject.toml lacks

    def pytest_collection_modifyitems(items):
        for item in items:
            if folder in item.path.parents:
                for mark in marks:
                    item.add_marker(mark)

    return pytest_collection_modifyitems


def reason_to_leave_out(item, *, full, backend):
    """Return why a test is not of the selected tier and cell, or None if it is.

    Args:
        item: A pytest item with its markers.
        full: True for the full tier.
        backend: Name of the Keras backend.
    """
    if item.get_closest_marker("full") and not full:
        return "in the full tier alone: pytest --full"
    if item.get_closest_marker("neutral") and backend != "torch":
        return "neutral, so run on torch alone: KERAS_BACKEND=torch"
    return None
