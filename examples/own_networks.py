"""A GAN of your own networks, your own images and your own update policy.

    python examples/own_networks.py                          # images in an array
    python examples/own_networks.py --data dataloader        # the same from a torch DataLoader
    KERAS_BACKEND=tensorflow python examples/own_networks.py --data tf_data

The images are drawn here: 16 × 16 in colour, each of one disc, red, green or blue, at any place and of
any size. After 30 epochs, a minute on one core, most samples are such discs. Pictures go to
own_networks/, the model to own_networks.keras.
"""

import argparse
import dataclasses
import sys

import kgan  # before Keras, for it chooses the backend

# isort: split
import keras
import numpy as np
from keras import layers

IMAGE_SHAPE = (16, 16, 3)
LATENT_DIM = 32
BATCH_SIZE = 64


def discs(num_images, seed=0):
    """Images `(num_images, 16, 16, 3)` in [−1, 1], of one disc each on black."""
    rng = np.random.default_rng(seed)
    center = rng.uniform(4, 12, (2, num_images, 1, 1))
    radius = rng.uniform(2, 4, (num_images, 1, 1))
    rows, columns = np.mgrid[:16, :16]
    distance = np.hypot(rows - center[0], columns - center[1])
    inside = np.clip(radius - distance + 0.5, 0, 1)[..., np.newaxis]  # soft edges
    color = np.eye(3)[rng.integers(3, size=num_images)][:, np.newaxis, np.newaxis]
    return (2 * inside * color - 1).astype("float32")


def generator():
    """Latents `(batch, 32)` to images `(batch, 16, 16, 3)` in [−1, 1]: it ends in a tanh."""
    return keras.Sequential(
        [
            layers.Input((LATENT_DIM,)),
            layers.Dense(4 * 4 * 64),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Reshape((4, 4, 64)),
            layers.Conv2DTranspose(32, 4, strides=2, padding="same"),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Conv2DTranspose(3, 4, strides=2, padding="same", activation="tanh"),
        ]
    )


def discriminator():
    """Images `(batch, 16, 16, 3)` to logits `(batch, 1)`: no sigmoid, the losses take logits."""
    return keras.Sequential(
        [
            layers.Input(IMAGE_SHAPE),
            layers.Conv2D(32, 4, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2D(64, 4, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )


@keras.saving.register_keras_serializable("own_networks")
@dataclasses.dataclass(frozen=True)
class WarmUp(kgan.update_policies.UpdatePolicy):
    """Both networks in the first steps; then the discriminator as the rule of the losses says."""

    num_steps: int = 100

    def __call__(self, step, epoch, d_loss, g_loss):
        """Probabilities of updating D and G; in keras.ops, for JAX and TensorFlow trace it."""
        return keras.ops.where(step < self.num_steps, 1.0, keras.ops.sigmoid(d_loss - g_loss)), 1


def as_array(images):
    """The array itself: `fit` shuffles it by (seed, epoch)."""
    return images


def as_dataloader(images):
    """A torch DataLoader of batches `(images,)`; it works on every backend."""
    import torch

    data = torch.utils.data.TensorDataset(torch.from_numpy(images))
    return torch.utils.data.DataLoader(data, batch_size=BATCH_SIZE, shuffle=True)


def as_tf_data(images):
    """A tf.data.Dataset of batches `(images,)`; it works on every backend, with TensorFlow installed."""
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((images,)).shuffle(len(images)).batch(BATCH_SIZE)


DATA = {"array": as_array, "dataloader": as_dataloader, "tf_data": as_tf_data}


def main():
    """Train, draw and save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", choices=DATA, default="array", help="what `fit` is given")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--num-images", type=int, default=4000)
    options = parser.parse_args()

    keras.utils.set_random_seed(0)  # the initial weights
    gan = kgan.GAN(generator(), discriminator(), latent_dim=LATENT_DIM, update_policy=WarmUp(), seed=0)
    gan.compile(
        generator_optimizer=keras.optimizers.Adam(5e-4, beta_1=0.5),
        discriminator_optimizer=keras.optimizers.Adam(1e-3, beta_1=0.5),
    )
    data = DATA[options.data](discs(options.num_images))
    batch_size = BATCH_SIZE if options.data == "array" else None  # the others have their own batches
    grid = kgan.callbacks.SampleGrid("own_networks", every_epochs=5, scale=3)
    movie = kgan.callbacks.SampleMovie("own_networks/samples.gif", grid)
    gan.fit(data, batch_size=batch_size, epochs=options.epochs, verbose=2, callbacks=[grid, movie])

    gan.save("own_networks.keras")
    loaded = kgan.load_model("own_networks.keras")  # finds WarmUp by its registered name
    assert np.array_equal(loaded.sample(4, seed=1), gan.sample(4, seed=1))  # noqa: S101
    sys.stdout.write("Look at own_networks/; the model is own_networks.keras.\n")


if __name__ == "__main__":
    main()
