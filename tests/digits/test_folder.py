"""Folders of images: what is read of them, and what is refused."""

import io
import os
import re
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

import kgan
from kgan import digits
from kgan.digits import decoding, folder
from support.image_files import color, write_folder


def as_floats(pixels):
    return (pixels / 127.5 - 1).astype("float32")


def saved(tmp_path, image, name="a.png", **options):
    image.save(tmp_path / name, **options)
    return tmp_path / name


def test_a_folder_s_images_are_loaded_in_the_order_of_classes_and_names(tmp_path):
    pixels, labels = write_folder(tmp_path, color(7))
    images, found = kgan.load_images(tmp_path)
    np.testing.assert_allclose(images, as_floats(pixels), atol=1e-6)
    assert images.dtype == "float32"
    assert found.tolist() == labels.tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert digits.find_source("images", data_dir=tmp_path).classes == ("ant", "bird")


def test_files_deeper_down_are_of_the_first_folder_s_class_and_a_flat_folder_is_one_class(tmp_path):
    pixels = color(3)
    for k, name in enumerate(("b/x/1.png", "b/y/0.png", "a/2.png")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels[k]).save(tmp_path / name)
    images, labels = kgan.load_images(tmp_path)
    np.testing.assert_allclose(images, as_floats(pixels[[2, 0, 1]]), atol=1e-6)
    assert labels.tolist() == [0, 1, 1]
    images, labels = kgan.load_images(tmp_path / "b" / "x")
    assert labels.tolist() == [0]
    assert digits.find_source("images", data_dir=tmp_path / "b" / "x").classes == ()


def test_folders_train_and_test_are_splits(tmp_path):
    train, test = color(4, seed=1), color(2, seed=2)
    ours, _ = write_folder(tmp_path / "train", train)
    write_folder(tmp_path / "test", test, classes=("bird",))
    np.testing.assert_allclose(kgan.load_images(tmp_path)[0], as_floats(ours), atol=1e-6)
    np.testing.assert_allclose(kgan.load_images(tmp_path, "test")[0], as_floats(test), atol=1e-6)
    with pytest.raises(ValueError, match=r"`split` must be 'train' for .*, got 'test'"):
        kgan.load_images(tmp_path / "train", "test")


def test_the_classes_of_train_number_the_test_images_too(tmp_path):
    write_folder(tmp_path / "train", color(3), classes=("ant", "bird", "cat"))
    write_folder(tmp_path / "test", color(2), classes=("bird", "cat"))
    assert kgan.load_images(tmp_path, "test")[1].tolist() == [1, 2]
    write_folder(tmp_path / "test", color(1), classes=("bat",))
    message = re.escape(f"{tmp_path / 'test'} holds images of the class 'bat', unlike those for training")
    with pytest.raises(ValueError, match=message):
        kgan.load_images(tmp_path, "test")


def test_grey_files_make_grey_images_and_one_of_colour_makes_all_of_colour(tmp_path):
    grey = color(2)[..., 0]
    for k, image in enumerate(grey):
        saved(tmp_path, Image.fromarray(image), f"{k}.png")
    np.testing.assert_allclose(kgan.load_images(tmp_path)[0], as_floats(grey[..., None]), atol=1e-6)
    tripled = as_floats(np.repeat(grey[..., None], 3, axis=-1))
    np.testing.assert_allclose(kgan.load_images(tmp_path, channels=3)[0], tripled, atol=1e-6)
    saved(tmp_path, Image.fromarray(color(1)[0]), "2.png")
    assert kgan.load_images(tmp_path)[0].shape == (3, 16, 16, 3)
    assert kgan.load_images(tmp_path, channels=1)[0].shape == (3, 16, 16, 1)


def test_the_square_in_the_middle_is_scaled_to_the_size(tmp_path):
    # Thirds of 8 columns: red, then a square of four blocks, then blue. What is left is the square.
    pixels = np.zeros((8, 24, 3), "uint8")
    pixels[:, :8], pixels[:, 16:] = (255, 0, 0), (0, 0, 255)
    pixels[:, 8:16, 1] = np.kron([[0, 80], [160, 240]], np.ones((4, 4)))
    saved(tmp_path, Image.fromarray(pixels))
    (image,), _ = kgan.load_images(tmp_path, image_size=4)
    assert image[..., [0, 2]].max() == -1
    found = np.round((image[..., 1] + 1) * 127.5)
    # Corners are far from the edges between blocks, where the filter of Lanczos overshoots.
    np.testing.assert_allclose(found[[0, 0, 3, 3], [0, 3, 0, 3]], [0, 80, 160, 240], atol=4)


