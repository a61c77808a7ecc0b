"""Callbacks for `GAN.fit`."""

from kgan.callbacks.interrupt import FinishStepOnInterrupt
from kgan.callbacks.logs import EpochLog, StepLog
from kgan.callbacks.progress import ProgressBar
from kgan.callbacks.sample_grid import SampleGrid
from kgan.callbacks.sample_movie import SampleMovie
from kgan.callbacks.tensorboard import TensorBoard

__all__ = [
    "EpochLog",
    "FinishStepOnInterrupt",
    "ProgressBar",
    "SampleGrid",
    "SampleMovie",
    "StepLog",
    "TensorBoard",
]
