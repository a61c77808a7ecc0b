"""Fixtures that shorten runs: fewer digits, no plots or pages."""

import pytest

from faults.small import few_images
from kgan.experiments import palindrome, training
from kgan.experiments.recording import Recording
from kgan.experiments.records import Records

# `leave_out_pictures` replaces the method, so read it before any patch.
draw_all = Recording.draw


@pytest.fixture
def few_pictures(monkeypatch):
    """Leave out plots, interpolations and pages in a test."""
    leave_out_pictures(monkeypatch)


@pytest.fixture(scope="module")
def few_digits():
    """Train on 160 digits in a module."""
    with few_images(160):
        yield


@pytest.fixture(scope="module")
def few_pictures_in_module():
    """Leave out plots, interpolations and pages in a module and its fixtures."""
    with pytest.MonkeyPatch.context() as patch:
        leave_out_pictures(patch)
        yield


def leave_out_pictures(patch):
    """Replace the functions of both scripts that draw plots, interpolations and pages.

    Args:
        patch: `pytest.MonkeyPatch`.
    """
    for owner, name in (
        (training, "report_on"),
        (training, "draw_interpolation"),
        (palindrome, "report_on"),
        (Records, "_draw"),
    ):
        patch.setattr(owner, name, lambda *_, **__: None)
    patch.setattr(Recording, "draw", lambda self: self.grid.draw_last())
