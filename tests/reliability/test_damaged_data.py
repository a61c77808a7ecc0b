"""A cache that is damaged, or filled by several processes at once, gives the right digits or says why not."""

import json
import os
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from kgan.digits import cache, idx
from kgan.evaluation import classifier, reference
from support.processes import ROOT

DIGITS = np.arange(10 * 28 * 28, dtype="uint8").reshape(10, 28, 28)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("KGAN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def entry(folder):
    cache.store("digits", DIGITS)
    return folder / f"digits-{idx.checksum(DIGITS)}.npy"


def cached():
    return cache.cached("digits", DIGITS.copy, sha256=idx.checksum(DIGITS))


def cut(entry, whole):
    entry.write_bytes(whole[: len(whole) // 2])


def empty(entry, whole):
    entry.write_bytes(b"")


def a_folder(entry, whole):
    entry.unlink()
    (entry / "within").mkdir(parents=True)


def another_array(entry, whole):
    np.save(entry, DIGITS[::-1])


def an_archive(entry, whole):
    with entry.open("wb") as file:
        np.savez(file, DIGITS)


def objects(entry, whole):
    np.save(entry, np.array([{}], dtype=object), allow_pickle=True)


def more_than_there_is(entry, whole):
    entry.write_bytes(whole.replace(b"(10, 28, 28), }    ", b"(1000000000000,), }"))


@pytest.mark.parametrize(
    "damage",
    [cut, empty, a_folder, another_array, an_archive, objects, more_than_there_is],
)
def test_a_damaged_entry_is_said_in_one_line_and_made_anew(damage, entry, caplog):
    whole = entry.read_bytes()
    damage(entry, whole)
    np.testing.assert_array_equal(cached(), DIGITS)
    assert [record.message for record in caplog.records] == [f"kgan: {entry} is damaged and is made anew."]
    assert entry.read_bytes() == whole
    caplog.clear()
    np.testing.assert_array_equal(cached(), DIGITS)
    assert not caplog.records


def test_no_flipped_bit_gives_another_digit(entry):
    whole = entry.read_bytes()
    header = range(8 * 128)
    for bit in [*header, *range(8 * 128, 8 * len(whole), 997)]:
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        entry.write_bytes(data)
        array = cache._read(entry)
        assert array is None or array.tobytes() == DIGITS.tobytes()  # the header has bits that say nothing
    assert bit // 8 > len(whole) - 130


def test_a_link_to_the_right_array_is_followed(entry, tmp_path, caplog):
    entry.rename(tmp_path / "kept.npy")
    entry.symlink_to(tmp_path / "kept.npy")
    np.testing.assert_array_equal(cached(), DIGITS)
    assert not caplog.records


def test_a_link_to_nothing_is_replaced(entry):
    entry.unlink()
    entry.symlink_to(entry.parent / "nothing")
    np.testing.assert_array_equal(cached(), DIGITS)
    assert entry.is_file()
    assert not entry.is_symlink()
    assert not (entry.parent / "nothing").exists()


def test_a_damaged_entry_of_a_cache_that_cannot_be_written_costs_nothing_but_time(entry, monkeypatch):
    entry.write_bytes(b"")

    def refuse(self, *arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.unlink", refuse)
    np.testing.assert_array_equal(cached(), DIGITS)


def test_storing_an_entry_sweeps_what_a_killed_process_left(folder, entry):
    left, own = (folder / f".kgan-{socket.gethostname()}@{pid}-x.npy" for pid in (2**22 + 1, os.getpid()))
    for file in (left, own):
        file.write_bytes(b"half")
    cache.store("other", DIGITS)
    assert (left.exists(), own.exists()) == (False, True)


# Fills an empty cache with digits that take a while to write; says when it begins.
FILL = """
import sys, numpy as np
from kgan.digits import cache, idx
array = np.arange(40_000_000, dtype="uint32").astype("uint8").reshape(-1, 100, 100)
print("ready", flush=True)
sys.stdin.readline()
found = cache.cached("many", lambda: array, sha256=idx.checksum(array))
print(idx.checksum(found), flush=True)
"""


def test_four_processes_fill_an_empty_cache_at_once_and_one_that_is_killed_harms_none(folder, caplog):
    folder.mkdir()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen([sys.executable, "-c", FILL], env=environment, **pipes) for _ in range(4)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    victim, *others = processes
    while victim.poll() is None and not list(folder.glob(f".many-*-{victim.pid}.npy")):
        time.sleep(0.001)
    victim.kill()
    sums = {process.communicate(timeout=120)[0].strip() for process in others}
    victim.communicate()
    (entry,) = folder.glob("many-*.npy")
    assert sums == {entry.stem.rpartition("-")[2]}
    array = cache.load("many", sha256=sums.pop())
    assert array is not None
    assert not caplog.records


@pytest.mark.parametrize("name", [classifier.WEIGHTS, reference.FEATURES])
@pytest.mark.parametrize("change", ["cut", "flip"])
def test_shipped_arrays_that_are_damaged_are_named(name, change, tmp_path, monkeypatch):
    record = classifier.load_record()
    data = bytearray((classifier.DATA / name).read_bytes())
    if change == "cut":
        del data[-1]
    else:
        data[len(data) // 2] ^= 1
    (tmp_path / name).write_bytes(data)
    monkeypatch.setattr(classifier, "DATA", tmp_path)
    with pytest.raises(ValueError, match=rf"{name} is damaged or of another version: install kgan anew"):
        classifier.load_arrays(name, record)


@pytest.mark.parametrize("text", ["", "{", "[]", json.dumps({"files": {}})])
def test_a_shipped_record_that_is_damaged_is_named(text, tmp_path, monkeypatch):
    (tmp_path / classifier.RECORD).write_text(text)
    monkeypatch.setattr(classifier, "DATA", tmp_path)
    with pytest.raises(ValueError, match=r"record\.json is damaged: install kgan anew"):
        classifier.load_record()
