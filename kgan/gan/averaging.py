"""A generator whose weights are the average of those that training passes through.

The weights of G circle around what they would settle at; their average does not, and its images are better
(Yazıcı et al., 2019, "The unusual effectiveness of averaging in GAN training"; Karras et al., 2018).
"""

import dataclasses

from kgan.spec import Spec, check, is_number


@dataclasses.dataclass(frozen=True)
class GeneratorAverage(Spec):
    """After each update of G, average ← average + (1 − β) (weights − average).

    β is the decay. With a warm-up it is β = min(decay, (1 + t) / (10 + t)) in the update after t earlier
    ones, as of `num_updates` in tf.train.ExponentialMovingAverage: the average spans about the last ninth of
    the updates until β reaches the decay (0.999 after 8,990), instead of remembering the initial weights
    for 1 / (1 − decay) of them. Batch statistics of G are not averaged but taken over as they are.

    Args:
        decay: Number β in [0, 1).
        warm_up: Whether β is smaller at first.
    """

    decay: float = 0.999
    warm_up: bool = True

    def __post_init__(self):
        """Check both."""
        check("decay", "a number in [0, 1)", self.decay, holds=is_number(self.decay) and 0 <= self.decay < 1)
        check("warm_up", "True or False", self.warm_up, holds=isinstance(self.warm_up, bool))

    @classmethod
    def choices(cls):
        """This class beside its subclasses."""
        return {cls.__name__: cls} | super().choices()

    def share(self, updates):
        """1 − β, the share of the newest weights.

        Args:
            updates: Number of earlier updates: a Python integer, or an int32 scalar tensor.

        Returns:
            A number, or a float32 tensor where that depends on one.
        """
        if not self.warm_up:
            return 1 - self.decay
        if isinstance(updates, int):
            return max(1 - self.decay, 9 / (10 + updates))  # 1 − (1 + t) / (10 + t), exact for small β, too
        from keras import ops

        return ops.maximum(1 - self.decay, 9 / (10 + ops.cast(updates, "float32")))


def averaged_clone(generator, input_dim):
    """Another network with the weights of a generator, which is not trained.

    Args:
        generator: Built `keras.Model`.
        input_dim: Width of what it takes.

    Returns:
        `keras.Model`.

    Raises:
        ValueError: If its configuration does not make another one.
    """
    import keras

    try:
        clone = type(generator).from_config(generator.get_config())
    except (NotImplementedError, TypeError) as error:
        rule = "None where the generator cannot be made again; give its class a `get_config`"
        raise ValueError(f"`average` must be {rule}, got one of a {type(generator).__name__}.") from error
    if not clone.built:  # a subclass of keras.Model
        clone(keras.Input((input_dim,)))
    copy_weights(generator, clone)
    clone.trainable = False
    return clone


def copy_weights(network, clone):
    """Give a clone the weights of its original."""
    import keras
    import numpy as np

    for weight, variable in zip(network.weights, clone.weights, strict=True):
        variable.assign(np.array(keras.ops.convert_to_numpy(weight)))  # JAX would share, and donate, it
