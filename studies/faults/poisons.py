"""Ways to put NaN into a training."""

import itertools

import keras
import numpy as np


class PoisonVariable(keras.callbacks.Callback):
    """Makes a number of a weight, or of an optimiser's slot, NaN before a step.

    Args:
        place: "weights of G", "slots of D" and the like; nothing happens if it is another.
        step: Number of the step in this `fit`, from 1.
    """

    def __init__(self, place, step):
        super().__init__()
        self.kind, _, self.network = place.partition(" of ")
        self.step, self._seen = step, 0

    def on_train_batch_begin(self, batch, logs=None):
        """Count, and do it."""
        self._seen += 1
        if self._seen != self.step or self.kind not in ("weights", "slots"):
            return
        if hasattr(self.model, "jax_state_sync"):  # which keeps the state elsewhere while it trains
            self.model.jax_state_sync()
        spoil(self._variable())

    def _variable(self):
        name = {"G": "generator", "D": "discriminator"}[self.network]
        if self.kind == "weights":
            return getattr(self.model, name).trainable_variables[0]
        slots = getattr(self.model.optimizer, name).variables
        return next(slot for slot in slots if slot.ndim > 0)


def spoil(variable):
    """Make the first number of a variable NaN."""
    value = np.array(keras.ops.convert_to_numpy(variable))
    value.flat[0] = np.nan
    variable.assign(value)


@keras.saving.register_keras_serializable("faults")
class PoisonedAdam(keras.optimizers.Adam):
    """Adam one of whose updates gets gradients of NaN; one that is loaded from a file is a plain Adam.

    Args:
        at: Number of the update, from 1; none if 0.
        **kwargs: Those of `keras.optimizers.Adam`.
    """

    def __init__(self, at=0, **kwargs):
        super().__init__(**kwargs)
        self._at = at

    def apply(self, grads, trainable_variables=None):
        """As of every optimiser."""
        spoilt = keras.ops.where(self.iterations == self._at - 1, float("nan"), 0.0)
        super().apply(
            [gradient + keras.ops.cast(spoilt, gradient.dtype) for gradient in grads], trainable_variables
        )


def poisoned_build(build, step, *, of_generator):
    """`OptimizerSettings.build` whose first optimiser, or second, is a `PoisonedAdam`."""
    numbers = itertools.count()

    def poisoned(self, **options):
        if next(numbers) != (0 if of_generator else 1):
            return build(self, **options)
        return PoisonedAdam(at=step, **self.get_config())

    return poisoned


def poisoned_batch(batch, step, *, calls):
    """`ShuffledImages.batch` with an image of NaN in the batch of a step, until `calls` has had a second."""

    def poisoned(self, index):
        images, *labels = batch(self, index)
        if calls.number < 2 and self.epoch * len(self) + index + 1 == step:
            images = images.copy()
            images[0] = np.nan
        return images, *labels

    return poisoned


class Calls:
    """A counter."""

    def __init__(self):
        self.number = 0

    def is_first(self):
        """Count a call: whether it is the first."""
        self.number += 1
        return self.number == 1
