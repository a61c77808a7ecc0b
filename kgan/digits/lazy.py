"""Images that are read when they are asked for: what takes too much memory as an array."""

import concurrent.futures
import os
import threading
from pathlib import Path

import numpy as np
import psutil

SHARE = 0.25  # of the memory that is free, for images

_GROUP = Path("/sys/fs/cgroup")
_AT_ONCE = 256  # images that are read between two looks at the progress
_MOST_THREADS = 4  # decoding gains little from more, and training wants its own


def as_floats(pixels):
    """uint8 pixels as float32 in [−1, 1]."""
    images = np.divide(pixels, 127.5, dtype="float32")
    images -= 1
    return images


def memory():
    """Bytes of memory that are free to this process."""
    return min([psutil.virtual_memory().available, *_left_in_groups()])


def _left_in_groups():
    """Bytes that a container's limit leaves, which the machine's figure does not know of."""
    try:
        limit, used = (int((_GROUP / name).read_text()) for name in ("memory.max", "memory.current"))
    except (OSError, ValueError):  # no such group, or a limit of "max"
        return []
    return [max(0, limit - used)]


class LazyImages:
    """Images of a split, float32 in [−1, 1], by their rows; decoded by threads when they are asked for.

    `images[rows]` is what an array of all of them would give, for a slice or an array of integers.
    Decoded pixels are kept, one byte each, as long as they take less than `keep`: which ones does not
    matter where all are wanted once an epoch.

    Args:
        read: Function of an integer array of rows to pixels `(rows, *image_shape)`, uint8; of threads.
        image_shape: Shape of an image.
        labels: Classes `(n,)`, integers.
        keep: Bytes of decoded pixels to keep; a share of the memory that is free if None.

    Attributes:
        shape: `(n, *image_shape)`.
        labels: As given.
    """

    dtype = np.dtype("float32")

    def __init__(self, read, *, image_shape, labels, keep=None):
        self.shape, self.labels = (len(labels), *image_shape), labels
        self._read = read
        self._room = int(SHARE * memory() if keep is None else keep) // int(np.prod(image_shape))
        self._kept, self._lock = {}, threading.Lock()
        self._threads = concurrent.futures.ThreadPoolExecutor(num_threads(), thread_name_prefix="kgan-read")

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        return as_floats(self.pixels(rows))

    def keep_at_most(self, n):
        """Keep the pixels of no more than so many images, now and from now on."""
        with self._lock:
            self._room = min(self._room, n)
            for row in list(self._kept)[self._room :]:
                del self._kept[row]

    def check(self):
        """Read all of them once, so that what is damaged is said before a training and not in it.

        Raises:
            ValueError: If one is damaged.
        """
        for _ in self._parts():
            pass

    def all_pixels(self):
        """The uint8 pixels of all images, as an array `(n, *image_shape)`."""
        pixels = np.empty(self.shape, "uint8")
        for rows, part in self._parts():
            pixels[rows] = part
        return pixels

    def _parts(self):
        """Pixels of all rows, some at a time, behind a progress bar."""
        from tqdm import tqdm

        with tqdm(desc="reading images", total=len(self), leave=False, disable=None) as bar:
            for start in range(0, len(self), _AT_ONCE):
                rows = slice(start, start + _AT_ONCE)
                part = self.pixels(rows)
                yield rows, part
                bar.update(len(part))

    def __array__(self, dtype=None, copy=None):
        """All of them, for whoever needs an array."""
        return np.asarray(as_floats(self.all_pixels()), dtype=dtype)

    def pixels(self, rows):
        """The uint8 pixels of rows: a slice or an array of integers."""
        rows = np.arange(len(self))[rows]
        parts = np.array_split(rows, min(num_threads(), max(1, len(rows))))
        return np.concatenate(list(self._threads.map(self._known_or_read, parts)))

    def _known_or_read(self, rows):
        kept = {row: self._kept[row] for row in rows.tolist() if row in self._kept}
        missing = np.array([row for row in rows.tolist() if row not in kept], "int64")
        if len(missing):
            found = self._read(missing)
            self._keep(missing, found)
            kept |= zip(missing.tolist(), found, strict=True)
        pixels = [kept[row] for row in rows.tolist()]
        return np.stack(pixels) if pixels else np.empty((0, *self.shape[1:]), "uint8")

    def _keep(self, rows, pixels):
        with self._lock:
            room = self._room - len(self._kept)
            self._kept |= {
                row: image.copy() for row, image in zip(rows[:room].tolist(), pixels, strict=False)
            }


def num_threads():
    """Threads that decode."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(_MOST_THREADS, usable)
