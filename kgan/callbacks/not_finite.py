"""Training that has come to NaN or infinity, and is of no use any more."""

import math

import keras

from kgan.spec import check, is_count


class DivergedError(ArithmeticError):
    """A loss is NaN or infinite.

    Attributes:
        step: Of the model's life; the first whose log was not finite.
    """

    def __init__(self, message, *, step):
        super().__init__(message)
        self.step = step


class StopOnNotFinite(keras.callbacks.Callback):
    """Raises `DivergedError` out of `fit` where a log is no longer finite, naming the step.

    It stands first among the callbacks, so that the others do not act on such a step. Keras's
    `TerminateOnNaN` looks at a log named `loss` alone.

    Args:
        every_steps: Steps between two looks where logs lie on a device, for a look waits for it. Which
            step it was is known all the same.

    Raises:
        ValueError: If the number is not positive.
    """

    def __init__(self, *, every_steps=25):
        super().__init__()
        check("every_steps", "a positive integer", every_steps, holds=is_count(every_steps))
        self.every_steps = every_steps

    def on_epoch_begin(self, epoch, logs=None):
        """Count the steps of this epoch from here."""
        counter = getattr(self.model, "step", self.model.optimizer.iterations)
        self._epoch_start = int(counter.value)
        self._unseen = []

    def on_train_batch_end(self, batch, logs=None):
        """Look at the logs, now or later."""
        self._unseen.append((self._epoch_start + batch + 1, dict(logs or {})))
        on_host = all(isinstance(value, float) for value in self._unseen[-1][1].values())
        if on_host or len(self._unseen) >= self.every_steps:
            self._look()

    def on_epoch_end(self, epoch, logs=None):
        """Look at what was not looked at yet."""
        self._look()

    def _look(self):
        seen, self._unseen = self._unseen, []
        for step, logs in seen:
            bad = [name for name, value in logs.items() if not math.isfinite(value)]
            if bad:
                words = f"{', '.join(sorted(bad))} not finite at step {step:,}"
                raise DivergedError(words, step=step)
