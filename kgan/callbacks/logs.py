"""The logs of a run as CSV files.

Keras's `CSVLogger` numbers from 0, adds columns for a validation that may never come, knows no
steps and leaves the file open where training ends early.
"""

import csv
import logging
import os
from pathlib import Path

import keras

from kgan.callbacks.window import LogWindow
from kgan.files import naming
from kgan.spec import check, is_count


class CSVFile(keras.callbacks.Callback):
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

    @property
    def is_open(self):
        """Whether rows can be written."""
        return self._file is not None and not self._file.closed

    def write(self, row):
        """Write a row of values by column."""
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
            with naming(self.path):
                self._file.close()

    def state(self):
        """How much of the file there is, once that is on the disk, and its columns."""
        if not self.is_open:
            return {"bytes": self.path.stat().st_size if self._columns else 0, "columns": self._columns}
        with naming(self.path):
            self._file.flush()
            os.fsync(self._file.fileno())
            return {"bytes": os.fstat(self._file.fileno()).st_size, "columns": self._columns}

    def restore(self, state, *, in_epoch):
        """Go on after the rows that there were; later ones, of steps that come again, are cut off."""
        size = self.path.stat().st_size if self.path.is_file() else 0
        if size < state["bytes"]:
            logging.getLogger("kgan").warning(
                "kgan: %s has lost rows: %d of %d bytes are there.", self.path, size, state["bytes"]
            )
        self._columns = state["columns"] if size else None
        if self._columns:
            os.truncate(self.path, min(size, state["bytes"]))
            self._file = self.path.open("a", newline="", encoding="utf-8")
            self._file.close()  # `open` adds to it


class EpochLog(CSVFile):
    """Writes a row an epoch: its number and its last step, over the model's life, and its logs.

    Args:
        path: File to write.
    """

    def on_epoch_end(self, epoch, logs=None):
        """Write the row."""
        row = {"epoch": int(self.model.epoch.value), "step": int(self.model.step.value)}
        self.write(row | {name: float(value) for name, value in (logs or {}).items()})


class StepLog(CSVFile):
    """Writes a row every n steps: the last step, over the model's life, and means since the row before.

    The steps between two rows may begin in one epoch and end in the next, and the last may be fewer.

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
        self._restored = None

    def on_train_begin(self, logs=None):
        """Open the file; count from here."""
        super().on_train_begin()
        self._window = self._restored or LogWindow(int(self.model.step.value))
        self._restored = None

    def on_epoch_begin(self, epoch, logs=None):
        """Keras's means begin anew."""
        self._window.begin_epoch(int(self.model.step.value))

    def on_train_batch_end(self, batch, logs=None):
        """Write a row where the interval has passed."""
        before = self._window.step
        self._window.see(batch, logs)
        if self._window.step // self.every_steps > before // self.every_steps:
            self._flush()

    def close(self):
        """Write what is in no row yet and close the file."""
        if self.is_open:
            self._flush()
        super().close()

    def state(self):
        """As of every `CSVFile`, and the sums since the last row."""
        return super().state() | {"window": self._window.state()}

    def restore(self, state, *, in_epoch):
        """Go on after the rows that there were, with the sums since the last."""
        super().restore(state, in_epoch=in_epoch)
        self._restored = LogWindow.of(state["window"], in_epoch=in_epoch)

    def _flush(self):
        if means := self._window.take():
            self.write({"step": self._window.step} | means)


class NetworkLog(CSVFile):
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
        self.rows, self._labels, self._step = [], {}, 0

    def begin(self, network, length, *, step=0):
        """Name the network and the length of its sequences; count steps from this one."""
        self._labels = {"network": network, "length": length}
        self._step = step

    def state(self):
        """The rows, what those that follow are of, and the steps so far."""
        return {"rows": [dict(row) for row in self.rows], "labels": self._labels, "step": self._step}

    def restore(self, state, *, in_epoch):
        """Write the file anew with the rows that there were; later ones are of steps that come again."""
        self.close()
        self._file = self._columns = None
        self.rows, self._labels, self._step = [], state["labels"], state["step"]
        self.open()
        for row in state["rows"]:
            self._add(row)
        self.close()

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
        self._add(self._labels | row)

    def _add(self, row):
        self.rows.append(row)
        self.write({column: row.get(column, "") for column in self._all_columns})
