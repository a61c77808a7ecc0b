import contextlib
import dataclasses
import functools
import gzip
import hashlib
import http.server
import json
import os
import shutil
import signal
import socket
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from kgan import digits, load_digits
from kgan.digits import download, idx, kin, network
from support.processes import run_python, start_python

FILES = [file for files in kin.KIN["mnist"].sha256.values() for file in files]


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of a folder; `server.faults` says what becomes of some of them."""

    def do_GET(self):
        self.server.gets.append(self.path)
        fault = self.server.faults.get(self.path)
        if fault is None:
            super().do_GET()
        else:
            fault(self)

    def log_message(self, *_):
        pass


def close_half_way(handler):
    """Promise a megabyte, send a little, close."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(1 << 20))
    handler.end_headers()
    handler.wfile.write(bytes(10000))


def send_page(handler):
    """A page in place of the file, as hotels do."""
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(b"<html>Please log in</html>")


def hang(handler):
    """Begin to answer and send no more until the test is over."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(1 << 20))
    handler.end_headers()
    handler.wfile.write(bytes(10000))
    handler.wfile.flush()
    handler.server.over.wait(60)


@contextlib.contextmanager
def serving(folder):
    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.gets, server.faults, server.over = [], {}, threading.Event()
        server.url = f"http://127.0.0.1:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join()


def write_small(folder, *, seed):
    """Four IDX files of 40 and 20 images; returns their arrays by file name."""
    rng, arrays = np.random.default_rng(seed), {}
    for part, n in (("train", 40), ("t10k", 20)):
        arrays[f"{part}-images-idx3-ubyte"] = rng.integers(0, 256, (n, 28, 28), "uint8")
        arrays[f"{part}-labels-idx1-ubyte"] = rng.integers(0, 10, n, "uint8")
    for file, array in arrays.items():
        (folder / f"{file}.gz").write_bytes(gzip.compress(idx.serialize(array), mtime=0))
    return arrays


def small_row(name, url, folder):
    """The row of a data set with the sums of small files and the address of a test's server."""
    row = kin.KIN[name]
    sums = {}
    for split, files in row.sha256.items():
        sums[split] = {}
        for file in files:
            raw = (folder / f"{file.removesuffix('.gz')}.gz").read_bytes()
            sums[split][file] = hashlib.sha256(
                raw if file.endswith(".gz") else gzip.decompress(raw)
            ).hexdigest()
    return dataclasses.replace(row, url=url, sha256=sums)


@pytest.fixture
def files(tmp_path):
    path = tmp_path / "files"
    path.mkdir()
    return path


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """A cache of one test's own, and leave to use the network."""
    path = tmp_path / "cache"
    monkeypatch.setenv("KGAN_CACHE", str(path))
    monkeypatch.delenv("KGAN_OFFLINE")
    network._asked.cache_clear()
    yield path
    network._asked.cache_clear()


@pytest.fixture
def server(files, own_cache, monkeypatch):
    """A server of small MNIST, whose row names it."""
    with serving(files) as running:
        running.arrays = write_small(files, seed=0)
        monkeypatch.setitem(kin.KIN, "mnist", small_row("mnist", running.url, files))
        yield running


def left_in(cache):
    return sorted(path.name for path in cache.rglob("*"))


def test_the_rows_name_what_tensorflow_datasets_downloads():
    import tensorflow_datasets as tfds

    for row in kin.KIN.values():
        assert row.url == getattr(tfds.image_classification, row.builder).URL
        registry = Path(tfds.core.tfds_path()) / "url_checksums" / f"{row.name}.txt"
        published = {}
        for line in registry.read_text().splitlines():
            url, size, sha256, _ = line.split("\t")
            published[url] = int(size), sha256
        assert sorted(published) == sorted(f"{row.url}{file.removesuffix('.gz')}.gz" for file in row.files)
        assert round(sum(size for size, _ in published.values()) / 1e6) == row.megabytes
        for file, sha256 in row.files.items():
            if file.endswith(".gz"):
                assert published[row.url + file][1] == sha256


