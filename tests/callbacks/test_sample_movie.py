import numpy as np
import pytest
from PIL import Image

from conftest import small_gan, small_images
from kgan.callbacks import SampleGrid, SampleMovie


def test_the_movie_of_a_run_has_a_frame_for_each_picture_of_the_grid(tmp_path):
    grid = SampleGrid(tmp_path / "samples", every_steps=2, rows=2)
    gan = small_gan(image_shape=(4, 4, 1), learning_rate=0.1)
    callbacks = [grid, SampleMovie(tmp_path / "samples.gif", grid)]
    gan.fit(small_images(20, (4, 4, 1)), batch_size=4, verbose=0, callbacks=callbacks)  # 5 steps
    with Image.open(tmp_path / "samples.gif") as movie:
        assert movie.n_frames == len(grid.pictures) == 4
        for k, path in enumerate(grid.pictures):
            movie.seek(k)
            with Image.open(path) as picture:
                still = np.asarray(picture.reduce(2), dtype=int)
            assert np.abs(np.asarray(movie.convert("L"), dtype=int) - still).mean() < 8  # of 16 shades


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"`path` must be a file that ends in \.gif, got 'samples\.mp4'"):
        SampleMovie("samples.mp4", SampleGrid(tmp_path))
