"""One progress bar for a whole run."""

import sys
import time

import keras
import tqdm

_SHOWN = ("d_loss", "g_loss", "p")


class ProgressBar(keras.callbacks.Callback):
    """Steps done and time left on stderr, with the epoch and its losses.

    Where epochs are short, Keras's own bar prints a screen of them. Give `fit` verbose=0 beside it.
    """

    _seconds_between_logs = 1.0

    def __init__(self):
        super().__init__()
        self._bar = None

    def on_train_begin(self, logs=None):
        """Show the bar."""
        steps = self.params["steps"]
        total = steps and steps * self.params["epochs"]
        length = f"{total:,} steps" if total else f"{self.params['epochs']:,} epochs"
        tqdm.tqdm.write(f"{length} by {keras.backend.backend()} on {self.model.device}", file=sys.stderr)
        self._bar = tqdm.tqdm(total=total, unit=" steps", dynamic_ncols=True, mininterval=0.5)
        self._next_logs = 0.0

    def on_epoch_begin(self, epoch, logs=None):
        """Show the number of the epoch."""
        self._done = 0
        self._bar.set_description(f"epoch {epoch + 1}/{self.params['epochs']}", refresh=False)

    def on_train_batch_end(self, batch, logs=None):
        """Advance; show the losses now and then, for to read them waits for the device."""
        now = time.monotonic()
        if logs and now >= self._next_logs:
            self._next_logs = now + self._seconds_between_logs
            self._bar.set_postfix({k: f"{float(logs[k]):.2f}" for k in _SHOWN if k in logs}, refresh=False)
        self._bar.update(batch + 1 - self._done)  # more than one with `steps_per_execution`
        self._done = batch + 1

    def on_train_end(self, logs=None):
        """Leave the bar as it ended."""
        self.close()

    def close(self):
        """Leave the bar as it is, if it was shown: to be called where training ended early."""
        if self._bar is not None:
            self._bar.close()
