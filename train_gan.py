"""Train a GAN on handwritten digits: `python train_gan.py`, `python train_gan.py --help`."""

import sys

from kgan.cli import train_gan

if __name__ == "__main__":
    sys.exit(train_gan())
