"""What the scripts do, from Python: a preset in, a run folder out; a run folder in, pictures out."""

from kgan.experiments.gan import Interpolation, Result, build_gan, interpolate, load, sample, train_gan
from kgan.experiments.palindrome import LSTMResult, build_recaller, train_lstm
from kgan.experiments.records import Outcome

__all__ = [
    "Interpolation",
    "LSTMResult",
    "Outcome",
    "Result",
    "build_gan",
    "build_recaller",
    "interpolate",
    "load",
    "sample",
    "train_gan",
    "train_lstm",
]
