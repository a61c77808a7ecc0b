"""The tiers and the backend cells of these tests."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from support.tiers import is_left_out, mark_directory


def item(path, *names):
    """Return a stand-in for a pytest item at a path, with markers."""
    marks = {name: getattr(pytest.mark, name) for name in names}
    add = lambda mark: marks.setdefault(mark.name, mark)  # noqa: E731
    return SimpleNamespace(path=Path(path), add_marker=add, get_closest_marker=marks.get)


@pytest.mark.parametrize(
    ("names", "full", "backend", "runs"),
    [
        ((), False, "torch", True),
        ((), False, "jax", True),
        (("neutral",), False, "torch", True),
        (("neutral",), True, "jax", False),
        (("full",), False, "torch", False),
        (("full",), True, "tensorflow", True),
        (("full", "neutral"), True, "torch", True),
        (("full", "neutral"), True, "tensorflow", False),
    ],
)
def test_a_test_runs_in_its_tier_and_its_cells(names, full, backend, runs):
    assert is_left_out(item("x.py", *names), full=full, backend=backend) is not runs


def test_a_directory_marks_the_tests_below_it_and_no_others():
    inside, deeper, beside = item("/t/full/a.py"), item("/t/full/b/c.py"), item("/t/d.py")
    mark_directory("/t/full/conftest.py", "full")([inside, deeper, beside])
    marked = [bool(each.get_closest_marker("full")) for each in (inside, deeper, beside)]
    assert marked == [True, True, False]


def test_an_unknown_marker_is_an_error():
    with pytest.raises(pytest.fail.Exception, match="'fast' not found in `markers`"):
        mark_directory("/t/conftest.py", "fast")
