"""The processes and devices that train one model together: by `keras.distribution`, as JAX divides arrays.

What is computed is then of the whole batch everywhere: random numbers, losses and batch statistics are those
of one process, and JAX itself sends what must be sent.
"""

import contextlib
import json
import os

import jax
import keras
import numpy as np
from jax.experimental import multihost_utils

from kgan.backend.alone import Alone

_LAUNCHED = "KERAS_DISTRIBUTION_NUM_PROCESSES"  # as `keras.distribution.initialize` reads it


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

    @contextlib.contextmanager
    def joined(self):
        """See `Alone`: those that the environment names as `keras.distribution.initialize` asks for it."""
        if _LAUNCHED in os.environ and not jax.distributed.is_initialized():
            jax.config.update("jax_cpu_collectives_implementation", "gloo")
            keras.distribution.initialize()
            self.distribute()
        yield

    @contextlib.contextmanager
    def apart(self):
        """See `Alone`."""
        distribution = keras.distribution.distribution()
        keras.distribution.set_distribution(None)
        try:
            yield
        finally:
            keras.distribution.set_distribution(distribution)

    def distribute(self, what="data"):
        """See `Alone`: by `keras.distribution.DataParallel`, or `ModelParallel` of Dense layers' kernels."""
        if what == "model" and self.number > 1:
            raise ValueError(
                "--distribute model divides weights between the devices of one process, and there are "
                f"{self.number} processes: leave it out."
            )
        if what == "data":
            distribution = keras.distribution.DataParallel(auto_shard_dataset=False)
        else:
            devices = keras.distribution.list_devices()
            mesh = keras.distribution.DeviceMesh((1, len(devices)), ("batch", "model"), devices)
            layouts = keras.distribution.LayoutMap(mesh)
            layouts[".*dense.*/kernel"] = ("model", None)  # its rows, one for each of the layer's inputs
            distribution = keras.distribution.ModelParallel(
                layout_map=layouts, batch_dim_name="batch", auto_shard_dataset=False
            )
        keras.distribution.set_distribution(distribution)

    def largest(self, value):
        """See `Alone`."""
        return int(multihost_utils.process_allgather(np.asarray(value)).max()) if self.number > 1 else value

    def gathered(self, array):
        """See `Alone`."""
        return multihost_utils.process_allgather(array, tiled=True) if self.number > 1 else array

    def of_first(self, value):
        """See `Alone`."""
        if self.number == 1:
            return value
        text = np.frombuffer(json.dumps(value).encode(), "uint8")
        sent = np.zeros(self.largest(len(text)), "uint8")
        sent[: len(text)] = text
        received = multihost_utils.broadcast_one_to_all(sent).tobytes()
        return json.loads(received.rstrip(b"\0").decode())
