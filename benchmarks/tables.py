"""Results as rows, and rows as text."""

import dataclasses
import json
import statistics
import sys


@dataclasses.dataclass(frozen=True)
class Row:
    """A comparison with what a user would pick instead.

    Attributes:
        what: What was run, such as "LSTM, T = 100".
        against: What a user would pick instead.
        comparison: `benchmarks.timing.Comparison`, in seconds.
        target: Ratio that it should be at most, or None.
        per: Number of steps in a turn, by which the milliseconds are divided.
        floor: Seconds that the arithmetic of one step alone takes at this machine's measured rate, or None.
    """

    COLUMNS = ("what", "against", "its ms", "our ms", "floor ms", "ratio", "lowest", "highest", "target")

    what: str
    against: str
    comparison: object
    target: float | None = None
    per: int = 1
    floor: float | None = None

    def cells(self):
        """The cells as text, in the order of `COLUMNS`."""
        ratios = self.comparison.ratios
        milliseconds = [
            _number(1e3 * statistics.median(seconds) / self.per)
            for seconds in (self.comparison.peer, self.comparison.ours)
        ]
        floor = "–" if self.floor is None else _number(1e3 * self.floor)
        spread = [_number(value) for value in (self.comparison.ratio, ratios[0], ratios[-1])]
        return (self.what, self.against, *milliseconds, floor, *spread, _target(self.target))


@dataclasses.dataclass(frozen=True)
class Limit:
    """A figure that stands alone.

    Attributes:
        what: What was measured, with its unit.
        values: What was found, turn by turn.
        target: What it should be at most, or None.
    """

    COLUMNS = ("what", "median", "lowest", "highest", "target")

    what: str
    values: tuple[float, ...]
    target: float | None = None

    def cells(self):
        """The cells as text, in the order of `COLUMNS`."""
        figures = (statistics.median(self.values), min(self.values), max(self.values))
        return (self.what, *map(_number, figures), _target(self.target))


def show(row):
    """Write a row as a line of JSON, at once, for `python -m benchmarks` to read."""
    sys.stdout.write(json.dumps({"columns": row.COLUMNS, "cells": row.cells()}, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _number(value):
    """Three digits that mean something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _target(value):
    return "–" if value is None else f"≤ {value:g}"
