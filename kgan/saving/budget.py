"""How much a model may allocate while it is built: what its file holds, and a little more."""

import contextlib
import math
import re
import threading

import keras

from kgan.saving.archive import RefusedError

_SLACK = 1 << 20  # bytes; random states and metrics, which a file may lack
_COPIES = 8  # of the weights: an optimiser that never stepped is built anew, with up to seven slots a weight
_PATCHING = threading.RLock()


@contextlib.contextmanager
def variables_within(num_bytes):
    """Let this thread create variables of at most `num_bytes` each, and `_COPIES` times that in all.

    Keras builds a model before it looks at the weights, and a line of its configuration can ask for any
    size. What is asked for is counted before it is allocated.

    Args:
        num_bytes: Size of the arrays that the file holds.

    Raises:
        RefusedError: In the block and, should a layer have caught that, at its end.
    """
    budget = _Budget(num_bytes)
    create, owner = keras.Variable.__init__, threading.get_ident()

    def counted(self, initializer, shape=None, dtype=None, *args, **kwargs):
        if threading.get_ident() == owner:
            budget.spend(getattr(initializer, "shape", ()) if shape is None else shape, dtype)
        create(self, initializer, shape, dtype, *args, **kwargs)

    with _PATCHING:
        keras.Variable.__init__ = counted
        try:
            yield
        finally:
            keras.Variable.__init__ = create
            if budget.refusal is not None:
                raise budget.refusal


class _Budget:
    def __init__(self, num_bytes):
        self.each, self.left = num_bytes + _SLACK, _COPIES * num_bytes + _SLACK
        self.refusal = None

    def spend(self, shape, dtype):
        asked = math.prod(int(size) for size in shape if size is not None) * _itemsize(dtype)
        self.left -= asked
        if asked > self.each or self.left < 0:
            self.refusal = RefusedError(
                f"is refused: it declares a variable of shape {tuple(shape)}, more than its weights hold."
            )
            raise self.refusal


def _itemsize(dtype):
    digits = re.search(r"\d+", str(dtype or keras.config.floatx()))
    return max(1, int(digits[0]) // 8) if digits else 1
