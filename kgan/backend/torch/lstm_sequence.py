"""An LSTM over whole sequences on PyTorch's CPU, with its backpropagation through time written out.

One node in the graph instead of a dozen a step. `forward_segment` and `backward_segment` are the
equations; `FusedLSTM` runs them from segment to segment and keeps their records, or only the states
between them and computes the records anew.

h, x and a 1 for the bias lie side by side in one matrix, so that a step is one product:

    z = [h, x, 1] A,    A = [R; W; b], the gates in the order i, f, g, o

PyTorch's tanh takes five times as long as its sigmoid, and tanh(x) = 2 σ(2x) − 1: for the forward pass the
columns of g are doubled in A, and one sigmoid serves all four gates.
"""

import math
from typing import NamedTuple

import torch

from kgan.backend.torch import private
from kgan.backend.torch.memory import empty
from kgan.backend.torch.products import fastest_products

DTYPES = (torch.float32, torch.float64, torch.bfloat16)
RECORDED_STEPS = 32  # steps of a record where all are kept: in one piece, the memory is slower to come by
PRODUCT_ROWS = 256  # rows, of one or several steps, that the product for the weights' gradient takes at least

_sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input  # d, y -> d y (1 − y), into a tensor
_tanh_backward = torch.ops.aten.tanh_backward.grad_input  # d, y -> d (1 − y²), likewise


class Weights(NamedTuple):
    """The matrices of the products.

    Attributes:
        joined: A of `(units + input_dim + 1, 4 * units)`, or one row less without a bias; the columns of g
            are multiplied by `scale`.
        to_h: R transposed, `(4 * units, units)`, for the gradient of h.
        to_x: W transposed, `(4 * units, input_dim)`, for the gradient of x.
        scale: 2, or 1 where tanh is called.
    """

    joined: torch.Tensor
    to_h: torch.Tensor
    to_x: torch.Tensor
    scale: int

    @classmethod
    def of(cls, kernel, recurrent_kernel, *bias):
        """From the layer's weights."""
        units = recurrent_kernel.shape[0]
        # Half precision has too few digits for the difference 2 σ(2x) − 1 at small x.
        scale = 1 if kernel.dtype == torch.bfloat16 else 2
        joined = torch.cat([recurrent_kernel, kernel, *(b[None] for b in bias)])
        joined[:, 2 * units : 3 * units] *= scale
        return cls(joined, recurrent_kernel.t().contiguous(), kernel.t().contiguous(), scale)

    def gradients(self, total):
        """Those of kernel, recurrent kernel and bias, from that of `joined`."""
        units, width = self.to_h.shape[1], self.to_h.shape[1] + self.to_x.shape[1]
        recurrent_kernel, kernel, *bias = total.to(self.joined.dtype).tensor_split([units, width])
        return kernel, recurrent_kernel, bias[0].reshape(-1)


class Record(NamedTuple):
    """What a segment's backward pass needs of its forward pass.

    Attributes:
        joined: [h, x, 1] before each step and after the last, `(steps + 1, batch, rows of A)`.
        gates: i, f, g and o of each step, `(steps, batch, 4 * units)`.
        cells: c before each step and after the last, `(steps + 1, batch, units)`.
        squashed: tanh(c) after each step, `(steps, batch, units)`.
    """

    joined: torch.Tensor
    gates: torch.Tensor
    cells: torch.Tensor
    squashed: torch.Tensor

    @classmethod
    def empty(cls, steps, batch, weights, *, rolling=False):
        """An unwritten one; of a `rolling` one each step overwrites the gates and cells of the one before."""
        rows, width = weights.joined.shape
        units, stored = width // 4, 1 if rolling else steps
        shapes = (
            (steps + 1, batch, rows),
            (stored, batch, width),
            (stored if rolling else steps + 1, batch, units),
            (stored, batch, units),
        )
        sizes = [math.prod(shape) for shape in shapes]
        block = empty(sum(sizes), dtype=weights.joined.dtype)
        parts = [part.view(shape) for part, shape in zip(block.split(sizes), shapes, strict=True)]
        parts[0][:, :, -1] = 1  # where there is no bias, x overwrites it
        steps_of = (steps + 1, steps, steps + 1, steps)
        return cls(*(part.expand(number, -1, -1) for part, number in zip(parts, steps_of, strict=True)))

    def by_gate(self):
        """i, f, g and o, each as a list of a `(batch, units)` a step."""
        return [gate.unbind(0) for gate in self.gates.split(self.cells.shape[2], dim=2)]

    def outputs(self):
        """H before each step and after the last, `(steps + 1, batch, units)`."""
        return self.joined[:, :, : self.cells.shape[2]]


