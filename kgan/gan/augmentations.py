"""Differentiable augmentation: D never sees an image itself, and G learns through what D sees.

Zhao et al. (2020), "Differentiable Augmentation for Data-Efficient GAN Training": real and generated images
alike are changed at random before D, in its step and in G's, so that D cannot learn few images by heart and
G is not drawn to imitate the changes. It pays where data are few: on the 4,000 digits of `mnist-5k`, say.

An augmentation is a frozen dataclass with one method, `(images, draws) -> images`. What is random about it
comes from outside, as a function of (seed, step). A new augmentation is one class in this file.
"""

import dataclasses
from typing import ClassVar

from kgan.spec import Spec, check, is_number


@dataclasses.dataclass(frozen=True)
class Augmentation(Spec):
    """Base class. Register your own with `keras.saving.register_keras_serializable()` to save it.

    Attributes:
        num_draws: How many random numbers it takes for an image.
    """

    num_draws: ClassVar[int] = 1

    def __call__(self, images, draws):
        """Other images of the same shape, from which gradients flow back to these.

        Args:
            images: Tensor `(batch, height, width, channels)`.
            draws: Tensor `(batch, num_draws)` of `images`' dtype or float32, uniform in [0, 1). Draw nothing
                else: the step may be written down once and run again.
        """
        raise NotImplementedError(f"`{type(self).__name__}` must define __call__(images, draws).")


@dataclasses.dataclass(frozen=True)
class _Spatial(Augmentation):
    ratio: float = 0.5
    fill: float = -1.0
    num_draws: ClassVar[int] = 2  # for rows and for columns

    def __post_init__(self):
        check("ratio", "a number in (0, 1)", self.ratio, holds=is_number(self.ratio) and 0 < self.ratio < 1)
        holds = is_number(self.fill) and -1 <= self.fill <= 1
        check("fill", "a number in [-1, 1]", self.fill, holds=holds)

    def _pixels(self, size):
        return int(size * self.ratio + 0.5)


@dataclasses.dataclass(frozen=True)
class Translation(_Spatial):
    """Moved by up to a share of the height and of the width, by whole pixels, each way alike.

    Args:
        ratio: Number in (0, 1); 0.125 in the source.
        fill: What comes in at the border: −1, the ground of digits; 0, the middle grey, in the source.
    """

    ratio: float = 0.125

    def __call__(self, images, draws):
        """See the class."""
        from keras import ops

        down, right = (self._moving(size, draws[:, i]) for i, size in enumerate(images.shape[1:3]))
        down, right = (ops.cast(matrix, images.dtype) for matrix in (down, right))
        # As products of matrices: a gather's gradient adds up in place, which costs more and is not captured.
        moved = ops.einsum("bih,bhwc->biwc", down, images)
        moved = ops.einsum("bjw,biwc->bijc", right, moved)
        inside = ops.sum(down, -1)[:, :, None, None] * ops.sum(right, -1)[:, None, :, None]
        return moved + self.fill * (1 - inside)

    def _moving(self, size, draws):
        """Whether a row or column j is moved to i, `(batch, i, j)`."""
        from keras import ops

        most = self._pixels(size)
        by = _integers(draws, 2 * most + 1) - most
        places = ops.arange(size, dtype="int32")
        return places[:, None] - places[None, :] == by[:, None, None]


@dataclasses.dataclass(frozen=True)
class Cutout(_Spatial):
    """A rectangle of a share of the height and of the width is filled, its centre anywhere in the image.

    Args:
        ratio: Number in (0, 1); 0.5 in the source.
        fill: What it is filled with: −1, the ground of digits; 0, the middle grey, in the source.
    """

    def __call__(self, images, draws):
        """See the class."""
        from keras import ops

        rows, columns = (self._within(size, draws[:, i]) for i, size in enumerate(images.shape[1:3]))
        cut = ops.logical_and(rows[:, :, None, None], columns[:, None, :, None])
        kept = 1 - ops.cast(cut, images.dtype)
        return images * kept + self.fill * (1 - kept)

    def _within(self, size, draws):
        """Whether each row or column lies within the rectangle, `(batch, size)`."""
        from keras import ops

        length = self._pixels(size)
        first = _integers(draws, size + 1 - length % 2)[:, None] - length // 2
        places = ops.arange(size, dtype="int32")
        return ops.logical_and(places >= first, places < first + length)


@dataclasses.dataclass(frozen=True)
class Brightness(Augmentation):
    """A number in [−½, ½) is added to all pixels. For photographs: digits have one brightness."""

    def __call__(self, images, draws):
        """See the class."""
        return images + (_of_images(draws, images) - 0.5)


@dataclasses.dataclass(frozen=True)
class Saturation(Augmentation):
    """The distance of each channel from their mean is multiplied by a number in [0, 2). For colour images."""

    def __call__(self, images, draws):
        """See the class."""
        from keras import ops

        grey = ops.mean(images, axis=-1, keepdims=True)
        return (images - grey) * (2 * _of_images(draws, images)) + grey


@dataclasses.dataclass(frozen=True)
class Contrast(Augmentation):
    """The distance of each pixel from the image's mean is multiplied by a number in [½, 1½)."""

    def __call__(self, images, draws):
        """See the class."""
        from keras import ops

        mean = ops.mean(images, axis=(1, 2, 3), keepdims=True)
        return (images - mean) * (_of_images(draws, images) + 0.5) + mean


def checked_augmentations(augmentations, image_shape):
    """A tuple of augmentations, once they are seen to be some and to fit the images.

    Args:
        augmentations: Sequence of `Augmentation`.
        image_shape: Shape of an image.

    Raises:
        ValueError: If one is none, or images are not `(height, width, channels)`.
    """
    listed = tuple(augmentations) if isinstance(augmentations, tuple | list) else (augmentations,)
    rule = "a tuple of kgan.augmentations, such as (Translation(), Cutout())"
    holds = all(isinstance(augmentation, Augmentation) for augmentation in listed)
    check("augmentations", rule, augmentations, holds=holds)
    rule = f"left out, for they are of images (height, width, channels), not {tuple(image_shape)}"
    check("augmentations", rule, listed, holds=not listed or len(image_shape) == 3)
    return listed


def augmented(images, draws, augmentations):
    """Images changed by one augmentation after the other.

    Args:
        images: Tensor `(batch, height, width, channels)`.
        draws: Tensor `(batch, draws)`, uniform in [0, 1), with as many columns as all of them take.
        augmentations: Sequence of `Augmentation`.

    Returns:
        Tensor of the images' shape and dtype.
    """
    begin = 0
    for augmentation in augmentations:
        end = begin + augmentation.num_draws
        images = augmentation(images, draws[:, begin:end])
        begin = end
    return images


def _integers(draws, count):
    """Integers in [0, count), each as likely as the others."""
    from keras import ops

    numbers = ops.floor(ops.cast(draws, "float32") * count)
    return ops.cast(ops.minimum(numbers, count - 1), "int32")  # the largest draw may be rounded up


def _of_images(draws, images):
    from keras import ops

    return ops.cast(draws, images.dtype)[:, :, None, None]
