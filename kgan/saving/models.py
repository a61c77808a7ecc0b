"""Models into files."""

import keras
import numpy as np

from kgan.backend import ranks
from kgan.backend.private import remember_skipped_attributes
from kgan.files import replacing


class NotFiniteError(ValueError):
    """A number of a model is NaN or infinite, so the model is not kept."""


def save(model, path):
    """Save a model, with its optimisers, as a `.keras` file that appears whole or not at all.

    Args:
        model: `keras.Model`.
        path: `pathlib.Path` of the file; an earlier one is replaced.

    Raises:
        NotFiniteError: If one of the model's numbers is NaN or infinite; an earlier file stays.
        OSError: If the file cannot be written; an earlier one stays.
    """
    check_finite(model)
    with replacing(path) as temporary:
        write(model, temporary)


def write(model, path):
    """Write a `.keras` file, in one process whatever the others do."""
    remember_skipped_attributes()
    with ranks.apart():  # Keras makes variables to see that the model can be described
        model.save(path)


def check_finite(model):
    """Raise NotFiniteError, which names the first such variable, unless all of a model's numbers are finite.

    Args:
        model: `keras.Model`; of a compiled one the state of its optimiser is looked at, too.
    """
    optimizer = getattr(model, "optimizer", None)
    for variable in [*model.weights, *(optimizer.variables if optimizer else ())]:
        if keras.backend.is_float_dtype(variable.dtype) and not _is_finite(variable):
            raise NotFiniteError(f"{variable.path} of {model.name} holds values that are not finite.")


def _is_finite(variable):
    # A sum is finite only if every summand is, and takes a fraction of the time of looking at each;
    # an overflow of finite summands is told apart by looking.
    values = keras.ops.convert_to_numpy(variable)
    if values.dtype.kind != "f":  # bfloat16, which NumPy does not sum up
        values = values.astype("float32")
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(values.sum()) or np.isfinite(values).all())
