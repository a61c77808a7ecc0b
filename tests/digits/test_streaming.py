"""Images that are read while training goes on: the same bits as of an array."""

import threading
import time

import keras
import numpy as np
import pytest

import kgan
from kgan import digits
from kgan.backend import ranks
from kgan.callbacks import Checkpoint
from kgan.digits.lazy import LazyImages, as_floats
from kgan.digits.streaming import StreamedImages
from kgan.gan.data import ShuffledImages
from kgan.saving import Checkpoints
from support.image_files import color, write_folder
from support.networks import same_bits, small_gan, values

SHAPE = (8, 8, 3)


def lazy(n=10, *, keep=None, reads=None):
    pixels = np.random.default_rng(0).integers(0, 256, (n, *SHAPE), "uint8")

    def read(rows):
        if reads is not None:
            reads.extend(rows.tolist())
        return pixels[rows]

    return LazyImages(read, image_shape=SHAPE, labels=np.arange(n), keep=keep), as_floats(pixels)


@pytest.mark.parametrize(
    "rows", [slice(None), slice(2, 7, 2), slice(0, 0), np.array([9, 0, 9, 4]), np.array([3])]
)
@pytest.mark.parametrize("keep", [0, 3 * 192, None])
def test_rows_of_lazy_images_are_those_of_an_array(rows, keep):
    images, array = lazy(keep=keep)
    for _ in range(2):
        found = images[rows]
        assert found.dtype == "float32"
        assert found.tobytes() == array[rows].tobytes()
        assert found.shape == array[rows].shape
    assert images.shape == array.shape
    assert len(images) == len(array)
    assert np.asarray(images).tobytes() == array.tobytes()


def test_pixels_are_kept_up_to_the_bytes_that_they_may_take():
    reads = []
    images, _ = lazy(keep=3 * 192 + 191, reads=reads)
    images.check()
    assert sorted(reads) == list(range(10))
    reads.clear()
    images.check()
    assert len(reads) == 7
    reads.clear()
    images, _ = lazy(keep=10 * 192, reads=reads)
    images.check()
    images.check()
    assert sorted(reads) == list(range(10))


def test_batches_are_those_of_an_array_in_each_epoch_and_their_labels_go_with_them():
    images, array = lazy(11)
    streamed = StreamedImages(images, batch_size=4, seed=3)
    shuffled = ShuffledImages(array, batch_size=4, seed=3)
    orders = []
    for _ in range(3):
        for data in (streamed, shuffled):
            data.on_epoch_begin()
        for index in range(len(shuffled)):
            (ours, labels), (theirs,) = streamed[index], shuffled[index]
            assert ours.tobytes() == theirs.tobytes()
            assert array[labels].tobytes() == ours.tobytes()
            orders.append(labels.tolist())
    assert [len(order) for order in orders] == 3 * [4, 4, 3]
    assert len({str(orders[3 * k : 3 * k + 3]) for k in range(3)}) == 3


def test_without_a_seed_images_come_in_their_own_order():
    streamed = StreamedImages(lazy(5)[0], batch_size=2, seed=None)
    assert [streamed[k][1].tolist() for k in range(3)] == [[0, 1], [2, 3], [4]]


def test_the_next_batch_is_read_while_one_is_used():
    pixels, read_all = np.zeros((8, *SHAPE), "uint8"), threading.Event()
    seen = set()

    def read(rows):
        seen.update(rows.tolist())
        if len(seen) >= 4:
            read_all.set()
        return pixels[rows]

    images = LazyImages(read, image_shape=SHAPE, labels=np.arange(8), keep=0)
    streamed = StreamedImages(images, batch_size=2, seed=None)
    streamed[0]
    assert read_all.wait(10)  # batch 1, which nobody has asked for
    time.sleep(0.05)
    assert seen == {0, 1, 2, 3}  # and no further one


def test_what_cannot_be_read_is_said_when_its_batch_is_wanted():
    def read(rows):
        if 2 in rows:
            raise ValueError("c.png is no whole image")
        return np.zeros((len(rows), *SHAPE), "uint8")

    streamed = StreamedImages(
        LazyImages(read, image_shape=SHAPE, labels=np.arange(4), keep=0), batch_size=2, seed=None
    )
    assert streamed[0][0].shape == (2, *SHAPE)
    with pytest.raises(ValueError, match=r"c\.png is no whole image"):
        streamed[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "`batch_size` must be a positive integer, got 0"),
        ({"batch_size": 11}, "`batch_size` must be at most the number of images, 10, got 11"),
        ({"seed": -1}, r"`seed` must be None or an integer in \[0, 2\*\*31\), got -1"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        StreamedImages(lazy()[0], **{"batch_size": 4} | options)


def trained(data, **options):
    gan = small_gan(image_shape=(16, 16, 3), seed=5)
    gan.fit(data, epochs=2, verbose=0, **options)
    return gan


def test_a_gan_trained_on_a_stream_has_the_bits_of_one_trained_on_the_array(tmp_path):
    write_folder(tmp_path, color(10))
    streamed = trained(kgan.stream_images(tmp_path, batch_size=4, seed=5))
    array = trained(kgan.load_images(tmp_path)[0], batch_size=4)
    assert same_bits(values(streamed.variables), values(array.variables))
    other = trained(kgan.stream_images(tmp_path, batch_size=4, seed=6))
    assert not same_bits(values(other.variables), values(array.variables))


class InterruptedAfter(keras.callbacks.Callback):
    """Writes a checkpoint after so many steps, as Ctrl-C does."""

    def __init__(self, step, checkpoint):
        super().__init__()
        self.last, self.checkpoint = step, checkpoint

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.step.value) == self.last:
            self.checkpoint.write_last()
            raise KeyboardInterrupt


