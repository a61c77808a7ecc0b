"""Plots of the palindrome task: how well networks do at a length."""

import math

import numpy as np
from matplotlib.figure import Figure

from kgan.plots.figure import CHANCE, as_shares, draw_curve, finish, label_steps, use_logarithm, write

_NETWORKS = {"lstm": ("tab:blue", "LSTM"), "rnn": ("tab:orange", "SimpleRNN")}
_MARKERS = {"lstm": ("o", "-"), "rnn": ("s", "--")}  # that one is seen behind the other


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
    as_shares(accuracy)
    loss.axhline(-math.log(CHANCE), color="grey", linestyle=":", label="chance")
    loss.set_ylim(bottom=0)
    for axes, quantity in ((accuracy, "accuracy"), (loss, "loss (cross-entropy)")):
        label_steps(axes, quantity)
    write(path, figure)


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
    loss.axhline(-math.log(CHANCE), color="grey", linestyle=":", label="chance")
    loss.set_yscale("log")
    use_logarithm(length.yaxis)
    label_steps(length, "length (digits)")
    label_steps(loss, "loss (cross-entropy) at that length, validation")
    write(path, figure)


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
        use_logarithm(axes.xaxis)
    elif len(lengths) <= 12:
        axes.set_xticks(lengths)
    as_shares(axes)
    finish(path, figure)


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
        draw_curve(axes, steps, values=np.array(training), color=color, alpha=0.4, label=f"{label}, training")
        draw_curve(axes, steps, values=np.array(validation), color=color, label=f"{label}, validation")
