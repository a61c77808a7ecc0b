"""Which source answers for a name: MNIST and its kin, a folder of images, tensorflow-datasets."""

import re

from kgan.digits.sources import NAMES, find_digits
from kgan.spec import check

FOLDER = "images"  # the data are the image files in `data_dir`
CATALOGUE = "tfds:"  # and the name of one of tensorflow-datasets

_CATALOGUED = re.compile(rf"{CATALOGUE}[a-z]\w*(/[\w.-]+)?")  # a builder and its configuration


def check_name(name):
    """Raise ValueError unless data can have this name."""
    rule = f"one of {', '.join((*NAMES, FOLDER))}, or {CATALOGUE}NAME of tensorflow-datasets"
    holds = name in (*NAMES, FOLDER) or (isinstance(name, str) and _CATALOGUED.fullmatch(name) is not None)
    check("data", rule, name, holds=holds)


def find_source(name="mnist", *, data_dir=None, image_size=None, channels=None):
    """The source that answers for a name; no image is decoded or downloaded yet.

    Args:
        name: One of `kgan.digits.NAMES`; "images" for the image files in `data_dir`; or, as "tfds:cifar10",
            a data set of tensorflow-datasets.
        data_dir: Folder of the data, or None for that which is at hand or can be downloaded.
        image_size: Pixels a side to which images are cropped and scaled, or None for their own.
        channels: 1 for grey, 3 for colour, None for what the images are.

    Returns:
        Source, as `kgan.digits.sources` describes it.

    Raises:
        ValueError: If the name is unknown, or an argument does not fit it.
        FileNotFoundError: If there is no such folder, or nothing of the name in it.
        ConnectionError: If nothing answers for the name.
    """
    check_name(name)
    options = {"image_size": image_size, "channels": channels}
    if name == FOLDER:
        from kgan.digits.folder import ImageFolder  # and Pillow

        if data_dir is None:
            raise ValueError(f"`data_dir` (--data-dir) must name the folder of the images for {FOLDER!r}.")
        return ImageFolder(data_dir, **options)
    if name.startswith(CATALOGUE):
        from kgan.digits.catalogue import Catalogued

        return Catalogued(name.removeprefix(CATALOGUE), data_dir=data_dir, **options)
    for option, value in options.items():
        check(option, f"None for {name!r}, whose images are grey and 28 × 28", value, holds=value is None)
    return find_digits(name, data_dir=data_dir)
