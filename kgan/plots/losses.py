"""Plots of a GAN's log: what it says of the losses, over the steps."""

import csv
import math
from pathlib import Path

import numpy as np
from matplotlib import rcParams

from kgan.plots.figure import draw_curve, step_axes, write
from kgan.spec import check

_GENERATOR, _DISCRIMINATOR, _FAINT = "tab:orange", "tab:blue", "#90b8da"


def read_log(path):
    """The columns of a log by name.

    Args:
        path: CSV file that `StepLog` or `EpochLog` wrote.

    Returns:
        Dict of float64 arrays `(rows,)`.

    Raises:
        ValueError: If it has no row, or is no log.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
    except csv.Error as error:
        raise ValueError(f"{path} is damaged: {error}.") from None
    check("path", "a log with one row or more", str(path), holds=len(rows) > 1)
    width = len(rows[0])
    # A column may have begun later; a row that was torn off is as long as it came to be.
    values = [[float(cell or "nan") for cell in [*row, *[""] * (width - len(row))]] for row in rows[1:]]
    rule = "a log whose rows have its columns"
    check("path", rule, str(path), holds=all(len(row) == width for row in values))
    return dict(zip(rows[0], np.array(values).T, strict=True))


def write_losses(path, log):
    """Plot L(D) and L(G) over the steps, with ln 2, where both are at equilibrium.

    Args:
        path: PNG to write.
        log: CSV file that `StepLog` or `EpochLog` wrote.
    """
    figure, axes = step_axes("loss")
    curves = {"g_loss": (_GENERATOR, "L(G), generator"), "d_loss": (_DISCRIMINATOR, "L(D), discriminator")}
    _draw(axes, log, curves=curves)
    axes.axhline(math.log(2), color="grey", linestyle=":", label="ln 2, both at equilibrium")
    write(path, figure)


def write_balance(path, log):
    """Plot p, the probability to update D, and the share of steps that did, over the steps.

    Args:
        path: PNG to write.
        log: CSV file that `StepLog` or `EpochLog` wrote.
    """
    figure, axes = step_axes("share of steps")
    curves = {
        "d_updates": (_FAINT, "steps that updated D"),
        "p": (rcParams["text.color"], "p, the probability to update D"),
    }
    _draw(axes, log, curves=curves)
    axes.axhline(0.5, color="grey", linestyle=":", label="½, p at equilibrium of the losses")
    axes.set_ylim(-0.02, 1.02)
    write(path, figure)


def _draw(axes, log, *, curves):
    """Columns of a log over its steps, each of a color and a label."""
    columns = read_log(log)
    for name, (color, label) in curves.items():
        draw_curve(axes, columns["step"], values=columns[name], color=color, label=label)
