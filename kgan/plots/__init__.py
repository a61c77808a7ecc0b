"""Plots of a run: what its log says, what its samples are, and how well networks do at a length."""

from kgan.plots.judgement import write_classes, write_evaluations
from kgan.plots.lengths import write_curriculum, write_curves, write_length_accuracy
from kgan.plots.losses import read_log, write_balance, write_losses
from kgan.plots.page import INK, page_style
from kgan.plots.strips import write_pairs, write_strip

__all__ = [
    "INK",
    "page_style",
    "read_log",
    "write_balance",
    "write_classes",
    "write_curriculum",
    "write_curves",
    "write_evaluations",
    "write_length_accuracy",
    "write_losses",
    "write_pairs",
    "write_strip",
]
