"""Every experiment as a row. Nothing here imports a framework."""

from kgan.presets.base import CHOSEN, STATED, Preset
from kgan.presets.gan import DEFAULT_GAN_PRESET, GAN_PRESETS, GANClaim, GANPreset, architecture_names
from kgan.presets.palindrome import DEFAULT_LSTM_PRESET, LSTM_PRESETS, Claim, CurriculumPreset, RecallPreset
from kgan.presets.stored import changes, stored_preset

__all__ = [
    "CHOSEN",
    "DEFAULT_GAN_PRESET",
    "DEFAULT_LSTM_PRESET",
    "GAN_PRESETS",
    "LSTM_PRESETS",
    "STATED",
    "Claim",
    "CurriculumPreset",
    "GANClaim",
    "GANPreset",
    "Preset",
    "RecallPreset",
    "architecture_names",
    "changes",
    "stored_preset",
]
