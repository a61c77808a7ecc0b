"""The log of a run as a CSV file."""

import csv
from pathlib import Path

import keras


class EpochLog(keras.callbacks.Callback):
    """Writes a row an epoch: its number and its last step, over the model's life, and its logs.

    Keras's `CSVLogger` numbers from 0, adds columns for a validation that may never come and
    leaves the file open where training ends early.

    Args:
        path: File to write.
    """

    def __init__(self, path):
        super().__init__()
        self.path = Path(path)
        self._file = None

    def on_train_begin(self, logs=None):
        """Open the file."""
        self._file = self.path.open("w", newline="", encoding="utf-8")

    def on_epoch_end(self, epoch, logs=None):
        """Write the row; the columns are those of the first."""
        model = self.model
        row = {"epoch": int(model.epoch.value), "step": int(model.step.value)}
        row |= {name: float(value) for name, value in (logs or {}).items()}
        if self._file.tell() == 0:
            self._columns = list(row)
            csv.writer(self._file).writerow(self._columns)
        csv.writer(self._file).writerow(row.get(column, "") for column in self._columns)
        self._file.flush()

    def on_train_end(self, logs=None):
        """Close the file."""
        self.close()

    def close(self):
        """Close the file, if it was opened: to be called where training ended early."""
        if self._file is not None:
            self._file.close()
