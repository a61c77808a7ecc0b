"""What a user would pick instead of kgan's presets: well-known recipes, run by kgan's own step.

kgan's captured step takes less time than the loops that these recipes come with, so at the same CPU time they
have more updates here than there.
"""

import dataclasses

import kgan  # before Keras, for it chooses the backend

# isort: split
import keras
from keras import layers

from kgan.experiments import build_gan
from kgan.presets import GAN_PRESETS

LATENT_DIM = 100


def dense_pair():
    """PyTorch-GAN's gan.py: the template's networks."""
    return kgan.architectures.template(LATENT_DIM)


def dcgan_pair():
    """Radford et al. (2016), section 3, at 28 × 28 and a width that suits a CPU.

    Strided convolutions, batch norm but in G's output and D's input, ReLU in G, LeakyReLU 0.2 in D,
    weights from N(0, 0.02).
    """
    options = {
        "strides": 2,
        "padding": "same",
        "kernel_initializer": keras.initializers.RandomNormal(stddev=0.02),
        "use_bias": False,
    }
    generator = [
        layers.Input((LATENT_DIM,)),
        layers.Dense(7 * 7 * 64, kernel_initializer=options["kernel_initializer"], use_bias=False),
        *(layers.BatchNormalization(momentum=0.9, epsilon=1e-5), layers.ReLU(), layers.Reshape((7, 7, 64))),
        layers.Conv2DTranspose(32, 4, **options),
        *(layers.BatchNormalization(momentum=0.9, epsilon=1e-5), layers.ReLU()),
        layers.Conv2DTranspose(1, 4, activation="tanh", **options),
    ]
    discriminator = [
        layers.Input((28, 28, 1)),
        *(layers.Conv2D(32, 4, **options), layers.LeakyReLU(0.2), layers.Conv2D(64, 4, **options)),
        *(layers.BatchNormalization(momentum=0.9, epsilon=1e-5), layers.LeakyReLU(0.2)),
        *(layers.Flatten(), layers.Dense(1, kernel_initializer=options["kernel_initializer"])),
    ]
    return keras.Sequential(generator), keras.Sequential(discriminator)


def guide_pair():
    """The GAN of Keras's guide "Customizing what happens in `fit()`", images in [0, 1] inside."""
    generator = [
        layers.Input((LATENT_DIM,)),
        *(layers.Dense(7 * 7 * 128), layers.LeakyReLU(0.2), layers.Reshape((7, 7, 128))),
        *(layers.Conv2DTranspose(128, 4, strides=2, padding="same"), layers.LeakyReLU(0.2)),
        *(layers.Conv2DTranspose(128, 4, strides=2, padding="same"), layers.LeakyReLU(0.2)),
        layers.Conv2D(1, 7, padding="same", activation="sigmoid"),
        layers.Rescaling(2, offset=-1),
    ]
    discriminator = [
        *(layers.Input((28, 28, 1)), layers.Rescaling(0.5, offset=0.5)),
        *(layers.Conv2D(64, 3, strides=2, padding="same"), layers.LeakyReLU(0.2)),
        *(layers.Conv2D(128, 3, strides=2, padding="same"), layers.LeakyReLU(0.2)),
        *(layers.GlobalMaxPooling2D(), layers.Dense(1)),
    ]
    return keras.Sequential(generator), keras.Sequential(discriminator)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Networks and the numbers of their Adam; binary cross-entropy, both networks updated at every step."""

    title: str
    pair: callable
    learning_rate: float
    beta_1: float
    cpu_seconds: tuple = (100, 200, 400)
    batch_size: int = 64
    steps: int | None = None

    def callbacks(self):
        """What training needs beside the networks: nothing."""
        return ()

    def build(self, seed):
        """The compiled GAN, its weights a function of the seed."""
        keras.utils.set_random_seed(seed)
        policy = kgan.update_policies.Always()
        gan = kgan.GAN(*self.pair(), latent_dim=LATENT_DIM, update_policy=policy, seed=seed)
        adam = {"learning_rate": self.learning_rate, "beta_1": self.beta_1}
        gan.compile(keras.optimizers.Adam(**adam), keras.optimizers.Adam(**adam))
        return gan


PLAIN = {
    "plain-dense": Recipe("Plain GAN, fully connected (PyTorch-GAN)", dense_pair, 2e-4, 0.5),
    "plain-dcgan": Recipe("Plain DCGAN, small (Radford et al.)", dcgan_pair, 2e-4, 0.5),
    "keras-guide": Recipe("Keras's guide to custom steps", guide_pair, 3e-4, 0.9),
}


class Kgan:
    """One of kgan's presets, as `train_gan.py` trains it, but for as many steps as it says, not whole epochs.

    Args:
        preset: Its name.
        cpu_seconds: When to look at it before its end.
        steps: Its length, over which its learning rates fall, or None for the preset's own.
    """

    def __init__(self, preset, *, cpu_seconds, steps=None):
        self.preset, self.cpu_seconds = GAN_PRESETS[preset], cpu_seconds
        self.batch_size, self.steps = self.preset.batch_size, self.preset.steps if steps is None else steps
        self.title = f"kgan `{preset}`" + ("" if steps is None else f" with `--steps {steps}`")

    def callbacks(self):
        """What training needs beside the networks: its decay of the learning rates."""
        if self.preset.decay is None:
            return ()
        return (kgan.callbacks.DecayLearningRates(self.preset.decay, steps=self.steps),)

    def build(self, seed):
        """The compiled GAN, its weights a function of the seed."""
        return build_gan(self.preset.replace(seed=seed), num_classes=10)
