"""Progress bars, each for a whole run."""

import sys
import time

import keras
import tqdm

from kgan.backend import device_name


class ProgressBar(keras.callbacks.Callback):
    """Steps done and time left on stderr, with the epoch and its losses.

    Where epochs are short, Keras's own bar prints a screen of them. Give `fit` verbose=0 beside it.
    """

    _seconds_between_logs = 1.0
    _shown = ("d_loss", "g_loss", "p")

    def __init__(self):
        super().__init__()
        self._bar = None
        self._begin = 0

    def on_train_begin(self, logs=None):
        """Show the bar."""
        steps = self.params["steps"]
        total = steps and steps * self.params["epochs"]
        self._open(total, f"{total:,} steps" if total else f"{self.params['epochs']:,} epochs")

    @property
    def _device(self):
        return self.model.device

    def _open(self, total, length):
        tqdm.tqdm.write(f"{length} by {keras.backend.backend()} on {self._device}", file=sys.stderr)
        options = {"unit": " steps", "dynamic_ncols": True, "mininterval": 0.5}
        self._bar = tqdm.tqdm(total=total, initial=self._begin, **options)
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
            self._bar.set_postfix(
                {k: f"{float(logs[k]):.2f}" for k in self._shown if k in logs}, refresh=False
            )
        self._bar.update(batch + 1 - self._done)  # more than one with `steps_per_execution`
        self._done = batch + 1

    def state(self):
        """How far the bar is."""
        return {"steps": self._bar.n}

    def restore(self, state, *, in_epoch):
        """Begin where the bar was."""
        self._begin = state["steps"]

    def on_train_end(self, logs=None):
        """Leave the bar as it ended."""
        self.close()

    def close(self):
        """Leave the bar as it is, if it was shown: to be called where training ended early."""
        if self._bar is not None:
            self._bar.close()


class SharedProgressBar(ProgressBar):
    """One bar for several calls of `fit`, each with a name. It must be closed.

    Args:
        total: Steps of all calls together, or None if that is not known.

    Attributes:
        name: What is trained, such as "lstm, length 15".
    """

    _shown = ("loss", "accuracy")

    def __init__(self, total=None):
        super().__init__()
        self.total = total
        self.name = ""

    def on_train_begin(self, logs=None):
        """Show the bar, if it is the first call."""
        if self._bar is None:
            self._open(self.total, f"{self.total:,} steps" if self.total else "as many steps as it takes")

    def state(self):
        """How far the bar is, or is to begin."""
        return {"steps": self._begin if self._bar is None else self._bar.n}

    def restore(self, state, *, in_epoch):
        """Go on where the bar was."""
        self._begin = state["steps"]
        if self._bar is not None:
            self._bar.n = self._begin

    def advance(self, steps, text):
        """Count steps that were made without this callback, and show a text after the name."""
        self.on_train_begin()
        self._bar.set_description(f"{self.name}: {text}", refresh=False)
        self._bar.update(steps)

    @property
    def _device(self):
        return device_name(self.model.weights[0].value)

    def on_epoch_begin(self, epoch, logs=None):
        """Show what is trained and the number of the epoch."""
        self._done = 0
        epochs = self.params["epochs"]
        self._bar.set_description(f"{self.name}: epoch {epoch + 1}/{epochs}", refresh=False)

    def on_train_end(self, logs=None):
        """Leave the bar open for the next call."""
