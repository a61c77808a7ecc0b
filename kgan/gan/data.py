"""Arrays of images as batches whose order can be computed anew."""

import math

import keras
import numpy as np


class ShuffledImages(keras.utils.PyDataset):
    """Batches of an array, in an order that is a function of (seed, epoch) alone.

    Keras's own shuffling draws from a generator that no file restores. The last partial
    batch is kept.

    Args:
        images: Array `(num_images, ...)`.
        batch_size: Images a batch.
        seed: Integer ≥ 0, or None for the array's own order.
        first_epoch: Number of the epoch that `fit` begins with.
    """

    def __init__(self, images, *, batch_size, seed, first_epoch=0):
        super().__init__()
        self.images = images
        self.batch_size = batch_size
        self.seed = seed
        self._next_epoch = first_epoch
        self._order = self._order_of(first_epoch)

    def _order_of(self, epoch):
        if self.seed is None:
            return np.arange(len(self.images))
        return np.random.default_rng((self.seed, epoch)).permutation(len(self.images))

    def __len__(self):
        return math.ceil(len(self.images) / self.batch_size)

    def __getitem__(self, index):
        rows = self._order[index * self.batch_size : (index + 1) * self.batch_size]
        return (self.images[rows],)

    def on_epoch_begin(self):
        """Shuffle for the epoch that begins."""
        self._order = self._order_of(self._next_epoch)
        self._next_epoch += 1
