"""Decoded arrays as .npy files, so that a second start is quick.

The name of an entry ends in the checksum of its array, so that damage is found out by itself.
"""

import contextlib
import functools
import logging
import os
import tokenize
from pathlib import Path

import numpy as np

from kgan.digits import idx
from kgan.files import remove, replacing, sweep


def directory():
    """`$KGAN_CACHE`, or kgan/ in the user's cache folder."""
    own = os.environ.get("KGAN_CACHE")
    return Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kgan"


def cached(key, make, *, sha256=None):
    """The uint8 array of `make()`, from the cache where it lies there undamaged.

    Args:
        key: Name of the entry: the source and what is decoded.
        make: Callable that decodes and checks the array.
        sha256: `idx.checksum` of the array, or None where it is not known beforehand.

    Returns:
        uint8 array.
    """
    array = load(key, sha256=sha256)
    if array is None:
        array = make()
        store(key, array)
    return array


def holds(key, *, sha256=None):
    """Whether there is an entry, damaged or not; arguments as `cached`."""
    return _entry(key, sha256) is not None


def load(key, *, sha256=None, mapped=False):
    """The array of an entry, or None; a damaged entry is removed loudly.

    Args:
        key: As for `cached`.
        sha256: Likewise.
        mapped: Whether it stays on the disk, of which the system reads what is wanted.
    """
    path = _entry(key, sha256)
    if path is None:
        return None
    array = _read(path, mapped=mapped)
    if array is None and os.path.lexists(path):  # else another process has just removed it
        logging.getLogger("kgan").warning("kgan: %s is damaged and is made anew.", path)
        with contextlib.suppress(OSError):  # of a cache that cannot be written, which `store` says
            remove(path)
    return array


def store(key, array):
    """Keep an array that was checked."""
    path = directory() / f"{key}-{idx.checksum(array)}.npy"
    try:
        with replacing(path) as temporary:  # two processes at once do not mix
            np.save(temporary, array)
        sweep(path.parent, ".kgan-*")
    except OSError as error:  # it costs time, not the run
        _warn(str(directory()), error.strerror or str(error))


@functools.cache  # once, not for each of four files
def _warn(folder, reason):
    logging.getLogger("kgan").warning(
        "kgan: %s cannot be written (%s), so nothing is kept; let KGAN_CACHE name another.",
        *(folder, reason),
    )


def _entry(key, sha256):
    return next(directory().glob(f"{key}-{sha256 or '[0-9a-f]' * 64}.npy"), None)


def _read(path, *, mapped=False):
    try:
        if mapped:
            array = np.lib.format.open_memmap(path, mode="r")
        else:
            with path.open("rb") as file:
                array = np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, ValueError, EOFError, MemoryError, SyntaxError, tokenize.TokenError, TypeError):
        return None  # cut short or overwritten, in its header or after it
    whole = array.dtype == "uint8" and path.stem.endswith(idx.checksum(array))
    return array if whole else None
