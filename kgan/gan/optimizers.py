"""Optimiser settings that import no framework until `build`.

Their defaults are those of torch.optim. A new optimiser is one class in this file.
"""

import dataclasses

from kgan.spec import Spec, check


@dataclasses.dataclass(frozen=True)
class OptimizerSettings(Spec):
    """Base class: the fields are the arguments of the Keras optimiser of the same name.

    Args:
        learning_rate: Positive number.
    """

    learning_rate: float = 1e-3

    def __post_init__(self):
        """Check the rate."""
        check("learning_rate", "a positive number", self.learning_rate, holds=self.learning_rate > 0)

    def build(self):
        """A new `keras.optimizers.Optimizer`."""
        import keras

        return getattr(keras.optimizers, type(self).__name__)(**self.get_config())


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
