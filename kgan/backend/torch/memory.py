"""Memory for large tensors that live from a forward to a backward pass, call after call."""

import threading
import weakref

import numpy as np
import torch

SPARE_BYTES = 512 * 2**20  # that are kept, at most, of what was given back
LEAST_BYTES = 2**20  # of smaller tensors PyTorch's own memory is as fast
_ALIGNMENT = 64

_spare = []  # arrays of bytes, the last given back at the end
# Finalizers run in whatever thread drops the last reference, or collects garbage: within a locked part too,
# of the same thread.
_lock = threading.RLock()


def empty(count, *, dtype):
    """An unwritten tensor on the CPU, in memory that was used before if there is some.

    The C library returns what is freed to the system, which clears it before it can be written again: a third
    of the time of an LSTM's forward pass. So what such tensors held is kept for the next.

    Args:
        count: Number of elements.
        dtype: `torch.dtype`.

    Returns:
        Tensor `(count,)`, whose memory can be taken again once nothing refers to it.
    """
    needed = count * dtype.itemsize
    if needed < LEAST_BYTES:
        return torch.empty(count, dtype=dtype, device="cpu")
    block = _taken(needed)
    if block is None:
        block = np.empty(needed + _ALIGNMENT, np.uint8)
    start = -block.ctypes.data % _ALIGNMENT
    lent = block[start : start + needed]
    weakref.finalize(lent, _give_back, block)  # the tensor refers to `lent`
    return torch.from_numpy(lent).view(dtype)


def _taken(needed):
    """A spare block that is large enough and not twice as large, or None."""
    with _lock:
        for block in reversed(tuple(_spare)):
            if needed + _ALIGNMENT <= block.nbytes < 2 * needed and _remove(block):
                return block
    return None


def _remove(block):
    """Whether it was still there: a finalizer may have dropped it in between."""
    for index, other in enumerate(_spare):
        if other is block:
            del _spare[index]
            return True
    return False


def _give_back(block):
    with _lock:
        _spare.append(block)
        while sum(other.nbytes for other in tuple(_spare)) > SPARE_BYTES:
            del _spare[:1]
