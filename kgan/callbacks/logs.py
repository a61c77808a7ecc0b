"""The logs of a run as CSV files.

Keras's `CSVLogger` numbers from 0, adds columns for a validation that may never come, knows no
steps and leaves the file open where training ends early.
"""

import csv
from pathlib import Path

import keras

from kgan.files import naming
from kgan.spec import check, is_count


class _CSVFile(keras.callbacks.Callback):
    """A CSV file that is open while training goes on; its columns are those of the first row."""

    def __init__(self, path):
        super().__init__()
        self.path = Path(path)
        self._file = None
        self._columns = None

    def on_train_begin(self, logs=None):
        """Open the file."""
        self.open()

    def open(self):
        """Open the file: to be called where rows do not come from `fit`."""
        self.close()  # an earlier `fit` may have been interrupted
        mode = "w" if self._file is None else "a"  # rows of this object's earlier `fit` stay
        with naming(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open(mode, newline="", encoding="utf-8")

    def _write(self, row):
        writer = csv.writer(self._file)
        with naming(self.path):
            if self._columns is None:
                self._columns = list(row)
                writer.writerow(self._columns)
            writer.writerow(row.get(column, "") for column in self._columns)
            self._file.flush()

    def on_train_end(self, logs=None):
        """Close the file."""
        self.close()

    def close(self):
        """Close the file, if it was opened: to be called where training ended early."""
        if self._file is not None:
            self._file.close()


class EpochLog(_CSVFile):
    """Writes a row an epoch: its number and its last step, over the model's life, and its logs.

    Args:
        path: File to write.
    """

    def on_epoch_end(self, epoch, logs=None):
        """Write the row."""
        row = {"epoch": int(self.model.epoch.value), "step": int(self.model.step.value)}
        self._write(row | {name: float(value) for name, value in (logs or {}).items()})


class StepLog(_CSVFile):
    """Writes a row every n steps: the last step, over the model's life, and means since the row before.

    Keras gives a step the means over its epoch so far; differences of their sums are the means of
    the steps between two rows. A window may begin in one epoch and end in the next, and the last
    may be shorter.

    Args:
        path: File to write.
        every_steps: Steps between two rows.

    Raises:
        ValueError: If the number is not positive.
    """

    def __init__(self, path, *, every_steps=50):
        super().__init__(path)
        check("every_steps", "a positive integer", every_steps, holds=is_count(every_steps))
        self.every_steps = every_steps

    def on_train_begin(self, logs=None):
        """Open the file; count from here."""
        super().on_train_begin()
        self._last_row = int(self.model.step.value)
        self._carried = {}  # sums of steps of earlier epochs that are in no row yet
        self._latest = {}

    def on_epoch_begin(self, epoch, logs=None):
        """Keras's means begin anew."""
        self._epoch_start = int(self.model.step.value)
        self._written = {}  # sums of this epoch's steps that are in rows already
        self._latest, self._steps = {}, self._epoch_start

    def on_train_batch_end(self, batch, logs=None):
        """Write a row where the interval has passed."""
        before, self._steps = self._steps, self._epoch_start + batch + 1
        self._latest = dict(logs or {})  # kept as they are: to read them waits for the device
        if self._steps // self.every_steps > before // self.every_steps:
            self._flush()

    def on_epoch_end(self, epoch, logs=None):
        """Carry what is in no row into the next epoch."""
        self._carried, self._latest = self._pending(), {}

    def close(self):
        """Write what is in no row yet and close the file."""
        if self._file is not None and not self._file.closed:
            self._flush()
        super().close()

    def _sums(self):
        steps = self._steps - self._epoch_start
        return {name: float(mean) * steps for name, mean in self._latest.items()}

    def _pending(self):
        if not self._latest:
            return self._carried
        return {
            name: total - self._written.get(name, 0) + self._carried.get(name, 0)
            for name, total in self._sums().items()
        }

    def _flush(self):
        pending, steps = self._pending(), self._steps
        if pending and steps > self._last_row:
            window = steps - self._last_row
            self._write({"step": steps} | {name: total / window for name, total in pending.items()})
        self._written, self._carried, self._last_row = self._sums(), {}, steps


class NetworkLog(_CSVFile):
    """Writes a row an evaluation of several networks that are trained one after the other.

    In `fit`, an epoch ends with an evaluation. `begin` says what the rows that follow are of.

    Args:
        path: File to write.

    Attributes:
        rows: List of dicts, the rows so far; what was not measured is not in them.
    """

    _measured = ("loss", "accuracy", "val_loss", "val_accuracy")
    _all_columns = ("network", "length", "epoch", "step", *_measured, "learning_rate")

    def __init__(self, path):
        super().__init__(path)
        self.rows = []

    def begin(self, network, length):
        """Name the network and the length of its sequences; count steps from here."""
        self._labels = {"network": network, "length": length}
        self._step = 0

    def on_train_batch_end(self, batch, logs=None):
        """Count the step."""
        self._step += 1

    def on_epoch_end(self, epoch, logs=None):
        """Write the row."""
        measured = {name: float(logs[name]) for name in self._measured if name in logs}
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        self.add({"epoch": epoch + 1, "step": self._step, **measured, "learning_rate": rate})

    def add(self, row):
        """Write a row of values by column; the file must be open."""
        row = self._labels | row
        self.rows.append(row)
        self._write({column: row.get(column, "") for column in self._all_columns})
