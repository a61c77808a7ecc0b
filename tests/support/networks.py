"""Small networks and GANs with fixed weights; small images; comparison of arrays."""

import kgan  # before Keras, because it chooses the backend

# isort: split
import keras
import numpy as np


def small_pair(*, latent_dim=3, image_shape=(4,), dropout=0.0, batch_norm=False, num_logits=1):
    """Return a fully connected pair with the same initial weights on every backend."""
    width = int(np.prod(image_shape))
    layers = keras.layers
    generator = [layers.Input((latent_dim,)), layers.Dense(8)]
    generator += [layers.BatchNormalization()] if batch_norm else []
    generator += [layers.LeakyReLU(0.2), layers.Dense(width, activation="tanh"), layers.Reshape(image_shape)]
    discriminator = [layers.Input(image_shape), layers.Flatten(), layers.Dense(6), layers.LeakyReLU(0.2)]
    discriminator += [layers.Dropout(dropout), layers.Dense(num_logits)]
    networks = keras.Sequential(generator), keras.Sequential(discriminator)
    rng = np.random.default_rng(0)
    for variable in (*networks[0].trainable_variables, *networks[1].trainable_variables):
        variable.assign(rng.normal(0, 0.5, variable.shape))
    return networks


def small_gan(*, latent_dim=3, image_shape=(4,), dropout=0.0, batch_norm=False, learning_rate=0.01, **kwargs):
    """Return a compiled GAN of `small_pair` with one Adam per network."""
    networks = small_pair(
        latent_dim=latent_dim, image_shape=image_shape, dropout=dropout, batch_norm=batch_norm
    )
    gan = kgan.GAN(*networks, latent_dim=latent_dim, **kwargs)
    gan.compile(keras.optimizers.Adam(learning_rate), keras.optimizers.Adam(learning_rate))
    return gan


def small_conditional_gan(*, num_classes=3, latent_dim=3, kind=kgan.ConditionalGAN, **kwargs):
    """Return a compiled `ConditionalGAN` of `small_pair` with one Adam per network."""
    shape = {name: kwargs.pop(name) for name in ("image_shape", "dropout", "batch_norm") if name in kwargs}
    networks = small_pair(latent_dim=latent_dim + num_classes, num_logits=num_classes, **shape)
    gan = kind(*networks, num_classes=num_classes, latent_dim=latent_dim, **kwargs)
    gan.compile(keras.optimizers.Adam(0.01), keras.optimizers.Adam(0.01))
    return gan


class _Injected:
    """Replace `draw_latents`: random streams differ between backends."""

    latents = None  # (steps, batch, latent_dim)

    def draw_latents(self, n):
        return keras.ops.take(keras.ops.convert_to_tensor(self.latents), self.step, axis=0)


class InjectedGAN(_Injected, kgan.GAN):
    """A `GAN` that draws given latents."""


class InjectedConditionalGAN(_Injected, kgan.ConditionalGAN):
    """A `ConditionalGAN` that draws given latents."""


def small_images(num_images=32, image_shape=(4,)):
    """Return random images in [−1, 1], the same on every call."""
    return np.random.default_rng(1).uniform(-1, 1, (num_images, *image_shape)).astype("float32")


def values(variables):
    """Return NumPy copies of variables."""
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def same_bits(before, after):
    """Return True if two lists of arrays are bit-identical."""
    return len(before) == len(after) and all(
        a.tobytes() == b.tobytes() for a, b in zip(before, after, strict=True)
    )
