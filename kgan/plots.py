"""Plots of a run's log: its losses, and how it balanced its two networks."""

import csv
import math
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from kgan.files import replacing
from kgan.spec import check

_GENERATOR, _DISCRIMINATOR, _FAINT = "tab:orange", "tab:blue", "#90b8da"
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
        rows = list(csv.reader(file))
    check("path", "a log with one row or more", str(path), holds=len(rows) > 1)
    values = [[float(cell or "nan") for cell in row] for row in rows[1:]]  # a column may have begun later
    return dict(zip(rows[0], np.array(values).T, strict=True))


def write_losses(path, log):
    """Plot L(D) and L(G) over the steps, with ln 2, where both are at equilibrium.

    Args:
        path: PNG to write.
        log: CSV file that `StepLog` or `EpochLog` wrote.
    """
    figure, axes = _axes("loss")
    curves = {"g_loss": (_GENERATOR, "L(G), generator"), "d_loss": (_DISCRIMINATOR, "L(D), discriminator")}
    _draw(axes, log, curves=curves)
    axes.axhline(math.log(2), color="grey", linestyle=":", label="ln 2, both at equilibrium")
    _write(path, figure)


def write_balance(path, log):
    """Plot p, the probability to update D, and the share of steps that did, over the steps.

    Args:
        path: PNG to write.
        log: CSV file that `StepLog` or `EpochLog` wrote.
    """
    figure, axes = _axes("share of steps")
    curves = {"d_updates": (_FAINT, "steps that updated D"), "p": ("black", "p, the probability to update D")}
    _draw(axes, log, curves=curves)
    axes.axhline(0.5, color="grey", linestyle=":", label="½, p at equilibrium of the losses")
    axes.set_ylim(-0.02, 1.02)
    _write(path, figure)


def _axes(quantity):
    figure = Figure(figsize=(8, 4.5), dpi=120, layout="constrained")
    axes = figure.add_subplot(xlabel="step", ylabel=quantity)
    axes.grid(alpha=0.3)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.xaxis.set_major_formatter(lambda step, _: f"{step:,.0f}")
    return figure, axes


def _draw(axes, log, *, curves):
    """Columns of a log over its steps, each of a color and a label."""
    columns = read_log(log)
    for name, (color, label) in curves.items():
        _draw_curve(axes, columns["step"], values=columns[name], color=color, label=label)


def _draw_curve(axes, steps, *, values, **style):
    """Values over the steps; of a long log, means over so many rows that it stays readable."""
    weights = np.diff(steps, prepend=2 * steps[0] - steps[1] if len(steps) > 1 else 0)
    starts = np.arange(0, len(steps), -(-len(steps) // _POINTS))
    sums = np.add.reduceat(weights, starts)
    if len(starts) > 1 and sums[-1] < sums[-2] / 2:  # a short last stretch is noise by itself
        starts = starts[:-1]
        sums = np.add.reduceat(weights, starts)
    ends = np.append(starts[1:], len(steps)) - 1
    # A run of few rows is points, which a line alone would not show.
    marker = "o" if len(starts) < 10 else None
    axes.plot(steps[ends], np.add.reduceat(weights * values, starts) / sums, marker=marker, **style)


def _write(path, figure):
    (axes,) = figure.axes
    axes.set_xlim(left=0)  # not before there are curves: it would fix the right end too
    axes.legend()
    with replacing(Path(path)) as temporary:
        figure.savefig(temporary)
