"""Data sets of tensorflow-datasets by name, read and prepared without TensorFlow."""

import io
import json
import shutil
import tarfile
import time

import numpy as np
import pytest

import kgan
from kgan import digits
from kgan.digits import preparing
from kgan.digits.lazy import LazyImages
from support.processes import run_python

# Builders of the tests' own, in an interpreter in which there is no TensorFlow.
BUILDERS = """
import sys
from importlib.machinery import PathFinder
from pathlib import Path

class WithoutTensorFlow(PathFinder):
    def find_spec(name, *rest):
        return None if name == "tensorflow" else PathFinder.find_spec(name, *rest)

sys.meta_path[sys.meta_path.index(PathFinder)] = WithoutTensorFlow

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

FEATURES = tfds.features

def pixels(n, seed, side=16, channels=3):
    return np.random.default_rng(seed).integers(0, 256, (n, side, side, channels), "uint8")

class Base(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.2.0")
    label = FEATURES.ClassLabel(names=["ant", "bird"])
    features = {"image": FEATURES.Image(shape=(16, 16, 3)), "label": label}
    splits = {"train": 6, "test": 3}

    def _info(self):
        features = FEATURES.FeaturesDict(self.features)
        return tfds.core.DatasetInfo(builder=self, features=features, disable_shuffling=True)

    def _split_generators(self, dl_manager):
        named = enumerate(self.splits.items())
        return {split: self._generate_examples(n, seed) for seed, (split, n) in named}

    def _generate_examples(self, n, seed):
        for k, image in enumerate(pixels(n, seed)):
            yield k, {"image": Image.fromarray(image), "label": k % 2}

class Small(Base):
    pass

class OnlyTest(Base):
    splits = {"test": 2}

class Words(Base):
    features = {"text": FEATURES.Text(), "label": FEATURES.ClassLabel(num_classes=2)}

    def _generate_examples(self, n, seed):
        for k in range(n):
            yield k, {"text": "word", "label": k % 2}

class Pairs(Base):
    features = {name: FEATURES.Image(shape=(16, 16, 3)) for name in ("left", "right")}

    def _generate_examples(self, n, seed):
        for k, image in enumerate(pixels(n, seed)):
            yield k, {name: Image.fromarray(image) for name in self.features}

class Sizes(Base):
    features = {"picture": FEATURES.Image(shape=(None, None, 1))}

    def _generate_examples(self, n, seed):
        for k in range(n):
            yield k, {"picture": Image.fromarray(pixels(1, k, side=16 + 4 * k)[0, ..., 0])}
"""
PREPARE = (
    BUILDERS
    + """
for builder in (Small, OnlyTest, Words, Pairs, Sizes):
    builder(data_dir=sys.argv[1], file_format="array_record").download_and_prepare()
"""
)


