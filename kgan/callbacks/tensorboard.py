"""The log and the pictures of a run for TensorBoard."""

import keras
import numpy as np
from PIL import Image

from kgan.backend.summary import summary_writer
from kgan.extras import check_installed


class TensorBoard(keras.callbacks.Callback):
    """Writes the logs of each epoch and each new sample grid where `tensorboard --logdir` finds them.

    Keras's callback of this name needs TensorFlow, whatever the backend; this one writes with
    PyTorch and needs the package tensorboard alone (which imports TensorFlow where it is there).

    Args:
        directory: Folder for TensorBoard's files.
        grid: `SampleGrid` that stands before it among the callbacks, or None for no pictures.

    Raises:
        ImportError: If the package tensorboard is missing.
    """

    def __init__(self, directory, grid=None):
        super().__init__()
        check_installed("tensorboard", use="`TensorBoard`")
        self.directory, self.grid = directory, grid
        self._writer = None
        self._num_shown, self._last_step = 0, None

    def on_train_begin(self, logs=None):
        """Open the folder."""
        self.close()  # an earlier `fit` may have been interrupted
        self._writer = summary_writer(self.directory, hide_after=self._last_step)
        self._show_new_pictures()

    def state(self):
        """What was shown, and until which step."""
        return {"pictures": self._num_shown, "step": int(self.model.step.value)}

    def restore(self, state, *, in_epoch):
        """Go on after what was shown; what was written of later steps, which come again, is hidden."""
        self._num_shown, self._last_step = state["pictures"], state["step"]

    def on_epoch_end(self, epoch, logs=None):
        """Write the logs and what pictures there are since the last epoch."""
        for name, value in (logs or {}).items():
            self._writer.add_scalar(name, float(value), int(self.model.step.value))
        self._show_new_pictures()

    def on_train_end(self, logs=None):
        """Close the folder."""
        self.close()

    def close(self):
        """Write what is left and close: to be called where training ended early."""
        if self._writer is not None:
            self._show_new_pictures()
            self._writer.close()
            self._writer = None

    def _show_new_pictures(self):
        while self.grid and self._num_shown < len(self.grid.pictures):
            with Image.open(self.grid.pictures[self._num_shown]) as picture:
                pixels = np.asarray(picture.convert("RGB"))
            step = self.grid.steps[self._num_shown]
            self._writer.add_image("samples", pixels, step, dataformats="HWC")
            self._num_shown += 1
