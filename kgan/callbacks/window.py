"""Means of the logs over a window of steps."""


class LogWindow:
    """Means of `fit`'s logs over the steps since they were last taken.

    Keras gives a step the means over its epoch so far; differences of their sums are the means of
    the steps between. A window may begin in one epoch and end in the next.

    Args:
        step: Steps of the model's life so far.

    Attributes:
        step: The last step that was seen.
    """

    def __init__(self, step):
        self.step = self._epoch_start = self._last = step
        self._carried = {}  # sums of steps of earlier epochs that were not taken yet
        self._taken = {}  # sums of this epoch's steps that were taken already
        self._latest = {}

    def begin_epoch(self, step):
        """Keras's means begin anew, after so many steps of the model's life."""
        self._carried = self._pending()
        self.step = self._epoch_start = step
        self._taken, self._latest = {}, {}

    def see(self, batch, logs):
        """Note the logs of a batch of the epoch."""
        self.step = self._epoch_start + batch + 1
        self._latest = dict(logs or {})  # kept as they are: to read them waits for the device

    def take(self):
        """Means by name over the steps since the last call; empty if there was none."""
        pending, steps = self._pending(), self.step - self._last
        self._taken, self._carried, self._last = self._sums(), {}, self.step
        return {name: total / steps for name, total in pending.items()} if steps else {}

    def _sums(self):
        steps = self.step - self._epoch_start
        return {name: float(mean) * steps for name, mean in self._latest.items()}

    def _pending(self):
        if not self._latest:
            return self._carried
        return {
            name: total - self._taken.get(name, 0) + self._carried.get(name, 0)
            for name, total in self._sums().items()
        }
