"""The study of what several processes gain: its model by hand, and its page."""

import json

import pytest

from studies.scaling.__main__ import RESULTS, parts
from studies.scaling.model import Link, MeasuredLink, step_seconds
from support.processes import ROOT


def test_a_ring_sends_all_but_its_own_part_twice_and_waits_for_each_neighbour():
    link = Link(latency=1e-3, bandwidth=1e6)
    assert link.seconds(1_000_000, ranks=1) == 0
    assert link.seconds(1_000_000, ranks=2) == pytest.approx(1e-3 + 1)
    assert link.seconds(1_000_000, ranks=4) == pytest.approx(3e-3 + 1.5)


def test_between_two_measured_sizes_it_is_their_mean():
    link = MeasuredLink({4: 1e-3, 8: 3e-3})
    assert link.seconds(6, ranks=2) == pytest.approx(2e-3)
    with pytest.raises(ValueError, match="`ranks` must be 2, those that were measured, got 3"):
        link.seconds(6, ranks=3)


def test_a_step_computes_and_then_sends():
    link = Link(latency=1e-3, bandwidth=1e6)
    assert step_seconds(0.1, [(2, 0), (1, 1_000_000)], link, ranks=2) == pytest.approx(0.1 + 3e-3 + 1)


def test_the_page_holds_the_tables_of_the_results():
    page = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
    tables = parts(json.loads(RESULTS.read_text()))
    assert list(tables) == ["link", "two", "many"]
    for table in tables.values():
        assert table in page