def test_a_large_photo_is_scaled_as_its_whole_pixels_are(tmp_path):
    smooth = np.linspace(0, 255, 640).astype("uint8")
    photo = Image.fromarray(np.stack([np.tile(smooth, (640, 1))] * 3, axis=-1))
    saved(tmp_path, photo, "a.jpg", quality=95)
    (image,), _ = kgan.load_images(tmp_path, image_size=16)
    expected = smooth.reshape(16, 40).mean(axis=1)
    np.testing.assert_allclose((image[8, :, 0] + 1) * 127.5, expected, atol=3)


def test_a_large_photo_keeps_its_detail(tmp_path):
    waves = 127.5 + 100 * np.sin(2 * np.pi * 16 * np.arange(320) / 320)  # four pixels of 64 each
    photo = Image.fromarray(np.add.outer(waves, waves - 127.5).clip(0, 255).astype("uint8"))
    whole = Image.open(saved(tmp_path, photo, "a.jpg", quality=95))
    (image,), _ = kgan.load_images(tmp_path, image_size=64)
    expected = np.asarray(whole.resize((64, 64), Image.Resampling.LANCZOS), "float64")
    assert expected.std() > 50
    np.testing.assert_allclose((image[..., 0] + 1) * 127.5, expected, atol=6)


def test_transparent_parts_are_white(tmp_path):
    pixels = np.zeros((16, 16, 4), "uint8")
    pixels[:8, :, 3], pixels[8:, :, 3] = 255, 51  # opaque black, and a fifth of it
    saved(tmp_path, Image.fromarray(pixels), "rgba.png")
    palette = Image.fromarray(np.zeros((16, 16), "uint8")).convert("P")
    saved(tmp_path, palette, "palette.png", transparency=0)
    images, _ = kgan.load_images(tmp_path, channels=3)
    assert (images[0] == 1).all()
    assert (images[1, :8] == -1).all()
    np.testing.assert_allclose((images[1, 8:] + 1) * 127.5, 0.8 * 255, atol=1)


def test_sixteen_bits_are_rounded_to_eight(tmp_path):
    values = np.array([0, 128, 129, 257 * 100, 65535], "uint16")
    saved(tmp_path, Image.fromarray(np.resize(values, (16, 5))))
    (image,), _ = kgan.load_images(tmp_path)
    assert np.round((image[0, :, 0] + 1) * 127.5).tolist() == [0, 0, 1, 100, 255]


def test_palettes_are_grey_where_all_their_colours_are(tmp_path):
    grey = Image.fromarray(color(1)[0, ..., 0])
    assert decoding.look(saved(tmp_path, grey.convert("P"), "grey.png")).is_grey
    assert not decoding.look(saved(tmp_path, Image.fromarray(color(1)[0]).quantize(8), "red.png")).is_grey


@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_upright_as_exif_says(orientation, tmp_path):
    from PIL import ImageOps

    pixels = np.zeros((16, 24, 3), "uint8")
    pixels[:8, :8], pixels[8:, :8] = 255, 120
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path, Image.fromarray(pixels), "a.png", exif=exif)
    seen = decoding.look(path)
    with Image.open(path) as picture:  # Pillow's own is the oracle
        expected = np.asarray(ImageOps.exif_transpose(picture))
    assert seen.size == expected.shape[:2]
    found = decoding.decode(path, channels=3, orientation=seen.orientation)
    np.testing.assert_array_equal(found, expected)


