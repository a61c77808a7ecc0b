"""Callbacks for `fit`."""

from kgan.callbacks.checkpoint import Checkpoint
from kgan.callbacks.collapse_alarm import Alarm, CollapseAlarm
from kgan.callbacks.evaluate import Best, Evaluate
from kgan.callbacks.interrupt import FinishStepOnInterrupt
from kgan.callbacks.learning_rates import DecayLearningRates
from kgan.callbacks.logs import EpochLog, NetworkLog, StepLog
from kgan.callbacks.not_finite import DivergedError, StopOnNotFinite
from kgan.callbacks.progress import ProgressBar, SharedProgressBar
from kgan.callbacks.sample_grid import SampleGrid
from kgan.callbacks.sample_movie import SampleMovie
from kgan.callbacks.tensorboard import TensorBoard

__all__ = [
    "Alarm",
    "Best",
    "Checkpoint",
    "CollapseAlarm",
    "DecayLearningRates",
    "DivergedError",
    "EpochLog",
    "Evaluate",
    "FinishStepOnInterrupt",
    "NetworkLog",
    "ProgressBar",
    "SampleGrid",
    "SampleMovie",
    "SharedProgressBar",
    "StepLog",
    "StopOnNotFinite",
    "TensorBoard",
]
