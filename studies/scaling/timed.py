"""What one process times: python timed.py OUT steps NETWORKS BATCH STEPS, or OUT sums BYTES…."""

import json
import statistics
import sys
import time
from functools import partial
from pathlib import Path

import keras
import numpy as np
import torch
from torch import distributed

import kgan
from kgan.backend import ranks

WARM_UP = 5


class Clock(keras.callbacks.Callback):
    """The median time between the ends of steps, and what was sent in one."""

    def __init__(self):
        super().__init__()
        self.times, self.sent = [], []
        self._send, distributed.all_reduce = distributed.all_reduce, self._counted

    def _counted(self, tensor, *arguments, **options):
        self.sent.append(tensor.numel() * tensor.element_size())
        return self._send(tensor, *arguments, **options)

    def on_train_batch_end(self, batch, logs=None):
        """Note the time."""
        self.times.append(time.perf_counter())
        self.last, self.sent = self.sent, []

    def found(self):
        """A dict for JSON."""
        seconds = statistics.median(np.diff(self.times[WARM_UP:]))
        large = [size for size in self.last if size > 1000]
        return {"seconds": seconds, "bytes": large, "scalars": len(self.last) - len(large)}


def steps(name, batch, number):
    """Train on noise; what the clock found."""
    batch, number = int(batch), int(number) + WARM_UP + 1
    keras.utils.set_random_seed(0)
    networks = getattr(kgan.architectures, name)()
    for layer in (layer for network in networks for layer in network.layers if hasattr(layer, "_moments")):
        # One process has a faster operation for it, which several have not: this is what these compute.
        layer.__dict__["_moments"] = partial(type(layer)._moments, layer)
    gan = kgan.GAN(*networks, update_policy=kgan.update_policies.Always())
    gan.compile(keras.optimizers.Adam(2e-4), keras.optimizers.Adam(2e-4))
    images = np.random.default_rng(0).uniform(-1, 1, (batch * number, 28, 28, 1)).astype("float32")
    clock = Clock()
    gan.fit(images, batch_size=batch, callbacks=[clock], verbose=0)
    return clock.found()


def sums(*sizes):
    """Seconds that a sum of so many bytes takes in the midst of computing, by size."""
    matrix = torch.rand(256, 256)

    def timed(tensors):
        times = []
        for _ in range(60):
            start = time.perf_counter()
            for _ in range(3):  # a millisecond or two, in which the processes drift apart
                matrix @ matrix @ matrix
            ranks.total(tensors)
            times.append(time.perf_counter() - start)
        return statistics.mean(sorted(times[WARM_UP:])[:-5])

    alone = timed([])
    return {size: timed([torch.zeros(size // 4)]) - alone for size in map(int, sizes)}


def main(out, what, *arguments):
    """Time it, and let the first process write what was found."""
    with ranks.joined():
        found = {"steps": steps, "sums": sums}[what](*arguments)
        if ranks.rank == 0:
            Path(out).write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