def png_that_promises(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


def png_bytes():
    file = io.BytesIO()
    Image.fromarray(color(1)[0]).save(file, "png")
    return file.getvalue()


DAMAGED = {
    "empty": b"",
    "text": b"this is no image",
    "cut short": png_bytes()[:400],
    "flipped": png_bytes()[:200] + bytes([png_bytes()[200] ^ 255]) + png_bytes()[201:],
    "without pixels": png_that_promises(16, 16),
    "a postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 16 16\n",
}


@pytest.mark.parametrize("what", sorted(DAMAGED))
def test_a_damaged_file_is_named_with_the_way_out(what, tmp_path):
    write_folder(tmp_path, color(3), classes=("a",))
    (tmp_path / "a" / "001.png").write_bytes(DAMAGED[what])
    with pytest.raises(
        ValueError, match=r"a/001\.png is no whole image \(.+\): mend or remove it\.$"
    ) as caught:
        kgan.load_images(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("width", "height"), [(10_000, 9_000), (60_000, 60_000)])
def test_a_decompression_bomb_is_refused_by_its_header(width, height, tmp_path):
    (tmp_path / "a.png").write_bytes(png_that_promises(width, height))
    with pytest.raises(ValueError, match=r"a\.png has more than 89,478,485 pixels: shrink or remove it"):
        kgan.load_images(tmp_path, image_size=16)


def test_numbers_of_unknown_range_are_refused(tmp_path):
    saved(tmp_path, Image.fromarray(np.ones((16, 16), "float32")), "a.tif")
    with pytest.raises(ValueError, match=r"a\.tif has 32 bits a pixel, of unknown range: save it with 8"):
        kgan.load_images(tmp_path)


def test_a_file_that_may_not_be_read_is_an_oserror_that_names_it(tmp_path, monkeypatch):
    path = saved(tmp_path, Image.fromarray(color(1)[0]))

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Image, "open", refuse)
    with pytest.raises(PermissionError, match=r"Permission denied.*a\.png"):
        kgan.load_images(tmp_path)


def test_mixed_sizes_are_named_and_one_size_makes_them_alike(tmp_path):
    saved(tmp_path, Image.fromarray(color(1, side=20)[0]), "a.png")
    saved(tmp_path, Image.fromarray(color(1, side=40)[0]), "b.png")
    message = (
        rf"The images are of different sizes, such as {re.escape(str(tmp_path))}/a\.png of 20 × 20 and "
        r".*b\.png of 40 × 40: give image_size \(--image-size\), such as 20, to which all are cropped "
        r"and scaled\."
    )
    with pytest.raises(ValueError, match=message):
        kgan.load_images(tmp_path)
    assert kgan.load_images(tmp_path, image_size=16)[0].shape == (2, 16, 16, 3)


def test_large_images_are_not_taken_at_their_own_size_unasked(tmp_path):
    saved(tmp_path, Image.new("RGB", (300, 300)))
    with pytest.raises(
        ValueError, match=r"The images are of 300 × 300 pixels: give image_size .* such as 64"
    ):
        kgan.load_images(tmp_path)
    assert kgan.load_images(tmp_path, image_size=300)[0].shape == (1, 300, 300, 3)


def test_a_test_image_of_another_size_is_named(tmp_path):
    write_folder(tmp_path / "train", color(2))
    write_folder(tmp_path / "test", color(1, side=20))
    with pytest.raises(ValueError, match=r"000\.png is of 20 × 20, not of 16 × 16: scale or remove it"):
        kgan.load_images(tmp_path, "test")


@pytest.mark.parametrize("size", [0, 30, 16.0, True, "16"])
def test_a_size_must_be_a_multiple_of_4(size, tmp_path):
    with pytest.raises(ValueError, match="`image_size` must be a positive multiple of 4, or None, got"):
        kgan.load_images(tmp_path, image_size=size)


