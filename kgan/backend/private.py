"""Private names of Keras, each with a fallback for a Keras without it; no other module uses any."""

import keras
from keras import ops

_BASES = {base.__name__: base for base in keras.layers.LSTMCell.__mro__}


class OwnDropoutMasks:
    """Dropout masks of a cell, drawn where they are used.

    Unlike Keras's cells, such a cell keeps no mask from step to step: a layer must draw once a sequence.
    """

    def get_dropout_mask(self, step_input):
        """Return the mask of the inputs, a list with `dropout_mask_count`, or None if nothing is dropped."""
        return self._mask(step_input, self.dropout)

    def get_recurrent_dropout_mask(self, step_input):
        """Return the mask of the states, likewise."""
        return self._mask(step_input, self.recurrent_dropout)

    def _mask(self, step_input, rate):
        if not rate:
            return None
        count, ones = getattr(self, "dropout_mask_count", None), ops.ones_like(step_input)
        masks = [keras.random.dropout(ones, rate, seed=self.seed_generator) for _ in range(count or 1)]
        return masks if count else masks[0]


# `keras.layers.RNN` prepares dropout masks, one for all steps of a sequence, for cells of this class alone,
# and Keras exports it only as a base of its own cells.
DropoutMasks = _BASES.get("DropoutRNNCell", OwnDropoutMasks)


def check_rnn_prepares_masks(cell):
    """Raise RuntimeError if a cell drops and `keras.layers.RNN` prepares no masks for it."""
    if not isinstance(cell, _BASES.get("DropoutRNNCell", ())) and (cell.dropout or cell.recurrent_dropout):
        raise RuntimeError(
            "Dropout of a kgan.layers.LSTMCell within keras.layers.RNN needs Keras 3.15, got "
            f"{keras.__version__}. Use kgan.layers.LSTM, or install keras==3.15.*."
        )


def adam_moments(optimizer, variables):
    """Return the variables that hold the first and second moments `(m, v)` of a Keras Adam.

    Args:
        optimizer: `keras.optimizers.Adam`, built.
        variables: The `keras.Variable`s that it updates.

    Returns:
        Two lists in the order of `variables`; None if it was not built for all of them, or where Keras keeps
        its moments elsewhere. Keras's own `apply` does without them.
    """
    try:
        indices = [optimizer._get_variable_index(variable) for variable in variables]
        slots = optimizer._momentums, optimizer._velocities
        return tuple([slot[index] for index in indices] for slot in slots)
    except (AttributeError, KeyError):
        return None


def set_moments(layer, moments):
    """Let a batch norm layer take its mean and variance from `moments(inputs, mask)`.

    Raises:
        RuntimeError: If this version of Keras takes them elsewhere.
    """
    if not hasattr(layer, "_moments"):
        raise RuntimeError(
            f"Batch norm over several processes needs Keras 3.15, got {keras.__version__}. "
            "Install keras==3.15.*, or train in one process."
        )
    layer.__dict__["_moments"] = moments


def has_own_moments(layer):
    """Return True if `set_moments` was called for the layer."""
    return "_moments" in vars(layer)
