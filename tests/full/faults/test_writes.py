"""A disk that fails at some of a run's writes; the long form, at each of them, is studies/reliability.py."""

import errno
import os
import pathlib
import shutil

import numpy as np
import pytest

from faults import writes
from faults.disk import FULL, READ_ONLY, FaultyDisk

TRIED = {"full": 2} | dict.fromkeys(
    ("read-only", "gone", "one error", "pictures"), 1
)  # at how many operations


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """A run that nothing disturbed, and what it did to the disk."""
    run = tmp_path_factory.mktemp("clean") / "run"
    return run, writes.operations(writes.small_job(), run)


def test_the_faulty_disk_counts_every_way_to_write_and_fails_from_the_one_on_that_it_is_told(tmp_path):
    def write():
        pathlib.Path(tmp_path / "a").write_text("text")
        (tmp_path / "b").mkdir()
        (tmp_path / "a").rename(tmp_path / "c")
        descriptor = os.open(tmp_path / "c", os.O_WRONLY)
        os.fsync(descriptor)
        os.close(descriptor)
        np.save(tmp_path / "d.npy", np.zeros(2))
        (tmp_path / "c").unlink()
        shutil.rmtree(tmp_path / "b")

    with FaultyDisk(tmp_path) as disk:
        write()
    kinds = [operation for operation, _ in disk.operations]
    expected = ["open", "write", "mkdir", "rename", "open", "fsync", "open", "write", "unlink", "rmdir"]
    assert [kind for kind, previous in zip(kinds, ["", *kinds], strict=False) if kind != previous] == expected
    for at, operation in enumerate(kinds):
        disk = FaultyDisk(tmp_path, at=at, error=READ_ONLY)
        with disk, pytest.raises(OSError, match="Read-only") as failed:
            write()
        assert failed.value.errno == errno.EROFS
        assert disk.operations[at][0] == operation
        shutil.rmtree(tmp_path / "b", ignore_errors=True)


def test_a_full_disk_takes_removals(tmp_path):
    (tmp_path / "file").write_text("")
    with FaultyDisk(tmp_path, at=0, error=FULL):
        (tmp_path / "file").unlink()


@pytest.mark.parametrize("fault", TRIED)
def test_where_the_disk_fails_the_checkpoint_before_survives_and_the_message_says_where(
    fault, clean, tmp_path
):
    run, operations = clean
    counted = sum(path.split("/")[0] in writes.PICTURES for _, path in operations)
    total = counted if fault == "pictures" else len(operations)
    rng = np.random.default_rng(len(fault))
    for at in sorted(rng.choice(total, TRIED[fault], replace=False)):
        row = writes.trial(fault, int(at), tmp_path / f"run-{at}", clean=run)
        assert row["traceback"] == "no", row
        assert row["survived"] == "yes", row
        assert row["status"] in ((0,) if fault == "pictures" else (0, 2)), row
        assert row["status"] == 0 or row["named"] == "yes", row
        assert row["identical"] == "yes", row