def pixels(n, seed):
    return np.random.default_rng(seed).integers(0, 256, (n, 16, 16, 3), "uint8")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Folder in which small data sets are prepared."""
    path = tmp_path_factory.mktemp("tensorflow_datasets")
    finished = run_python(PREPARE, path)
    assert finished.returncode == 0, finished.stderr
    return path


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KGAN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_images_that_are_prepared_are_loaded_and_then_come_from_the_cache(prepared, own_cache, monkeypatch):
    for _ in range(2):
        images, labels = kgan.load_images(prepared, name="tfds:small")
        np.testing.assert_allclose(images, pixels(6, 0) / 127.5 - 1, atol=1e-6)
        assert labels.tolist() == [0, 1, 0, 1, 0, 1]
        images, labels = kgan.load_images(prepared, "test", name="tfds:small")
        np.testing.assert_allclose(images, pixels(3, 1) / 127.5 - 1, atol=1e-6)
        monkeypatch.setattr("kgan.digits.catalogue.run_child", None)  # and is not needed again
    source = digits.find_source("tfds:small", data_dir=prepared)
    assert source.classes == ("ant", "bird")
    assert source.num_images("train") == 6
    assert source.image_shape == (16, 16, 3)


def test_what_is_read_as_it_is_wanted_is_the_same(prepared, own_cache):
    source = digits.find_source("tfds:small", data_dir=prepared, image_size=8, channels=1)
    images, labels = digits.split_for_training(source, stream=True)
    assert isinstance(images, LazyImages)
    array, theirs = digits.load_split(source, "train")
    assert images.shape == array.shape == (6, 8, 8, 1)
    assert images[:].tobytes() == array.tobytes()
    assert labels.tolist() == theirs.tolist()


def test_data_that_are_prepared_anew_are_read_anew(prepared, own_cache, tmp_path):
    own = tmp_path / "own"
    shutil.copytree(prepared / "small", own / "small")
    before = digits.find_source("tfds:small", data_dir=own).checksums("train")
    assert before == digits.find_source("tfds:small", data_dir=prepared).checksums("train")
    folder = own / "small" / "1.2.0"
    whole = folder / "small-train.array_record-00000-of-00001"
    whole.write_bytes(whole.read_bytes()[:100])
    with pytest.raises(
        OSError, match=r"tfds:small could not be read from .*small/1\.2\.0 \(.+\): prepare it anew"
    ):
        kgan.load_images(own, name="tfds:small")


def test_without_a_folder_a_cache_that_cannot_be_written_costs_no_image(prepared, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("KGAN_CACHE", str(tmp_path / "file" / "below"))
    images, _ = kgan.load_images(prepared, name="tfds:small")
    np.testing.assert_allclose(images, pixels(6, 0) / 127.5 - 1, atol=1e-6)


REFUSED = {
    "tfds:words": r"tfds:words cannot be used: it has no images; its features are label, text\.",
    "tfds:only_test": r"tfds:only_test cannot be used: it has no split train, but test\.",
    "tfds:pairs": r"it has several images, left, right, and none is named image\.",
    "tfds:sizes": r"its images are of different sizes, such as 16 × 16 and 20 × 20: give image_size",
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_is_no_set_of_images_is_refused_in_one_line(name, prepared, own_cache):
    with pytest.raises(ValueError, match=REFUSED[name]) as caught:
        kgan.load_images(prepared, name=name)
    assert "\n" not in str(caught.value)


def test_mixed_sizes_are_scaled_where_asked_and_an_only_image_needs_no_name(prepared, own_cache):
    images, labels = kgan.load_images(prepared, name="tfds:sizes", image_size=8)
    assert images.shape == (6, 8, 8, 1)
    assert labels.tolist() == [0] * 6


def test_a_format_that_takes_tensorflow_is_refused_with_the_way_out(prepared, own_cache, tmp_path):
    shutil.copytree(prepared / "small", tmp_path / "small")
    file = tmp_path / "small" / "1.2.0" / "dataset_info.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"fileFormat": "tfrecord"}))
    message = (
        r"small/1\.2\.0 was prepared as tfrecord, which takes TensorFlow to be read: prepare it anew by "
        r"tfds\.builder\('small', file_format='array_record'\)\.download_and_prepare\(\)\."
    )
    with pytest.raises(ValueError, match=message):
        kgan.load_images(tmp_path, name="tfds:small")
    file.write_text("{")
    with pytest.raises(ValueError, match=r"dataset_info\.json is damaged .*: prepare small anew"):
        kgan.load_images(tmp_path, name="tfds:small")


def test_the_newest_version_is_taken_and_of_several_configurations_none(prepared, own_cache, tmp_path):
    for version in ("1.9.0", "1.10.0"):
        shutil.copytree(prepared / "small" / "1.2.0", tmp_path / "small" / version)
    assert "1.10.0" in digits.find_source("tfds:small", data_dir=tmp_path).description
    for config in ("b", "a"):
        shutil.copytree(prepared / "small" / "1.2.0", tmp_path / "many" / config / "1.0.0")
    with pytest.raises(ValueError, match="many holds a, b: say which, as tfds:many/a"):
        digits.find_source("tfds:many", data_dir=tmp_path)
    assert "many/b/1.0.0" in digits.find_source("tfds:many/b", data_dir=tmp_path).description


def test_what_is_neither_at_hand_nor_may_be_downloaded_is_said_at_once(own_cache, tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    message = (
        r"tfds:cifar10 is not prepared here and cannot be downloaded \(KGAN_OFFLINE is set\)\. Nothing was"
    )
    with pytest.raises(ConnectionError, match=message):
        digits.find_source("tfds:cifar10")
    with pytest.raises(
        FileNotFoundError, match=r"`data_dir` .* holds no cifar10 that tensorflow-datasets has"
    ):
        digits.find_source("tfds:cifar10", data_dir=tmp_path)


def test_an_unknown_name_and_a_missing_network_are_said_within_seconds(own_cache, tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("KGAN_OFFLINE")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # where nothing listens
    start = time.monotonic()
    with pytest.raises(
        ValueError, match="tfds:nosuchthing cannot be used: tensorflow-datasets has none of that"
    ):
        kgan.load_images(name="tfds:nosuchthing")
    with pytest.raises(
        OSError, match=r"tfds:cifar10 is not prepared here and cannot be downloaded \(.*refused\)"
    ):
        kgan.load_images(name="tfds:cifar10")
    assert time.monotonic() - start < 30  # 4 on a quiet machine, most of it to import tensorflow-datasets
    assert not list(own_cache.iterdir())


DOWNLOAD = (
    BUILDERS
    + """
