"""A recurrence over whole sequences on PyTorch."""

import keras
import torch

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
