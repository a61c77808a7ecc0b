"""What others do: the same kind of training, saved as their documentation says.

Each function takes a folder and options, trains in that folder or goes on where it was, and leaves its last
state in final.npz. A marker lies in the folder while it saves, so that it can be seen.
"""

import contextlib
from pathlib import Path

import kgan  # before Keras, for it chooses the backend

# isort: split
import keras
import numpy as np
import torch
from keras import layers

from faults.jobs import Job
from faults.remains import array_differences

_EPOCHS, _BATCH, _LATENT_DIM, _SEED = 4, 64, 32, 0
_SAVING = ".saving"


class Peer(Job):
    """A job that is begun and resumed by the same command, as these are."""

    def command(self, run):
        """The arguments, each time."""
        return [str(run), *self.arguments]

    def begun(self, run):
        """Whether there is something to go on from."""
        return run.is_dir()

    def differences(self, run, other):
        """Names of the arrays that differ in the end."""
        return array_differences(run / "final.npz", other / "final.npz")

    def marks(self, run):
        """What lies there while it saves."""
        return super().marks(run) | {path.stat().st_ctime_ns for path in run.glob(_SAVING)}

    def is_writing(self, run):
        """Whether it saves."""
        return (run / _SAVING).exists() or super().is_writing(run)


def torch_loop(argv):
    """PyTorch's recipe for a general checkpoint, in the loop of its DCGAN tutorial.

    https://docs.pytorch.org/tutorials/beginner/saving_loading_models.html
    """
    run, with_random_state = _folder(argv[0]), "--with-random-state" in argv
    torch.manual_seed(_SEED)
    generator, discriminator = _torch_networks()
    optimizers = [
        torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999)) for net in (generator, discriminator)
    ]
    parts = {"generator": generator, "discriminator": discriminator}
    parts |= {"generator_optimizer": optimizers[0], "discriminator_optimizer": optimizers[1]}
    data = torch.utils.data.TensorDataset(torch.from_numpy(_images()).reshape(-1, 784))
    loader = torch.utils.data.DataLoader(data, batch_size=_BATCH, shuffle=True)
    path, first = run / "checkpoint.pt", 0
    if path.exists():
        checkpoint = torch.load(path)
        for name, part in parts.items():
            part.load_state_dict(checkpoint[name])
        first = checkpoint["epoch"] + 1
        if with_random_state:
            torch.set_rng_state(checkpoint["random_state"])
    for epoch in range(first, _EPOCHS):
        for (real,) in loader:
            _torch_step(real, generator, discriminator, *optimizers)
        checkpoint = {"epoch": epoch} | {name: part.state_dict() for name, part in parts.items()}
        if with_random_state:
            checkpoint["random_state"] = torch.get_rng_state()
        with _saving(run):
            torch.save(checkpoint, path)
    _finish(
        run, [value.numpy() for part in (generator, discriminator) for value in part.state_dict().values()]
    )
    return 0


def save_torch_checkpoint(path):
    """A file as `torch_loop` saves it, of new networks."""
    generator, discriminator = _torch_networks()
    optimizers = [torch.optim.Adam(net.parameters()) for net in (generator, discriminator)]
    _torch_step(torch.zeros(_BATCH, 784), generator, discriminator, *optimizers)
    torch.save(
        {
            str(number): part.state_dict()
            for number, part in enumerate((generator, discriminator, *optimizers))
        },
        path,
    )


def load_torch_checkpoint(path):
    """Load such a file as PyTorch's recipe does."""
    return torch.load(path)


