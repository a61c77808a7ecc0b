"""Files that appear whole or not at all."""

import contextlib
import os


@contextlib.contextmanager
def replacing(path):
    """A temporary path beside `path`, of the same suffix, that takes its place on success.

    Args:
        path: `pathlib.Path` of the file to write. Its folder is created.

    Yields:
        `pathlib.Path` to write to. It is removed if the block raises.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}-{os.getpid()}{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
