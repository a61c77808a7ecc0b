"""The reports' figures, drawn of several seeds: medians as lines, from the least to the greatest as bands."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from kgan.palindrome import NETWORKS
from kgan.plots.figure import CHANCE, as_shares, label_steps, write
from studies.reports.trainings import parsed

_STYLES = {"lstm": ("tab:blue", "LSTM"), "rnn": ("tab:orange", "RNN")}
_CHANCE_LOSS = -np.log(CHANCE)


def draw_losses(path, rows):
    """The training loss of both networks over the steps, as in report A's first figure."""
    figure = Figure(figsize=(8, 4.5), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    _draw_networks(axes, rows, "loss")
    axes.axhline(_CHANCE_LOSS, color="grey", linestyle=":", label="chance")
    axes.set_ylim(bottom=0)
    label_steps(axes, "training loss (cross-entropy)")
    write(path, figure)


def draw_lengths(path, rows, *, step_axis=True):
    """The validation accuracy of both networks, a panel a length.

    Args:
        path: PNG to write.
        rows: Of one preset.
        step_axis: Whether the horizontal axis counts steps, or epochs.
    """
    lengths = sorted({int(row["length"]) for row in rows})
    figure = Figure(figsize=(2.4 * len(lengths), 3.2), dpi=120, layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(lengths), sharey=True))
    for axes, length in zip(panels, lengths, strict=True):
        own = [row for row in rows if int(row["length"]) == length]
        _draw_networks(axes, own, "val_accuracy", by_epoch=not step_axis)
        as_shares(axes)
        axes.set_title(f"{length} digits")
        label_steps(axes, "validation accuracy" if axes is panels[0] else "")
        axes.set_xlim(left=0)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        if not step_axis:
            axes.set_xlabel("epoch")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(path)


def _draw_networks(axes, rows, column, *, by_epoch=False):
    for network in NETWORKS:
        own = [row for row in rows if row["network"] == network]
        if not own:
            continue
        curves = [parsed(row[column]) for row in own]
        count = min(map(len, curves))
        values = np.array([curve[:count] for curve in curves])
        steps = np.arange(1, count + 1) if by_epoch else np.array(parsed(own[0]["steps_seen"])[:count])
        color, label = _STYLES[network]
        axes.plot(steps, np.median(values, axis=0), color=color, label=label)
        axes.fill_between(steps, values.min(axis=0), values.max(axis=0), color=color, alpha=0.2)


def draw_curriculum(path, rows):
    """The length in training over the steps of each seed's curriculum."""
    figure = Figure(figsize=(8, 4.5), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    for network, seed in sorted({(row["network"], row["seed"]) for row in rows}):
        own = [row for row in rows if (row["network"], row["seed"]) == (network, seed)]
        steps = np.cumsum([0, *(int(row["steps"]) for row in own)])
        color, label = _STYLES[network]
        label = label if seed == min(row["seed"] for row in rows) else None
        lengths = [0, *(int(row["length"]) for row in own)]
        axes.plot(steps, lengths, drawstyle="steps-pre", color=color, alpha=0.7, label=label)
    axes.set_ylim(bottom=0)
    label_steps(axes, "length in training (digits)")
    write(path, figure)


def draw_shares(path, rows):
    """The share of each digit among samples, seed by seed, beside that of real digits."""
    figure = Figure(figsize=(8, 4.5), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    drawn = np.array([parsed(row["shares"]) for row in rows])
    digits = np.arange(drawn.shape[1])
    axes.bar(digits, np.median(drawn, axis=0), alpha=0.5, label="samples, median")
    for values in drawn:
        axes.plot(digits, values, "o", color="tab:blue", markersize=4, alpha=0.8)
    axes.plot(digits, parsed(rows[0]["real_shares"]), "k_", markersize=22, label="real digits")
    axes.set(xlabel="digit", ylabel="share", xticks=digits)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    axes.set_xlim(left=-0.6)
    axes.legend()
    figure.savefig(path)


def draw_p(path, found):
    """The mean of p in each epoch, for presets by name."""
    figure = Figure(figsize=(8, 4.5), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    for name, rows in found.items():
        values = np.array([parsed(row["p"]) for row in rows])
        epochs = np.arange(1, values.shape[1] + 1)
        (line,) = axes.plot(epochs, np.median(values, axis=0), marker=".", label=f"preset {name}")
        axes.fill_between(epochs, values.min(axis=0), values.max(axis=0), color=line.get_color(), alpha=0.2)
    axes.axhline(0.5, color="grey", linestyle=":", label="L(D) = L(G)")
    axes.set(xlabel="epoch", ylabel="p, probability to update D")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    write(path, figure)
