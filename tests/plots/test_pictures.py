import numpy as np
import pytest
from PIL import Image

from kgan.pictures import image_grid, write_frames, write_grid, write_movie, write_stages


@pytest.fixture
def pictures(tmp_path):
    """Seven grey pictures of 40 × 40, each lighter than the one before."""
    return shades(tmp_path, size=40)


def shades(folder, *, size):
    paths = [folder / f"step-{1000 * k:06d}.png" for k in range(7)]
    for k, path in enumerate(paths):
        Image.fromarray(np.full((size, size), 40 * k, "uint8")).save(path)
    return paths


def test_a_grid_puts_each_image_in_its_cell():
    images = np.zeros((3, 2, 2, 1))
    images[0], images[1], images[2] = -1, 0, 1
    grid = image_grid(images, columns=2, scale=4)
    assert grid.shape == (2 * 3 * 4, 2 * 3 * 4)
    assert grid.dtype == "uint8"
    assert (grid[:8, :8] == 0).all()
    assert (grid[:8, 12:20] == 128).all()
    assert (grid[12:20, :8] == 255).all()
    assert set(np.unique(grid[8:12])) == {40}  # the gap
    assert (grid[12:20, 12:20] == 40).all()  # no fourth image


def test_colours_keep_their_channels():
    red = np.full((1, 2, 2, 3), -1.0)
    red[..., 0] = 1
    grid = image_grid(red, columns=1, scale=1)
    assert grid.shape == (3, 3, 3)
    assert grid[0, 0].tolist() == [255, 0, 0]


def test_a_grid_is_written_as_it_is_drawn(tmp_path):
    images = np.random.default_rng(0).uniform(-1, 1, (5, 4, 4, 3))
    write_grid(tmp_path / "new" / "grid.png", images, columns=3, scale=2)
    written = np.asarray(Image.open(tmp_path / "new" / "grid.png"))
    np.testing.assert_array_equal(written, image_grid(images, columns=3, scale=2))


def test_images_that_are_no_pictures_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"`image_shape` must be \(height, width, 1 or 3\), got \(4,\)"):
        write_grid(tmp_path / "grid.png", np.zeros((2, 4)), columns=2)
    assert list(tmp_path.iterdir()) == []


def test_stages_show_the_first_the_middle_and_the_last_under_their_names(pictures, tmp_path):
    write_stages(tmp_path / "progress.png", pictures)
    sheet = np.asarray(Image.open(tmp_path / "progress.png"))
    heading = 16
    assert sheet.shape == (40 + 2 * heading, 3 * 40 + 2 * heading, 3)
    for k, shade in enumerate((0, 3 * 40, 6 * 40)):
        left = k * (40 + heading)
        assert (sheet[2 * heading :, left : left + 40] == shade).all()
        assert (sheet[: 2 * heading, left : left + 40] < 128).any()  # a name
    assert (sheet[2 * heading :, 40 : 40 + heading] == 255).all()


@pytest.mark.parametrize(("number", "shown"), [(1, 1), (2, 2), (3, 3), (7, 3)])
def test_of_fewer_than_three_pictures_all_are_shown(pictures, tmp_path, number, shown):
    write_stages(tmp_path / "progress.png", pictures[:number])
    with Image.open(tmp_path / "progress.png") as sheet:
        assert sheet.width == shown * 56 - 16


def frames(path):
    shown = []
    with Image.open(path) as movie:
        for k in range(movie.n_frames):
            movie.seek(k)
            shown.append((round(np.asarray(movie.convert("L")).mean()), movie.info["duration"], movie.size))
        return movie.info["loop"], shown


def test_a_movie_shows_every_picture_and_rests_on_the_last(pictures, tmp_path):
    write_movie(tmp_path / "samples.gif", pictures)
    loop, shown = frames(tmp_path / "samples.gif")
    assert loop == 0
    assert [shade for shade, _, _ in shown] == pytest.approx([40 * k for k in range(7)], abs=2)
    assert [duration for _, duration, _ in shown] == [500] * 6 + [2000]
    assert {size for _, _, size in shown} == {(40, 40)}


