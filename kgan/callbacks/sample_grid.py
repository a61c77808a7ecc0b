"""Pictures of what the generator draws, from the same latents each time."""

import logging
import re
from pathlib import Path

import numpy as np

from kgan.callbacks.intervals import AtIntervals
from kgan.gan.latent import sample_latents
from kgan.pictures import check_image_shape, write_grid
from kgan.spec import check, is_count

_MOST_CLASSES = 16
_NUMBERED = re.compile(r"(?:step|epoch)-(\d+)\.png")


class SampleGrid(AtIntervals):
    """Writes a PNG of generated images at the start, then every n steps or epochs, and at the end.

    The latents stay the same, so that the pictures of a run can be compared. Of a `kgan.ConditionalGAN` a row
    shows a class, of at most the first 16, and a column what becomes of one latent in each. The pictures are
    step-000500.png or epoch-0001.png, numbered over the model's life. A picture of numbers that are not
    finite is never written; one that the disk does not take is said once, and then there are no more.

    Args:
        directory: Folder for the pictures, created when the first is written.
        every_steps: Steps between two pictures, or None.
        every_epochs: Epochs between two pictures, or None. One epoch if neither is given.
        rows: Columns of the grid, and where there are no classes its rows.
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
        self._is_off = self._resumed = False

    def on_train_begin(self, logs=None):
        """The picture before the first step, unless training goes on from a checkpoint."""
        check_image_shape(self.model.image_shape)
        if not self._resumed:
            self.draw_last()
        self._resumed = False

    def on_train_end(self, logs=None):
        """The picture after the last step."""
        self.draw_last()

    def draw_last(self):
        """Write the picture of this moment, unless it has been written."""
        if self._path() not in self.pictures[-1:]:
            self.act()

    @property
    def last(self):
        """Path of the last picture, or None if there is none."""
        return self.pictures[-1] if self.pictures else None

    def _path(self):
        if self.unit == "epoch":
            return self.directory / f"epoch-{int(self.model.epoch.value):04d}.png"
        return self.directory / f"step-{int(self.model.step.value):06d}.png"

    def state(self):
        """The pictures that were written."""
        return {"pictures": [path.name for path in self.pictures], "steps": self.steps}

    def restore(self, state, *, in_epoch):
        """Go on after the pictures that there were; later ones, of steps that come again, are removed."""
        self.pictures = [self.directory / name for name in state["pictures"]]
        self.steps, self._resumed = state["steps"], True
        last = max(map(_number, self.pictures), default=-1)
        for later in self.directory.glob(f"{self.unit}-*.png"):
            if _NUMBERED.fullmatch(later.name) and _number(later) > last:
                later.unlink()

    def act(self):
        """Write the picture of this moment; where that fails, say so once and draw no more."""
        images = self.model.generate(self._latents())
        if self._is_off or not np.isfinite(images).all():  # of which `StopOnNotFinite` speaks
            return
        try:
            write_grid(self._path(), images, columns=self.rows, scale=self.scale)
        except OSError as error:
            self._is_off = True
            logging.getLogger("kgan").warning(
                "kgan: %s was not written (%s): training goes on without pictures.",
                *(self._path(), error.strerror),
            )
            return
        self.pictures.append(self._path())
        self.steps.append(int(self.model.step.value))

    def _latents(self):
        if not self.model.num_classes:
            return self.model.sample_latents(self.rows**2, seed=self.seed)
        shown = np.arange(min(self.model.num_classes, _MOST_CLASSES))
        latents = sample_latents(self.rows, self.model.latent_dim, seed=self.seed)
        return self.model.with_labels(np.tile(latents, (len(shown), 1)), shown.repeat(self.rows))


def _number(picture):
    return int(_NUMBERED.fullmatch(picture.name)[1])
