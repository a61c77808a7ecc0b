"""The GAN step as one would write it in plain PyTorch, from the equations: what kgan is timed against.

`torch.nn` modules, `torch.optim.Adam` as it comes, `BCEWithLogitsLoss`, a shuffling `DataLoader`; G is
updated by L(G), then D by L(D) of real images and of `G(z).detach()`. No loss is read before the end of
an epoch.

`python -m benchmarks.plain_torch template 100 2` runs an epoch of 100 batches on two threads for each
line that it reads.
"""

import argparse
import itertools

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.elsewhere import serve

BATCH = 64


def images(num_batches):
    """As many images as fill the batches, `(num_images, 28, 28, 1)` in [−1, 1]."""
    return np.random.default_rng(0).uniform(-1, 1, (BATCH * num_batches, 28, 28, 1)).astype("float32")


def template(latent_dim=100):
    """The networks of `kgan.gan.architectures.template`."""
    generator = [nn.Linear(latent_dim, 128), nn.LeakyReLU(0.2)]
    for before, after in ((128, 256), (256, 512), (512, 1024)):
        generator += [nn.Linear(before, after), nn.BatchNorm1d(after), nn.LeakyReLU(0.2)]
    generator += [nn.Linear(1024, 784), nn.Tanh(), nn.Unflatten(1, (1, 28, 28))]
    return nn.Sequential(*generator), _dense_discriminator(784, 512, 256)


def fully_connected(latent_dim=100):
    """The networks of `kgan.gan.architectures.fully_connected`."""
    generator = []
    for before, after in ((latent_dim, 256), (256, 512), (512, 1024)):
        generator += [_lecun_normal(nn.Linear(before, after)), nn.SELU()]
    generator += [
        _lecun_normal(nn.Linear(1024, 784)),
        nn.Sigmoid(),
        _Symmetric(),
        nn.Unflatten(1, (1, 28, 28)),
    ]
    return nn.Sequential(*generator), _dense_discriminator(784, 1024, 512, 256)


def convolutional(latent_dim=100):
    """The networks of `kgan.gan.architectures.convolutional`."""
    generator = nn.Sequential(
        *(nn.Linear(latent_dim, 1024), nn.BatchNorm1d(1024), nn.ReLU()),
        *(nn.Linear(1024, 128 * 7 * 7), nn.BatchNorm1d(128 * 7 * 7), nn.ReLU()),
        *(nn.Unflatten(1, (128, 7, 7)), nn.ConvTranspose2d(128, 64, 4, stride=2, padding=1)),
        *(nn.BatchNorm2d(64), nn.ReLU(), nn.ConvTranspose2d(64, 1, 4, stride=2, padding=1), nn.Tanh()),
    )
    discriminator = nn.Sequential(
        *(nn.Conv2d(1, 32, 5), nn.LeakyReLU(0.2), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 5), nn.LeakyReLU(0.2), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(64 * 16, 1024), nn.LeakyReLU(0.2), nn.Linear(1024, 1)),
    )
    return generator, discriminator


PAIRS = (template, fully_connected, convolutional)


class _Symmetric(nn.Module):
    """From [0, 1] to [−1, 1]."""

    def forward(self, images):
        return 2 * images - 1


def _dense_discriminator(*widths):
    layers = [nn.Flatten()]
    for before, after in itertools.pairwise(widths):
        layers += [nn.Linear(before, after), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Linear(widths[-1], 1))


def _lecun_normal(linear):
    nn.init.kaiming_normal_(linear.weight, nonlinearity="linear")
    nn.init.zeros_(linear.bias)
    return linear


class Loop:
    """A plain training loop.

    Args:
        networks: Generator and discriminator, of this file.
        images: Array `(num_images, 28, 28, 1)` in [−1, 1], float32.
        batch_size: Images a step.
        latent_dim: Width of a latent.
        **adam: Further arguments of both `torch.optim.Adam`, such as `fused=True`.
    """

    def __init__(self, networks, images, *, batch_size, latent_dim=100, **adam):
        self.generator, self.discriminator = networks
        self.latent_dim = latent_dim
        images = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
        self.batches = DataLoader(TensorDataset(images), batch_size=batch_size, shuffle=True)
        self.generator_optimizer, self.discriminator_optimizer = (
            torch.optim.Adam(network.parameters(), **adam) for network in networks
        )
        self.loss = nn.BCEWithLogitsLoss()

    def step(self, real):
        """One update of both networks; returns L(G) and L(D) as tensors."""
        ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)
        fake = self.generator(torch.randn(len(real), self.latent_dim))

        self.generator_optimizer.zero_grad()
        g_loss = self.loss(self.discriminator(fake), ones)
        g_loss.backward()
        self.generator_optimizer.step()

        self.discriminator_optimizer.zero_grad()
        of_real, of_fake = self.discriminator(real), self.discriminator(fake.detach())
        d_loss = (self.loss(of_real, ones) + self.loss(of_fake, zeros)) / 2
        d_loss.backward()
        self.discriminator_optimizer.step()
        return g_loss, d_loss

    def epoch(self):
        """One pass over the images; returns the last L(G) and L(D) as numbers."""
        for (real,) in self.batches:
            g_loss, d_loss = self.step(real)
        return g_loss.item(), d_loss.item()


def main():
    """Serve epochs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("architecture", choices=[pair.__name__ for pair in PAIRS])
    parser.add_argument("batches", type=int)
    parser.add_argument("threads", type=int)
    parser.add_argument("--fused", action="store_true", help="PyTorch's fused Adam")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    pair = next(pair for pair in PAIRS if pair.__name__ == options.architecture)
    settings = {"fused": True} if options.fused else {}
    serve(Loop(pair(), images(options.batches), batch_size=BATCH, **settings).epoch)


if __name__ == "__main__":
    main()
