"""The pictures of a run as a movie."""

from pathlib import Path

import keras

from kgan.pictures import check_movie, write_movie
from kgan.spec import check

_SUFFIX = ".gif"


class SampleMovie(keras.callbacks.Callback):
    """Writes a GIF of the pictures of a `SampleGrid` at the end of training.

        grid = SampleGrid("samples", every_steps=100)
        gan.fit(images, callbacks=[grid, SampleMovie("samples.gif", grid)])

    Args:
        path: File to write, which ends in .gif.
        grid: `SampleGrid` that stands before it among the callbacks.
        seconds: Length of the movie; a frame is shown for half a second at most.
        max_frames: Of more pictures, so many are shown, evenly spread.

    Raises:
        ValueError: If the file has another suffix, a number is not positive, or, when training begins,
            the grid has drawn nothing.
    """

    def __init__(self, path, grid, *, seconds=10, max_frames=100):
        super().__init__()
        self.path, self.grid = Path(path), grid
        self.seconds, self.max_frames = seconds, max_frames
        check("path", f"a file that ends in {_SUFFIX}", str(path), holds=self.path.suffix == _SUFFIX)
        check_movie(seconds=seconds, max_frames=max_frames)

    def on_train_begin(self, logs=None):
        """See that the grid draws, while there is nothing to lose yet."""
        rule = "a SampleGrid that stands before this among the callbacks"
        check("grid", rule, "one without a picture", holds=bool(self.grid.pictures))

    def on_train_end(self, logs=None):
        """Write the movie."""
        self.write()

    def write(self):
        """Write the movie of the pictures so far: to be called where training ended early."""
        write_movie(self.path, self.grid.pictures, seconds=self.seconds, max_frames=self.max_frames)