def forward_segment(weights, x, states, record, masks):
    """The states after a segment; its record is written.

        i, f, o = σ(z_i), σ(z_f), σ(z_o),    g = tanh(z_g)
        c ← f ⊙ c + i ⊙ g
        h ← o ⊙ tanh(c)

    Args:
        weights: `Weights`.
        x: Tensor `(steps, batch, input_dim)`.
        states: `(h, c)`, each `(batch, units)`.
        record: `Record` of as many steps or more.
        masks: For each step None or a boolean tensor `(batch, 1)`, False in rows that keep their states.

    Returns:
        `(h, c)`, views of the record.
    """
    steps, _, input_dim = x.shape
    units = record.cells.shape[2]
    record.joined[0, :, :units], record.cells[0] = states
    record.joined[:steps, :, units : units + input_dim] = x
    joined, h, c = record.joined.unbind(0), record.outputs().unbind(0), record.cells.unbind(0)
    gates, (i, f, g, o), squashed = record.gates.unbind(0), record.by_gate(), record.squashed.unbind(0)
    z = torch.empty_like(gates[0])  # one for all steps, so that it stays in the cache
    z_g = z[:, 2 * units : 3 * units]
    for t in range(steps):
        mask = masks[t]
        c_before = c[t] if mask is None else c[t].clone()
        if mask is not None:
            # It may hold inf, which would make NaN of gradients too.
            record.joined[t, :, units : units + input_dim].masked_fill_(~mask, 0)
        torch.mm(joined[t], weights.joined, out=z)
        torch.sigmoid(z, out=gates[t])
        _finish_tanh(g[t], z_g, scale=weights.scale)
        torch.mul(f[t], c[t], out=c[t + 1])
        c[t + 1].addcmul_(i[t], g[t])
        _tanh(c[t + 1], scale=weights.scale, out=squashed[t])
        torch.mul(o[t], squashed[t], out=h[t + 1])
        if mask is not None:
            torch.where(mask, h[t + 1], h[t], out=h[t + 1])
            torch.where(mask, c[t + 1], c_before, out=c[t + 1])
    return h[steps], c[steps]


def _finish_tanh(g, z, *, scale):
    """Tanh, into g, which holds σ(z), where z was scaled."""
    if scale == 1:
        torch.tanh(z, out=g)
    else:
        torch.add(_MINUS_ONE, g, alpha=2, out=g)


def _tanh(c, *, scale, out):
    if scale == 1:
        torch.tanh(c, out=out)
    else:
        torch.mul(c, 2, out=out).sigmoid_()
        torch.add(_MINUS_ONE, out, alpha=2, out=out)


_MINUS_ONE = torch.tensor(-1.0, device="cpu")


