"""Arrays of images as batches."""

from kgan.batches import ShuffledBatches


class ShuffledImages(ShuffledBatches):
    """Batches of an array, shuffled by (seed, epoch).

    Args:
        images: Array `(num_images, ...)`.
        labels: Array `(num_images,)`, or None.
        batch_size: Images a batch.
        seed: Integer ≥ 0, or None for the array's own order.
        first_epoch: Number of the epoch that `fit` begins with.
    """

    def __init__(self, images, labels=None, *, batch_size, seed, first_epoch=0):
        super().__init__(len(images), batch_size=batch_size, seed=seed, first_epoch=first_epoch)
        self.images, self.labels = images, labels

    def batch(self, index):
        """Images `(batch, ...)` in a tuple, with labels `(batch,)` where there are any."""
        rows = self.rows(index)
        return (self.images[rows],) if self.labels is None else (self.images[rows], self.labels[rows])
