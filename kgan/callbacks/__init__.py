"""Callbacks for `GAN.fit`."""

from kgan.callbacks.epoch_log import EpochLog
from kgan.callbacks.interrupt import FinishStepOnInterrupt
from kgan.callbacks.progress import ProgressBar
from kgan.callbacks.sample_grid import SampleGrid

__all__ = ["EpochLog", "FinishStepOnInterrupt", "ProgressBar", "SampleGrid"]
