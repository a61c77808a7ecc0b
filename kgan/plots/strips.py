"""Pictures of the way from one digit to another, and what is seen along it."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from kgan.files import replacing

_BEGIN, _END, _OTHER = "tab:blue", "tab:orange", "#cccccc"
_BLOCKS = 3  # of strips side by side
_MARGIN = 0.75  # inches on the left


def write_strip(path, walk, *, title):
    """Write the images of a way in a row, with the probabilities of its two ends' classes under each.

    Where an image is taken for a third class, the probability of that stands between them.

    Args:
        path: File to write; its suffix decides the format, such as .png or .svg.
        walk: `kgan.evaluation.Walk`.
        title: Text above it.
    """
    count = len(walk.images)
    side = max(1.0, 5 / count)  # inches
    width, height = _MARGIN + count * side + 0.1, side + 1.95
    figure = Figure(figsize=(width, height), dpi=120)
    figure.suptitle(title, fontsize=12, y=1 - 0.08 / height)

    def placed(bottom, tall):
        return figure.add_axes((_MARGIN / width, bottom / height, count * side / width, tall / height))

    images, bars = placed(1.3, side), placed(0.3, 0.95)
    images.imshow(_row(walk.images), cmap="gray", vmin=0, vmax=1, extent=(0, count, 0, 1), aspect="auto")
    images.axis("off")
    _draw_confidence(bars, walk)
    key = {"ncols": 3, "frameon": False, "fontsize": 9, "handlelength": 1}
    figure.legend(loc="upper center", bbox_to_anchor=(0.5, 1 - 0.28 / height), **key)
    bars.text(-0.08, -0.08, "taken for", ha="right", va="top", fontsize=8)
    for k, shown in enumerate(walk.shown):
        bars.text(k + 0.5, -0.06, str(shown), ha="center", va="top", fontsize=11)
    with replacing(Path(path)) as temporary:
        figure.savefig(temporary)


def _draw_confidence(axes, walk):
    count, (begin, end) = len(walk.images), walk.classes
    at = np.arange(count)
    _draw_bars(axes, at + 0.2, walk.confidence[:, 0], color=_BEGIN, label=f"p({begin})")
    _draw_bars(axes, at + 0.8, walk.confidence[:, 1], color=_END, label=f"p({end})")
    third = ~np.isin(walk.shown, walk.classes)
    if third.any():
        label = "p(taken for)"
        _draw_bars(axes, at[third] + 0.5, walk.shown_confidence[third], color=_OTHER, label=label)
    axes.set(xlim=(0, count), ylim=(0, 1.25), xticks=[], yticks=[0, 0.5, 1])
    axes.set_ylabel("probability", fontsize=8)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_bars(axes, where, heights, *, color, label):
    axes.bar(where, heights, 0.27, color=color, label=label)
    for x, height in zip(where, heights, strict=True):
        axes.text(x, height + 0.03, f"{height:.2f}", ha="center", va="bottom", fontsize=7)


def write_pairs(path, walks):
    """Write the ways between all pairs of digits, a strip each, in three columns.

    Under each image runs a bar: blue as far as it is taken for the first digit, orange for the second.

    Args:
        path: File to write; its suffix decides the format.
        walks: List of `kgan.evaluation.Walk`s of one length.
    """
    rows = -(-len(walks) // _BLOCKS)
    left, right, gap = 0.045, 0.995, 0.14
    strip = 15 * (right - left) / (_BLOCKS + gap * (_BLOCKS - 1))  # inches
    row = 1.2 * strip / len(walks[0].images)  # its bars are a fifth as high as its images
    height = 1.14 * row * rows + 0.6
    figure = Figure(figsize=(15, height), dpi=120)
    edges = {"left": left, "right": right, "top": 1 - 0.5 / height, "bottom": 0.1 / height}
    grid = figure.add_gridspec(rows, _BLOCKS, hspace=0.14, wspace=gap, **edges)
    for k, walk in enumerate(walks):
        _draw_pair(figure.add_subplot(grid[k % rows, k // rows]), walk)
    handles = [Patch(color=color, label=label) for color, label in _KEY]
    figure.legend(handles=handles, loc="upper center", ncols=3, frameon=False, fontsize=11)
    with replacing(Path(path)) as temporary:
        figure.savefig(temporary)


_KEY = (
    (_BEGIN, "probability of the first digit"),
    (_END, "of the second"),
    (_OTHER, "of any other"),
)


def _draw_pair(axes, walk):
    count = len(walk.images)
    axes.imshow(_row(walk.images), cmap="gray", vmin=0, vmax=1, extent=(0, count, 0, 1), aspect="auto")
    for k, (begin, end) in enumerate(walk.confidence):
        left = k + 0.04
        for share, color in ((begin, _BEGIN), (1 - begin - end, _OTHER), (end, _END)):
            axes.barh(-0.1, 0.92 * share, 0.14, left=left, color=color)
            left += 0.92 * share
    axes.set(xlim=(0, count), ylim=(-0.2, 1))
    axes.axis("off")
    begin, end = walk.classes
    axes.text(-0.12, 0.4, f"{begin} → {end}", ha="right", va="center", fontsize=12)


def _row(images):
    """The images side by side in [0, 1], `(height, n * (width + 1), channels)`, with thin gaps of white."""
    images = np.pad((np.clip(images, -1, 1) + 1) / 2, ((0, 0), (0, 0), (0, 1), (0, 0)), constant_values=1)
    return images.swapaxes(0, 1).reshape(images.shape[1], -1, images.shape[-1])
