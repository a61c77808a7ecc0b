"""What the plots have in common."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, PercentFormatter

from kgan.files import replacing
from kgan.plots.page import fit_page

CHANCE = 0.1  # of guessing a digit
_POINTS = 400  # of a curve; more would only blur it


def step_axes(quantity):
    """A figure and its one axes, of a quantity over the steps."""
    figure = Figure(figsize=(8, 4.5), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    label_steps(axes, quantity)
    return figure, axes


def label_steps(axes, quantity):
    """Name both axes; steps are whole numbers."""
    axes.set(xlabel="step", ylabel=quantity)
    axes.grid(alpha=0.3)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.xaxis.set_major_formatter(lambda step, _: f"{step:,.0f}")


def draw_curve(axes, steps, *, values, **style):
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


def as_shares(axes):
    """An axis of shares from 0 to 100 %, with the level of chance."""
    axes.axhline(CHANCE, color="grey", linestyle=":", label="chance, 10 %")
    axes.set_ylim(-0.02, 1.04)
    axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    axes.grid(alpha=0.3)


def use_logarithm(axis):
    """A logarithmic axis with the numbers written out."""
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(lambda number, _: f"{number:,.0f}")
    axis.set_minor_formatter(NullFormatter())


def write(path, figure):
    """Write a figure whose horizontal axes begin at 0."""
    for axes in figure.axes:
        axes.set_xlim(left=0)  # not before there are curves: it would fix the right end too
    finish(path, figure)


def finish(path, figure):
    """Write a figure with its legends; it appears whole or not at all."""
    for axes in figure.axes:
        axes.legend()
    fit_page(figure)
    with replacing(Path(path)) as temporary:
        figure.savefig(temporary)
