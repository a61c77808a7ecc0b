"""Private names of PyTorch, and of Keras's PyTorch trainer, each with a fallback; no other module uses any.

`torch._foreach_*` is documented, as a beta.
"""

import contextlib

import keras
import torch

try:
    from torch.utils._python_dispatch import TorchDispatchMode as DispatchMode
except ImportError:
    DispatchMode = object  # no context manager: the capture fails, and the step runs as it is written

# The CPU kernel, or None: then Keras's own `apply` runs.
fused_adam = getattr(torch, "_fused_adam_", None)


def _copy_all(tensors, others):
    for tensor, other in zip(tensors, others, strict=True):
        tensor.copy_(other)


def _lerp_all(tensors, others, weight):
    for tensor, other in zip(tensors, others, strict=True):
        tensor.lerp_(other, weight)


def _add_all(tensors, numbers):
    for tensor, number in zip(tensors, numbers, strict=True):
        tensor.add_(number)


copy_all = getattr(torch, "_foreach_copy_", _copy_all)
lerp_all = getattr(torch, "_foreach_lerp_", _lerp_all)
add_all = getattr(torch, "_foreach_add_", _add_all)


def _true(*_):
    return True


# If `torch.func` follows what is computed; True where PyTorch does not say, so that the general way is taken.
is_transformed = getattr(torch._C, "_are_functorch_transforms_active", _true)
_dispatch_keys = getattr(torch._C, "_dispatch_key_set", None)


def is_batched(tensor):
    """Return True if a tensor stands for several, of `is_grads_batched=True` or of `torch.vmap`.

    True as well where PyTorch does not say: what is batched must be differentiated in the general way.
    """
    return _dispatch_keys is None or "Batched" in _dispatch_keys(tensor)


def is_in_place(operation):
    """Return True if an operation of a graph changes one of its arguments.

    Raises:
        AttributeError: If PyTorch does not say. The capture fails, and the step runs as it is written.
    """
    return isinstance(operation, type(torch.ops.aten.add.Tensor)) and operation._schema.is_mutable


def keep_whole(model):
    """Keep Keras's trainer from wrapping a model in DistributedDataParallel.

    Keras 3.16 does it once processes are joined: every gradient would be sent twice.
    """
    model.ddp_model = False  # not None: counts as wrapped; and false: the model itself is called


@contextlib.contextmanager
def all_kept_whole():
    """Keep it from wrapping any model in this scope, which waits for all processes: one may be here alone."""
    name = "_initialize_ddp"
    before = getattr(keras.Model, name, None)
    if before is None:  # Keras 3.15 wraps none
        yield
        return
    setattr(keras.Model, name, lambda _model: None)
    try:
        yield
    finally:
        setattr(keras.Model, name, before)
