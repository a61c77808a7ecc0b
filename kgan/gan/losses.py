"""Adversarial losses, from logits.

A loss is a frozen dataclass with two methods, each from logits of shape `(batch, 1)` to a
scalar. A new loss is one class in this file.
"""

import dataclasses
import math
from typing import ClassVar

from kgan.spec import Spec, check, is_number

_SURE = 0.9  # that an image is what it is: of a D that has won


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

    def won(self, means):
        """What shows that D tells real from generated images so well that G learns little, in words.

        Args:
            means: Dict of what `fit` logs, each the mean over some steps.

        Returns:
            Text, empty if D has not won, or if this loss does not tell.
        """
        return ""


@dataclasses.dataclass(frozen=True)
class NonSaturating(Loss):
    """L(G) = −log D(G(z)); L(D) = −(log D(x) + log(1 − D(G(z)))) / 2, means over the batch.

    Goodfellow et al. (2014), section 3: the form that gives G a gradient while D is winning.
    L(D) is the mean of its halves, so that both losses are ln 2 at equilibrium.

    With label smoothing s, real images are to be real with probability 1 − s instead of 1, so that D is not
    drawn to ever larger logits: −log D(x) becomes −(1 − s) log D(x) − s log(1 − D(x)). It is one-sided:
    generated images keep their label 0, else G would be drawn to where its images are already (Salimans et
    al., 2016, section 3.4, with s = 0.1).

    Args:
        label_smoothing: Number s in [0, 0.5).
    """

    label_smoothing: float = 0.0

    def __post_init__(self):
        """Check the smoothing."""
        value = self.label_smoothing
        check("label_smoothing", "a number in [0, 0.5)", value, holds=is_number(value) and 0 <= value < 0.5)

    def generator_loss(self, real_logits, fake_logits):
        """See the class."""
        from keras import ops

        return ops.mean(ops.softplus(-fake_logits))

    def discriminator_loss(self, real_logits, fake_logits):
        """See the class."""
        from keras import ops

        of_real = ops.mean(ops.softplus(-real_logits))
        if self.label_smoothing:  # log D(x) − log(1 − D(x)) is the logit
            of_real = of_real + self.label_smoothing * ops.mean(real_logits)
        return (of_real + ops.mean(ops.softplus(fake_logits))) / 2

    def won(self, means):
        """By the probabilities that D gives to both kinds of images to be real."""
        real, fake = means["d_real"], means["d_fake"]
        return f"D(x) is {real:.2f}, D(G(z)) {fake:.2f}" if real > _SURE and fake < 1 - _SURE else ""


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


@dataclasses.dataclass(frozen=True)
class LeastSquares(Loss):
    """L(G) = (D(G(z)) − 1)²; L(D) = ((D(x) − 1)² + D(G(z))²) / 2, means over the batch.

    Mao et al. (2017) with a = 0 and b = c = 1, but for a factor ½ of L(G): both losses are ¼ at equilibrium,
    where D gives ½. The outputs of D are taken as they are, without a sigmoid.
    """

    def generator_loss(self, real_logits, fake_logits):
        """See the class."""
        from keras import ops

        return ops.mean(ops.square(fake_logits - 1))

    def discriminator_loss(self, real_logits, fake_logits):
        """See the class."""
        from keras import ops

        return (ops.mean(ops.square(real_logits - 1)) + ops.mean(ops.square(fake_logits))) / 2

    def won(self, means):
        """Outputs are within 0.1 of 1 and 0."""
        return _low(means["d_loss"], below=(1 - _SURE) ** 2)


@dataclasses.dataclass(frozen=True)
class Wasserstein(Loss):
    """L(G) = −D(G(z)); L(D) = (D(G(z)) − D(x)) / 2, means over the batch.

    Arjovsky et al. (2017), eq. 2 and 3. −2 L(D) estimates a distance between the images of both kinds only
    while D's slope is bounded: give the GAN a `kgan.regularizers.GradientPenalty` or `WeightClipping`, or D
    layers in `kgan.layers.SpectralNormalization`.
    """

    bounded_below: ClassVar[bool] = False

    def generator_loss(self, real_logits, fake_logits):
        """See the class."""
        from keras import ops

        return -ops.mean(fake_logits)

    def discriminator_loss(self, real_logits, fake_logits):
        """See the class."""
        from keras import ops

        return (ops.mean(fake_logits) - ops.mean(real_logits)) / 2


@dataclasses.dataclass(frozen=True)
class Hinge(Wasserstein):
    """L(G) = −D(G(z)); L(D) = (max(0, 1 − D(x)) + max(0, 1 + D(G(z)))) / 2, means over the batch.

    Lim & Ye (2017), algorithm 1; Miyato et al. (2018), eq. 16 and 17. D learns from images inside its margin
    alone. L(G) falls without bound as D loses.
    """

    def discriminator_loss(self, real_logits, fake_logits):
        """See the class."""
        from keras import ops

        return (ops.mean(ops.relu(1 - real_logits)) + ops.mean(ops.relu(1 + fake_logits))) / 2

    def won(self, means):
        """Nearly all images are beyond the margin, from where D gives no slope."""
        return _low(means["d_loss"], below=1 - _SURE)


@dataclasses.dataclass(frozen=True)
class Relativistic(Loss):
    """L(G) = −log σ(D(G(z)) − D(x)); L(D) = −log σ(D(x) − D(G(z))), means over the pairs of a batch.

    Jolicoeur-Martineau (2019), RSGAN; Huang et al. (2024), R3GAN, with `kgan.regularizers.R1` and `R2`. D
    says which of two images is the real one, the i-th of the batch or the i-th generated, so that it cannot
    give all generated images up at once. Both losses are ln 2 at equilibrium.
    """

    def generator_loss(self, real_logits, fake_logits):
        """See the class."""
        from keras import ops

        return ops.mean(ops.softplus(real_logits - fake_logits))

    def discriminator_loss(self, real_logits, fake_logits):
        """See the class."""
        from keras import ops

        return ops.mean(ops.softplus(fake_logits - real_logits))

    def won(self, means):
        """D is right about nearly all pairs."""
        return _low(means["d_loss"], below=-math.log(_SURE))


def _low(d_loss, *, below):
    return f"L(D) is {d_loss:.3f}" if d_loss < below else ""
