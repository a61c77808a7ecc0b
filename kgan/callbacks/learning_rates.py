"""Learning rates that fall while a GAN trains."""

import keras

from kgan.callbacks.intervals import AtIntervals
from kgan.optimizers import LinearDecay
from kgan.spec import check, is_count


class DecayLearningRates(AtIntervals):
    """Lowers the learning rates of both networks of a GAN by a `kgan.LinearDecay`.

    Every so many steps it multiplies each rate, whatever it is, by the factor of now over that of before, so
    that rates which were changed by hand fall likewise, and a resumed training goes on to the same bits.

    Args:
        decay: `LinearDecay`.
        steps: Steps of the training, counted over the model's life.
        every_steps: Steps between two changes.

    Raises:
        ValueError: If one of them breaks its rule.
    """

    def __init__(self, decay, *, steps, every_steps=100):
        super().__init__(every_steps=every_steps)
        rule = "a kgan.LinearDecay, such as LinearDecay()"
        check("decay", rule, decay, holds=isinstance(decay, LinearDecay))
        check("steps", "a positive integer", steps, holds=is_count(steps))
        self.decay, self.steps = decay, steps

    def act(self):
        """Lower both rates."""
        now = self._steps // self.every * self.every
        factor, before = (self.decay.factor(step / self.steps) for step in (now, now - self.every))
        if factor != before:  # on JAX a look at the model would fetch all its state
            multiply_rates(self.model.optimizer.optimizers, factor / before)


def multiply_rates(optimizers, factor):
    """Multiply the learning rates of some `keras.optimizers.Optimizer`s."""
    for optimizer in optimizers:
        inner = getattr(optimizer, "inner_optimizer", optimizer)  # of one that scales its loss
        inner.learning_rate = factor * float(keras.ops.convert_to_numpy(inner.learning_rate))