@pytest.mark.parametrize("name", kin.KIN)
def test_each_kin_is_downloaded_once_and_then_comes_from_the_cache(
    name, files, own_cache, monkeypatch, caplog
):
    arrays = write_small(files, seed=1)
    with serving(files) as server:
        monkeypatch.setitem(kin.KIN, name, small_row(name, server.url, files))
        images, labels = load_digits(name)
        gets = list(server.gets)
    assert sorted(gets) == sorted(f"/{file}.gz" for file in FILES)
    assert images.dtype == "float32"
    np.testing.assert_array_equal(np.round((images[..., 0] + 1) * 127.5), arrays["train-images-idx3-ubyte"])
    np.testing.assert_array_equal(labels, arrays["train-labels-idx1-ubyte"])
    (record,) = caplog.records
    row = kin.KIN[name]
    assert record.message == (
        f"kgan: downloading {row.title} ({row.megabytes} MB) from {row.url} into {own_cache}."
    )
    again, _ = load_digits(name)  # the server is gone
    assert again.tobytes() == images.tobytes()
    _, labels = load_digits(name, "test")
    np.testing.assert_array_equal(labels, arrays["t10k-labels-idx1-ubyte"])
    assert len(caplog.records) == 1
    assert all(entry.endswith(".npy") for entry in left_in(own_cache))
    assert len(left_in(own_cache)) == 4


def test_looking_for_digits_downloads_nothing(server, own_cache):
    source = digits.find_digits()
    assert (source.name, source.notice) == ("mnist", None)
    assert server.url in source.description
    assert server.gets == []
    assert not own_cache.exists()


def test_real_digits_survive_tensorflow_datasets(full_mnist, files, own_cache, monkeypatch):
    write_small(files, seed=2)
    for file in full_mnist.glob("t10k-*.gz"):
        shutil.copyfile(file, files / file.name)
    real = kin.KIN["mnist"].sha256["test"]
    with serving(files) as server:
        row = small_row("mnist", server.url, files)
        assert row.sha256["test"] == real
        monkeypatch.setitem(kin.KIN, "mnist", row)
        images, labels = load_digits(split="test")
    expected, expected_labels = load_digits(split="test", data_dir=full_mnist)
    assert images.tobytes() == expected.tobytes()
    np.testing.assert_array_equal(labels, expected_labels)


PREPARE = """
import json, sys
from importlib.machinery import PathFinder
from pathlib import Path
from kgan.digits import download, kin

class WithoutTensorFlow(PathFinder):
    def find_spec(name, *rest):
        return None if name == "tensorflow" else PathFinder.find_spec(name, *rest)

if sys.argv[3] == "hidden":
    sys.meta_path[sys.meta_path.index(PathFinder)] = WithoutTensorFlow
before = "tensorflow_datasets" in sys.modules
download.prepare(kin.Kin(**json.loads(sys.argv[1])), Path(sys.argv[2]))
loaded = {"tensorflow_datasets", "tensorflow", "torch", "jax", "keras"} & set(sys.modules)
print(before, *loaded)
"""


@pytest.mark.parametrize("tensorflow", ["hidden", "as it is"])
def test_tensorflow_is_neither_needed_nor_imported(tensorflow, server, tmp_path):
    task = json.dumps(dataclasses.asdict(kin.KIN["mnist"]))
    finished = run_python(PREPARE, task, tmp_path, tensorflow)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.splitlines()[-1] == "False tensorflow_datasets"
    pixels = np.load(tmp_path / "train-images-idx3-ubyte.npy")
    np.testing.assert_array_equal(pixels, server.arrays["train-images-idx3-ubyte"])


