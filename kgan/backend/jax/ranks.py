"""The processes and devices that train one model together: by `keras.distribution`, as JAX divides arrays.

What is computed is then of the whole batch everywhere: random numbers, losses and batch statistics are those
of one process, and JAX itself sends what must be sent.
"""

import contextlib
import os

import jax
import keras

from kgan.backend.alone import Alone

_LAUNCHED = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")


class Ranks(Alone):
    """See `Alone`."""

    @property
    def number(self):
        """See `Alone`."""
        return jax.process_count()

    @property
    def rank(self):
        """See `Alone`."""
        return jax.process_index()

    @property
    def shares(self):
        """See `Alone`: one for each device."""
        distribution = keras.distribution.distribution()
        return distribution.num_model_replicas if distribution else 1

    def distribute(self):
        """See `Alone`."""
        keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))
