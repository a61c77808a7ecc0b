import keras
import numpy as np
import pytest
from PIL import Image

from kgan.callbacks import SampleGrid
from kgan.pictures import image_grid
from support.networks import small_gan, small_images

IMAGES = small_images(20, (4, 4, 1))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def trained(epochs=2, **options):
    gan = small_gan(image_shape=(4, 4, 1))
    gan.fit(IMAGES, batch_size=8, epochs=epochs, verbose=0, callbacks=[SampleGrid(rows=2, **options)])
    return gan


def test_a_picture_at_the_start_and_after_each_epoch(tmp_path):
    trained(directory=tmp_path / "samples")
    assert names(tmp_path / "samples") == ["epoch-0000.png", "epoch-0001.png", "epoch-0002.png"]


def test_a_picture_every_n_steps_and_after_the_last(tmp_path):
    trained(directory=tmp_path, every_steps=4)  # 6 steps in all
    assert names(tmp_path) == ["step-000000.png", "step-000004.png", "step-000006.png"]


def test_the_pictures_of_a_grid_are_listed_in_their_order(tmp_path):
    grid = SampleGrid(tmp_path, every_steps=4, rows=2)
    gan = small_gan(image_shape=(4, 4, 1))
    gan.fit(IMAGES, batch_size=8, epochs=2, verbose=0, callbacks=[grid])
    grid.draw_last()  # is there already
    assert [path.name for path in grid.pictures] == names(tmp_path)


def test_several_steps_an_execution_are_counted_one_by_one(tmp_path):
    if keras.backend.backend() == "torch":
        pytest.skip("torch runs one step at a time")
    gan = small_gan(image_shape=(4, 4, 1))
    gan.compile("adam", "adam", steps_per_execution=2)
    gan.fit(
        IMAGES, batch_size=5, epochs=2, verbose=0, callbacks=[SampleGrid(tmp_path, every_steps=3, rows=2)]
    )
    # After executions of two steps: 2, 4, 6, 8; a picture where a multiple of 3 was passed.
    assert names(tmp_path) == ["step-000000.png", "step-000004.png", "step-000006.png", "step-000008.png"]


def test_images_that_are_no_pictures_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"`image_shape` must be \(height, width, 1 or 3\), got \(4,\)"):
        small_gan().fit(small_images(8), batch_size=8, verbose=0, callbacks=[SampleGrid(tmp_path)])


def test_numbers_go_on_over_the_models_life(tmp_path):
    gan = trained(directory=tmp_path / "first", every_epochs=2)
    gan.fit(IMAGES, batch_size=8, verbose=0, callbacks=[SampleGrid(tmp_path / "next", every_steps=2, rows=2)])
    assert names(tmp_path / "first") == ["epoch-0000.png", "epoch-0002.png"]
    assert names(tmp_path / "next") == ["step-000006.png", "step-000008.png", "step-000009.png"]


def test_a_picture_shows_the_samples_of_the_fixed_latents(tmp_path):
    gan = trained(directory=tmp_path, seed=5)
    expected = image_grid(gan.sample(4, seed=5), columns=2)
    picture = np.asarray(Image.open(tmp_path / "epoch-0002.png"))
    np.testing.assert_array_equal(picture, expected)
    assert not np.array_equal(picture, np.asarray(Image.open(tmp_path / "epoch-0000.png")))


def test_pictures_do_not_change_the_training(tmp_path):
    with_pictures, without = trained(directory=tmp_path, every_steps=1), small_gan(image_shape=(4, 4, 1))
    without.fit(IMAGES, batch_size=8, epochs=2, verbose=0)
    np.testing.assert_array_equal(with_pictures.sample(4, seed=0), without.sample(4, seed=0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every_steps": 0}, "`every_steps` must be a positive integer, got 0"),
        ({"every_epochs": -1}, "`every_epochs` must be a positive integer, got -1"),
        ({"every_steps": 1, "every_epochs": 1}, "Give one of `every_steps` and `every_epochs`, got 1 and 1"),
        ({"rows": 0}, "`rows` must be a positive integer, got 0"),
    ],
)
def test_bad_options_are_named(options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        SampleGrid(tmp_path, **options)


def test_a_second_fit_lists_no_picture_twice_and_each_with_its_step(tmp_path):
    grid, gan = SampleGrid(tmp_path, rows=2), small_gan(image_shape=(4, 4, 1))
    for _ in range(2):
        gan.fit(IMAGES, batch_size=8, verbose=0, callbacks=[grid])  # 3 steps
    assert [path.name for path in grid.pictures] == ["epoch-0000.png", "epoch-0001.png", "epoch-0002.png"]
    assert grid.steps == [0, 3, 6]
