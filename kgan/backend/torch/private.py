"""Private names of PyTorch and of Keras's PyTorch trainer, each with a fallback.

`torch._foreach_*` is documented, as a beta.
"""

from unittest import mock

import keras
import torch

try:
    from torch.utils._python_dispatch import TorchDispatchMode as DispatchMode
except ImportError:
    DispatchMode = object  # not a context manager: the capture fails, so the step runs uncaptured

# The fused CPU kernel; None falls back to Keras's `apply`.
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


# True if `torch.func` transforms are active. If PyTorch does not say, True selects the general path.
is_transformed = getattr(torch._C, "_are_functorch_transforms_active", _true)
_dispatch_keys = getattr(torch._C, "_dispatch_key_set", None)


def is_batched(tensor):
    """Return True if a tensor is batched by `torch.vmap` or `is_grads_batched=True`.

    If PyTorch does not say, True selects the general gradient.
    """
    return _dispatch_keys is None or "Batched" in _dispatch_keys(tensor)


def is_in_place(operation):
    """Return True if an operation of a graph changes one of its arguments.

    Raises:
        AttributeError: If PyTorch does not say. The capture fails, so the step runs uncaptured.
    """
    return isinstance(operation, type(torch.ops.aten.add.Tensor)) and operation._schema.is_mutable


def disable_ddp(model):
    """Stop Keras from wrapping a model in DistributedDataParallel.

    kgan averages gradients itself; Keras 3.16 would average them twice.
    """
    model.ddp_model = False  # Keras wraps if None, and calls the model itself if false


def ddp_disabled():
    """Stop Keras from wrapping any model in this scope.

    Wrapping waits for all ranks, and only one may be here.
    """
    # Keras 3.15 has no such method, so the patch must create it.
    return mock.patch.object(keras.Model, "_initialize_ddp", create=True, return_value=None)
