"""Files that appear whole or not at all, errors that name them, and JSON that may come from anyone."""

import contextlib
import errno
import json
import os
import re
import shutil
import socket

import psutil

_MOST_TEXT = 64 << 20  # bytes of a file of text in a run folder

_HOST = socket.gethostname()
_TEMPORARY = re.compile(rf"\.kgan-{re.escape(_HOST)}@(\d{{1,9}})-.+")


@contextlib.contextmanager
def replacing(path):
    """A temporary path beside `path`, of the same suffix, that takes its place on success.

    What was written is on the disk before it does: a machine that stops leaves the old file or the new.

    Args:
        path: `pathlib.Path` of the file to write. Its folder is created.

    Yields:
        `pathlib.Path` to write to. It is removed if the block raises.

    Raises:
        OSError: If the file cannot be written; it names `path`.
    """
    temporary = path.with_name(temporary_name(path.name))
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            flush(temporary)
            temporary.replace(path)
            flush(path.parent)
        finally:
            with contextlib.suppress(OSError):  # the error that led here says more
                temporary.unlink(missing_ok=True)


def flush(path):
    """Wait until a file's bytes, or the names in a folder, are on the disk."""
    if os.name == "nt" and path.is_dir():  # which cannot be opened there
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def naming(path):
    """Let an OSError of the block name `path`: one from a write or a flush names no file."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno or errno.EIO, error.strerror or str(error), str(path)) from error


def temporary_name(name):
    """Return a name that `sweep` knows, for what this process writes before it is called `name`."""
    return f".kgan-{_HOST}@{os.getpid()}-{name}"


def sweep(folder, pattern="**/.kgan-*"):
    """Remove what killed processes of this host had begun to write under a `temporary_name`.

    Processes of other hosts that share the folder are unknown here: what is theirs stays.

    Args:
        folder: `pathlib.Path`.
        pattern: Which names are looked at; those in the folder and below it by default.
    """
    for leftover in folder.glob(pattern):
        named = _TEMPORARY.fullmatch(leftover.name)
        if named and not psutil.pid_exists(int(named[1])):
            with contextlib.suppress(OSError):
                remove(leftover)


def remove(path):
    """Remove a file, a link or a folder with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def check_size(path):
    """Raise ValueError if a file of text is larger than any that is written here."""
    size = path.stat().st_size
    if size > _MOST_TEXT:
        raise ValueError(f"it has {size:,} bytes, more than {_MOST_TEXT:,}")


def read_json(path):
    """The value in a JSON file.

    Args:
        path: `pathlib.Path`.

    Raises:
        ValueError: If it is no JSON, nested too deep or too large.
        OSError: If it cannot be read.
    """
    check_size(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("it is nested too deep") from None
