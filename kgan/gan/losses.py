"""Adversarial losses, from logits.

A loss is a frozen dataclass with two methods, each from logits of shape `(batch, 1)` to a
scalar. A new loss is one class in this file.
"""

import dataclasses
from typing import ClassVar

from kgan.spec import Spec


@dataclasses.dataclass(frozen=True)
class Loss(Spec):
    """Base class. Register your own with `keras.saving.register_keras_serializable()` to save it.

    Attributes:
        bounded_below: Whether both losses have a least value, so that they can be compared.
    """

    bounded_below: ClassVar[bool] = True

    def generator_loss(self, real_logits, fake_logits):
        """L(G) of the logits that D gives to real and to generated images; few losses need both."""
        raise NotImplementedError(
            f"`{type(self).__name__}` must define generator_loss(real_logits, fake_logits)."
        )

    def discriminator_loss(self, real_logits, fake_logits):
        """L(D) of the logits that D gives to real and to generated images."""
        raise NotImplementedError(
            f"`{type(self).__name__}` must define discriminator_loss(real_logits, fake_logits)."
        )


@dataclasses.dataclass(frozen=True)
class NonSaturating(Loss):
    """L(G) = −log D(G(z)); L(D) = −(log D(x) + log(1 − D(G(z)))) / 2, means over the batch.

    Goodfellow et al. (2014), section 3: the form that gives G a gradient while D is winning.
    L(D) is the mean of its halves, so that both losses are ln 2 at equilibrium.
    """

    def generator_loss(self, real_logits, fake_logits):
        """See the class."""
        from keras import ops

        return ops.mean(ops.softplus(-fake_logits))

    def discriminator_loss(self, real_logits, fake_logits):
        """See the class."""
        from keras import ops

        return (ops.mean(ops.softplus(-real_logits)) + ops.mean(ops.softplus(fake_logits))) / 2


@dataclasses.dataclass(frozen=True)
class Minimax(NonSaturating):
    """L(G) = log(1 − D(G(z))), the saturating form; L(D) as in `NonSaturating`.

    Goodfellow et al. (2014), eq. 1. L(G) falls without bound as D loses.
    """

    bounded_below: ClassVar[bool] = False

    def generator_loss(self, real_logits, fake_logits):
        """See the class."""
        from keras import ops

        return -ops.mean(ops.softplus(fake_logits))