def _torch_networks():
    nn = torch.nn
    generator = [nn.Linear(_LATENT_DIM, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Linear(256, 784), nn.Tanh()]
    discriminator = [nn.Linear(784, 256), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Linear(256, 1)]
    return nn.Sequential(*generator), nn.Sequential(*discriminator)


def _torch_step(real, generator, discriminator, generator_optimizer, discriminator_optimizer):
    loss, n = torch.nn.functional.binary_cross_entropy_with_logits, len(real)
    fake = generator(torch.randn(n, _LATENT_DIM))
    discriminator_optimizer.zero_grad()
    d_loss = loss(discriminator(real), torch.ones(n, 1)) + loss(
        discriminator(fake.detach()), torch.zeros(n, 1)
    )
    d_loss.backward()
    discriminator_optimizer.step()
    generator_optimizer.zero_grad()
    loss(discriminator(fake), torch.ones(n, 1)).backward()
    generator_optimizer.step()


def backup_and_restore(argv):
    """keras.callbacks.BackupAndRestore with a GAN of kgan, or with --plain one as in Keras's guide.

    https://keras.io/api/callbacks/backup_and_restore/
    """
    run = _folder(argv[0])
    keras.utils.set_random_seed(_SEED)
    gan = _plain_gan() if "--plain" in argv else _kgan_gan()
    options = {"save_freq": 20} if "--every-20-steps" in argv else {}
    backup = _Marked(run / "backup", run=run, double_checkpoint="--double" in argv, **options)
    gan.fit(_images(), batch_size=_BATCH, epochs=_EPOCHS, verbose=0, callbacks=[backup])
    _finish(run, _state(gan))
    return 0


def _state(gan):
    optimizers = [gan.generator_optimizer, gan.discriminator_optimizer]
    variables = [*gan.weights, *(variable for optimizer in optimizers for variable in optimizer.variables)]
    return [keras.ops.convert_to_numpy(variable).copy() for variable in variables]


def kgan_checkpoint(argv):
    """The same GAN of kgan, with kgan's callback."""
    run = _folder(argv[0])
    keras.utils.set_random_seed(_SEED)
    checkpoint = kgan.callbacks.Checkpoint(run / "checkpoints", every_steps=20)
    saved = kgan.saving.Checkpoints(run / "checkpoints").last()
    gan = _kgan_gan() if saved is None else saved.load()
    options = {"batch_size": _BATCH, "epochs": _EPOCHS, "verbose": 0, "callbacks": [checkpoint]}
    gan.fit(_images(), resume=saved, **options)
    _finish(run, _state(gan))
    return 0


class _Marked(keras.callbacks.BackupAndRestore):
    """Keras's callback, with a marker while it saves."""

    def __init__(self, folder, *, run, **options):
        super().__init__(str(folder), **options)
        self._run = run

    def _save_model(self):
        with _saving(self._run):
            super()._save_model()


def _networks():
    generator = [layers.Input((_LATENT_DIM,)), layers.Dense(256), layers.BatchNormalization(), layers.ReLU()]
    generator += [layers.Dense(784, activation="tanh"), layers.Reshape((28, 28, 1))]
    discriminator = [layers.Input((28, 28, 1)), layers.Flatten(), layers.Dense(256), layers.LeakyReLU(0.2)]
    discriminator += [layers.Dropout(0.3), layers.Dense(1)]
    return keras.Sequential(generator), keras.Sequential(discriminator)


def _adam():
    return keras.optimizers.Adam(2e-4, beta_1=0.5)


def small_kgan_gan():
    """The GAN of kgan, compiled."""
    return _kgan_gan()


def _kgan_gan():
    gan = kgan.GAN(*_networks(), latent_dim=_LATENT_DIM, seed=_SEED)
    gan.compile(_adam(), _adam())
    return gan


def _plain_gan():
    gan = PlainGAN(*_networks())
    gan.compile(_adam(), _adam())
    return gan


class PlainGAN(keras.Model):
    """The GAN of Keras's guide "Customizing what happens in fit() with PyTorch".

    https://keras.io/guides/custom_train_step_in_torch/
    """

    def __init__(self, generator, discriminator):
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.seed_generator = keras.random.SeedGenerator(1337)
        self.built = True

    def compile(self, generator_optimizer, discriminator_optimizer):
        """Keep both optimisers, with their slots."""
        super().compile()
        self.generator_optimizer, self.discriminator_optimizer = generator_optimizer, discriminator_optimizer
        self.generator_optimizer.build(self.generator.trainable_variables)
        self.discriminator_optimizer.build(self.discriminator.trainable_variables)
        self.loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)

    def train_step(self, real):
        """D on generated and real images, then G."""
        real = real[0] if isinstance(real, tuple) else real
        n = real.shape[0]
        latents = keras.random.normal((n, _LATENT_DIM), seed=self.seed_generator)
        images = torch.cat([self.generator(latents, training=True).detach(), real])
        truth = torch.cat([torch.zeros(n, 1), torch.ones(n, 1)])
        self._update(
            self.discriminator_optimizer, self.discriminator, self.discriminator(images, training=True), truth
        )
        latents = keras.random.normal((n, _LATENT_DIM), seed=self.seed_generator)
        logits = self.discriminator(self.generator(latents, training=True), training=True)
        self._update(self.generator_optimizer, self.generator, logits, torch.ones(n, 1))
        return {}

    def _update(self, optimizer, network, logits, truth):
        self.zero_grad()
        self.loss_fn(truth, logits).backward()
        weights = network.trainable_variables
        with torch.no_grad():
            optimizer.apply([weight.value.grad for weight in weights], weights)


def _images():
    return kgan.load_digits("mnist-5k")[0]


def _folder(path):
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _SAVING).unlink(missing_ok=True)
    return folder


@contextlib.contextmanager
def _saving(run):
    (run / _SAVING).touch()
    yield
    (run / _SAVING).unlink()


def _finish(run, state):
    np.savez(run / ".final.npz", *state)
    (run / ".final.npz").replace(run / "final.npz")


PEERS = (
    Peer("BackupAndRestore", backup_and_restore),
    Peer("BackupAndRestore, every 20 steps", backup_and_restore, ("--every-20-steps",)),
    Peer("BackupAndRestore, double", backup_and_restore, ("--every-20-steps", "--double")),
    Peer("BackupAndRestore, a GAN of Keras's guide", backup_and_restore, ("--plain",)),
    Peer("kgan.callbacks.Checkpoint, every 20 steps", kgan_checkpoint),
    Peer("torch.save", torch_loop),
    Peer("torch.save with the random state", torch_loop, ("--with-random-state",)),
)
