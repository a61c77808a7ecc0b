"""The processes that train one model together: those of `torchrun`, or of a group that was joined already."""

import contextlib
import os
from functools import partial

import keras
import numpy as np
import torch
from torch import distributed

from kgan.backend.alone import Alone
from kgan.backend.metrics import model_metrics
from kgan.backend.nesting import all_layers
from kgan.backend.private import has_own_moments, set_moments
from kgan.backend.torch import private

_BUCKET = 25 * 2**20  # bytes that are sent at once, as PyTorch's own DistributedDataParallel does


class RankLostError(ConnectionError):
    """Another of the processes has ended."""


class Ranks(Alone):
    """See `Alone`. All processes must come to each of the methods, in the same order."""

    @property
    def number(self):
        """See `Alone`."""
        return distributed.get_world_size() if _is_joined() else 1

    @property
    def rank(self):
        """See `Alone`."""
        return distributed.get_rank() if _is_joined() else 0

    drawing, shares = rank, number

    @property
    def launch(self):
        """See `Alone`."""
        # Its name is "none" unless one was given, and its process lasts over all restarts.
        is_launched = distributed.is_torchelastic_launched()
        return f"{os.environ['TORCHELASTIC_RUN_ID']} {os.getppid()}" if is_launched else None

    @property
    def is_restarted(self):
        """See `Alone`."""
        return os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0"

    def apart(self):
        """See `Alone`."""
        return private.ddp_disabled()

    @contextlib.contextmanager
    def joined(self):
        """See `Alone`: by NCCL, a GPU each, or by gloo where there are none.

        Raises:
            RankLostError: If another process ends before its time.
        """
        if _is_joined() or not distributed.is_torchelastic_launched():
            yield
            return
        on_gpu = torch.cuda.is_available()
        if on_gpu:
            _take_gpu(int(os.environ["LOCAL_RANK"]))
        store, rank, number = next(distributed.rendezvous("env://"))
        # Else processes that are begun again would find the addresses of those before.
        store = distributed.PrefixStore(f"kgan-{os.environ['TORCHELASTIC_RESTART_COUNT']}", store)
        distributed.init_process_group(
            "nccl" if on_gpu else "gloo", store=store, rank=rank, world_size=number
        )
        try:
            yield
        except Exception as error:
            lost = _lost(error)
            if lost in (None, error):
                raise
            for note in getattr(error, "__notes__", ()):
                lost.add_note(note)
            raise lost from None
        finally:
            distributed.destroy_process_group()

    def mean(self, tensors):
        """See `Alone`."""
        return [tensor / self.number for tensor in self.total(tensors)] if self.number > 1 else tensors

    @torch.no_grad()
    def total(self, tensors):
        """See `Alone`: in buckets, all of which are on their way at once."""
        if self.number == 1:
            return tensors
        sums = [None] * len(tensors)
        for indices, flat, sent in [_sent(tensors, indices) for indices in _buckets(tensors)]:
            with _reaching_all():
                sent.wait()
            parts = flat.split([tensors[index].numel() for index in indices])
            for index, part in zip(indices, parts, strict=True):
                sums[index] = part.view(tensors[index].shape)
        return sums

    def largest(self, value):
        """See `Alone`."""
        if self.number == 1:
            return value
        tensor = torch.tensor(value, device=_device())
        with _reaching_all():
            distributed.all_reduce(tensor, distributed.ReduceOp.MAX)
        return int(tensor)

    def gathered(self, array):
        """See `Alone`."""
        if self.number == 1:
            return array
        arrays = [None] * self.number
        with _reaching_all():
            distributed.all_gather_object(arrays, array)
        return np.concatenate(arrays)

    def of_first(self, value):
        """See `Alone`."""
        values = [value]
        if self.number > 1:
            with _reaching_all():
                distributed.broadcast_object_list(values, src=0)
        return values[0]

    def give_to_all(self, variables):
        """See `Alone`."""
        if self.number > 1:
            with _reaching_all():
                for variable in variables:
                    distributed.broadcast(variable.value.detach(), src=0)

    def synchronise_batch_norm(self, network):
        """See `Alone`."""
        if self.number > 1:
            for layer in all_layers(network):
                if isinstance(layer, keras.layers.BatchNormalization) and not has_own_moments(layer):
                    set_moments(layer, partial(_moments, layer))

    def share_steps(self, model):
        """See `Alone`: the gradients before the optimiser uses them, and what is logged."""
        if self.number > 1:
            self.give_to_all([*model.weights, *model.optimizer.variables])
            private.disable_ddp(model)
            model.optimizer.__dict__["apply"] = partial(self._apply, model.optimizer)
            model.__dict__["get_metrics_result"] = partial(self._metrics, model)

    def _apply(self, optimizer, gradients, trainable_variables=None):
        type(optimizer).apply(optimizer, self.mean(list(gradients)), trainable_variables)

    def _metrics(self, model):
        own = type(model).get_metrics_result
        # Keras 3.16's own method sums over ranks, so call only an override.
        found = model_metrics(model) if own is keras.Model.get_metrics_result else own(model)
        values = [torch.as_tensor(value, dtype=torch.float32, device=_device()) for value in found.values()]
        return dict(zip(found, self.mean(values), strict=True))


