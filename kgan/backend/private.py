"""Private names of Keras, each with a fallback. Use them only through this module."""

import keras
from keras import ops

try:
    from keras.src.backend.common.global_state import GLOBAL_STATE_TRACKER as _STATE
except ImportError:  # saving then takes longer
    _STATE = None

_BASES = {base.__name__: base for base in keras.layers.LSTMCell.__mro__}


class OwnDropoutMasks:
    """Draw dropout masks on each call.

    Keras's cells cache a mask; these do not. Draw once per sequence.
    """

    def get_dropout_mask(self, step_input):
        """Return the input mask, `dropout_mask_count` masks in a list, or None without dropout."""
        return self._mask(step_input, self.dropout)

    def get_recurrent_dropout_mask(self, step_input):
        """Return the state mask in the same form."""
        return self._mask(step_input, self.recurrent_dropout)

    def _mask(self, step_input, rate):
        if not rate:
            return None
        count, ones = getattr(self, "dropout_mask_count", None), ops.ones_like(step_input)
        masks = [keras.random.dropout(ones, rate, seed=self.seed_generator) for _ in range(count or 1)]
        return masks if count else masks[0]


# `keras.layers.RNN` prepares masks only for this class. Keras exports it only as a base of its cells.
DropoutMasks = _BASES.get("DropoutRNNCell", OwnDropoutMasks)


def check_rnn_prepares_masks(cell):
    """Raise RuntimeError if the cell has dropout and `keras.layers.RNN` prepares no masks."""
    if not isinstance(cell, _BASES.get("DropoutRNNCell", ())) and (cell.dropout or cell.recurrent_dropout):
        raise RuntimeError(
            "`kgan.layers.LSTMCell` with dropout in `keras.layers.RNN` needs Keras 3.15, got "
            f"{keras.__version__}. Use kgan.layers.LSTM, or install keras==3.15.*."
        )


def adam_moments(optimizer, variables):
    """Return the moments `(m, v)` of a Keras Adam.

    Args:
        optimizer: `keras.optimizers.Adam`, built.
        variables: List of `keras.Variable`s that it updates.

    Returns:
        Two lists in the order of `variables`. None if the optimizer was not built for all of them, or if this
        Keras stores moments elsewhere; fall back to Keras's `apply`.
    """
    try:
        indices = [optimizer._get_variable_index(variable) for variable in variables]
        slots = optimizer._momentums, optimizer._velocities
        return tuple([slot[index] for index in indices] for slot in slots)
    except (AttributeError, KeyError):
        return None


def set_moments(layer, moments):
    """Replace a batch norm layer's mean and variance by `moments(inputs, mask)`.

    Raises:
        RuntimeError: If this Keras computes them elsewhere.
    """
    if not hasattr(layer, "_moments"):
        raise RuntimeError(
            f"Synchronized batch norm needs Keras 3.15, got {keras.__version__}. "
            "Install keras==3.15.*, or train in one process."
        )
    layer.__dict__["_moments"] = moments


def has_own_moments(layer):
    """Return True if `set_moments` was called for the layer."""
    return "_moments" in vars(layer)


def remember_skipped_attributes():
    """Let Keras find the sets of attributes that it skips when it saves and loads.

    Keras 3.15 stores them as `saving_attr_skipset_…` and looks for `saving_attr_skiplist_…`. So it builds
    them again for each layer, which takes a third of the time of a small checkpoint.
    """
    for name, attributes in [*vars(_STATE).items()] if _STATE else ():
        if name.startswith("saving_attr_skipset_"):
            setattr(_STATE, name.replace("skipset", "skiplist"), attributes)
