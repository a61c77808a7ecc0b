"""When the discriminator and the generator are updated.

A policy is a frozen dataclass with one method:

    __call__(step, epoch, d_loss, g_loss) -> (probability to update D, probability to update G)

`step` and `epoch` are int32 scalars counted from 0 over the model's life; the losses are the
mean adversarial losses of this step's batch, at the weights before the step. The GAN throws the
coins, so a deterministic policy returns 0 and 1. A new policy is one class in this file.
"""

import dataclasses
from typing import ClassVar

from kgan.spec import Spec, check, is_count, is_number


@dataclasses.dataclass(frozen=True)
class UpdatePolicy(Spec):
    """Base class. Register your own with `keras.saving.register_keras_serializable()` to save it.

    Attributes:
        compares_losses: Whether the answer depends on which loss is larger, so that a loss
            that is unbounded below would decide it for ever. `GAN` warns of the two together.
    """

    compares_losses: ClassVar[bool] = False

    def __call__(self, step, epoch, d_loss, g_loss):
        """Probabilities of updating D and G in this step.

        Args:
            step: int32 scalar tensor.
            epoch: int32 scalar tensor.
            d_loss: Scalar tensor.
            g_loss: Scalar tensor. JAX and TensorFlow trace this method: no Python `if` on a tensor.

        Returns:
            Two numbers or scalar tensors in [0, 1].
        """
        raise NotImplementedError(
            f"`{type(self).__name__}` must define __call__(step, epoch, d_loss, g_loss)."
        )


@dataclasses.dataclass(frozen=True)
class LossBalanced(UpdatePolicy):
    """D with probability e^{L(D)} / (e^{L(D)} + e^{L(G)}), G in every step.

    D learns faster than G; the better it does, the less often it is trained. At equilibrium
    both losses are ln 2 and p is ½.

    Args:
        temperature: Positive number τ that divides both losses. Below 1 the policy is
            stricter, above 1 closer to a fair coin.
    """

    temperature: float = 1.0
    compares_losses: ClassVar[bool] = True

    def __post_init__(self):
        """Check the temperature."""
        holds = is_number(self.temperature) and self.temperature > 0
        check("temperature", "a positive number", self.temperature, holds=holds)

    def __call__(self, step, epoch, d_loss, g_loss):
        """See the class."""
        from keras import ops

        return ops.sigmoid((d_loss - g_loss) / self.temperature), 1  # the formula, without its overflow


@dataclasses.dataclass(frozen=True)
class Always(UpdatePolicy):
    """Both networks in every step."""

    def __call__(self, step, epoch, d_loss, g_loss):
        """See the class."""
        return 1, 1


@dataclasses.dataclass(frozen=True)
class FixedProbability(UpdatePolicy):
    """D with the same probability in every step, G in every step.

    Args:
        p: Number in [0, 1].
    """

    p: float = 0.5

    def __post_init__(self):
        """Check the probability."""
        check("p", "a number in [0, 1]", self.p, holds=is_number(self.p) and 0 <= self.p <= 1)

    def __call__(self, step, epoch, d_loss, g_loss):
        """See the class."""
        return self.p, 1


@dataclasses.dataclass(frozen=True)
class _Periodic(UpdatePolicy):
    k: int = 2

    def __post_init__(self):
        check("k", "a positive integer", self.k, holds=is_count(self.k))

    @staticmethod
    def _when(condition):
        from keras import ops

        return ops.cast(condition, "float32")


@dataclasses.dataclass(frozen=True)
class EveryK(_Periodic):
    """D in the steps 0, k, 2k, …, G in every step.

    Args:
        k: Positive integer, in steps.
    """

    def __call__(self, step, epoch, d_loss, g_loss):
        """See the class."""
        return self._when(step % self.k == 0), 1


@dataclasses.dataclass(frozen=True)
class EveryKEpochs(_Periodic):
    """D throughout the epochs 0, k, 2k, …, G in every step.

    Args:
        k: Positive integer, in epochs.
    """

    def __call__(self, step, epoch, d_loss, g_loss):
        """See the class."""
        return self._when(epoch % self.k == 0), 1


@dataclasses.dataclass(frozen=True)
class KSteps(_Periodic):
    """k steps of D for each step of G (Goodfellow et al., 2014, Algorithm 1).

    D is updated on every batch, G on the last of each k; `KSteps(1)` does as `Always`.

    Args:
        k: Positive integer, in steps.
    """

    def __call__(self, step, epoch, d_loss, g_loss):
        """See the class."""
        return 1, self._when(step % self.k == self.k - 1)
