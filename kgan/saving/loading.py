"""Load a model from a `.keras` file that may come from anyone.

Keras's safe mode forbids lambdas and little else. Here the archive, every name in the configuration and
every array are looked at before anything is built, on one copy in memory, which Keras is then given.
"""

import contextlib
import importlib
import tempfile
import zipfile
from pathlib import Path

import keras

from kgan.backend.private import remember_skipped_attributes
from kgan.saving import archive
from kgan.saving.allowed import read_config
from kgan.saving.archive import RefusedError
from kgan.saving.budget import variables_within
from kgan.saving.weights import stored_bytes

LIMIT = 4 << 30  # bytes of a model; memory is then in proportion to the file

_LEGACY = (".h5", ".hdf5")
_HOMES = ("kgan.gan.conditional", "kgan.layers")  # whose import registers this package's classes


def load(path, kind=None, *, limit=LIMIT):
    """The model of a `.keras` file; nothing in it is run, and nothing outside it read.

    It may hold the classes of Keras that compute with numbers alone, this package's, and those that the
    process has registered by `keras.saving.register_keras_serializable`. The memory that is taken is in
    proportion to the file.

    Args:
        path: File that `keras.Model.save` wrote, on any backend.
        kind: Class that the model must be of, or None for any.
        limit: Bytes that the file may hold, unpacked.

    Returns:
        `keras.Model`, compiled if it was when saved.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is truncated, damaged or no `.keras` file, names a class that is not allowed,
            holds less than it declares, or a model of another kind. In one line that names it.
        OSError: If it cannot be read.
    """
    path = Path(path)
    try:
        _check_file(path, limit=limit)
        model = _load(archive.read_members(path, limit=limit))
        if kind is not None and not isinstance(model, kind):
            raise RefusedError(f"holds a {type(model).__name__}, not a {kind.__name__}.")
    except RefusedError as error:
        raise ValueError(f"{path} {error}") from None
    return model


def _check_file(path, *, limit):
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist, so no model can be loaded from it.")
    if path.is_dir():
        raise RefusedError("is a folder, not a .keras file.")
    if not path.is_file():
        raise RefusedError("is no regular file.")
    if path.suffix in _LEGACY:
        raise RefusedError(
            "is refused: what Keras loads from HDF5 can run code. Save the model as a .keras file."
        )
    if path.suffix != ".keras":
        raise RefusedError("is refused: its name must end in .keras.")
    if path.stat().st_size > limit + (1 << 20):
        raise RefusedError(
            f"is refused: it has {path.stat().st_size:,} bytes, more than the limit of {limit:,}."
        )


def _load(members):
    if b"kgan" in members[archive.CONFIG]:
        for home in _HOMES:
            importlib.import_module(home)
    read_config(members[archive.CONFIG])
    num_bytes = stored_bytes(members[archive.WEIGHTS])
    remember_skipped_attributes()
    with _copy(members) as copy, variables_within(num_bytes):
        try:
            return keras.saving.load_model(copy, safe_mode=True)
        except RefusedError:
            raise
        except Exception as error:  # whatever a configuration that makes no sense comes to in Keras
            raise RefusedError(f"is damaged or of another version of Keras: {_in_one_line(error)}") from error


@contextlib.contextmanager
def _copy(members):
    """A private file of what was looked at, which cannot change any more."""
    with tempfile.TemporaryDirectory(prefix="kgan-") as folder:
        copy = Path(folder) / "model.keras"
        with zipfile.ZipFile(copy, "w") as file:
            for name, content in members.items():
                file.writestr(name, content)
        yield copy


def _in_one_line(error):
    text = str(error).rpartition("Exception encountered: ")[2]  # where Keras says what it was, at the end
    return f"{type(error).__name__}: {' '.join(text.split())}"[:300]
