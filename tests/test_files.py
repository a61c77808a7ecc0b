import pytest

from kgan.files import replacing
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


def test_runs_are_numbered_and_never_overwritten(tmp_path):
    paths = [Run.numbered(tmp_path / "runs", "gan-quick").path.name for _ in range(3)]
    assert paths == ["gan-quick-1", "gan-quick-2", "gan-quick-3"]
    with pytest.raises(FileExistsError, match=r"gan-quick-2 exists, and no run is overwritten: name another"):
        Run.create(tmp_path / "runs" / "gan-quick-2")
