"""Metrics beside their floor, what as many real digits come to."""

import math

from kgan.report import blocks, words

_NEAR = 1.25  # times the floor, or its part
_FAR = 4
_DIRECTIONS = {
    "lower": "lower is better",
    "higher": "higher is better",
    "floor": "the nearer to the floor, the better",
}


def metric_table(metrics):
    """A table of metrics, each with how far it is from its floor.

    Args:
        metrics: List of the dicts of evaluation.json.
    """
    return blocks.table(
        ["metric", "value", "floor", "of the floor"],
        [_row(metric) for metric in metrics],
        caption="Metrics of the samples, beside those of real digits: ● within a quarter of it, "
        "◐ within four times, ▲ beyond.",
        numbers=(1, 2),
    )


def _row(metric):
    shown = words.percent if metric.get("unit") == "%" else words.number
    return [
        {"text": metric["label"], "remark": _meaning(metric)},
        shown(metric["value"]),
        shown(metric["floor"]),
        against_floor(metric),
    ]


def _meaning(metric):
    return f"{metric['meaning'].rstrip('.')}; {_DIRECTIONS[metric['better']]}."


def against_floor(metric):
    """How a metric stands to its floor: a mark, that colour alone need not tell it, and words.

    Args:
        metric: Dict with value, floor and better.

    Returns:
        Dict with `level` ("near", "off", "far" or "none") and `text`.
    """
    value, floor, better = metric["value"], metric["floor"], metric["better"]
    if value is None or floor is None:
        return {"level": "none", "text": "not measured" if value is None else "no floor"}
    if floor < 0 and value > floor:  # an unbiased estimate of about 0 has no ratio
        return {"level": "none", "text": "above the floor"}
    worse = _times_worse(value, floor, better=better)
    level = "near" if worse <= _NEAR else "off" if worse <= _FAR else "far"
    return {"level": level, "text": "as real digits" if worse == 1 else _beside(value, floor)}


def _times_worse(value, floor, *, better):
    """How many times worse a value is than its floor: 1 or more, ∞ where it cannot be put into a ratio."""
    ratios = {"lower": (value, floor), "higher": (floor, value)}
    larger, smaller = ratios.get(better, (max(value, floor), min(value, floor)))
    if larger <= smaller:
        return 1.0
    return larger / smaller if smaller > 0 else math.inf


def _beside(value, floor):
    if floor == 0:
        return "above"
    share = value / floor
    return f"{words.number(share)} ×" if share > 1 else f"{words.number(100 * share)} %"