def test_large_pictures_are_shown_at_half_their_size(tmp_path):
    write_movie(tmp_path / "samples.gif", shades(tmp_path, size=500))
    assert {size for _, _, size in frames(tmp_path / "samples.gif")[1]} == {(250, 250)}


def test_a_movie_of_colours_keeps_them(tmp_path):
    colors = np.random.default_rng(0).integers(0, 256, (8, 8, 3), "uint8").repeat(5, axis=0).repeat(5, axis=1)
    for name in ("a.png", "b.png"):
        Image.fromarray(colors).save(tmp_path / name)
    write_movie(tmp_path / "samples.gif", [tmp_path / "a.png", tmp_path / "b.png"])
    with Image.open(tmp_path / "samples.gif") as movie:
        shown = np.asarray(movie.convert("RGB"), dtype=int)
    assert np.abs(shown - colors).mean() < 4


def test_what_is_not_a_number_is_drawn_grey():
    grid = image_grid(np.full((1, 2, 2, 1), np.nan), columns=1, scale=1)
    assert (grid[:2, :2] == 128).all()


def test_of_many_pictures_a_movie_shows_some_evenly_spread(pictures, tmp_path):
    write_movie(tmp_path / "samples.gif", pictures, max_frames=4, seconds=1)
    _, shown = frames(tmp_path / "samples.gif")
    assert [shade for shade, _, _ in shown] == pytest.approx([0, 80, 160, 240], abs=2)
    assert [duration for _, duration, _ in shown] == [250] * 3 + [2000]
    write_movie(tmp_path / "samples.gif", pictures, max_frames=1)
    assert frames(tmp_path / "samples.gif")[1][0][0] == pytest.approx(240, abs=2)  # the last


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda path: write_movie(path, []), "`pictures` must be one picture or more, got 0"),
        (lambda path: write_stages(path, []), "`pictures` must be one picture or more, got 0"),
        (lambda path: write_movie(path, [path], seconds=0), "`seconds` must be a positive number, got 0"),
        (lambda path: write_movie(path, [path], seconds=np.inf), "`seconds` must be a positive number"),
        (lambda path: write_grid(path, np.zeros((1, 2, 2, 1)), columns=0), "`columns` must be a positive"),
        (lambda path: write_grid(path, np.zeros((0, 2, 2, 1)), columns=1), "`images` must be one image or"),
        (lambda path: write_movie(path, [path], max_frames=0), "`max_frames` must be a positive integer"),
    ],
)
def test_values_out_of_range_are_named(call, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        call(tmp_path / "samples.gif")
    assert list(tmp_path.iterdir()) == []


def test_the_middle_is_the_picture_nearest_to_half_the_last_number(tmp_path):
    paths = [tmp_path / f"step-{number:06d}.png" for number in (0, 100, 200, 300, 400, 990, 1000)]
    for shade, path in enumerate(paths):
        Image.fromarray(np.full((40, 40), 30 * shade, "uint8")).save(path)
    write_stages(tmp_path / "progress.png", paths)
    with Image.open(tmp_path / "progress.png") as sheet:
        assert np.asarray(sheet)[40, 56 + 20].tolist() == [120] * 3  # step 400


@pytest.mark.parametrize("channels", [1, 3])
def test_frames_lie_side_by_side_without_gaps(tmp_path, channels):
    images = np.linspace(-1, 1, 3 * 4 * 5 * channels).reshape(3, 4, 5, channels).astype("float32")
    write_frames(tmp_path / "new" / "frames.png", images)
    with Image.open(tmp_path / "new" / "frames.png") as picture:
        pixels = np.asarray(picture).reshape(4, 15, channels)
    for k, image in enumerate(images):
        np.testing.assert_array_equal(pixels[:, 5 * k : 5 * (k + 1)], np.round((image + 1) * 127.5))
    with pytest.raises(ValueError, match="`images` must be one image or more, got 0"):
        write_frames(tmp_path / "frames.png", images[:0])
