"""A disk that fails when it is told to."""

import builtins
import contextlib
import errno
import io
import os
from pathlib import Path
from unittest import mock

FULL = errno.ENOSPC
READ_ONLY = errno.EROFS
BROKEN = errno.EIO
_REMOVALS = ("unlink", "rmdir")  # a full disk takes these
_BY_NAME = ("mkdir", "rename", "replace", "truncate", *_REMOVALS)
_OPEN = Path("/proc/self/fd")
_BY_DESCRIPTOR = ("fsync", "write", "ftruncate")


class FaultyDisk:
    """Counts what is done to files below a folder, in this process, and lets it fail from some operation on.

    Opening to write, each write that leaves Python's buffers, flushing, renaming, making and removing files
    and folders count. Reading does not, and does not fail.

    Args:
        folder: Path.
        at: Number of the operation that fails first, from 0; None for none.
        error: Number of the error; `FULL` spares removals.
        lasting: Whether all after it fail, too.
        only: Function of a path: whether operations on it count; all below the folder if None.
        on_fault: Function called before the first failure, or None.

    Attributes:
        operations: List of (operation, path relative to the folder).
    """

    def __init__(self, folder, *, at=None, error=FULL, lasting=True, only=None, on_fault=None):
        self.folder, self.at, self.error, self.lasting = Path(folder).resolve(), at, error, lasting
        self.only, self.on_fault = only, on_fault
        self.operations = []

    def operate(self, operation, path):
        """Count an operation on an absolute path; raise OSError if it is to fail."""
        self.operations.append((operation, str(path.relative_to(self.folder))))
        number = len(self.operations) - 1
        if self.at is None or number < self.at or (number > self.at and not self.lasting):
            return
        if number == self.at and self.on_fault is not None:
            self.on_fault()
        if self.error is not None and not (self.error == FULL and operation in _REMOVALS):
            raise OSError(self.error, os.strerror(self.error), str(path))

    def below(self, path, dir_fd=None):
        """The absolute path if it counts, else None."""
        try:
            if isinstance(path, int):
                path = _OPEN.joinpath(str(path)).readlink()
            elif dir_fd is not None:
                path = _OPEN.joinpath(str(dir_fd)).readlink() / os.fsdecode(path)
            path = Path(os.path.abspath(os.fsdecode(path)))  # noqa: PTH100 - which follows no link
        except (OSError, TypeError):
            return None
        counts = path.is_relative_to(self.folder) and (self.only is None or self.only(path))
        return path if counts else None

    def __enter__(self):
        self._patches = contextlib.ExitStack()
        opening = self._opening(io.open)
        self._patch(io, "open", opening)
        self._patch(builtins, "open", opening)
        self._patch(os, "open", self._os_opening(os.open))
        for name in (*_BY_NAME, *_BY_DESCRIPTOR):
            self._patch(os, name, self._checking(getattr(os, name), name))
        self._patch(os, "remove", self._checking(os.remove, "unlink"))
        return self

    def __exit__(self, *exception):
        self._patches.close()

    def _patch(self, where, name, function):
        self._patches.enter_context(mock.patch.object(where, name, function))

    def _checking(self, function, name):
        def checked(path, *args, dir_fd=None, **kwargs):
            found = self.below(path, dir_fd)
            if found is not None:
                self.operate(name, found)
            return function(path, *args, **kwargs | ({} if dir_fd is None else {"dir_fd": dir_fd}))

        return checked

    def _os_opening(self, function):
        def opened(path, flags, *args, dir_fd=None, **kwargs):
            found = self.below(path, dir_fd)
            if found is not None and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                self.operate("open", found)
            return function(path, flags, *args, dir_fd=dir_fd, **kwargs)

        return opened

    def _opening(self, function):
        def opened(
            file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None
        ):
            found = self.below(file) if set(mode) & set("wax+") else None
            if found is None:
                return function(file, mode, buffering, encoding, errors, newline, closefd, opener)
            self.operate("open", found)
            raw = _RawFile(file, mode.replace("b", "").replace("t", ""), closefd, opener)
            raw.disk, raw.path = self, found
            buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
            if "b" in mode:
                return buffered
            return io.TextIOWrapper(buffered, encoding, errors, newline, line_buffering=buffering == 1)

        return opened


class _RawFile(io.FileIO):
    """A file each write of which goes through the disk."""

    def write(self, data):
        self.disk.operate("write", self.path)
        return super().write(data)
