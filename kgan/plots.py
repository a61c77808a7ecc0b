"""Plots of a run: what its log says of the losses, and how well networks do at a length."""

import csv
import math
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, PercentFormatter

from kgan.files import replacing
from kgan.spec import check

_GENERATOR, _DISCRIMINATOR, _FAINT = "tab:orange", "tab:blue", "#90b8da"
_NETWORKS = {"lstm": ("tab:blue", "LSTM"), "rnn": ("tab:orange", "SimpleRNN")}
_MARKERS = {"lstm": ("o", "-"), "rnn": ("s", "--")}  # that one is seen behind the other
_CHANCE = 0.1  # of guessing a digit
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


def write_curves(path, curves, *, title):
    """Plot accuracy and loss of several networks over the steps, side by side, with the level of chance.

    Args:
        path: PNG to write.
        curves: Dict, network -> rows of its log: dicts with step, accuracy, val_accuracy, loss, val_loss.
        title: Text above both.
    """
    figure = Figure(figsize=(11, 4.5), dpi=120, layout="constrained")
    figure.suptitle(title)
    accuracy, loss = figure.subplots(1, 2)
    _draw_networks(accuracy, curves, "accuracy")
    _draw_networks(loss, curves, "loss")
    _as_shares(accuracy)
    loss.axhline(-math.log(_CHANCE), color="grey", linestyle=":", label="chance")
    loss.set_ylim(bottom=0)
    for axes, quantity in ((accuracy, "accuracy"), (loss, "loss (cross-entropy)")):
        _label_steps(axes, quantity)
    _write(path, figure)


def write_curriculum(path, curves):
    """Plot the length reached and the loss at it over the steps of several curricula.

    Args:
        path: PNG to write.
        curves: Dict, network -> rows of its log: dicts with step, length and val_loss.
    """
    figure = Figure(figsize=(11, 4.5), dpi=120, layout="constrained")
    figure.suptitle("Curriculum of lengths, weights carried over")
    length, loss = figure.subplots(1, 2)
    for network, rows in curves.items():
        color, label = _NETWORKS[network]
        steps = [row["step"] for row in rows]
        style = {"color": color, "label": label, "marker": "."}
        length.plot(steps, [row["length"] for row in rows], drawstyle="steps-pre", **style)
        loss.plot(steps, [row["val_loss"] for row in rows], **style)
    loss.axhline(-math.log(_CHANCE), color="grey", linestyle=":", label="chance")
    loss.set_yscale("log")
    _use_logarithm(length.yaxis)
    _label_steps(length, "length (digits)")
    _label_steps(loss, "loss (cross-entropy) at that length, validation")
    _write(path, figure)


def write_length_accuracy(path, measured, *, claimed):
    """Plot the accuracy over the length for several networks, and what was claimed of them.

    The lengths are on a logarithmic axis where they span more than a decade.

    Args:
        path: PNG to write.
        measured: Dict, network -> dict, length -> accuracy from 0 to 1.
        claimed: The same for the claims that are numbers; drawn hollow.
    """
    figure = Figure(figsize=(8, 4.5), dpi=120, layout="constrained")
    axes = figure.add_subplot(xlabel="length (digits)", ylabel="accuracy, validation")
    for network, accuracies in measured.items():
        _draw_accuracies(axes, accuracies, network=network, claims=claimed.get(network, {}))
    lengths = sorted({length for accuracies in measured.values() for length in accuracies})
    if lengths[-1] > 10 * lengths[0]:
        _use_logarithm(axes.xaxis)
    elif len(lengths) <= 12:
        axes.set_xticks(lengths)
    _as_shares(axes)
    _finish(path, figure)


def _draw_accuracies(axes, accuracies, *, network, claims):
    (color, label), (marker, line) = _NETWORKS[network], _MARKERS[network]
    style = {"color": color, "marker": marker}
    axes.plot(list(accuracies), list(accuracies.values()), label=label, linestyle=line, **style)
    if claims:
        style |= {"markerfacecolor": "none", "markersize": 13, "linestyle": "none"}
        axes.plot(list(claims), list(claims.values()), label=f"{label}, claimed", **style)


def _draw_networks(axes, curves, quantity):
    """A quantity of several logs over the steps: of validation, and fainter of training."""
    for network, rows in curves.items():
        color, label = _NETWORKS[network]
        steps = np.array([row["step"] for row in rows])
        training, validation = ([row[name] for row in rows] for name in (quantity, f"val_{quantity}"))
        _draw_curve(
            axes, steps, values=np.array(training), color=color, alpha=0.4, label=f"{label}, training"
        )
        _draw_curve(axes, steps, values=np.array(validation), color=color, label=f"{label}, validation")


def _as_shares(axes):
    axes.axhline(_CHANCE, color="grey", linestyle=":", label="chance, 10 %")
    axes.set_ylim(-0.02, 1.04)
    axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    axes.grid(alpha=0.3)


def _use_logarithm(axis):
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(lambda number, _: f"{number:,.0f}")
    axis.set_minor_formatter(NullFormatter())


def _axes(quantity):
    figure = Figure(figsize=(8, 4.5), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    _label_steps(axes, quantity)
    return figure, axes


def _label_steps(axes, quantity):
    axes.set(xlabel="step", ylabel=quantity)
    axes.grid(alpha=0.3)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.xaxis.set_major_formatter(lambda step, _: f"{step:,.0f}")


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
    for axes in figure.axes:
        axes.set_xlim(left=0)  # not before there are curves: it would fix the right end too
    _finish(path, figure)


def _finish(path, figure):
    for axes in figure.axes:
        axes.legend()
    with replacing(Path(path)) as temporary:
        figure.savefig(temporary)
