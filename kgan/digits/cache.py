"""Decoded arrays as .npy files, so that a second start is quick."""

import logging
import os
from pathlib import Path

import numpy as np

from kgan.digits import idx
from kgan.files import replacing


def directory():
    """`$KGAN_CACHE`, or kgan/ in the user's cache folder."""
    own = os.environ.get("KGAN_CACHE")
    return Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kgan"


def cached(key, make, *, sha256):
    """The uint8 array of `make()`, from the cache where it lies there undamaged.

    Args:
        key: Name of the entry: the source and the checksum of what is decoded.
        make: Callable that decodes the array.
        sha256: `idx.checksum` of the array, which a cached one must have as well.

    Returns:
        uint8 array.
    """
    path = directory() / f"{key}.npy"
    array = _read(path)
    if array is not None:
        if array.dtype == "uint8" and idx.checksum(array) == sha256:
            return array
        logging.getLogger("kgan").warning("kgan: %s is damaged and is made anew.", path)
    array = make()
    _write(path, array)
    return array


def _read(path):
    try:
        return np.load(path, allow_pickle=False)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EOFError):  # cut short or overwritten
        return np.empty(0)


def _write(path, array):
    try:
        with replacing(path) as temporary:  # two processes at once do not mix
            np.save(temporary, array)
    except OSError as error:  # a cache that can't be written costs seconds, not the run
        logging.getLogger("kgan").info("kgan: no cache at %s: %s", path, error)
