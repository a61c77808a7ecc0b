"""The verbs of a training step on PyTorch."""

import contextlib
from functools import cached_property, partial

import torch

from kgan.backend.base import Recording, StepModel
from kgan.backend.metrics import model_metrics
from kgan.backend.plain_adam import is_plain_adam
from kgan.backend.torch import private
from kgan.backend.torch.adam import FusedAdam
from kgan.backend.torch.capture import Captures


def device_name(tensor):
    """Name of the device that holds a tensor, such as "cpu" or "NVIDIA H100 (cuda:0)"."""
    device = tensor.device
    return f"{torch.cuda.get_device_name(device)} ({device})" if device.type == "cuda" else str(device)


class BackendModel(StepModel):
    """`StepModel` on PyTorch."""

    @cached_property
    def _captures(self):
        return Captures()

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        private.disable_ddp(self)

    def compile(self, *args, **kwargs):
        """See `keras.Model`; what was captured with other optimisers is forgotten."""
        super().compile(*args, **kwargs)
        self._captures.forget()

    def make_train_function(self, force=False):
        """See `keras.Model`: called before the first step of each `fit`."""
        self._captures.begin()
        self._fused_adams.clear()
        super().make_train_function(force=force)

    def get_metrics_result(self):
        """Return this rank's metrics.

        Keras 3.16 sums over ranks, which `share_steps` does already.
        """
        return model_metrics(self)

    def record_losses(self, losses_fn, inputs, groups, *, parts):
        """See `StepModel`."""
        recordings = None
        if not self.run_eagerly:
            recordings = self._captures.record(losses_fn, inputs, groups, parts=parts)
        return recordings or super().record_losses(losses_fn, inputs, groups, parts=parts)

    def record_each(self, losses_fn, groups):
        """See `StepModel`."""
        with torch.enable_grad():
            losses, aux = losses_fn()
        shared = len(losses) > 1  # by several backward passes: none of them may free the graph

        def gradients(loss, variables):
            values = [variable.value for variable in variables]
            if not values:  # a frozen network; torch refuses to differentiate by nothing
                return []
            settings = {"retain_graph": shared, "allow_unused": True, "materialize_grads": True}
            return list(torch.autograd.grad(loss, values, **settings))

        return [
            Recording(loss.detach(), aux, partial(gradients, loss, variables))
            for loss, variables in zip(losses, groups, strict=True)
        ]

    def apply_if(self, condition, optimizer, gradients, variables):
        """See `StepModel`."""
        if bool(condition):
            fused = self._fused_adam(optimizer, variables)
            values = gradients()
            if fused is not None:
                fused.apply(values)
                return
            with torch.no_grad():
                optimizer.apply(values, variables)

    @cached_property
    def _fused_adams(self):
        return {}

    def _fused_adam(self, optimizer, variables):
        key = optimizer, *map(id, variables)
        if key not in self._fused_adams:
            on_cpu = all(variable.value.device.type == "cpu" for variable in variables)
            is_fused = private.fused_adam and on_cpu and is_plain_adam(optimizer, variables)
            self._fused_adams[key] = FusedAdam(optimizer, variables) if is_fused else None
        return self._fused_adams[key]

    def run_if(self, condition, fn, variables):
        """See `StepModel`."""
        if bool(condition):
            with torch.no_grad():
                fn()

    def choose(self, condition, fn, otherwise):
        """See `StepModel`."""
        return fn() if bool(condition) else otherwise()

    def move_towards(self, variables, others, share):
        """See `StepModel`: by one operation where the share is a number."""
        if isinstance(share, torch.Tensor):  # on a GPU, whose numbers are not waited for
            super().move_towards(variables, others, share)
        elif variables:
            values, towards = ([variable.value for variable in each] for each in (variables, others))
            private.lerp_all(values, towards, share)

    def input_gradient(self, fn, inputs):
        """See `StepModel`."""
        with torch.enable_grad():
            if not inputs.requires_grad:
                inputs = inputs.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(fn(inputs).sum(), inputs, create_graph=True)
        return gradient

    def known(self, counter):
        """See `StepModel`."""
        return int(counter.value) if counter.value.device.type == "cpu" else super().known(counter)

    def add_to_means(self, means, values):
        """See `StepModel`: on a CPU by two operations, and in numbers."""
        totals, counts = (
            [getattr(means[name], part).value for name in values] for part in ("total", "count")
        )
        if totals[0].device.type != "cpu":  # a number would wait for the device
            return super().add_to_means(means, values)
        with torch.no_grad():
            private.add_all(totals, [_number(value) for value in values.values()])
            private.add_all(counts, [1.0] * len(counts))
        pairs = zip(values, totals, counts, strict=True)
        return {name: total.item() / count.item() for name, total, count in pairs}

    @property
    def device(self):
        """See `StepModel`."""
        return device_name(self._placed_weight.value)

    @contextlib.contextmanager
    def global_draws_from(self, seed):
        """Inside, torch's generators follow `seed`; afterwards they are as they were.

        Keras's dropout draws from them unless its layer was given a seed.
        """
        generators = [torch.default_generator]
        if torch.cuda.is_available():
            generators += [torch.cuda.default_generators[torch.cuda.current_device()]]
        states = [generator.get_state() for generator in generators]  # fork_rng takes five times as long
        try:
            for generator in generators:
                generator.manual_seed(int(seed))
            yield
        finally:
            for generator, state in zip(generators, states, strict=True):
                generator.set_state(state)


def _number(value):
    return value.detach().item() if isinstance(value, torch.Tensor) else float(value)
