import os
import socket

import pytest

from kgan.files import replacing, sweep, temporary_name
from kgan.runs import Run


def cut_short(path):
    with replacing(path) as temporary:
        temporary.write_text("second, cut sh")
        raise OSError(28, "No space left on device")  # without a name, as from a write


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "new" / "file.txt"
    with replacing(path) as temporary:
        temporary.write_text("first")
        assert not path.exists()
    with pytest.raises(OSError, match=r"No space left on device") as caught:
        cut_short(path)
    assert caught.value.filename == str(path)
    assert path.read_text() == "first"
    assert [file.name for file in path.parent.iterdir()] == ["file.txt"]


def test_what_killed_processes_had_begun_to_write_is_swept_and_nothing_else(tmp_path):
    host, dead = socket.gethostname(), 2**22 + 1  # beyond the largest number that a process has on Linux
    kept = ["model.keras", ".hidden-1.png", "samples/step-000001.png", temporary_name("model.keras")]
    kept += [f".kgan-{other}@{dead}-model.keras" for other in ("other", f"{host}-1", f"a-{host}")]
    for name in [*kept, f".kgan-{host}@{dead}-model.keras", f"samples/.kgan-{host}@{dead}-step-000001.png"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / f".kgan-{host}@{dead}-download-abcd" / "half").mkdir(parents=True)
    sweep(tmp_path)
    assert temporary_name("model.keras") == f".kgan-{host}@{os.getpid()}-model.keras"
    assert not list(tmp_path.rglob("half"))
    left = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(left) == sorted(kept)


def test_runs_are_numbered_and_never_overwritten(tmp_path):
    paths = [Run.numbered(tmp_path / "runs", "gan-quick").path.name for _ in range(3)]
    assert paths == ["gan-quick-1", "gan-quick-2", "gan-quick-3"]
    with pytest.raises(FileExistsError, match=r"gan-quick-2 exists, and no run is overwritten: name another"):
        Run.create(tmp_path / "runs" / "gan-quick-2")
