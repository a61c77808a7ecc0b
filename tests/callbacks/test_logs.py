import csv

import keras
import numpy as np
import pytest

from kgan.callbacks import EpochLog, StepLog
from support.networks import small_gan, small_images


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_each_epoch_is_a_row_with_its_number_last_step_and_logs(tmp_path):
    gan = small_gan()
    fit = {"batch_size": 8, "epochs": 2, "verbose": 0}
    gan.fit(small_images(20), **fit)
    history = gan.fit(small_images(20), **fit, callbacks=[EpochLog(tmp_path / "log.csv")]).history
    rows = rows_of(tmp_path / "log.csv")
    assert [(row["epoch"], row["step"]) for row in rows] == [("3", "9"), ("4", "12")]
    assert set(rows[0]) == {"epoch", "step", *history}
    for name, values in history.items():
        assert [float(row[name]) for row in rows] == values


def test_a_second_fit_adds_to_the_log(tmp_path):
    gan, log = small_gan(), EpochLog(tmp_path / "new" / "log.csv")
    for _ in range(2):
        gan.fit(small_images(8), batch_size=8, verbose=0, callbacks=[log])
    assert [row["epoch"] for row in rows_of(log.path)] == ["1", "2"]


def test_a_log_that_was_never_opened_can_be_closed(tmp_path):
    EpochLog(tmp_path / "log.csv").close()
    assert list(tmp_path.iterdir()) == []


class EachStep(keras.callbacks.Callback):
    """The logs of each step alone, from their means over the epoch so far."""

    def __init__(self):
        super().__init__()
        self.steps = []

    def on_epoch_begin(self, epoch, logs=None):
        self.before = dict.fromkeys(("d_loss", "p"), 0.0)

    def on_train_batch_end(self, batch, logs=None):
        sums = {name: (batch + 1) * float(logs[name]) for name in self.before}
        self.steps.append({name: sums[name] - self.before[name] for name in sums})
        self.before = sums


def test_a_row_every_n_steps_holds_the_means_since_the_row_before_across_epochs(tmp_path):
    gan, each = small_gan(), EachStep()
    gan.fit(small_images(20), batch_size=8, verbose=0)  # 3 steps, before the log begins
    log = StepLog(tmp_path / "steps.csv", every_steps=4)
    gan.fit(small_images(20), batch_size=4, epochs=3, verbose=0, callbacks=[each, log])  # 5 steps an epoch
    rows = rows_of(log.path)
    ends = [4, 8, 12, 16, 18]
    assert [int(row["step"]) for row in rows] == ends
    for row, begin, end in zip(rows, [3, *ends], ends, strict=False):
        for name in ("d_loss", "p"):
            expected = np.mean([step[name] for step in each.steps[begin - 3 : end - 3]])
            assert float(row[name]) == pytest.approx(expected, abs=1e-6)
    assert set(rows[0]) == {"step", "d_loss", "g_loss", "p", "d_updates", "d_real", "d_fake"}


def test_a_log_of_steps_that_ends_early_has_a_row_of_the_rest(tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                raise KeyboardInterrupt

    gan, each, log = small_gan(), EachStep(), StepLog(tmp_path / "steps.csv", every_steps=2)
    with pytest.raises(KeyboardInterrupt):
        gan.fit(small_images(20), batch_size=4, verbose=0, callbacks=[each, log, Stop()])
    log.close()
    log.close()
    rows = rows_of(log.path)
    assert [int(row["step"]) for row in rows] == [2, 3]
    assert float(rows[1]["d_loss"]) == pytest.approx(each.steps[2]["d_loss"], abs=1e-6)


def test_several_steps_an_execution_make_rows_that_may_lie_wider(tmp_path):
    if keras.backend.backend() == "torch":
        pytest.skip("torch runs one step at a time")
    gan, log = small_gan(), StepLog(tmp_path / "steps.csv", every_steps=3)
    gan.compile("adam", "adam", steps_per_execution=2)
    history = gan.fit(small_images(20), batch_size=5, epochs=2, verbose=0, callbacks=[log]).history
    rows = rows_of(log.path)
    assert [int(row["step"]) for row in rows] == [4, 6, 8]
    weighted = np.average([float(row["d_loss"]) for row in rows], weights=[4, 2, 2])
    assert weighted == pytest.approx(np.mean(history["d_loss"]), abs=1e-6)


def test_an_interval_that_is_not_positive_is_named(tmp_path):
    with pytest.raises(ValueError, match="`every_steps` must be a positive integer, got 0"):
        StepLog(tmp_path / "steps.csv", every_steps=0)


def test_a_fit_after_an_interrupted_one_loses_no_step(tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                raise KeyboardInterrupt

    gan, log = small_gan(), StepLog(tmp_path / "steps.csv", every_steps=2)
    with pytest.raises(KeyboardInterrupt):
        gan.fit(small_images(20), batch_size=4, verbose=0, callbacks=[log, Stop()])
    gan.fit(small_images(20), batch_size=4, verbose=0, callbacks=[log])
    assert [int(row["step"]) for row in rows_of(log.path)] == [2, 3, 4, 6, 8]
