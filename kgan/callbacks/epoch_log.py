"""The log of a run as a CSV file."""

import csv
from pathlib import Path

import keras

from kgan.files import naming


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
        self._columns = None

    def on_train_begin(self, logs=None):
        """Open the file."""
        mode = "w" if self._file is None else "a"  # rows of this object's earlier `fit` stay
        with naming(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open(mode, newline="", encoding="utf-8")

    def on_epoch_end(self, epoch, logs=None):
        """Write the row; the columns are those of the first."""
        model = self.model
        row = {"epoch": int(model.epoch.value), "step": int(model.step.value)}
        row |= {name: float(value) for name, value in (logs or {}).items()}
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
