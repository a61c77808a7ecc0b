"""What the process does that reads data sets of tensorflow-datasets: only there is it imported."""

import gzip
import json
import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np

from kgan.digits.network import unreachable

FORMAT = "array_record"  # which is read without TensorFlow
SPLITS = ("train", "test")
CLASSES = "classes"
REFUSAL = "refusal.txt"

_AT_ONCE = 500
_LARGEST = 256  # pixels a side that need not be asked for


class _RefusedError(Exception):
    """Says why a data set is not for this."""


def fill(folder, *, name, prepared, image_size, channels):
    """Leave the images and labels of a data set as arrays, or REFUSAL with a sentence.

    Args:
        folder: `pathlib.Path`, for train-images.npy, train-labels.npy and likewise of test, and classes.npy,
            a JSON list; uint8 all of them, labels as the bytes of int64 `(n, 8)`.
        name: Of the builder, perhaps with its configuration.
        prepared: Folder of a version that was prepared, or None to download.
        image_size: As for `kgan.digits.catalogue.Catalogued`.
        channels: Likewise.

    Raises:
        Exception: Whatever tensorflow-datasets and the network raise.
    """
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()
    try:
        builder = tfds.builder_from_directory(prepared) if prepared else _downloaded(tfds, name, folder)
        _write(tfds, builder, folder, image_size=image_size, channels=channels)
    except _RefusedError as error:
        (folder / REFUSAL).write_text(str(error), encoding="utf-8")


def _write(tfds, builder, folder, *, image_size, channels):
    features, splits = builder.info.features, [split for split in SPLITS if split in builder.info.splits]
    if "train" not in splits:
        raise _RefusedError(f"it has no split train, but {', '.join(builder.info.splits) or 'none'}.")
    image, label = _image_of(tfds, features), _label_of(tfds, features)
    classes = list(features[label].names or []) if label else []
    _save(folder, CLASSES, np.frombuffer(json.dumps(classes).encode(), "uint8"))
    wanted = {"size": image_size, "channels": channels or (1 if features[image].shape[-1] == 1 else 3)}
    for split in splits:
        source = builder.as_data_source(split)
        labels = _write_images(source, folder / f"{split}-images.npy", keys=(image, label), **wanted)
        _save(folder, f"{split}-labels", labels.astype("<i8").view("uint8").reshape(-1, 8))


def _save(folder, name, array):
    np.save(folder / f"{name}.npy", array)


def _image_of(tfds, features):
    """The name of the only feature that is an image, or "image"."""
    named = dict(features.items()) if hasattr(features, "items") else {}
    masks = getattr(tfds.features, "LabeledImage", ())
    found = [
        name
        for name, feature in named.items()
        if isinstance(feature, tfds.features.Image) and not isinstance(feature, masks)
    ]
    if len(found) == 1 or "image" in found:
        return "image" if "image" in found else found[0]
    held = ", ".join(sorted(found or named)) or "none"  # their order differs from machine to machine
    raise _RefusedError(
        f"it has several images, {held}, and none is named image."
        if found
        else f"it has no images; its features are {held}."
    )


def _label_of(tfds, features):
    """The name of the feature that is the class, or None."""
    found = [name for name, feature in features.items() if isinstance(feature, tfds.features.ClassLabel)]
    return "label" if "label" in found else (found[0] if len(found) == 1 else None)


def _write_images(source, path, *, keys, size, channels):
    """Decode all images into a file, which grows as they come; their labels `(n,)`."""
    image, label = keys
    labels, shape = np.zeros(len(source), "int64"), None
    with path.open("wb") as file:
        for start in range(0, len(source), _AT_ONCE):
            rows = range(len(source))[start : start + _AT_ONCE]
            for row, example in zip(rows, source.__getitems__(list(rows)), strict=True):
                pixels = _pixels(example[image], size=size, channels=channels)
                if shape is None:
                    shape = _checked_shape(pixels.shape, size)
                    _write_header(file, (len(source), *shape))
                _check_same(pixels.shape, shape)
                file.write(pixels.tobytes())
                labels[row] = 0 if label is None else max(0, int(example[label]))
            file.flush()
    return labels


