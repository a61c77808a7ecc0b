"""Batches that can be computed anew: functions of a seed and the number of the epoch."""

import copy
import math

import keras
import numpy as np

from kgan.backend import ranks
from kgan.spec import check


class NumberedEpochs(keras.utils.PyDataset):
    """Base of data sets whose batches depend on the number of the epoch.

    An epoch whose last batch was not taken begins again under the same number. For on some backends
    Keras begins one to look at a batch, and abandons it, before the first `fit` of a model. A
    subclass has `__len__` and `batch(index)`.

    Args:
        first_epoch: Number of the epoch that `fit` begins with.

    Attributes:
        epoch: Number of the epoch that has begun, or is to begin.
    """

    def __init__(self, *, first_epoch=0):
        super().__init__()
        self.epoch = first_epoch
        self._first_batch = 0
        self._begun = self._ended = False

    def batch(self, index):
        """What `fit` is given at this index of the epoch."""
        raise NotImplementedError

    def begin_at(self, batch):
        """Leave out the batches before this one in every epoch of the `fit` that follows."""
        self._first_batch = batch

    def forget_look(self):
        """Begin the epoch under this number, even if its only batch was looked at."""
        self._ended = False

    @property
    def num_batches(self):
        """Batches of an epoch, less those that are left out."""
        return len(self) - self._first_batch

    def on_epoch_begin(self):
        """Go on to the next epoch, if this one has ended."""
        self.epoch += int(self._ended)
        self._begun, self._ended = True, False

    def __getitem__(self, index):
        index += self._first_batch
        self._ended |= self._begun and index == len(self) - 1
        return self.batch(index)


class ShuffledBatches(NumberedEpochs):
    """Base of data sets whose order is a function of (seed, epoch) alone.

    Keras's own shuffling draws from a generator that no file restores. The last partial
    batch is kept. A subclass makes a batch of `rows(index)`. Of several processes that train together, each
    is given its part of every batch.

    Args:
        num_rows: Number of samples.
        batch_size: Samples a batch, of all processes together.
        seed: Integer ≥ 0, or None for the samples' own order.
        first_epoch: Number of the epoch that `fit` begins with.
        divided: Whether batches are divided between processes; else each has the whole of them.

    Raises:
        ValueError: If a batch cannot be divided evenly.
    """

    def __init__(self, num_rows, *, batch_size, seed, first_epoch=0, divided=True):
        super().__init__(first_epoch=first_epoch)
        self.num_rows = num_rows
        self.batch_size = batch_size
        self.seed = seed
        self.divided = divided
        if divided:
            check_divisible(batch_size, num_rows % batch_size)
        self._ordered = None  # an epoch and its order

    def whole(self):
        """The same batches undivided, on which each process evaluates by itself."""
        whole = copy.copy(self)
        whole.divided = False
        return whole

    def order(self):
        """Numbers of all samples in the order of `epoch`, an integer array `(num_rows,)`."""
        if self.seed is None:
            return np.arange(self.num_rows)
        return np.random.default_rng((self.seed, self.epoch)).permutation(self.num_rows)

    def rows(self, index):
        """Numbers of the samples in a batch, or in this process's part of it, an integer array."""
        if self._ordered is None or self._ordered[0] != self.epoch:
            self._ordered = self.epoch, self.order()
        rows = self._ordered[1][index * self.batch_size : (index + 1) * self.batch_size]
        return own_part(rows) if self.divided else rows

    def __len__(self):
        return math.ceil(self.num_rows / self.batch_size)


def own_part(batch):
    """What this process is given of a batch, an array `(batch, ...)` of the parts of all ranks in order."""
    size = len(batch) // ranks.number
    return batch[ranks.rank * size : (ranks.rank + 1) * size]


def check_divisible(batch_size, last=0, *, name="batch_size", shares=None):
    """Raise ValueError unless batches can be divided evenly.

    Args:
        batch_size: Samples a batch.
        last: Samples of a smaller one at the end, or 0.
        name: Of the setting, for the message.
        shares: Parts; as many as there are processes or devices if None.
    """
    shares = ranks.shares if shares is None else shares
    for size in (batch_size, last):
        rule = f"such that each batch is divided evenly by {shares} processes or devices"
        check(name, rule, f"{batch_size}, with a batch of {size}", holds=size % shares == 0)
