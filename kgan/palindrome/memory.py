"""Whether an error says that memory ran out."""

from kgan.backend import ranks

# Python and NumPy raise MemoryError; PyTorch a RuntimeError ("can't allocate memory", "not enough
# memory") or OutOfMemoryError; JAX a RuntimeError that begins with RESOURCE_EXHAUSTED; TensorFlow
# ResourceExhaustedError. Type and message tell them without an import of any.
_SIGNS = (
    "allocate memory",
    "enough memory",
    "out of memory",
    "outofmemory",
    "resource_exhausted",
    "resourceexhausted",
)


def is_out_of_memory(error):
    """Whether an exception of Python or of any backend says that memory ran out.

    Of several processes that train together none goes on without the others: there it is an error as any.
    """
    if ranks.number > 1:
        return False
    text = f"{type(error).__name__}: {error}".lower()
    return isinstance(error, MemoryError) or (
        isinstance(error, Exception) and any(sign in text for sign in _SIGNS)
    )
