"""Batches of images that are read while training goes on."""

import concurrent.futures

from kgan.backend import ranks
from kgan.batches import ShuffledBatches
from kgan.spec import check, is_count, is_seed


class StreamedImages(ShuffledBatches):
    """Batches `(images, labels)` of `LazyImages`, shuffled by (seed, epoch), for `kgan.GAN.fit`.

    They are the batches that `fit` makes of an array of the same images, with a GAN's own seed, to the
    bit; a training goes on in mid-epoch likewise. The next batch is read while one is trained on. Of several
    processes each reads its part of every batch, and keeps its share of the images in memory at most.

    Args:
        images: `kgan.digits.lazy.LazyImages`.
        batch_size: Images a batch; the last of an epoch may have fewer.
        seed: Integer in [0, 2³¹), or None for the images' own order.
        first_epoch: Number of the epoch that `fit` begins with: `int(gan.epoch.value)` for a GAN that
            was trained before.

    Raises:
        ValueError: If a number breaks its rule.
    """

    def __init__(self, images, *, batch_size=64, seed=0, first_epoch=0):
        check("batch_size", "a positive integer", batch_size, holds=is_count(batch_size))
        rule = f"at most the number of images, {len(images)}"
        check("batch_size", rule, batch_size, holds=batch_size <= len(images))
        check("seed", "None or an integer in [0, 2**31)", seed, holds=seed is None or is_seed(seed))
        super().__init__(len(images), batch_size=batch_size, seed=seed, first_epoch=first_epoch)
        self.images = images
        images.keep_at_most(len(images) // ranks.number)
        self._reader = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="kgan-ahead")
        self._ahead = {}  # (epoch, index) -> future of the batch

    def batch(self, index):
        """Images `(batch, *image_shape)` and labels `(batch,)`."""
        reading = self._ahead.pop((self.epoch, index), None) or self._begin(index)
        following = index + 1
        self._ahead = {}  # what was read ahead and is not wanted now is of an order that was left
        if following < len(self):
            self._ahead[self.epoch, following] = self._begin(following)
        return reading.result()

    def _begin(self, index):
        return self._reader.submit(self._read, self.rows(index))

    def _read(self, rows):
        return self.images[rows], self.images.labels[rows]
