"""All that differs between PyTorch, JAX and TensorFlow: one folder of short files each.

A backend's `step.py` holds `BackendModel`, a `keras.Model` with the verbs of a training step, which
`base.py` describes: Keras's `train_step` and `test_step`; `record`, a forward pass whose backward pass runs
only when asked for, and `record_each` and `record_losses`, one for several losses; `apply_if`, an update
behind a real branch; `input_gradient`, which can be differentiated once more; `known`, a counter's value as
a number where that is at hand; `add_to_means`; `global_draws_from`, for draws that have no seed of their
own. `plain_adam.py` says which optimisers a backend may update by an Adam of its own. Beside it stands
`device_name`, where a tensor is.
Its `lstm.py` holds `scan`, which applies a step along time, and `run_sequence`, a faster way for an
LSTM's step.
Its `ranks.py` holds `Ranks`, the processes that train together, which `alone.py` describes.
`private.py` holds the private names of Keras; `torch/private.py` those of PyTorch.

Everything above this package is written in `keras.ops` and knows no backend.
"""

import importlib

import keras


def _load(file):
    name = keras.backend.backend()
    try:
        return importlib.import_module(f"kgan.backend.{name}.{file}")
    except ModuleNotFoundError as error:
        if error.name != f"kgan.backend.{name}":
            raise
        raise ImportError(
            f"kgan trains on torch, jax and tensorflow: set KERAS_BACKEND to one of them, not {name!r}."
        ) from None


BackendModel = _load("step").BackendModel
device_name = _load("step").device_name
lstm = _load("lstm")
ranks = _load("ranks").Ranks()