class Gradients:
    """The gradients that a backward pass carries from step to step, and those that it sums up.

    Args:
        h: Gradient of h after the last step, `(batch, units)`; overwritten.
        c: That of c, likewise.
        weights: `Weights`.
        outputs: Gradients of h after every step, `(time, batch, units)`, or None.
        x: Tensor for those of the inputs, `(time, batch, input_dim)`, or None.
        of_weights: Whether those of the weights are summed up.
    """

    def __init__(self, h, c, weights, *, outputs, x, of_weights):
        self.h, self.c, self.outputs, self.x = h, c, outputs, x
        wide = torch.promote_types(h.dtype, torch.float32)  # a sum over thousands of steps
        self.joined = torch.zeros_like(weights.joined, dtype=wide) if of_weights else None
        self._weights = weights
        self._steps = max(1, PRODUCT_ROWS // max(1, h.shape[0]))  # of one product
        self._z = h.new_empty(self._steps, *h.shape[:1], weights.joined.shape[1])
        self.slots = [(z, *z.chunk(4, 1)) for z in self._z.unbind(0)]

    def slot(self, t):
        """Where the gradient of z at a segment's step t belongs: it, and i, f, g and o of it."""
        return self.slots[t % self._steps]

    def flush(self, record, start, t, steps):
        """Products for weights and inputs, once the gradients of z from step t of a segment on are there."""
        if t % self._steps:
            return
        until = min(t + self._steps, steps)
        z = self._z[: until - t].flatten(0, 1)
        if self.joined is not None:
            rows = record.joined[t:until].flatten(0, 1)
            if self.joined.dtype == z.dtype:
                self.joined.addmm_(rows.t(), z)
            else:
                self.joined += rows.t() @ z
        if self.x is not None:
            torch.mm(z, self._weights.to_x, out=self.x[start + t : start + until].flatten(0, 1))


def backward_segment(weights, record, gradients, masks, *, start):
    """Backpropagation through one segment: `gradients` go from after its last step to before its first.

    With d for the gradient of the loss with respect to what follows it:

        dc ← dc + dh o (1 − tanh² c)
        dz_i = dc g i (1 − i)        dz_f = dc c₋ f (1 − f)         c₋: c before the step
        dz_g = dc i (1 − g²)         dz_o = dh tanh(c) o (1 − o)
        dc ← dc f                    dh ← dz Rᵀ
        dA ← dA + [h₋, x, 1]ᵀ dz     dx = dz Wᵀ

    Args:
        weights: `Weights`.
        record: `Record` of the segment.
        gradients: `Gradients`.
        masks: As for `forward_segment`.
        start: Number of the segment's first step in the sequence.
    """
    steps, dh, dc, outputs = len(masks), gradients.h, gradients.c, gradients.outputs
    gates, squashed, c = record.gates.unbind(0), record.squashed.unbind(0), record.cells.unbind(0)
    p, q = torch.empty_like(dh), torch.empty_like(dh)
    for t in reversed(range(steps)):
        if outputs is not None:
            dh += outputs[start + t]
        kept = None if masks[t] is None else _split_off_kept(dh, dc, masks[t])
        z, i, f, g, o = gradients.slot(t)
        z.copy_(gates[t])  # the gates, read in one stream; each then gives way to its gradient
        dc += _tanh_backward(torch.mul(dh, o, out=p), squashed[t], grad_input=p)
        _sigmoid_backward(torch.mul(dh, squashed[t], out=p), o, grad_input=o)
        torch.mul(dc, g, out=p)
        _tanh_backward(torch.mul(dc, i, out=q), g, grad_input=g)
        _sigmoid_backward(p, i, grad_input=i)
        torch.mul(dc, c[t], out=p)
        dc *= f
        _sigmoid_backward(p, f, grad_input=f)
        torch.mm(z, weights.to_h, out=dh)
        if kept is not None:
            dh += kept[0]
            dc += kept[1]
        gradients.flush(record, start, t, steps)


def _split_off_kept(dh, dc, mask):
    """The gradients of states that a step keeps, which pass by it; to the step is left the rest."""
    kept = dh.masked_fill(mask, 0), dc.masked_fill(mask, 0)
    dh.masked_fill_(~mask, 0)
    dc.masked_fill_(~mask, 0)
    return kept


class Plan(NamedTuple):
    """How a sequence is run.

    Attributes:
        step_by_step: `(weights, inputs, states) -> outputs, states`: the general scan, which the backward
            pass differentiates where it is to be differentiated itself.
        keep_outputs: Whether h of every step is wanted.
        segment: Steps between two kept states, or None to keep a record of every step.
        differentiable: Whether there is to be a backward pass.
    """

    step_by_step: object
    keep_outputs: bool
    segment: int | None
    differentiable: bool

    @property
    def steps(self):
        """The steps of a record."""
        return self.segment or RECORDED_STEPS

    @property
    def keeps_records(self):
        """Whether the forward pass keeps its records."""
        return self.differentiable and self.segment is None

    @property
    def keeps_states(self):
        """Whether the forward pass keeps the states between segments alone."""
        return self.differentiable and self.segment is not None


class FusedLSTM(torch.autograd.Function):
    """h and c after the last step, and h after every step or None.

    `apply(plan, mask, x, h, c, kernel, recurrent_kernel[, bias])`, with x `(time, batch, input_dim)`, the
    mask `(time, batch, 1)` or None, and h and c `(batch, units)`.
    """

    @staticmethod
    def forward(ctx, plan, mask, x, h, c, *weights):
        """Run all segments; see the class."""
        matrices = Weights.of(*weights)
        with fastest_products(x.dtype):
            (last_h, last_c), outputs, kept = _forward(plan, matrices, mask, x, (h, c))
        ctx.plan = plan
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(mask, x, h, c, *weights, *(tensor for part in kept for tensor in part))
        return last_h, last_c, outputs

    @staticmethod
    def backward(ctx, *upstream):
        """Gradients of what is wanted."""
        mask, x, h, c, *saved = ctx.saved_tensors
        number = len(ctx.needs_input_grad) - 5
        weights, kept = saved[:number], saved[number:]
        # By create_graph=True, or by is_grads_batched=True, whose tensors cannot be written to.
        if torch.is_grad_enabled() or any(map(_is_batched, upstream)):
            found = _differentiable(ctx, mask, (x, h, c, *weights), upstream)
            return None, None, *found
        matrices = Weights.of(*weights)
        with fastest_products(x.dtype):
            gradients = _backward(ctx, matrices, mask, x, kept, upstream)
        found = [gradients.x, gradients.h, gradients.c]
        if gradients.joined is not None:
            found += matrices.gradients(gradients.joined)[:number]
        needed = ctx.needs_input_grad[2:]
        return None, None, *(found[k] if need else None for k, need in enumerate(needed))


def _forward(plan, weights, mask, x, states):
    """Last states, all outputs or None, and what is kept for the backward pass: a tuple a segment."""
    outputs = x.new_empty(*x.shape[:2], states[0].shape[1]) if plan.keep_outputs else None
    masks, kept, record = _masks(mask, x), [], None
    for start in range(0, x.shape[0], plan.steps):
        part = x[start : start + plan.steps]
        if record is None or plan.keeps_records:
            record = Record.empty(len(part), x.shape[1], weights, rolling=not plan.keeps_records)
        if plan.keeps_states:
            kept.append(tuple(state.clone() for state in states))
        elif plan.keeps_records:
            kept.append(record)
        states = forward_segment(weights, part, states, record, masks[start : start + plan.steps])
        if plan.keep_outputs:
            outputs[start : start + plan.steps] = record.outputs()[1 : len(part) + 1]
    return tuple(state.clone() for state in states), outputs, kept


def _backward(ctx, weights, mask, x, kept, upstream):
    """`Gradients` before the first step."""
    plan, masks, (_, _, needs_x, _, _, *need_weights) = ctx.plan, _masks(mask, x), ctx.needs_input_grad
    parts = _kept_parts(plan, kept)
    gradients = _upstream(upstream, weights, x, needs_x=needs_x, of_weights=any(need_weights))
    if plan.segment is not None:
        record = Record.empty(min(plan.steps, x.shape[0]), x.shape[1], weights)
    for number in reversed(range(len(parts))):
        start = number * plan.steps
        steps = masks[start : start + plan.steps]
        if plan.segment is None:
            record = Record(*parts[number])
        else:
            forward_segment(weights, x[start : start + plan.steps], parts[number], record, steps)
        backward_segment(weights, record, gradients, steps, start=start)
    return gradients


def _kept_parts(plan, kept):
    """A record or a pair of states a segment."""
    size = len(Record._fields) if plan.segment is None else 2
    return [kept[k : k + size] for k in range(0, len(kept), size)]


def _upstream(upstream, weights, x, *, needs_x, of_weights):
    """`Gradients` after the last step."""
    units = weights.to_h.shape[1]
    h, c = (
        x.new_zeros(x.shape[1], units) if state is None else state.contiguous().clone()
        for state in upstream[:2]
    )
    d_x = x.new_empty(x.shape) if needs_x else None
    return Gradients(h, c, weights, outputs=upstream[2], x=d_x, of_weights=of_weights)


def _masks(mask, x):
    """For each step None where all rows count, else the mask, `(batch, 1)`."""
    if mask is None:
        return [None] * x.shape[0]
    whole = mask.flatten(1).all(1).tolist()
    return [None if all_count else m for m, all_count in zip(mask.unbind(0), whole, strict=True)]


def _is_batched(gradient):
    return gradient is not None and private.is_batched(gradient)


def _differentiable(ctx, mask, tensors, upstream):
    """The gradients of what is wanted, which can be differentiated themselves where that is asked for."""
    create_graph = torch.is_grad_enabled()
    if (
        create_graph and ctx.plan.segment is not None
    ):  # a second pass would have to keep what the first did not
        raise RuntimeError("A checkpointed LSTM has first derivatives only: build it with checkpoint=None.")
    with torch.enable_grad():
        # Views, so that a tensor that was computed from another is not followed back to it.
        x, h, c, *weights = tensors = [tensor.view_as(tensor) for tensor in tensors]
        outputs, states = ctx.plan.step_by_step(weights, (x,) if mask is None else (x, mask), (h, c))
    results = (*states, outputs if ctx.plan.keep_outputs else None)
    used = [(result, d) for result, d in zip(results, upstream, strict=True) if d is not None]
    needed = ctx.needs_input_grad[2:]
    wanted = [tensor for tensor, need in zip(tensors, needed, strict=True) if need]
    found = iter(
        torch.autograd.grad(
            [result for result, _ in used],
            wanted,
            [d for _, d in used],
            create_graph=create_graph,
            allow_unused=True,
        )
    )
    return [next(found) if need else None for need in needed]
