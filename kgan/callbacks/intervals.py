"""What happens every so many steps or epochs."""

import keras

from kgan.spec import check, is_count


class AtIntervals(keras.callbacks.Callback):
    """Calls `act` every n steps or epochs, counted over the model's life.

    Args:
        every_steps: Steps between two calls, or None.
        every_epochs: Epochs between two calls, or None. One epoch if neither is given.

    Raises:
        ValueError: If both intervals are given or one is not positive.
    """

    def __init__(self, *, every_steps=None, every_epochs=None):
        super().__init__()
        if every_steps is not None and every_epochs is not None:
            raise ValueError(
                f"Give one of `every_steps` and `every_epochs`, got {every_steps!r} and {every_epochs!r}."
            )
        self.unit = "epoch" if every_steps is None else "step"
        self.every = every_steps if every_epochs is None else every_epochs
        if self.every is None:
            self.every = 1
        check(f"every_{self.unit}s", "a positive integer", self.every, holds=is_count(self.every))

    def act(self):
        """What is to be done. Subclasses define it."""
        raise NotImplementedError

    def on_epoch_begin(self, epoch, logs=None):
        """Count the steps of this epoch from here."""
        self._epoch_start = self._steps = int(self.model.step.value)

    def on_train_batch_end(self, batch, logs=None):
        """Act where the interval in steps has passed."""
        # Counted here rather than read from the model: on JAX a read would fetch all its state.
        before, self._steps = self._steps, self._epoch_start + batch + 1
        if self.unit == "step" and self._steps // self.every > before // self.every:
            self.act()

    def on_epoch_end(self, epoch, logs=None):
        """Act where the interval in epochs has passed."""
        if self.unit == "epoch" and int(self.model.epoch.value) % self.every == 0:
            self.act()