FAILURES = {
    "half": (close_half_way, "IncompleteRead|broken"),
    "page": (send_page, r"http://\S+ is truncated, damaged or another file.* found no readable gzip data"),
    "missing": (lambda handler: handler.send_error(404), "HTTP code: 404"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_download_that_fails_is_one_line_and_leaves_nothing(failure, server, own_cache):
    fault, reason = FAILURES[failure]
    server.faults["/t10k-images-idx3-ubyte.gz"] = fault
    with pytest.raises(OSError, match=reason) as raised:
        load_digits()
    message = str(raised.value)
    assert message.startswith(f"MNIST could not be downloaded from {server.url}: ")
    assert message.endswith("give data_dir (--data-dir) a folder with its four files.")
    assert "\n" not in message
    assert left_in(own_cache) == []


def test_a_folder_that_is_removed_while_its_bytes_are_counted_is_passed_over(tmp_path, monkeypatch):
    for name in ("kept", "gone"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(b"1234")
    scandir = os.scandir

    def removed(path):
        if Path(path).name == "gone":
            raise FileNotFoundError(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", removed)
    assert download._bytes_below(tmp_path) == 4


def test_other_files_than_the_published_ones_are_refused(server, files, own_cache):
    write_small(files, seed=3)
    with pytest.raises(OSError, match=r"train-images-idx3-ubyte\.gz is truncated, damaged or another file"):
        load_digits()
    assert left_in(own_cache) == []


def test_a_server_that_falls_silent_is_given_up(server, own_cache, monkeypatch):
    monkeypatch.setattr(download, "STALL", 5)
    server.faults["/train-images-idx3-ubyte.gz"] = hang
    with pytest.raises(OSError, match="nothing arrived for 5 s"):
        load_digits()
    assert left_in(own_cache) == []


def test_a_damaged_entry_is_downloaded_anew(server, own_cache, caplog):
    images, _ = load_digits()
    (entry,) = own_cache.glob("mnist-train-images*")
    whole = entry.read_bytes()
    entry.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert load_digits()[0].tobytes() == images.tobytes()
    assert entry.read_bytes() == whole
    assert f"{entry} is damaged and is made anew" in caplog.records[1].message
    assert len(server.gets) == 8


def test_a_damaged_entry_without_network_is_an_error_and_then_gone(server, own_cache, monkeypatch):
    load_digits()
    (entry,) = own_cache.glob("mnist-train-images*")
    entry.write_bytes(b"")
    monkeypatch.setenv("KGAN_OFFLINE", "1")
    with pytest.raises(ConnectionError, match=r"^MNIST is not in the cache and cannot be downloaded \(KGAN"):
        load_digits()
    assert len(server.gets) == 4
    assert digits.find_digits().name == "mnist-5k"


START_DOWNLOAD = """
import json, sys
from kgan import load_digits
from kgan.digits import kin
kin.KIN["mnist"] = kin.Kin(**json.loads(sys.argv[1]))
load_digits()
"""


@contextlib.contextmanager
def hanging_download(server):
    """A process that is in mid-download, and its child."""
    import json

    server.faults["/train-images-idx3-ubyte.gz"] = hang
    task = json.dumps(dataclasses.asdict(kin.KIN["mnist"]))
    with start_python("-c", START_DOWNLOAD, task) as process:
        try:
            wait_until(lambda: server.gets)
            (child,) = psutil.Process(process.pid).children()
            yield process, child
        finally:
            process.kill()


def wait_until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_ctrl_c_ends_a_download_at_once_and_leaves_nothing(server, own_cache):
    with hanging_download(server) as (process, child):
        assert left_in(own_cache)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
    assert err.rstrip().endswith("KeyboardInterrupt")
    assert not child.is_running()
    assert left_in(own_cache) == []


def test_the_child_of_a_process_that_was_killed_clears_up_and_ends(server, own_cache):
    with hanging_download(server) as (process, child):
        process.kill()
        wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    assert left_in(own_cache) == []


def test_leftovers_of_dead_processes_are_swept_and_those_of_living_ones_stay(server, own_cache):
    with hanging_download(server) as (process, child):
        child.kill()
        child.wait(10)
        process.kill()
    host = socket.gethostname()
    dead = own_cache / f".kgan-{host}@{process.pid}-download-leftover"
    living = own_cache / f".kgan-{host}@{os.getppid()}-download-living"
    for folder in (dead, living):
        folder.mkdir(parents=True)
        (folder / "half").write_bytes(b"half")
    server.faults.clear()
    load_digits()
    assert not dead.exists()
    assert (living / "half").exists()


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(server, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("KGAN_CACHE", str(tmp_path / "file" / "below"))
    _, labels = load_digits()
    np.testing.assert_array_equal(labels, server.arrays["train-labels-idx1-ubyte"])
