"""What the step of every backend has in common."""

import contextlib
from collections.abc import Callable
from typing import Any, NamedTuple

import keras


class Recording(NamedTuple):
    """A forward pass that remembers how to go backward.

    Attributes:
        loss: Scalar tensor, cut off from the gradient.
        aux: Whatever the loss function returned beside the loss.
        gradients: Callable, runs the backward pass and returns one tensor for
            each recorded variable (zeros where the loss does not depend on it).
            Call it at most once.
    """

    loss: Any
    aux: Any
    gradients: Callable[[], list]


class StepModel(keras.Model):
    """A `keras.Model` whose step is written in the verbs below; each backend fills them in.

    A subclass defines `adversarial_step(images)` and `evaluation_step(images)`, which return logs.
    """

    def train_step(self, data):
        """One training step on a batch from `fit`; returns the logs."""
        images, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        return self.adversarial_step(images)

    def test_step(self, data):
        """One step of `evaluate` on a batch; returns the logs."""
        images, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        return self.evaluation_step(images)

    def record(self, loss_fn, variables):
        """Run `loss_fn() -> (loss, aux)` and keep what its backward pass needs.

        Args:
            loss_fn: Callable without arguments, which returns a scalar and anything else.
            variables: `keras.Variable`s of this model.

        Returns:
            A `Recording` of the gradients with respect to `variables` alone.
        """
        raise NotImplementedError

    def apply_if(self, condition, optimizer, gradients, variables):
        """Where `condition` holds, apply the gradients; else do nothing at all.

        Args:
            condition: Boolean scalar, or a Python bool where it is known beforehand.
            optimizer: `keras.optimizers.Optimizer` that was built on `variables`.
            gradients: Callable that returns them, not called in vain.
            variables: `keras.Variable`s of this model.
        """
        raise NotImplementedError

    def input_gradient(self, fn, inputs):
        """Gradient of the sum of `fn(inputs)` with respect to `inputs`, of their shape.

        It can be differentiated once more, within `record`, with respect to variables.
        """
        raise NotImplementedError

    @property
    def device(self):
        """Name of the device that holds the weights, such as "cpu" or "NVIDIA H100 (cuda:0)"."""
        raise NotImplementedError

    @property
    def _placed_weight(self):
        # In floating point: TensorFlow keeps integers on the host.
        return next(weight for weight in self.weights if "float" in weight.dtype)

    def global_draws_from(self, seed):
        """Context in which a backend's own global generator, if layers use it, follows `seed`."""
        return contextlib.nullcontext()
