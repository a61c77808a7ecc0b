"""A recurrence over whole sequences on PyTorch."""

import functools
import warnings

import keras
import torch

from kgan.backend.torch import private
from kgan.backend.torch.lstm_sequence import DTYPES, FusedLSTM, Plan

# Keras's own keep what they were given beside what they return and cost several times as long here.
NATIVE = {keras.activations.tanh: torch.tanh, keras.activations.sigmoid: torch.sigmoid}


def scan(step, weights, inputs, states, *, keep_outputs, segment=None, unroll=False):
    """Apply a step along time.

    Args:
        step: `(weights, inputs, states) -> states`, a pure function of one step's tensors.
        weights: Tuple of tensors.
        inputs: Tuple of tensors `(time, batch, ...)`.
        states: Tuple of tensors `(batch, units)`, before the first step.
        keep_outputs: Whether to return the first state of every step or of the last alone.
        segment: Keep only the states between segments of so many steps for the backward pass, which
            computes the rest anew; keep all if None.
        unroll: Without effect here: nothing is compiled.

    Returns:
        Outputs `(time, batch, units)`, or `(1, batch, units)`; and the states after the last step.
    """
    if segment is None:
        return _run(step, weights, inputs, states, keep_outputs=keep_outputs)
    outputs = []

    def run(weights, inputs, states):
        shown, states = _run(step, weights, inputs, states, keep_outputs=keep_outputs)
        return shown, *states

    for parts in zip(*(tensor.split(segment) for tensor in inputs), strict=True):
        shown, *states = _Recomputed.apply(run, (len(weights), len(inputs)), *weights, *parts, *states)
        outputs.append(shown)
    return torch.cat(outputs) if keep_outputs else shown, tuple(states)


def _run(step, weights, inputs, states, *, keep_outputs):
    outputs = []
    # The gradient of x[t] is as large as x, for every step; that of `unbind` is one stack for all.
    for parts in zip(*(tensor.unbind(0) for tensor in inputs), strict=True):
        states = step(weights, parts, states)
        if keep_outputs:
            outputs.append(states[0])
    return torch.stack(outputs if keep_outputs else [states[0]]), states


def run_sequence(step, weights, inputs, states, *, keep_outputs, segment=None, cudnn=True):
    """What `scan` computes where the step is an LSTM's with tanh and σ, by a faster way if there is one.

    Args:
        step: As for `scan`.
        weights: `(kernel, recurrent_kernel)` or `(kernel, recurrent_kernel, bias)`.
        inputs: `(x,)` or `(x, mask)`: `(time, batch, input_dim)` and boolean `(time, batch, 1)`.
        states: `(h, c)`.
        keep_outputs: As for `scan`.
        segment: Likewise.
        cudnn: Whether cuDNN may be used on a GPU.

    Returns:
        What `scan` returns, and the way's name; or None, where there is none for such tensors.
    """
    (x, *mask), (h, c) = inputs, states
    tensors = (x, h, c, *weights)
    if not _is_plain(tensors):
        return None
    if x.is_cuda:
        fits = cudnn and not mask and segment is None and torch.backends.cudnn.is_acceptable(x)
        return (*library_lstm(weights, x, states, keep_outputs=keep_outputs), "cudnn") if fits else None
    if x.device.type != "cpu" or x.dtype not in DTYPES:
        return None
    plan = Plan(
        step_by_step=functools.partial(_run, step, keep_outputs=keep_outputs),
        keep_outputs=keep_outputs,
        segment=segment,
        differentiable=torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors),
    )
    h, c, outputs = FusedLSTM.apply(plan, mask[0] if mask else None, *tensors)
    name = "fused" if segment is None else "fused, checkpointed"
    return outputs if keep_outputs else h[None], (h, c), name


def _is_plain(tensors):
    """Whether these are numbers in memory, all of one kind, which no transformation or compiler follows."""
    if torch.compiler.is_compiling() or torch.jit.is_tracing() or private.is_transformed():
        return False
    if any(map(_has_tangent, tensors)):
        return False
    alike = {(type(tensor) in _PLAIN, tensor.device, tensor.dtype) for tensor in tensors}
    return len(alike) == 1 and alike.pop()[0] and all(tensor.numel() for tensor in tensors)


_PLAIN = (torch.Tensor, torch.nn.Parameter)


def _has_tangent(tensor):
    """Whether forward-mode differentiation follows it."""
    return torch.autograd.forward_ad.unpack_dual(tensor).tangent is not None


def library_lstm(weights, x, states, *, keep_outputs):
    """As `scan`, by PyTorch's own LSTM, which is cuDNN's on a GPU; it has first derivatives only there."""
    kernel, recurrent_kernel, *bias = weights
    parameters = [kernel.t().contiguous(), recurrent_kernel.t().contiguous()]
    if bias:  # PyTorch adds two
        parameters += [bias[0], torch.zeros_like(bias[0])]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "RNN module weights are not part of single contiguous chunk")
        outputs, h, c = torch.lstm(
            x,
            tuple(state[None] for state in states),
            parameters,
            has_biases=bool(bias),
            num_layers=1,
            dropout=0.0,
            train=torch.is_grad_enabled(),
            bidirectional=False,
            batch_first=False,
        )
    return outputs if keep_outputs else h, (h[0], c[0])


class _Recomputed(torch.autograd.Function):
    """A segment of which only the arguments are kept; the backward pass computes it anew.

    `torch.utils.checkpoint` keeps a node of its graph for every operation: 81 MiB instead of 22 for
    128 sequences of 1,000 steps with 128 units.
    """

    @staticmethod
    def forward(ctx, run, lengths, *tensors):
        ctx.run, ctx.lengths = run, lengths
        ctx.save_for_backward(*tensors)
        return run(*_grouped(tensors, lengths))

    @staticmethod
    def backward(ctx, *gradients):
        if torch.is_grad_enabled():  # by create_graph=True: what is computed anew here leaves no graph
            raise RuntimeError(
                "A checkpointed LSTM has first derivatives only: build it with checkpoint=None."
            )
        needed = ctx.needs_input_grad[2:]
        tensors = [
            tensor.detach().requires_grad_(need)
            for tensor, need in zip(ctx.saved_tensors, needed, strict=True)
        ]
        with torch.enable_grad():
            results = ctx.run(*_grouped(tensors, ctx.lengths))
        wanted = [tensor for tensor, need in zip(tensors, needed, strict=True) if need]
        found = iter(torch.autograd.grad(results, wanted, gradients, allow_unused=True))
        return None, None, *(next(found) if need else None for need in needed)


def _grouped(tensors, lengths):
    """The weights, the inputs and the states."""
    weights, inputs = lengths
    return tensors[:weights], tensors[weights : weights + inputs], tensors[weights + inputs :]


def holds_nan(tensor):
    """Whether there is NaN in a tensor on the CPU; elsewhere, to look would wait for the device."""
    if torch.compiler.is_compiling() or torch.jit.is_tracing():  # no numbers yet to decide by
        return False
    if tensor.device.type != "cpu" or not torch.isnan(tensor.detach().sum()):  # one pass over most tensors
        return False
    return bool(tensor.isnan().any())


def module(weights, **settings):
    """A `torch.nn.LSTM` of these arrays by name, batch first, in their dtype."""
    state = {name: torch.from_numpy(array.copy()) for name, array in weights.items()}
    dtype = next(iter(state.values())).dtype
    built = torch.nn.LSTM(**settings, batch_first=True, dtype=dtype)
    built.load_state_dict(state)
    return built
