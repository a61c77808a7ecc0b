"""What the model of a run is good for once it is trained."""

import math
from pathlib import Path

import numpy as np

from kgan.files import replacing
from kgan.gan.model import load_model
from kgan.pictures import write_grid
from kgan.runs import Run
from kgan.spec import check, is_count, is_seed

_MOST_IN_A_PICTURE = 10_000
_MOST_LABELS = 32


def load(run_dir, *, best=False):
    """The GAN that a run left behind.

    Args:
        run_dir: Folder of the run.
        best: Whether to take best.keras, the best of those that were evaluated in training.

    Returns:
        `Run` and `GAN`.

    Raises:
        FileNotFoundError: If there is no such run, or it holds no model.
        ValueError: If the model's file is damaged.
    """
    run = Run.open(run_dir)
    return run, load_model(run.saved_model(best=best))


def sample(run_dir, n=64, *, seed=0, labels=None, path=None):
    """Draw images with the GAN of a run.

    Args:
        run_dir: Folder of the run.
        n: Number of images.
        seed: Integer in [0, 2³¹): the same seed gives the same latents.
        labels: For a GAN that was trained on labels, the class of all images, an integer, or a sequence of
            classes that they have in turn, each in a column of its own; as often as in training if None.
        path: File to write: a grid if it ends in .png, an array `(n, *image_shape)`, float32 in
            [−1, 1], if in .npy. The run's samples/n-64-seed-0.png, or with labels
            samples/n-64-seed-0-labels-7.png, if None.

    Returns:
        Path of the file.

    Raises:
        FileNotFoundError: If there is no such run, or it holds no model.
        ValueError: If a value breaks its rule, or the GAN was trained without labels and some are given.
    """
    check("seed", "an integer in [0, 2**31)", seed, holds=is_seed(seed))
    check("n", "a positive integer", n, holds=is_count(n))
    run = Run.open(run_dir)
    labels = None if labels is None else np.atleast_1d(labels).tolist()
    path = run.samples / _name(n, seed=seed, labels=labels) if path is None else Path(path)
    check("path", "a file that ends in .png or .npy", str(path), holds=path.suffix in (".png", ".npy"))
    rule = f"at most {_MOST_IN_A_PICTURE:,} for a picture; write more to a .npy file"
    check("n", rule, n, holds=path.suffix == ".npy" or n <= _MOST_IN_A_PICTURE)
    images = _drawn(load(run_dir)[1], n, seed=seed, labels=labels)
    if path.suffix == ".png":
        in_turn = labels is not None and len(labels) > 1
        write_grid(path, images, columns=min(n, len(labels)) if in_turn else math.ceil(math.sqrt(n)))
    else:
        with replacing(path) as temporary:
            np.save(temporary, images)
    return path


def _name(n, *, seed, labels):
    of = "" if labels is None else f"-labels-{'-'.join(map(str, labels))}"
    return f"n-{n}-seed-{seed}{of}.png"


def _drawn(gan, n, *, seed, labels):
    """Images of a GAN, of labels in turn where there are some."""
    if labels is None:
        return gan.sample(n, seed=seed)
    check("labels", "None for a GAN that was trained without them", labels, holds=gan.num_classes > 0)
    rule = f"integers in [0, {gan.num_classes}), at most {_MOST_LABELS} of them"
    holds = 0 < len(labels) <= _MOST_LABELS and all(
        type(k) is int and 0 <= k < gan.num_classes for k in labels
    )
    check("labels", rule, labels, holds=holds)
    return gan.sample(n, labels=np.resize(labels, n), seed=seed)
