"""The IDX format of MNIST: a big-endian header of magic number and sizes, then bytes."""

import hashlib
import math
import struct
import zlib

import numpy as np

_UNSIGNED_BYTES = 0x08
_MAX_SIZE = 1 << 27  # bytes; the largest file of MNIST and its kin inflates to 47 MB


def read(path, *, sha256, packed=False, name=None):
    """The array of an IDX file.

    Args:
        path: `pathlib.Path`, gzipped if its name ends in .gz.
        sha256: What the decompressed bytes must hash to, in hexadecimal.
        packed: Whether `sha256` is that of the gzipped bytes instead.
        name: What errors call the file, if not its path.

    Returns:
        uint8 array of the shape that the header gives.

    Raises:
        ValueError: If the file is truncated, damaged or another one.
    """
    name, gzipped = name or path, path.suffix == ".gz"
    if packed and not gzipped:
        raise ValueError(f"{name} must be the .gz file as published: only of that the checksum is known.")
    raw = path.read_bytes()
    data = _inflate(raw) if gzipped else raw
    hashed = raw if packed else data
    found = hashlib.sha256(hashed).hexdigest() if hashed is not None else "no readable gzip data"
    if found != sha256:
        raise ValueError(
            f"{name} is truncated, damaged or another file: get it anew. The SHA-256 of its "
            f"{'gzipped' if packed else 'decompressed'} bytes must be {sha256}, found {found}."
        )
    return parse(data)


def _inflate(raw):
    # As far as it goes: of a truncated file the checksum of what is there is reported.
    try:
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(raw, _MAX_SIZE)
    except zlib.error:
        return None


def parse(data):
    """The uint8 array of the bytes of an IDX file.

    Raises:
        ValueError: If header and length do not agree.
    """
    if len(data) < 4 or data[:3] != bytes([0, 0, _UNSIGNED_BYTES]):
        raise ValueError("`data` must begin with the magic number of an IDX file of unsigned bytes.")
    start = 4 + 4 * data[3]
    if len(data) < start:
        raise ValueError(f"`data` must hold a header of {start} bytes, got {len(data)}.")
    shape = struct.unpack(f">{data[3]}I", data[4:start])
    if len(data) != start + math.prod(shape):
        raise ValueError(f"`data` must hold {math.prod(shape)} bytes of array, got {len(data) - start}.")
    return np.frombuffer(data, "uint8", offset=start).reshape(shape)


def serialize(array):
    """The bytes of the IDX file of a uint8 array; inverse of `parse`."""
    return _header(array) + array.tobytes()


def _header(array):
    return bytes([0, 0, _UNSIGNED_BYTES, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)


def checksum(array):
    """SHA-256, in hexadecimal, of the IDX file that a uint8 array has or would have."""
    total = hashlib.sha256(_header(array))
    total.update(np.ascontiguousarray(array).reshape(-1).data)  # of large ones, no copy
    return total.hexdigest()
