"""Plots for a page: vector graphics in the page's own ink, narrow enough for a phone."""

import contextlib
import contextvars

from matplotlib import rc_context
from matplotlib.gridspec import GridSpec

INK = "#010203"  # of text and axes, to be replaced by the page's own
_STYLE = {
    **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), INK),
    **dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor", "legend.facecolor"), "none"),
    **dict.fromkeys(("axes.spines.top", "axes.spines.right", "legend.frameon"), False),
    "font.size": 11,
    "legend.fontsize": 10,
    "grid.color": INK,
    "svg.fonttype": "none",  # text that can be selected, in the page's font
    "svg.hashsalt": "kgan",  # the same bytes each time
}
_on_page = contextvars.ContextVar("on_page", default=False)


@contextlib.contextmanager
def page_style():
    """Within this context, plots that are written as SVG suit a page.

    They have their parts one above the other and no title, for the page has its own; they have no
    background, and text and axes are in `INK`, which the page replaces.
    """
    token = _on_page.set(True)
    try:
        with rc_context(_STYLE):
            yield
    finally:
        _on_page.reset(token)


def fit_page(figure):
    """Arrange the parts of a figure as the page has them, within `page_style`."""
    if not _on_page.get():
        return
    figure.suptitle("")
    parts = len(figure.axes)
    figure.set_size_inches(6.2, 3.6 if parts == 1 else 3 * parts)
    for axes, place in zip(figure.axes, GridSpec(parts, 1, figure=figure), strict=True):
        axes.set_subplotspec(place)
