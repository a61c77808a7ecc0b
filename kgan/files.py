"""Files that appear whole or not at all, and errors that name them."""

import contextlib
import errno
import os


@contextlib.contextmanager
def replacing(path):
    """A temporary path beside `path`, of the same suffix, that takes its place on success.

    Args:
        path: `pathlib.Path` of the file to write. Its folder is created.

    Yields:
        `pathlib.Path` to write to. It is removed if the block raises.

    Raises:
        OSError: If the file cannot be written; it names `path`.
    """
    temporary = path.with_name(f".{path.stem}-{os.getpid()}{path.suffix}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with naming(path):
        try:
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def naming(path):
    """Let an OSError of the block name `path`: one from a write or a flush names no file."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno or errno.EIO, error.strerror or str(error), str(path)) from error
