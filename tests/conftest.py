"""What several test files share: small networks, small data, other interpreters."""

import kgan  # before Keras, for it chooses the backend

# isort: split
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
MNIST = ROOT.parent / "shared" / "mnist"
BACKENDS = [name for name in ("torch", "jax", "tensorflow") if importlib.util.find_spec(name)]


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """A cache of the tests' own, filled once, and no network."""
    path = tmp_path_factory.mktemp("cache")
    os.environ |= {"KGAN_CACHE": str(path), "KGAN_OFFLINE": "1"}
    for variable in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):  # the servers are on loopback
        os.environ.pop(variable, None)
        os.environ.pop(variable.upper(), None)
    yield path
    del os.environ["KGAN_CACHE"], os.environ["KGAN_OFFLINE"]


@pytest.fixture
def full_mnist():
    """Folder of the full MNIST, where the machine has it."""
    if not MNIST.is_dir():
        pytest.skip("the full MNIST is not at ../shared/mnist")
    return MNIST


def small_pair(*, latent_dim=3, image_shape=(4,), dropout=0.0, batch_norm=False, num_logits=1):
    """A fully connected pair with known initial weights, the same on every backend."""
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
    """A compiled GAN of `small_pair`, each network with an Adam of its own."""
    networks = small_pair(
        latent_dim=latent_dim, image_shape=image_shape, dropout=dropout, batch_norm=batch_norm
    )
    gan = kgan.GAN(*networks, latent_dim=latent_dim, **kwargs)
    gan.compile(keras.optimizers.Adam(learning_rate), keras.optimizers.Adam(learning_rate))
    return gan


def small_conditional_gan(*, num_classes=3, latent_dim=3, kind=kgan.ConditionalGAN, **kwargs):
    """A compiled `ConditionalGAN` of `small_pair`, each network with an Adam of its own."""
    shape = {name: kwargs.pop(name) for name in ("image_shape", "dropout", "batch_norm") if name in kwargs}
    networks = small_pair(latent_dim=latent_dim + num_classes, num_logits=num_classes, **shape)
    gan = kind(*networks, num_classes=num_classes, latent_dim=latent_dim, **kwargs)
    gan.compile(keras.optimizers.Adam(0.01), keras.optimizers.Adam(0.01))
    return gan


class _Injected:
    """Draws the latents it was given, `(steps, batch, latent_dim)`, for streams differ between backends."""

    latents = None

    def draw_latents(self, n):
        return keras.ops.take(keras.ops.convert_to_tensor(self.latents), self.step, axis=0)


class InjectedGAN(_Injected, kgan.GAN):
    """A `GAN` that draws given latents."""


class InjectedConditionalGAN(_Injected, kgan.ConditionalGAN):
    """A `ConditionalGAN` that draws given latents."""


def small_images(num_images=32, image_shape=(4,)):
    """Images in [−1, 1]."""
    return np.random.default_rng(1).uniform(-1, 1, (num_images, *image_shape)).astype("float32")


def values(variables):
    """NumPy copies of variables."""
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def same_bits(before, after):
    """Whether two lists of arrays are equal, bit by bit."""
    return len(before) == len(after) and all(
        a.tobytes() == b.tobytes() for a, b in zip(before, after, strict=True)
    )


def start_python(*arguments, backend=None, **environment):
    """Start a fresh interpreter with the project and the tests on its path, as a `subprocess.Popen`."""
    env = {key: value for key, value in os.environ.items() if key != "KERAS_BACKEND"} | environment
    if backend is not None:
        env["KERAS_BACKEND"] = backend
    env["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    command = [sys.executable, *map(str, arguments)]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run_python(code, *arguments, **options):
    """Run code in a fresh interpreter, as a user would; returns the finished process."""
    with start_python("-c", code, *arguments, **options) as process:
        out, err = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)
