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

    A subclass defines `adversarial_step(images, labels)` and `evaluation_step(images, labels)`, which return
    logs; `labels` is None where the data have none.
    """

    def train_step(self, data):
        """One training step on a batch from `fit`; returns the logs."""
        return self.adversarial_step(*_images_and_labels(data))

    def test_step(self, data):
        """One step of `evaluate` on a batch; returns the logs."""
        return self.evaluation_step(*_images_and_labels(data))

    def record(self, loss_fn, variables):
        """Run `loss_fn() -> (loss, aux)` and keep what its backward pass needs.

        Args:
            loss_fn: Callable without arguments, which returns a scalar and anything else.
            variables: `keras.Variable`s of this model.

        Returns:
            A `Recording` of the gradients with respect to `variables` alone.
        """

        def losses_fn():
            loss, aux = loss_fn()
            return (loss,), aux

        (recording,) = self.record_each(losses_fn, (variables,))
        return recording

    def record_each(self, losses_fn, groups):
        """Run `losses_fn() -> (losses, aux)` and keep what a backward pass of each loss needs.

        Args:
            losses_fn: Callable without arguments, which returns one scalar for each group and anything else.
            groups: Lists of `keras.Variable`s of this model.

        Returns:
            For each group a `Recording` of the gradients of its loss with respect to its variables alone.
            Their `aux` is the same.
        """
        raise NotImplementedError

    def record_losses(self, losses_fn, inputs, groups, *, parts):
        """As `record_each` of `losses_fn(*inputs)`, which a backend may write down once and run again.

        Args:
            losses_fn: Callable `(*inputs) -> (losses, aux)`, whose `aux` holds tensors alone.
            inputs: Tensors.
            groups: Lists of `keras.Variable`s of this model.
            parts: The networks and other objects whose code `losses_fn` runs.
        """
        return self.record_each(lambda: losses_fn(*inputs), groups)

    def apply_if(self, condition, optimizer, gradients, variables):
        """Where `condition` holds, apply the gradients; else do nothing at all.

        Args:
            condition: Boolean scalar, or a Python bool where it is known beforehand.
            optimizer: `keras.optimizers.Optimizer` that was built on `variables`.
            gradients: Callable that returns them, not called in vain.
            variables: `keras.Variable`s of this model.
        """
        raise NotImplementedError

    def run_if(self, condition, fn, variables):
        """Where `condition` holds, run `fn()`; else do nothing at all.

        Args:
            condition: As in `apply_if`.
            fn: Callable without arguments, which assigns to `variables` alone.
            variables: `keras.Variable`s of this model.
        """
        raise NotImplementedError

    def choose(self, condition, fn, otherwise):
        """`fn()` where `condition` holds, else `otherwise()`; the other is not computed.

        Args:
            condition: As in `apply_if`.
            fn: Callable without arguments, which returns tensors and assigns to no variable.
            otherwise: Another, which returns as many of the same shapes.
        """
        raise NotImplementedError

    def move_towards(self, variables, others, share):
        """Move each variable towards another: variable ← variable + share (other − variable).

        Args:
            variables: `keras.Variable`s in floating point.
            others: As many, of the same shapes.
            share: Number in [0, 1] or scalar tensor.
        """
        for variable, other in zip(variables, others, strict=True):
            weight = keras.ops.cast(share, variable.dtype)
            variable.assign(variable + weight * (other - variable))

    def input_gradient(self, fn, inputs):
        """Gradient of the sum of `fn(inputs)` with respect to `inputs`, of their shape.

        It can be differentiated once more, within `record`, with respect to variables.
        """
        raise NotImplementedError

    def forgetting(self, variables):
        """Context inside which what is assigned to these variables is forgotten at its end."""
        return keras.StatelessScope([(variable, variable.value) for variable in variables])

    def known(self, counter):
        """The value of an integer variable: a Python integer where that is at hand, else a tensor."""
        return keras.ops.cast(counter, "int32")

    def add_to_means(self, means, values):
        """Add to each `keras.metrics.Mean` of a dict the scalar of its name; returns the means so far."""
        for name, value in values.items():
            means[name].update_state(keras.ops.cast(value, "float32"))
        return {name: means[name].result() for name in values}

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


def _images_and_labels(batch):
    images, labels, weights = keras.utils.unpack_x_y_sample_weight(batch)
    if weights is not None:
        raise ValueError(
            "Batches must be (images,) or (images, labels), got a third part: leave out the weights, "
            "because the losses of a GAN weigh all images alike."
        )
    return images, labels
