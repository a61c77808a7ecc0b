"""What the scripts do, from Python: a preset in, a run folder out; a run folder in, files out."""

from kgan.experiments.evaluation import Evaluation, evaluate
from kgan.experiments.export import export
from kgan.experiments.gan import build_gan, train_gan
from kgan.experiments.interpolation import Interpolation, Pairs, interpolate, interpolate_pairs
from kgan.experiments.palindrome import LSTMResult, build_recaller, train_lstm
from kgan.experiments.records import Outcome
from kgan.experiments.report import report
from kgan.experiments.resume import resume
from kgan.experiments.saved import load, sample
from kgan.experiments.together import begun_before, joined
from kgan.experiments.training import Result

__all__ = [
    "Evaluation",
    "Interpolation",
    "LSTMResult",
    "Outcome",
    "Pairs",
    "Result",
    "begun_before",
    "build_gan",
    "build_recaller",
    "evaluate",
    "export",
    "interpolate",
    "interpolate_pairs",
    "joined",
    "load",
    "report",
    "resume",
    "sample",
    "train_gan",
    "train_lstm",
]
