"""A run folder may come from anyone: nothing in it leads out of it, and what is wrong is said in one line."""

import json
import os
import struct
import zlib

import pytest

from kgan import cli
from kgan.runs import Run


def png(width, height):
    """A picture that declares its size and holds next to nothing."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(9)))


SETTINGS = {"settings": {"architecture": "compact"}, "data": {"name": "mnist-5k"}}


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    (folder / "samples").mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(SETTINGS))
    return folder


@pytest.fixture
def elsewhere(tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "secret").write_text("secret")
    return folder


@pytest.mark.parametrize(
    "name", ["log.csv", "samples/step-000001.png", "model.keras", "plots", "report.html"]
)
def test_a_link_out_of_the_run_is_refused_by_name(name, run, elsewhere, capsys):
    target = elsewhere if name == "plots" else elsewhere / "secret"
    (run / name).symlink_to(target)
    for command in ("report", "sample", "evaluate", "interpolate", "export"):
        assert cli.main([command, str(run)]) == 2
        error = capsys.readouterr().err
        assert f"{run / name} leads out of the run, to {target}: " in error
        assert error.count("\n") == 1
    assert sorted(path.name for path in elsewhere.iterdir()) == ["secret"]
    assert (elsewhere / "secret").read_text() == "secret"


def test_a_link_to_what_is_not_there_or_to_itself_is_refused(run, tmp_path):
    for target in (tmp_path / "nothing", run / "loop"):
        (run / "loop").symlink_to(target)
        if target.name == "nothing":
            with pytest.raises(ValueError, match=r"loop leads out of the run, to .*nothing"):
                Run.open(run)
        else:  # it leads nowhere
            assert Run.open(run).path == run
        (run / "loop").unlink()


def test_a_link_within_the_run_and_a_link_to_the_run_are_followed(run, tmp_path):
    (run / "samples" / "last.png").symlink_to(run / "config.json")
    (tmp_path / "link").symlink_to(run)
    assert Run.open(tmp_path / "link").read_config() == SETTINGS


def test_a_pipe_in_the_run_is_refused_for_it_would_be_waited_on(run):
    os.mkfifo(run / "log.csv")
    with pytest.raises(ValueError, match=r"log\.csv is neither a file nor a folder: remove it"):
        Run.open(run)


HOSTILE = [
    ("config.json", b"[" * 200_000, "config.json is damaged or no run's: "),
    ("config.json", b'{"settings": {"architecture": "x"}}', "config.json is damaged or no run's: KeyError"),
    ("config.json", b" " * (65 << 20), "more than 67,108,864"),
    ("results.json", b"[" * 200_000, "results.json is damaged: "),
    ("evaluation.json", b'{"a":' * 200_000, "evaluation.json is damaged: it is nested too deep."),
    ("log.csv", b"step,d_loss\n" + b"9" * 200_000 + b",1\n", "log.csv is damaged: field larger than"),
    ("log.csv", b"\xff\xfe\x00", "log.csv is damaged: "),
    ("samples/step-000001.png", png(60_000, 60_000), "step-000001.png"),
    ("samples/step-000001.png", png(8_000, 8_000), "a picture of at most 50,000,000 pixels"),
    ("samples/step-000001.png", b"GIF89a", "step-000001.png"),
]


@pytest.mark.parametrize(("name", "content", "message"), HOSTILE, ids=[f"{h[0]}-{h[2]}" for h in HOSTILE])
def test_a_file_of_a_run_that_makes_no_sense_is_one_line(name, content, message, run, capsys):
    (run / name).write_bytes(content)
    assert cli.main(["report", str(run)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert len(error) < 600
