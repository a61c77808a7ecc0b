"""Optimiser settings that import no framework until `build`, and how their rates fall.

Their defaults are those of torch.optim. A new optimiser is one class in this file.
"""

import dataclasses

from kgan.spec import Spec, check, is_number


@dataclasses.dataclass(frozen=True)
class OptimizerSettings(Spec):
    """Base class: the fields are the arguments of the Keras optimiser of the same name.

    Args:
        learning_rate: Positive number.

    Raises:
        ValueError: If the rate or epsilon is not positive, or a decay is not in [0, 1).
    """

    learning_rate: float = 1e-3

    def __post_init__(self):
        """Check every number."""
        for name, value in self.get_config().items():
            if name in ("learning_rate", "epsilon"):
                check(name, "a positive number", value, holds=is_number(value) and value > 0)
            else:
                check(name, "a number in [0, 1)", value, holds=is_number(value) and 0 <= value < 1)

    def build(self, *, global_clipnorm=None):
        """A new `keras.optimizers.Optimizer`.

        Args:
            global_clipnorm: Norm of all gradients together that they are clipped to, or None.
        """
        import keras

        optimizer = getattr(keras.optimizers, type(self).__name__)
        return optimizer(**self.get_config(), global_clipnorm=global_clipnorm)


@dataclasses.dataclass(frozen=True)
class Adam(OptimizerSettings):
    """Kingma & Ba (2015)."""

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8


@dataclasses.dataclass(frozen=True)
class RMSprop(OptimizerSettings):
    """Hinton (2012). Keras adds epsilon within the root, torch outside."""

    learning_rate: float = 1e-2
    rho: float = 0.99
    momentum: float = 0.0
    epsilon: float = 1e-8


@dataclasses.dataclass(frozen=True)
class SGD(OptimizerSettings):
    """Stochastic gradient descent with momentum."""

    momentum: float = 0.0


@dataclasses.dataclass(frozen=True)
class LinearDecay(Spec):
    """Learning rates that stay as they are at first, and then fall along a line.

    Two networks that train against each other circle around where they would settle, the wider the higher
    their rates: high ones bring them near soon, low ones nearer in the end.

    Args:
        begin: Share of the training after which they fall, in [0, 1).
        end: The part of themselves that they are at its end, in (0, 1).
    """

    begin: float = 0.5
    end: float = 0.05

    def __post_init__(self):
        """Check both."""
        check("begin", "a number in [0, 1)", self.begin, holds=is_number(self.begin) and 0 <= self.begin < 1)
        check("end", "a number in (0, 1)", self.end, holds=is_number(self.end) and 0 < self.end < 1)

    @classmethod
    def choices(cls):
        """This class beside its subclasses."""
        return {cls.__name__: cls} | super().choices()

    def factor(self, done):
        """What a rate is multiplied by.

        Args:
            done: Share of the training that is over; above 1 as at 1.
        """
        fallen = min(max((done - self.begin) / (1 - self.begin), 0.0), 1.0)
        return 1 - (1 - self.end) * fallen
