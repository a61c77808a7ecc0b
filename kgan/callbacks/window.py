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
        self._batch = -1  # the last that was seen of this epoch
        self._resumed = False

    def begin_epoch(self, step):
        """Keras's means begin anew, after so many steps of the model's life."""
        self._batch = -1
        if self._resumed:  # in the midst of an epoch, whose means go on
            self._resumed = False
            return
        self._carried = self._pending()
        self.step = self._epoch_start = step
        self._taken, self._latest = {}, {}

    def see(self, batch, logs):
        """Note the logs of a batch of the epoch."""
        self.step += batch - self._batch  # more than one with `steps_per_execution`
        self._batch = batch
        self._latest = dict(logs or {})  # kept as they are: to read them waits for the device

    def take(self):
        """Means by name over the steps since the last call; empty if there was none."""
        pending, steps = self._pending(), self.step - self._last
        self._taken, self._carried, self._last = self._sums(), {}, self.step
        return {name: total / steps for name, total in pending.items()} if steps else {}

    def state(self):
        """The sums and counts, as plain values."""
        latest = {name: float(mean) for name, mean in self._latest.items()}
        counts = {"step": self.step, "epoch_start": self._epoch_start, "last": self._last}
        return counts | {"carried": self._carried, "taken": self._taken, "latest": latest}

    @classmethod
    def of(cls, state, *, in_epoch):
        """The window that had this `state`.

        Args:
            state: Dict that `state` returned.
            in_epoch: Whether the epoch that begins next is the same one, from its midst on.
        """
        window = cls(state["step"])
        window._epoch_start, window._last = state["epoch_start"], state["last"]
        window._carried, window._taken, window._latest = state["carried"], state["taken"], state["latest"]
        window._resumed = in_epoch
        return window

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
