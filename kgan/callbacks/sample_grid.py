"""Pictures of what the generator draws, from the same latents each time."""

from pathlib import Path

from kgan.callbacks.intervals import AtIntervals
from kgan.pictures import check_image_shape, write_grid
from kgan.spec import check, is_count


class SampleGrid(AtIntervals):
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

    Attributes:
        pictures: Paths of the pictures that were written, in their order.
        steps: The step of the model's life that each shows.

    Raises:
        ValueError: If both intervals are given or a number is not positive.
    """

    def __init__(self, directory, *, every_steps=None, every_epochs=None, rows=8, scale=4, seed=0):
        super().__init__(every_steps=every_steps, every_epochs=every_epochs)
        self.directory, self.rows, self.scale, self.seed = Path(directory), rows, scale, seed
        for name, value in (("rows", rows), ("scale", scale)):
            check(name, "a positive integer", value, holds=is_count(value))
        self.pictures, self.steps = [], []

    def on_train_begin(self, logs=None):
        """The picture before the first step."""
        check_image_shape(self.model.image_shape)
        self.draw_last()

    def on_train_end(self, logs=None):
        """The picture after the last step."""
        self.draw_last()

    def draw_last(self):
        """Write the picture of this moment, unless it has been written."""
        if self._path() not in self.pictures[-1:]:
            self.act()

    def _path(self):
        if self.unit == "epoch":
            return self.directory / f"epoch-{int(self.model.epoch.value):04d}.png"
        return self.directory / f"step-{int(self.model.step.value):06d}.png"

    def act(self):
        """Write the picture of this moment."""
        images = self.model.sample(self.rows**2, seed=self.seed)
        write_grid(self._path(), images, columns=self.rows, scale=self.scale)
        self.pictures.append(self._path())
        self.steps.append(int(self.model.step.value))
