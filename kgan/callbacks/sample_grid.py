"""Pictures of what the generator draws, from the same latents each time."""

from pathlib import Path

import keras
import numpy as np
from PIL import Image

from kgan.files import replacing
from kgan.spec import check, is_count


class SampleGrid(keras.callbacks.Callback):
    """Writes a PNG of generated images at the start, then every n steps or epochs, and at the end.

    The latents stay the same, so that the pictures of a run can be compared. They are
    step-000500.png or epoch-0001.png, numbered over the model's life.

    Args:
        directory: Folder for the pictures, created when the first is written.
        every_steps: Steps between two pictures, or None.
        every_epochs: Epochs between two pictures, or None. One epoch if neither is given.
        rows: Rows, and columns, of the grid.
        scale: Pixels on a side for each pixel of an image.
        seed: Integer ≥ 0, of the latents.

    Raises:
        ValueError: If both intervals are given or a number is not positive.
    """

    def __init__(self, directory, *, every_steps=None, every_epochs=None, rows=8, scale=4, seed=0):
        super().__init__()
        if every_steps is not None and every_epochs is not None:
            raise ValueError(
                f"Give one of `every_steps` and `every_epochs`, got {every_steps!r} and {every_epochs!r}."
            )
        self.unit = "epoch" if every_steps is None else "step"
        self.every = every_steps if every_epochs is None else every_epochs
        if self.every is None:
            self.every = 1
        self.directory, self.rows, self.scale, self.seed = Path(directory), rows, scale, seed
        for name, value in (("every_" + self.unit + "s", self.every), ("rows", rows), ("scale", scale)):
            check(name, "a positive integer", value, holds=is_count(value))
        self.last = None

    def on_train_begin(self, logs=None):
        """The picture before the first step."""
        shape = self.model.image_shape
        check("image_shape", "(height, width, 1 or 3)", shape, holds=len(shape) == 3 and shape[2] in (1, 3))
        self._draw()

    def on_epoch_begin(self, epoch, logs=None):
        """Count the steps of this epoch from here."""
        self._epoch_start = self._steps = int(self.model.step.value)

    def on_train_batch_end(self, batch, logs=None):
        """A picture where the interval in steps has passed."""
        # Counted here rather than read from the model: on JAX a read would fetch all its state.
        before, self._steps = self._steps, self._epoch_start + batch + 1
        if self.unit == "step" and self._steps // self.every > before // self.every:
            self._draw()

    def on_epoch_end(self, epoch, logs=None):
        """A picture where the interval in epochs has passed."""
        if self.unit == "epoch" and int(self.model.epoch.value) % self.every == 0:
            self._draw()

    def on_train_end(self, logs=None):
        """The picture after the last step."""
        self.draw_last()

    def draw_last(self):
        """Write the picture of this moment, unless it has been written."""
        if self.last != self._path():
            self._draw()

    def _path(self):
        if self.unit == "epoch":
            return self.directory / f"epoch-{int(self.model.epoch.value):04d}.png"
        return self.directory / f"step-{int(self.model.step.value):06d}.png"

    def _draw(self):
        images = self.model.sample(self.rows**2, seed=self.seed)
        self.last = self._path()
        with replacing(self.last) as temporary:
            Image.fromarray(image_grid(images, columns=self.rows, scale=self.scale)).save(temporary)


def image_grid(images, *, columns, scale=4):
    """Images side by side, in rows, with a thin gap between them.

    Args:
        images: Array `(n, height, width, channels)` in [−1, 1], of 1 or 3 channels.
        columns: Images a row; the last row may stay short.
        scale: Pixels on a side for each pixel of an image.

    Returns:
        uint8 array `(rows * (height + 1) * scale, columns * (width + 1) * scale)`, with 3
        channels behind if the images have them.
    """
    pixels = np.round((np.clip(images, -1, 1) + 1) * 127.5).astype("uint8")
    rows = -(-len(pixels) // columns)
    missing = rows * columns - len(pixels)
    pixels = np.pad(pixels, ((0, missing), (0, 1), (0, 1), (0, 0)), constant_values=40)
    _, height, width, channels = pixels.shape
    grid = pixels.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    grid = grid.reshape(rows * height, columns * width, channels)
    grid = grid.repeat(scale, axis=0).repeat(scale, axis=1)
    return grid[..., 0] if channels == 1 else grid