def test_a_stream_goes_on_in_mid_epoch_to_the_bits_of_an_uninterrupted_one(tmp_path):
    write_folder(tmp_path / "data", color(10))
    whole = trained(kgan.stream_images(tmp_path / "data", batch_size=4, seed=5))
    checkpoint = Checkpoint(tmp_path / "checkpoints", every_minutes=60)
    gan = small_gan(image_shape=(16, 16, 3), seed=5)
    data = kgan.stream_images(tmp_path / "data", batch_size=4, seed=5)
    with pytest.raises(KeyboardInterrupt):
        gan.fit(data, epochs=2, verbose=0, callbacks=[checkpoint, InterruptedAfter(4, checkpoint)])
    saved = Checkpoints(tmp_path / "checkpoints").last()
    assert (saved.fit_epoch, saved.batch) == (1, 1)
    gan = saved.load()
    data = kgan.stream_images(tmp_path / "data", batch_size=4, seed=5, first_epoch=int(gan.epoch.value))
    gan.fit(data, epochs=2, verbose=0, resume=saved)
    assert same_bits(values(gan.variables), values(whole.variables))


def test_what_would_take_a_quarter_of_the_memory_is_streamed_unless_told(tmp_path, monkeypatch):
    write_folder(tmp_path, color(4))  # 4 · 16 · 16 · 3 · 4 bytes as float32
    source = digits.find_source("images", data_dir=tmp_path)
    for free, streams in ((4 * 12_288 + 4, False), (4 * 12_288 - 4, True)):
        monkeypatch.setattr(digits, "memory", lambda free=free: free)
        images, labels = digits.split_for_training(source)
        assert isinstance(images, LazyImages) == streams
        assert labels.tolist() == [0, 0, 1, 1]
        for stream in (True, False):
            assert isinstance(digits.split_for_training(source, stream=stream)[0], LazyImages) == stream


def test_digits_can_be_streamed_too():
    source = digits.find_source("mnist-5k")
    images, labels = digits.split_for_training(source, stream=True)
    array, theirs = digits.load_split(source, "train")
    assert images[:50].tobytes() == array[:50].tobytes()
    assert labels.tolist() == theirs.tolist()


def test_memory_is_what_the_machine_or_the_container_has_left(tmp_path, monkeypatch):
    from kgan.digits import lazy as module

    monkeypatch.setattr(module, "_GROUP", tmp_path)
    machine = module.memory()
    assert machine > 1 << 20
    (tmp_path / "memory.max").write_text("5000\n")
    (tmp_path / "memory.current").write_text("2000\n")
    assert module.memory() == 3000
    (tmp_path / "memory.max").write_text("max\n")
    assert module.memory() > 1 << 20


def test_each_process_reads_its_part_of_every_batch_and_none_holds_all_images(monkeypatch):
    monkeypatch.setattr(type(ranks), "number", 2)
    monkeypatch.setattr(type(ranks), "shares", 2)
    found, held = [], []
    for rank in range(2):
        monkeypatch.setattr(type(ranks), "rank", rank)
        reads = []
        images, _ = lazy(12, reads=reads)
        images.pixels(slice(None))  # what was kept before goes, beyond its share
        reads.clear()
        batches = StreamedImages(images, batch_size=4, seed=1)
        parts = []
        for epoch in range(3):
            batches.epoch = epoch
            parts.append([batches.batch(index)[0] for index in range(len(batches))])
        found.append(parts)
        held.append(len(images._kept))
        assert len(reads) < 3 * 12  # of three epochs of six images each, some were kept
    assert held == [6, 6]
    monkeypatch.undo()
    alone = StreamedImages(lazy(12)[0], batch_size=4, seed=1)
    for epoch in range(3):
        alone.epoch = epoch
        for index in range(len(alone)):
            both = np.concatenate([found[rank][epoch][index] for rank in range(2)])
            np.testing.assert_array_equal(both, alone.batch(index)[0])
