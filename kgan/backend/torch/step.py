"""The verbs of a training step on PyTorch."""

import contextlib

import torch

from kgan.backend.base import Recording, StepModel


def device_name(tensor):
    """Name of the device that holds a tensor, such as "cpu" or "NVIDIA H100 (cuda:0)"."""
    device = tensor.device
    return f"{torch.cuda.get_device_name(device)} ({device})" if device.type == "cuda" else str(device)


class BackendModel(StepModel):
    """`StepModel` on PyTorch."""

    def record(self, loss_fn, variables):
        """See `StepModel`."""
        loss, aux = loss_fn()
        values = [variable.value for variable in variables]

        def gradients():
            if not values:  # a frozen network; torch refuses to differentiate by nothing
                return []
            return list(torch.autograd.grad(loss, values, allow_unused=True, materialize_grads=True))

        return Recording(loss.detach(), aux, gradients)

    def apply_if(self, condition, optimizer, gradients, variables):
        """See `StepModel`."""
        if bool(condition):
            values = gradients()
            with torch.no_grad():
                optimizer.apply(values, variables)

    def input_gradient(self, fn, inputs):
        """See `StepModel`."""
        with torch.enable_grad():
            if not inputs.requires_grad:
                inputs = inputs.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(fn(inputs).sum(), inputs, create_graph=True)
        return gradient

    @property
    def device(self):
        """See `StepModel`."""
        return device_name(self._placed_weight.value)

    @contextlib.contextmanager
    def global_draws_from(self, seed):
        """Inside, torch's generators follow `seed`; afterwards they are as they were.

        Keras's dropout draws from them unless its layer was given a seed.
        """
        on_gpu = torch.cuda.is_available()
        with torch.random.fork_rng([torch.cuda.current_device()] if on_gpu else []):
            torch.default_generator.manual_seed(int(seed))
            if on_gpu:
                torch.cuda.manual_seed(int(seed))
            yield