def _write_header(file, shape):
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def _checked_shape(shape, size):
    if size is None and max(shape[:2]) > _LARGEST:
        raise _RefusedError(f"its images are of {shape[0]} × {shape[1]} pixels: {_WAY_OUT}")
    return shape


def _check_same(shape, first):
    if shape != first:
        sizes = " and ".join(f"{height} × {width}" for height, width, _ in (first, shape))
        raise _RefusedError(f"its images are of different sizes, such as {sizes}: {_WAY_OUT}")


_WAY_OUT = "give image_size (--image-size), such as 32, to which all are cropped and scaled."


def _pixels(image, *, size, channels):
    from PIL import Image

    from kgan.digits.decoding import as_pixels

    image = np.asarray(image)
    if image.dtype == "uint16":
        image = np.rint(image / 257).astype("uint8")
    if image.dtype != "uint8":
        raise _RefusedError(f"its images are of {image.dtype}, of unknown range.")
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    return as_pixels(picture, channels=channels, size=size)


def _downloaded(tfds, name, folder):
    """The builder of a name, once it has prepared its data below the folder."""
    name, _, config = name.partition("/")
    try:
        known = tfds.builder_cls(name)
    except tfds.core.DatasetNotFoundError:
        raise _RefusedError("tensorflow-datasets has none of that name.") from None
    for url in list(known.url_infos)[:1]:
        if reason := unreachable(url):
            raise ConnectionError(reason)
    options = {"config": config} if config else {}
    builder = _without_tensorflow(known)(data_dir=folder / "data", file_format=FORMAT, **options)
    builder.download_and_prepare(
        download_dir=folder / "files",
        download_config=tfds.download.DownloadConfig(try_download_gcs=False),
    )
    return builder


def _without_tensorflow(known):
    """A builder, less what needs TensorFlow: its archives and its encoding of arrays."""

    class KganImages(known):
        url_infos = known.url_infos  # the published sums, which lie beside the other's file

        def _split_generators(self, dl_manager, *args):
            return super()._split_generators(_Unpacking(dl_manager), *args)

        def _generate_examples(self, *args, **kwargs):
            for key, example in super()._generate_examples(*args, **kwargs):
                yield key, {name: _as_picture(value) for name, value in example.items()}

    return KganImages


def _as_picture(value):
    from PIL import Image

    if not (isinstance(value, np.ndarray) and value.dtype == "uint8" and value.ndim == 3):
        return value
    return Image.fromarray(value[..., 0] if value.shape[-1] == 1 else value)


class _Unpacking:
    """A download manager that unpacks archives by Python's own means."""

    def __init__(self, manager):
        self._manager = manager

    def __getattr__(self, name):
        return getattr(self._manager, name)

    def download_and_extract(self, urls):
        return self.extract(self._manager.download(urls))

    def extract(self, paths):
        if isinstance(paths, dict):
            return {name: self.extract(path) for name, path in paths.items()}
        if isinstance(paths, list | tuple):
            return [self.extract(path) for path in paths]
        return _unpacked(Path(paths))


def _unpacked(path):
    """What is in an archive: a folder, or a file of a gzipped one."""
    place = path.with_name(f"{path.name}.unpacked")
    if tarfile.is_tarfile(path):
        _untar(path, place)
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            archive.extractall(place)  # noqa: S202 (which keeps within the folder)
    else:
        with gzip.open(path) as packed, place.open("wb") as file:
            shutil.copyfileobj(packed, file)
    return place


def _untar(path, place):
    """Unpack an archive; what leads out of the folder is refused."""
    with tarfile.open(path) as archive:
        if hasattr(tarfile, "data_filter"):
            archive.extractall(place, filter="data")
            return
        for member in archive.getmembers():  # of Python 3.11.0 to 3.11.3, which have no filter
            is_inside = (place / member.name).resolve().is_relative_to(place.resolve())
            if not (is_inside and (member.isfile() or member.isdir())):
                raise tarfile.ExtractError(
                    f"{path.name} holds {member.name}, which is no file within its folder; Python 3.11.4 or "
                    "newer may unpack it"
                )
            member.mode = 0o755 if member.isdir() else 0o644
        archive.extractall(place)  # noqa: S202 (each member was looked at)
