"""Folders of image files for tests."""

import numpy as np
from PIL import Image


def color(n, *, side=16, seed=0):
    """Return random pixels `(n, side, side, 3)`, uint8."""
    return np.random.default_rng(seed).integers(0, 256, (n, side, side, 3), "uint8")


def write_folder(root, pixels, *, classes=("bird", "ant")):
    """Write PNGs into one folder per class, by turns. Return pixels and labels in the order of loading."""
    for k, image in enumerate(pixels):
        folder = root / classes[k % len(classes)]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{k:03d}.png")
    names = np.array([classes[k % len(classes)] for k in range(len(pixels))])
    order = np.argsort(names, kind="stable")
    return pixels[order], np.unique(names, return_inverse=True)[1][order]
