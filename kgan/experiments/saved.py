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


def sample(run_dir, n=64, *, seed=0, path=None):
    """Draw images with the GAN of a run.

    Args:
        run_dir: Folder of the run.
        n: Number of images.
        seed: Integer in [0, 2³¹): the same seed gives the same latents.
        path: File to write: a grid if it ends in .png, an array `(n, *image_shape)`, float32 in
            [−1, 1], if in .npy. The run's samples/n-64-seed-0.png if None.

    Returns:
        Path of the file.

    Raises:
        FileNotFoundError: If there is no such run, or it holds no model.
        ValueError: If a value breaks its rule.
    """
    check("seed", "an integer in [0, 2**31)", seed, holds=is_seed(seed))
    check("n", "a positive integer", n, holds=is_count(n))
    run = Run.open(run_dir)
    path = run.samples / f"n-{n}-seed-{seed}.png" if path is None else Path(path)
    check("path", "a file that ends in .png or .npy", str(path), holds=path.suffix in (".png", ".npy"))
    rule = f"at most {_MOST_IN_A_PICTURE:,} for a picture; write more to a .npy file"
    check("n", rule, n, holds=path.suffix == ".npy" or n <= _MOST_IN_A_PICTURE)
    images = load(run_dir)[1].sample(n, seed=seed)
    if path.suffix == ".png":
        write_grid(path, images, columns=math.ceil(math.sqrt(n)))
    else:
        with replacing(path) as temporary:
            np.save(temporary, images)
    return path
