import numpy as np
import pytest
from PIL import Image

from kgan.callbacks import SampleGrid, SampleMovie
from support.networks import small_gan, small_images


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
                still = np.asarray(picture, dtype=int)
            assert np.abs(np.asarray(movie.convert("L"), dtype=int) - still).mean() < 8  # of 16 shades


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"`path` must be a file that ends in \.gif, got 'samples\.mp4'"):
        SampleMovie("samples.mp4", SampleGrid(tmp_path))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seconds": 0}, "`seconds` must be a positive number, got 0"),
        ({"max_frames": 0}, "`max_frames` must be a positive integer, got 0"),
    ],
)
def test_numbers_out_of_range_are_named_before_training(options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        SampleMovie("samples.gif", SampleGrid(tmp_path), **options)


def test_a_grid_that_does_not_draw_is_named_before_training(tmp_path):
    gan, movie = small_gan(), SampleMovie(tmp_path / "samples.gif", SampleGrid(tmp_path))
    with pytest.raises(ValueError, match="`grid` must be a SampleGrid that stands before this"):
        gan.fit(small_images(8), batch_size=8, verbose=0, callbacks=[movie])
    assert int(gan.step.value) == 0


def test_length_and_number_of_frames_are_passed_on(tmp_path):
    grid = SampleGrid(tmp_path / "samples", every_steps=1, rows=2)
    movie = SampleMovie(tmp_path / "samples.gif", grid, seconds=0.4, max_frames=2)
    gan = small_gan(image_shape=(4, 4, 1), learning_rate=0.1)
    gan.fit(small_images(20, (4, 4, 1)), batch_size=4, verbose=0, callbacks=[grid, movie])
    with Image.open(tmp_path / "samples.gif") as shown:
        assert (shown.n_frames, shown.info["duration"]) == (2, 200)
