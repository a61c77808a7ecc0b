"""A process that trains alone."""

import contextlib

import keras


class Alone:
    """The processes that train one model together, each on its part of every batch: here there is one.

    A backend's `ranks.py` holds a `Ranks`, which says the same of several.
    """

    @property
    def number(self):
        """How many processes there are."""
        return 1

    @property
    def rank(self):
        """The number of this one, from 0. What is written is written by the first."""
        return 0

    @property
    def drawing(self):
        """The number of the part of a batch for which this process draws random numbers."""
        return 0

    @property
    def shares(self):
        """Into how many equal parts each batch is divided."""
        return 1

    @property
    def launch(self):
        """What tells the launcher that began the processes from others, or None where none did."""
        return None

    @property
    def is_restarted(self):
        """Whether the launcher had begun them before, and one had ended before its time."""
        return False

    @contextlib.contextmanager
    def joined(self):
        """Inside, the processes that a launcher began train together."""
        yield

    @contextlib.contextmanager
    def apart(self):
        """Inside, what is built and computed is this process's alone."""
        yield

    def distribute(self, what="data"):
        """Let every batch be divided between devices, or the weights of the last layer.

        Args:
            what: "data" or "model".
        """
        raise ValueError(
            f"--distribute divides {what} between JAX's devices, and KERAS_BACKEND is "
            f"{keras.backend.backend()}: set it to jax, or begin processes by torchrun on torch."
        )

    def mean(self, tensors):
        """The means over all processes of tensors, each of one shape everywhere."""
        return tensors

    def total(self, tensors):
        """Their sums."""
        return tensors

    def largest(self, value):
        """The largest of an integer of each."""
        return value

    def gathered(self, array):
        """The NumPy arrays of all, one behind the other."""
        return array

    def of_first(self, value):
        """What the first gives: a plain value, as JSON holds it."""
        return value

    def give_to_all(self, variables):
        """Give `keras.Variable`s the values that they have in the first."""

    def synchronise_batch_norm(self, network):
        """Let the batch norm layers of a network take the statistics of the whole batch."""

    def share_steps(self, model):
        """Let the steps of a compiled `keras.Model` of Keras's own `train_step` be of the whole batch."""
