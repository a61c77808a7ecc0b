"""The verbs of a training step on PyTorch."""

import contextlib

import keras
import torch

from kgan.backend.recording import Recording


class BackendModel(keras.Model):
    """A `keras.Model` whose step is written in the verbs below (see `kgan.backend`)."""

    def train_step(self, data):
        """One training step on `data`; returns the logs."""
        images, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        return self.adversarial_step(images)

    def test_step(self, data):
        """One evaluation step on `data`; returns the logs."""
        images, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        return self.evaluation_step(images)

    def record(self, loss_fn, variables):
        """Run `loss_fn() -> (loss, aux)` and keep what its backward pass needs.

        Returns:
            A `Recording` of the gradients with respect to `variables` alone.
        """
        loss, aux = loss_fn()
        values = [variable.value for variable in variables]

        def gradients():
            return list(torch.autograd.grad(loss, values, allow_unused=True, materialize_grads=True))

        return Recording(loss.detach(), aux, gradients)

    def apply_if(self, condition, optimizer, gradients, variables):
        """Where `condition` holds, run `gradients()` and apply them; else do nothing at all."""
        if bool(condition):
            values = gradients()
            with torch.no_grad():
                optimizer.apply(values, variables)

    @contextlib.contextmanager
    def global_draws_from(self, seed):
        """Inside, draws from torch's global generator follow `seed`; afterwards it is as it was.

        Keras's dropout draws from there unless its layer was given a seed.
        """
        devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(int(seed))
            yield

    def input_gradient(self, fn, inputs):
        """Gradient of the sum of `fn(inputs)` with respect to `inputs`, of their shape."""
        with torch.enable_grad():
            if not inputs.requires_grad:
                inputs = inputs.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(fn(inputs).sum(), inputs, create_graph=True)
        return gradient
