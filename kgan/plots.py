"""Plots of a run's log: its losses, and how it balanced its two networks."""

import csv
import math
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from kgan.files import replacing
from kgan.spec import check

_GENERATOR, _DISCRIMINATOR = "tab:orange", "tab:blue"
_POINTS = 400  # of a curve; more would only blur it


def read_log(path):
    """The columns of a log by name.

    Args:
        path: CSV file that `StepLog` or `EpochLog` wrote.

    Returns:
        Dict of float64 arrays `(rows,)`.

    Raises:
        ValueError: If it has no row.
    """
    with Path(path).open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    check("path", "a log with one row or more", str(path), holds=bool(rows))
    return dict(zip(header, np.array(rows, dtype="float64").T, strict=True))


def write_losses(path, log):
    """Plot L(D) and L(G) over the steps, with ln 2, where both are at equilibrium.

    Args:
        path: PNG to write.
        log: CSV file that `StepLog` or `EpochLog` wrote.
    """
    columns = read_log(log)
    figure, axes = _axes("loss")
    _curve(axes, columns, "g_loss", color=_GENERATOR, label="L(G), generator")
    _curve(axes, columns, "d_loss", color=_DISCRIMINATOR, label="L(D), discriminator")
    axes.axhline(math.log(2), color="grey", linestyle=":", label="ln 2, both at equilibrium")
    _write(path, figure, axes)


def write_balance(path, log):
    """Plot p, the probability to update D, and the share of steps that did, over the steps.

    Args:
        path: PNG to write.
        log: CSV file that `StepLog` or `EpochLog` wrote.
    """
    columns = read_log(log)
    figure, axes = _axes("share of steps")
    _curve(axes, columns, "d_updates", color=_DISCRIMINATOR, label="steps that updated D", alpha=0.5)
    _curve(axes, columns, "p", color="black", label="p, the probability to")
    axes.axhline(0.5, color="grey", linestyle=":", label="½, p at equilibrium of the losses")
    axes.set_ylim(-0.02, 1.02)
    _write(path, figure, axes)


def _axes(quantity):
    figure = Figure(figsize=(8, 4.5), dpi=120, layout="constrained")
    axes = figure.add_subplot(xlabel="step", ylabel=quantity)
    axes.grid(alpha=0.3)
    axes.xaxis.set_major_formatter(lambda step, _: f"{step:,.0f}")
    return figure, axes


def _curve(axes, columns, name, **style):
    """One column over the steps; of a long log, means over so many rows that it stays readable."""
    steps, values = columns["step"], columns[name]
    weights = np.diff(steps, prepend=2 * steps[0] - steps[1] if len(steps) > 1 else 0)
    starts = np.arange(0, len(steps), -(-len(steps) // _POINTS))
    if len(steps) > 2 and weights[-1] < weights[-2] / 2:  # a short last window is noise by itself
        starts = starts[starts < len(steps) - 1]
    sums = np.add.reduceat(weights, starts)
    ends = np.append(starts[1:], len(steps)) - 1
    # A run of few rows is points, which a line alone would not show.
    marker = "o" if len(starts) < 10 else None
    axes.plot(steps[ends], np.add.reduceat(weights * values, starts) / sums, marker=marker, **style)


def _write(path, figure, axes):
    axes.legend()
    with replacing(Path(path)) as temporary:
        figure.savefig(temporary)
