"""Models and checkpoints on disk: written whole or not at all, read without running anything.

`save` and `load` are for one `.keras` file, `Checkpoints` for the folder of a training's last ones, and
`fit_from` goes on from one of these with any `keras.Model`.
"""

from kgan.saving.checkpoints import Checkpoints, Saved
from kgan.saving.loading import load
from kgan.saving.models import NotFiniteError, check_finite, save
from kgan.saving.resumption import fit_from

__all__ = ["Checkpoints", "NotFiniteError", "Saved", "check_finite", "fit_from", "load", "save"]
