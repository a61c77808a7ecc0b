"""Plots of what a GAN's samples are: how often each digit is drawn, and how far they are from real ones."""

import textwrap

import numpy as np
from matplotlib import rcParams
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from kgan.plots.figure import finish, label_steps, use_logarithm, write
from kgan.plots.losses import read_log
from kgan.spec import check

_GENERATED, _REAL, _OVER, _UNDER = "tab:blue", "#b8b8b8", "tab:red", "tab:orange"
_WIDTH = 0.4  # of a bar


def write_classes(path, classes):
    """Plot the share of each digit among generated images beside real ones, with 95 % intervals.

    Args:
        path: File to write; its suffix decides the format, such as .png or .svg.
        classes: Dict with the lists shares, low, high and real, one number a digit, over and under,
            the digits that are drawn too often or too rarely, and the text sentence.
    """
    shares, low, high = (np.array(classes[name]) for name in ("shares", "low", "high"))
    figure = Figure(figsize=(8, 4.5), dpi=120, layout="constrained")
    figure.suptitle(textwrap.fill(classes["sentence"], 90), fontsize=11)
    axes = figure.add_subplot(xlabel="digit", ylabel="share of the images")
    digits = np.arange(len(shares))
    # Rounding may put a share a hair outside its interval; error bars have no negative length.
    errors = np.clip([shares - low, high - shares], 0, None)
    for label, chosen, color in _groups(classes, digits):
        _bars(axes, digits[chosen], shares[chosen], color=color, label=label, errors=errors[:, chosen])
    axes.bar(digits + _WIDTH / 2, classes["real"], _WIDTH, color=_REAL, label="real test digits")
    axes.set_xticks(digits)
    axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    axes.set_ylim(0, 1.25 * max(*high, *classes["real"]))  # the legend's place
    finish(path, figure)


def _groups(classes, digits):
    over, under = (np.isin(digits, classes[name]) for name in ("over", "under"))
    groups = (
        ("generated, with its 95 % interval", ~(over | under), _GENERATED),
        ("generated more often than real", over, _OVER),
        ("generated less often than real", under, _UNDER),
    )
    return [group for group in groups if group[1].any()]


def _bars(axes, digits, shares, *, color, label, errors):
    style = {"capsize": 4, "error_kw": {"elinewidth": 1.2, "ecolor": rcParams["text.color"]}}
    axes.bar(digits - _WIDTH / 2, shares, _WIDTH, yerr=errors, color=color, label=label, **style)


def write_evaluations(path, log):
    """Plot the Fréchet distance and the total variation of the digits over the steps.

    Args:
        path: File to write; its suffix decides the format.
        log: CSV file that `Evaluate` wrote.

    Raises:
        ValueError: If it holds no evaluation.
    """
    columns = read_log(log)
    steps, frechet, variation = (columns[name] for name in ("step", "frechet", "total_variation"))
    check("log", "one of finite samples", str(log), holds=np.isfinite(frechet).any())
    figure = Figure(figsize=(11, 4.5), dpi=120, layout="constrained")
    distance, shares = figure.subplots(1, 2)
    distance.plot(steps, frechet, marker="o", color="tab:blue", label="Fréchet distance")
    best = np.nanargmin(frechet)
    label = f"lowest: {frechet[best]:.3g} at step {steps[best]:,.0f}"
    distance.plot(
        [steps[best]],
        [frechet[best]],
        marker="o",
        markersize=11,
        color="tab:red",
        mfc="none",
        label=label,
        linestyle="none",
        clip_on=False,
    )
    if "frechet_floor" in columns:
        floor = np.nanmax(columns["frechet_floor"])  # the same in every row
        distance.axhline(floor, color="grey", linestyle=":", label=f"as many real digits: {floor:.2g}")
    use_logarithm(distance.yaxis)
    distance.yaxis.set_major_formatter(lambda number, _: f"{number:,.0f}" if number >= 1 else f"{number:.3g}")
    label_steps(distance, "Fréchet distance")
    shares.plot(steps, variation, marker="o", color="tab:orange", label="total variation")
    label_steps(shares, "total variation of the digits")
    shares.set_ylim(bottom=0)
    write(path, figure)
