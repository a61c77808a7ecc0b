"""Learning rates that fall while a GAN trains."""

import dataclasses

import keras

from kgan.callbacks.intervals import AtIntervals
from kgan.optimizers import LinearDecay
from kgan.spec import check, is_count


class DecayLearningRates(AtIntervals):
    """Lowers the learning rates of both networks of a GAN by a `kgan.LinearDecay`.

    Every so many steps it multiplies each rate, whatever it is, by the factor of now over the last one, so
    that rates which were changed by hand fall likewise: those with which training begins are taken to be on
    the line already, so that a second `fit` needs whole rates again. A resumed training goes on to the same
    bits; one that is resumed with more steps goes on along its own line, so that rates may rise again.

    Args:
        decay: `LinearDecay`.
        steps: Steps of the training, counted over the model's life.
        every_steps: Steps between two changes; if None, 100, or a hundredth of a training that is shorter.

    Attributes:
        factor: What the rates are multiplied by now, or None before training.

    Raises:
        ValueError: If one of them breaks its rule.
    """

    def __init__(self, decay, *, steps, every_steps=None):
        check("steps", "a positive integer", steps, holds=is_count(steps))
        super().__init__(every_steps=max(1, min(100, steps // 100)) if every_steps is None else every_steps)
        rule = "a kgan.LinearDecay, such as LinearDecay()"
        check("decay", rule, decay, holds=isinstance(decay, LinearDecay))
        self.decay, self.steps, self.factor = decay, steps, None

    def state(self):
        """The factor that the rates hold."""
        return {"factor": self.factor}

    def restore(self, state, *, in_epoch):
        """Take the rates to hold that factor."""
        self.factor = state["factor"]

    def on_epoch_begin(self, epoch, logs=None):
        """Count the steps of this epoch from here; at first, take the rates to be on the line."""
        super().on_epoch_begin(epoch, logs)
        if self.factor is None:
            self.factor = self._factor_now()

    def act(self):
        """Move both rates to the line."""
        factor = self._factor_now()
        if factor != self.factor:  # on JAX a look at the model would fetch all its state
            multiply_rates(self.model.optimizer.optimizers, factor / self.factor)
            self.factor = factor

    def _factor_now(self):
        return self.decay.factor(self._steps // self.every * self.every / self.steps)


def multiply_rates(optimizers, factor):
    """Multiply the learning rates of some `keras.optimizers.Optimizer`s."""
    for optimizer in optimizers:
        inner = getattr(optimizer, "inner_optimizer", optimizer)  # of one that scales its loss
        inner.learning_rate = factor * float(keras.ops.convert_to_numpy(inner.learning_rate))


def held_factor(saved):
    """What the learning rates of a `kgan.saving.Saved` are multiplied by: 1 where they never fell."""
    return saved.state["callbacks"].get(DecayLearningRates.__name__, {"factor": 1.0})["factor"]


def with_factor(saved, factor):
    """A `kgan.saving.Saved` whose learning rates are taken to be multiplied by this one."""
    states = saved.state["callbacks"] | {DecayLearningRates.__name__: {"factor": factor}}
    return dataclasses.replace(saved, state=saved.state | {"callbacks": states})
