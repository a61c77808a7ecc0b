"""Penalties on the discriminator's slope, and other bounds on what it may become.

A penalty is a frozen dataclass with two methods: `points`, the images at which D's slope is taken, and
`penalty`, a scalar of the slopes there. It is added to what D is trained on, not to the L(D) that policies
and logs see. A new one is one class in this file.

The weight multiplies the penalty beside this package's L(D), which is the mean of its halves where it has
halves. Sources that sum the halves give twice the weight for the same training: the 10 of WGAN-GP is 5 here.
"""

import dataclasses
from typing import ClassVar

from kgan.spec import Spec, check, is_count, is_number


@dataclasses.dataclass(frozen=True)
class Regularizer(Spec):
    """Base class. Register your own with `keras.saving.register_keras_serializable()` to save it.

    Attributes:
        penalises: Whether it adds a penalty to what D is trained on. If not, it is a `constrain` alone.
        every: Steps from one penalty to the next. It is computed where step % every = 0 and D is updated, and
            counts `every` times there (Karras et al., 2020, appendix B): elsewhere it costs nothing.
    """

    penalises: ClassVar[bool] = True
    every = 1  # unannotated: as a ClassVar it would come before `weight` in a subclass that makes it a field

    def points(self, real, fake, uniform):
        """Images at which D's slope is penalised.

        Args:
            real: Tensor `(batch, *image_shape)`, real images.
            fake: Tensor of the same shape, generated images.
            uniform: Function of a shape, which draws float32 in [0, 1): anew at each call and in each step,
                and the same on every backend.

        Returns:
            Tensor `(batch, *image_shape)`, the i-th of the class of the i-th images, if they have classes.
        """
        raise NotImplementedError(f"`{type(self).__name__}` must define points(real, fake, uniform).")

    def penalty(self, slopes):
        """The penalty, a scalar tensor.

        Args:
            slopes: Tensor `(batch, *image_shape)`, at each of the points the gradient of D's logit.
        """
        raise NotImplementedError(f"`{type(self).__name__}` must define penalty(slopes).")

    def constrain(self, weight):
        """What takes the place of a trainable weight of D after an update."""
        raise NotImplementedError(f"`{type(self).__name__}` must define constrain(weight).")


@dataclasses.dataclass(frozen=True)
class _Weighted(Regularizer):
    weight: float = 1.0
    every: int = 1

    def __post_init__(self):
        holds = is_number(self.weight) and self.weight > 0
        check("weight", "a positive number", self.weight, holds=holds)
        check("every", "a positive integer, in steps", self.every, holds=is_count(self.every))


@dataclasses.dataclass(frozen=True)
class R1(_Weighted):
    """weight / 2 · mean ‖∇D(x)‖² at real images x.

    Mescheder et al. (2018), eq. 9, with γ for the weight: D is to be flat where the data are, so that
    training converges once G draws them. γ of their losses, which sum the halves, is 2 · weight; that of
    R3GAN (Huang et al., 2024), whose loss is `Relativistic`, is the weight.

    Args:
        weight: Positive number.
        every: Steps from one penalty to the next.
    """

    def points(self, real, fake, uniform):
        """See `Regularizer`."""
        return real

    def penalty(self, slopes):
        """See the class."""
        from keras import ops

        return self.weight / 2 * ops.mean(_squared_norms(slopes))


@dataclasses.dataclass(frozen=True)
class R2(R1):
    """weight / 2 · mean ‖∇D(G(z))‖² at generated images.

    Mescheder et al. (2018), eq. 10; arguments and weights as for `R1`. R3GAN has both.
    """

    def points(self, real, fake, uniform):
        """See `Regularizer`."""
        return fake


@dataclasses.dataclass(frozen=True)
class GradientPenalty(_Weighted):
    """weight · mean (‖∇D(x̂)‖ − 1)² at x̂ = u x + (1 − u) G(z), u uniform in [0, 1).

    Gulrajani et al. (2017), eq. 3, WGAN-GP: two-sided. A D with batch norm mixes the images of a batch, whose
    slopes are then not those of single images: leave it out.

    Args:
        weight: Positive number; 5 is the λ = 10 of the source beside `Wasserstein()`.
        every: Steps from one penalty to the next.
    """

    weight: float = 5.0

    def points(self, real, fake, uniform):
        """See `Regularizer`."""
        share = uniform(_one_number_an_image(real))
        return share * real + (1 - share) * fake

    def penalty(self, slopes):
        """See the class."""
        from keras import ops

        return self.weight * ops.mean(ops.square(_norms(slopes) - 1))


@dataclasses.dataclass(frozen=True)
class DRAGAN(GradientPenalty):
    """weight · mean (‖∇D(x̂)‖ − 1)² at x̂ = x + u s v / 2, around real images x.

    Kodali et al. (2017), as their program draws x̂: s is the standard deviation of all pixels of the batch, u
    uniform in [0, 1) for each image, v for each pixel.

    Args:
        weight: Positive number; 5 is the λ = 10 of the source beside `NonSaturating()`.
        every: Steps from one penalty to the next.
    """

    def points(self, real, fake, uniform):
        """See `Regularizer`."""
        from keras import ops

        noise = uniform(_one_number_an_image(real)) * uniform(ops.shape(real))
        return real + ops.std(real) / 2 * noise


@dataclasses.dataclass(frozen=True)
class WeightClipping(Regularizer):
    """Each trainable weight of D is clipped to [−limit, limit] after each update of D.

    Arjovsky et al. (2017), algorithm 1, with their c = 0.01 for the limit.

    Args:
        limit: Positive number.
    """

    limit: float = 0.01
    penalises: ClassVar[bool] = False

    def __post_init__(self):
        """Check the limit."""
        check("limit", "a positive number", self.limit, holds=is_number(self.limit) and self.limit > 0)

    def constrain(self, weight):
        """See the class."""
        from keras import ops

        return ops.clip(weight, -self.limit, self.limit)


def checked_regularizers(regularizers):
    """A tuple of regularisers.

    Raises:
        ValueError: If anything else is given.
    """
    holds = isinstance(regularizers, tuple | list)
    holds = holds and all(isinstance(regularizer, Regularizer) for regularizer in regularizers)
    rule = "a tuple of kgan Regularizers, such as (R1(weight=1.0),)"
    check("regularizers", rule, regularizers, holds=holds)
    return tuple(regularizers)


def by_period(regularizers):
    """Dict of the penalties among `regularizers`, in lists by their `every`."""
    groups = {}
    for regularizer in regularizers:
        if regularizer.penalises:
            groups.setdefault(regularizer.every, []).append(regularizer)
    return groups


def _one_number_an_image(images):
    from keras import ops

    return (ops.shape(images)[0], *(1 for _ in images.shape[1:]))


def _squared_norms(slopes):
    from keras import ops

    return ops.sum(ops.square(slopes), axis=tuple(range(1, len(slopes.shape))))


def _norms(slopes):
    from keras import ops

    return ops.sqrt(_squared_norms(slopes) + _TINY)


_TINY = 1e-12  # where D is flat, the root has no slope