def test_what_is_no_folder_of_images_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"`data_dir` must be a folder of images, got '.*nowhere'"):
        kgan.load_images(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("none")
    with pytest.raises(FileNotFoundError, match=r"holds no images: .* files that end in \.png, \.jpg"):
        kgan.load_images(tmp_path)
    with pytest.raises(ValueError, match=r"`data_dir` \(--data-dir\) must name the folder of the images"):
        kgan.load_images()
    with pytest.raises(ValueError, match="`channels` must be 1 for grey, 3 for colour, or None, got 4"):
        kgan.load_images(tmp_path, channels=4)
    with pytest.raises(ValueError, match="`channels` must be 1 for grey, 3 for colour, or None, got True"):
        kgan.load_images(tmp_path, channels=True)


def test_images_beside_the_classes_are_not_left_out_but_refused(tmp_path):
    write_folder(tmp_path, color(2))
    saved(tmp_path, Image.fromarray(color(1)[0]), "stray.png")
    with pytest.raises(
        ValueError, match=r"both in subfolders, which are classes, and beside them.*stray\.png"
    ):
        kgan.load_images(tmp_path)


def test_other_files_are_left_out_with_a_line_and_hidden_ones_without(tmp_path, caplog):
    write_folder(tmp_path, color(2))
    for name in ("b.txt", "ant/c.csv", ".hidden.png", ".git/x.png", "d.md", "e.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("text")
    assert len(kgan.load_images(tmp_path)[0]) == 2
    line = (
        f"kgan: left out of {tmp_path}, for their suffixes are not of images: b.txt, d.md, e.json and 1 more."
    )
    assert caplog.messages == [line]


def test_a_name_of_two_lines_is_named_in_one(tmp_path, caplog):
    write_folder(tmp_path, color(2))
    (tmp_path / "two\nlines.txt").write_text("text")
    kgan.load_images(tmp_path)
    assert caplog.messages[0].endswith(r": 'two\nlines.txt'.")


def test_devices_and_pipes_are_named_and_not_opened(tmp_path):
    write_folder(tmp_path, color(2))
    (tmp_path / "ant" / "a.png").symlink_to(os.devnull)  # a pipe would let a test that fails wait for ever
    with pytest.raises(ValueError, match=r"a\.png is no regular file: remove it\."):
        kgan.load_images(tmp_path)


def test_a_link_that_leads_back_ends(tmp_path):
    write_folder(tmp_path, color(2))
    (tmp_path / "ant" / "again").symlink_to(tmp_path, target_is_directory=True)
    assert len(kgan.load_images(tmp_path)[0]) == 2


def test_two_classes_may_be_links_to_one_folder(tmp_path):
    write_folder(tmp_path / "stored", color(2))
    for name in ("ant", "bee"):
        (tmp_path / "classes").mkdir(exist_ok=True)
        (tmp_path / "classes" / name).symlink_to(tmp_path / "stored" / "ant", target_is_directory=True)
    assert kgan.load_images(tmp_path / "classes")[1].tolist() == [0, 1]


def checksum(path):
    return digits.find_source("images", data_dir=path).checksums("train")


def test_the_checksum_changes_with_bytes_and_names_and_not_with_the_place(tmp_path):
    write_folder(tmp_path / "x", color(4))
    write_folder(tmp_path / "y", color(4))
    before = checksum(tmp_path / "x")
    assert before == checksum(tmp_path / "y")
    assert list(before) == ["images"]
    file = tmp_path / "y" / "ant" / "001.png"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert checksum(tmp_path / "y") != before
    file.write_bytes(whole)
    assert checksum(tmp_path / "y") == before
    file.rename(file.with_name("002.png"))
    assert checksum(tmp_path / "y") != before


def test_of_a_large_folder_all_names_and_sizes_are_summed_and_some_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "_WHOLE", 100)
    monkeypatch.setattr(folder, "_SUMMED", 2)
    write_folder(tmp_path, color(5), classes=("a",))
    before = checksum(tmp_path)
    assert list(before) == ["images (2 of them, and all names)"]
    first, middle = tmp_path / "a" / "000.png", tmp_path / "a" / "002.png"
    for file, is_seen in ((first, True), (middle, False)):
        whole = file.read_bytes()
        file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        assert (checksum(tmp_path) != before) == is_seen
        file.write_bytes(whole)
    middle.write_bytes(middle.read_bytes() + b"0")
    assert checksum(tmp_path) != before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"name": "cifar10"},
            "`data` must be one of mnist, .*, images, or tfds:NAME of tensorflow-datasets, got",
        ),
        ({"name": "tfds:"}, "`data` must be one of"),
        ({"name": "tfds:../up"}, "`data` must be one of"),
        ({"name": "mnist", "image_size": 32}, "`image_size` must be None for 'mnist', whose images are grey"),
    ],
)
def test_names_and_sizes_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        kgan.load_images(**options)
