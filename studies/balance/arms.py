"""The ways of training that are compared."""

import dataclasses

import kgan  # before Keras, for it chooses the backend

# isort: split
import keras
import numpy as np
from keras import ops

from kgan.gan.update_policies import (
    Always,
    EveryK,
    KSteps,
    LossBalanced,
    UpdatePolicy,
)


@keras.saving.register_keras_serializable("kgan_studies")
@dataclasses.dataclass(frozen=True)
class Replayed(UpdatePolicy):
    """D in the steps in which another training updated it: its rate and its drift, without its losses.

    Args:
        coins: What `packed` returned of them; longer trainings begin again at the first.
    """

    coins: str = "80"

    def __call__(self, step, epoch, d_loss, g_loss):
        """See the class."""
        bits = unpacked(self.coins)
        return ops.take(ops.convert_to_tensor(bits.astype("float32")), step % len(bits)), 1


def packed(coins):
    """Booleans, a multiple of eight or cut to one, as hexadecimal digits."""
    whole = np.asarray(coins, dtype=bool)[: len(coins) // 8 * 8]
    return np.packbits(whole).tobytes().hex()


def unpacked(text):
    """The booleans that `packed` wrote."""
    return np.unpackbits(np.frombuffer(bytes.fromhex(text), dtype="uint8")).astype(bool)


@keras.saving.register_keras_serializable("kgan_studies")
@dataclasses.dataclass(frozen=True)
class Threshold(UpdatePolicy):
    """D in the steps in which L(G) is below a limit, G in every step.

    Args:
        limit: The limit; L(G) is ln 2 at equilibrium.
    """

    limit: float = 1.0

    def __call__(self, step, epoch, d_loss, g_loss):
        """See the class."""
        return ops.cast(g_loss < self.limit, "float32"), 1


@keras.saving.register_keras_serializable("kgan_studies")
@dataclasses.dataclass(frozen=True)
class SumBalanced(UpdatePolicy):
    """As `LossBalanced`, L(D) being the sum of its halves on real and generated images, not their mean."""

    compares_losses = True

    def __call__(self, step, epoch, d_loss, g_loss):
        """See the class."""
        return ops.sigmoid(2 * d_loss - g_loss), 1


@dataclasses.dataclass(frozen=True)
class Arm:
    """A way of training.

    Attributes:
        title: What the tables call it.
        policy: `UpdatePolicy`, or None where it is made of what `LossBalanced` did.
        pair: Name of the networks.
        optimizer: Name of the Keras optimiser of both.
        d_rate: D's learning rate, as a multiple of G's.
        milliseconds: Of a step of G, on one core of an EPYC (Zen 4), to say beforehand what a run costs.
    """

    title: str
    policy: UpdatePolicy | None
    pair: str = "template"
    optimizer: str = "Adam"
    d_rate: float = 1.0
    milliseconds: float = 22.0


CONFIRMATORY = {
    "balanced": Arm("`LossBalanced`", LossBalanced(), milliseconds=20),
    "always": Arm("`Always`", Always()),
    "matched": Arm("`FixedProbability` at its rate", None, milliseconds=20),
    "replayed": Arm("the coins of another seed's `LossBalanced`", None, milliseconds=20),
}
EXPLORATORY = {
    "k-steps": Arm("`KSteps(2)`", KSteps(k=2), milliseconds=36),
    "every-2": Arm("`EveryK(2)`", EveryK(k=2), milliseconds=20),
    "slow D": Arm("`Always`, D at half of G's rate", Always(), d_rate=0.5),
    "fast D": Arm("`Always`, D at twice G's rate", Always(), d_rate=2.0),
    "threshold": Arm("D while L(G) < 1", Threshold(), milliseconds=20),
    "sharp": Arm("`LossBalanced(temperature=0.25)`", LossBalanced(temperature=0.25), milliseconds=20),
    "flat": Arm("`LossBalanced(temperature=4)`", LossBalanced(temperature=4.0), milliseconds=20),
    "sum": Arm("`LossBalanced`, L(D) the sum of its halves", SumBalanced(), milliseconds=20),
    "convolutional, always": Arm(
        "compact convolutional networks, `Always`", Always(), pair="compact", milliseconds=40
    ),
    "convolutional, balanced": Arm(
        "compact convolutional networks, `LossBalanced`", LossBalanced(), pair="compact", milliseconds=36
    ),
    "RMSprop, always": Arm("RMSprop, `Always`", Always(), optimizer="RMSprop"),
    "RMSprop, balanced": Arm("RMSprop, `LossBalanced`", LossBalanced(), optimizer="RMSprop", milliseconds=20),
}
ARMS = CONFIRMATORY | EXPLORATORY


def build(arm, policy, *, learning_rate, seed):
    """The compiled GAN of an arm.

    Args:
        arm: `Arm`.
        policy: Its `UpdatePolicy`.
        learning_rate: G's.
        seed: Of weights, data order, latents and coins.
    """
    keras.utils.set_random_seed(seed)
    pair = getattr(kgan.architectures, arm.pair)(100)
    gan = kgan.GAN(*pair, latent_dim=100, update_policy=policy, seed=seed)
    g, d = (_optimizer(arm.optimizer, rate) for rate in (learning_rate, arm.d_rate * learning_rate))
    gan.compile(g, d)
    return gan


def _optimizer(name, learning_rate):
    if name == "Adam":
        return keras.optimizers.Adam(learning_rate, beta_1=0.5)
    return keras.optimizers.RMSprop(learning_rate, rho=0.99)