def _take_gpu(number):
    count = torch.cuda.device_count()
    if number >= count:
        raise ValueError(
            f"--nproc-per-node must be at most {count}, the number of GPUs, got more: each has one."
        )
    torch.cuda.set_device(number)


def _is_joined():
    return distributed.is_available() and distributed.is_initialized()


def _device():
    return "cuda" if distributed.get_backend() == "nccl" else "cpu"


@contextlib.contextmanager
def _reaching_all():
    try:
        yield
    except RuntimeError as error:
        raise RankLostError(
            "Another process of this training has ended, as it says itself unless it was killed."
        ) from error


def _lost(error):
    """The first `RankLostError` behind an error, for Keras makes one of its own of what a layer raises."""
    found = None
    while error is not None:
        found = error if isinstance(error, RankLostError) else found
        error = error.__cause__ or error.__context__
    return found


def _buckets(tensors):
    """Lists of the indices of tensors of one kind that are sent together."""
    buckets, room = {}, {}
    for index, tensor in enumerate(tensors):
        size = tensor.numel() * tensor.element_size()
        if size > room.get(tensor.dtype, 0):
            buckets.setdefault(tensor.dtype, []).append([])
            room[tensor.dtype] = _BUCKET
        room[tensor.dtype] -= size
        buckets[tensor.dtype][-1].append(index)
    return [bucket for of_kind in buckets.values() for bucket in of_kind]


def _sent(tensors, indices):
    """The indices, the tensors in one, whose sum it will be, and what waits for that."""
    flat = torch.cat([tensors[index].detach().reshape(-1) for index in indices])
    with _reaching_all():
        return indices, flat, distributed.all_reduce(flat, async_op=True)


@torch.library.custom_op("kgan::sum_over_ranks", mutates_args=())
def _sum(tensor: torch.Tensor) -> torch.Tensor:
    """The sum over all processes: an operation of its own, which a captured step runs again as any other."""
    total = tensor.clone()
    with _reaching_all():
        distributed.all_reduce(total)
    return total


_sum.register_autograd(lambda _, gradient: _sum(gradient))  # of what each process has of it


def _moments(layer, inputs, mask):
    """Mean and variance over all processes."""
    if mask is not None:
        raise ValueError("A batch norm layer with a mask cannot train in several processes.")
    axes = [axis for axis in range(inputs.ndim) if axis != layer.axis % inputs.ndim]
    own = torch.stack([inputs.mean(axes), inputs.var(axes, unbiased=False)])
    is_own = torch.zeros(distributed.get_world_size(), 1, 1, dtype=own.dtype, device=own.device)
    is_own[distributed.get_rank()] = 1
    # In one message, and with no digits lost as by sums of squares.
    means, variances = _sum(is_own * own).unbind(1)
    mean = means.mean(0)
    return mean, variances.mean(0) + torch.square(means - mean).mean(0)