import http.server, io, tarfile, threading

class Handler(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.send_response(200)
        self.end_headers()

    def do_GET(self):
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w:gz") as archive:
            body = pixels(4, 0).tobytes()
            entry = tarfile.TarInfo("inside/pixels.bin")
            entry.size = len(body)
            archive.addfile(entry, io.BytesIO(body))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(file.getvalue())

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()

class Served(Base):
    # As CIFAR-10's: an archive, and arrays in place of pictures.
    url_infos = {}

    def _split_generators(self, dl_manager):
        path = dl_manager.download_and_extract({"a": f"http://127.0.0.1:{server.server_port}/x.tar.gz"})["a"]
        return {"train": self._generate_examples(Path(path) / "inside" / "pixels.bin")}

    def _generate_examples(self, path):
        for k, image in enumerate(np.frombuffer(path.read_bytes(), "uint8").reshape(-1, 16, 16, 3)):
            yield k, {"image": image, "label": k % 2}

from kgan.digits import preparing
folder = Path(sys.argv[1])
preparing.fill(folder, name="served", prepared=None, image_size=None, channels=None)
assert not {"tensorflow", "torch", "jax", "keras"} & set(sys.modules)
"""
)


def test_archives_and_arrays_are_prepared_without_tensorflow(tmp_path):
    finished = run_python(DOWNLOAD, tmp_path, KGAN_OFFLINE="0")
    assert finished.returncode == 0, finished.stderr
    assert not (tmp_path / preparing.REFUSAL).exists()
    np.testing.assert_array_equal(np.load(tmp_path / "train-images.npy"), pixels(4, 0))
    labels = np.load(tmp_path / "train-labels.npy").view("<i8")[:, 0]
    assert labels.tolist() == [0, 1, 0, 1]
    assert json.loads(np.load(tmp_path / "classes.npy").tobytes()) == ["ant", "bird"]


def unpack(path, *, has_filter, monkeypatch):
    """Unpack as this Python does, or as one before 3.11.4, which has no filters of tarfile."""
    if has_filter and not hasattr(tarfile, "data_filter"):
        pytest.skip("this Python has no filters")
    if not has_filter:
        monkeypatch.delattr(tarfile, "data_filter", raising=False)
    return preparing._unpacked(path)


def tar(path, *names, link=None):
    """A gzipped archive of files that hold their names, after a link to a folder if one is named."""
    with tarfile.open(path, "w:gz") as archive:
        if link is not None:
            link.symlink_to("/etc")
            archive.add(link, arcname=link.name)
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(name), 0o4777
            archive.addfile(entry, io.BytesIO(name.encode()))
    return path


@pytest.mark.parametrize("has_filter", [True, False])
def test_an_archive_is_unpacked_beside_itself(has_filter, tmp_path, monkeypatch):
    place = unpack(tar(tmp_path / "x.tar.gz", "a/b", "c"), has_filter=has_filter, monkeypatch=monkeypatch)
    assert (place / "a" / "b").read_text() == "a/b"
    assert (place / "c").stat().st_mode & 0o7022 == 0  # no setuid, no writing by others


@pytest.mark.parametrize("has_filter", [True, False])
@pytest.mark.parametrize("name", ["../out", "a/../../out", "link/out"])
def test_an_archive_that_leads_out_of_its_folder_is_refused(has_filter, name, tmp_path, monkeypatch):
    path = tar(tmp_path / "x.tar.gz", name, link=tmp_path / "link" if name == "link/out" else None)
    with pytest.raises(tarfile.TarError):
        unpack(path, has_filter=has_filter, monkeypatch=monkeypatch)
    assert not (tmp_path / "out").exists()
