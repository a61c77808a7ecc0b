"""Which library multiplies float32 matrices on the CPU: MKL, or oneDNN where it is as exact."""

import contextlib
import functools
import threading

import torch

# None: as `onednn_is_exact` finds. True or False: whether oneDNN multiplies, whatever it finds.
USE_ONEDNN = None

# Where there is a setting for the CPU's products alone, `torch.get_float32_matmul_precision` raises as soon
# as a user has made such a setting. What "medium" sets is "bf16".
_ALONE = hasattr(getattr(torch.backends.mkldnn, "matmul", None), "fp32_precision")
_FAST, _EXACT = ("bf16", ("none", "ieee")) if _ALONE else ("medium", ("highest",))

_lock = threading.Lock()
_scopes = {"open": 0, "before": None}


@contextlib.contextmanager
def fastest_products(dtype):
    """Let float32 products on the CPU go to oneDNN in this scope, if it is as exact as what would run.

    "bf16" permits oneDNN, twice as fast as MKL on some processors, and lets it round to bfloat16 on
    others. The setting is one for the process: the first of several threads to enter keeps what it
    finds, the last to leave restores it, and what others multiply meanwhile is as exact as before. Where
    a user has set another precision than full, that stays.

    Args:
        dtype: `torch.dtype` of the products; nothing is changed but for float32.
    """
    if dtype != torch.float32 or not (onednn_is_exact() if USE_ONEDNN is None else USE_ONEDNN):
        yield
        return
    entered = _enter()
    try:
        yield
    finally:
        if entered:
            _leave()


def _enter():
    """Whether a scope was opened: not where a user chose the precision."""
    with _lock:
        if _scopes["open"] == 0:
            before = _precision()
            if before not in _EXACT:
                return False
            _scopes["before"] = before
            _set_precision(_FAST)
        _scopes["open"] += 1
        return True


def _leave():
    with _lock:
        _scopes["open"] -= 1
        if _scopes["open"] == 0:
            _set_precision(_scopes["before"])


def _precision():
    """Of float32 products on the CPU; None where it cannot be told."""
    if _ALONE:
        return torch.backends.mkldnn.matmul.fp32_precision
    try:
        return torch.get_float32_matmul_precision()
    except RuntimeError:
        return None


def _set_precision(precision):
    if _ALONE:
        torch.backends.mkldnn.matmul.fp32_precision = precision
    else:
        torch.set_float32_matmul_precision(precision)


@functools.cache
def onednn_is_exact():
    """Whether products by oneDNN err, against float64, at most 1.5 times as much as in full precision.

    Measured once in a process, on products of the shapes of an LSTM's; bfloat16 errs a thousand times as
    much.
    """
    if not torch.backends.mkldnn.is_available():
        return False
    with _lock:
        before = _precision()
        if before is None:
            return False
        try:
            exact, fast = (_error_under(precision) for precision in (_EXACT[-1], _FAST))
        finally:
            _set_precision(before)
    return fast <= 1.5 * exact


def _error_under(precision):
    _set_precision(precision)
    return sum(_error(*shape) for shape in ((128, 139, 512), (128, 512, 128)))


def _error(rows, inner, columns):
    """Mean absolute error of a float32 product against float64, of arrays drawn without the global seed."""
    generator = torch.Generator("cpu").manual_seed(0)
    left, right = (
        torch.randn(shape, generator=generator, dtype=torch.float64, device="cpu").float()
        for shape in ((rows, inner), (inner, columns))
    )
    return float(((left @ right).double() - left.double() @ right.double()).abs().mean())
