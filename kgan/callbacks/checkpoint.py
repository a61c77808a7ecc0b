"""Checkpoints from which training goes on to the same bits."""

import time

import keras
import numpy as np

from kgan.backend.generators import generator_states
from kgan.saving import Checkpoints, NotFiniteError
from kgan.saving.resumption import seed_states, stateful, values
from kgan.spec import check, is_count, is_number


class Checkpoint(keras.callbacks.Callback):
    """Writes the model, and where training stands, every n steps or minutes and at the end of each epoch.

    It stands last among the callbacks: what it writes of them is then of the same step. One is written
    before the first step, too. `kgan.GAN.fit` takes the last as its argument `resume`:

        checkpoint = Checkpoint("checkpoints", every_minutes=5)
        gan.fit(images, batch_size=64, epochs=20, callbacks=[checkpoint])

        saved = kgan.saving.Checkpoints("checkpoints").last()  # after the process was killed
        gan, checkpoint = saved.load(), Checkpoint("checkpoints", every_minutes=5)
        gan.fit(images, batch_size=64, epochs=20, callbacks=[checkpoint], resume=saved)

    A checkpoint appears whole or not at all, and an earlier one goes only when a later one is there.

    Args:
        directory: Folder of the checkpoints.
        every_steps: Steps between two, or None.
        every_minutes: Minutes between two, or None.
        spacing: Seconds that must have passed since the last for the end of an epoch to write one.
        keep: How many are kept, at least 2.
        own: Function without arguments, whose dict of plain values is kept in each as its state's "own".

    Attributes:
        last: The last `kgan.saving.Saved` that was written or resumed from, or None.

    Raises:
        ValueError: If a number breaks its rule.
        BlockingIOError: When training begins, if another process writes into the folder.
    """

    def __init__(self, directory, *, every_steps=None, every_minutes=None, spacing=0.0, keep=2, own=None):
        super().__init__()
        for name, value in (("every_steps", every_steps), ("every_minutes", every_minutes)):
            holds = value is None or (is_number(value) and value > 0)
            check(name, "a positive number or None", value, holds=holds)
        holds = every_steps is None or is_count(every_steps)
        check("every_steps", "a positive integer or None", every_steps, holds=holds)
        check("spacing", "a number of at least 0", spacing, holds=is_number(spacing) and spacing >= 0)
        check("keep", "an integer of at least 2", keep, holds=is_count(keep) and keep >= 2)
        self.every_steps, self.spacing = every_steps, spacing
        self.every_seconds = None if every_minutes is None else 60 * every_minutes
        self.last = None
        self._own = own or dict
        self._store = Checkpoints(directory, keep=keep)
        self._watched = {}
        self._epoch = self._batch = self._first_batch = 0
        self._overdue = self._resumed = self._holds = False
        self._written = -float("inf")

    def watch(self, callbacks):
        """Keep the state of these callbacks, too.

        Of those that have `state()`, which returns a dict of plain values, and `restore(state, *, in_epoch)`,
        which is told whether the next epoch begins in its midst. `kgan.GAN.fit` calls this itself.
        """
        self._watched = stateful(callbacks)

    def resume_from(self, saved, *, batch):
        """Count on from a `kgan.saving.Saved`, in an epoch that begins at this batch.

        Raises:
            BlockingIOError: If another process writes into the folder; nothing was touched yet.
        """
        self._holds |= self._store.hold()
        self._store.go_on_from(saved)
        self.last, self._first_batch, self._resumed = saved, batch, True
        self._epoch, self._batch = saved.fit_epoch, batch

    def on_train_begin(self, logs=None):
        """Write the first, unless training goes on from one.

        Raises:
            ValueError: If it does not and the folder holds others, which would be lost.
        """
        self._holds |= self._store.hold()
        if self.model.built and not self.model.optimizer.built:  # on TensorFlow the first step would do it
            self.model.optimizer.build(self.model.trainable_variables)
        if not self._resumed:
            if self.last is None:
                self.look_for_others()
            self._epoch = self._batch = 0
            self.write()
        self._resumed = False

    def look_for_others(self):
        """Raise ValueError if the folder holds those of another training, whose place these would take."""
        earlier = self._store.last()
        if earlier is not None:
            self.close()
            folder = str(self._store.folder)
            raise ValueError(
                f"`directory` {folder!r} holds a checkpoint of step {earlier.step:,}: go on from it by `fit` "
                f"with resume=kgan.saving.Checkpoints({folder!r}).last(), or remove the folder."
            )

    def on_epoch_begin(self, epoch, logs=None):
        """Count the batches of this epoch."""
        self._epoch, self._batch, self._first_batch = epoch, self._first_batch, 0
        self._before = self._batch
        # Counted from here rather than read from the model: on JAX a read would fetch all its state.
        self._epoch_start = self._step() - self._batch

    def on_train_batch_end(self, batch, logs=None):
        """Write where an interval has passed."""
        before, self._batch = self._batch, self._before + batch + 1
        self._overdue |= self._has_passed(before)
        steps = self.params["steps"]
        if self._overdue and not (steps and self._batch >= steps):  # else the end of the epoch follows
            self.write()

    def _has_passed(self, before):
        if self.every_seconds is not None and time.monotonic() - self._written >= self.every_seconds:
            return True
        if self.every_steps is None:
            return False
        counted = (self._epoch_start + batches for batches in (before, self._batch))
        earlier, now = (step // self.every_steps for step in counted)
        return now > earlier

    def on_epoch_end(self, epoch, logs=None):
        """Write one, unless the last is younger than `spacing` and further epochs follow."""
        self._epoch, self._batch = epoch + 1, 0
        # After the last, Keras lets averaged weights take the weights' place: no state to go on from.
        is_last = epoch + 1 == (self.params or {}).get("epochs")
        if is_last or self._overdue or time.monotonic() - self._written >= self.spacing:
            self.write()

    def on_train_end(self, logs=None):
        """Write the last state and let other processes write."""
        self.write_last()
        self.close()

    def close(self):
        """Let other processes write here: to be called where training ended early."""
        if self._holds:
            self._store.release()
            self._holds = False

    def write_last(self):
        """Write one of this moment, unless that was done: to be called where training ended early."""
        last, here = self.last, (self._step(), self._epoch, self._batch)
        if last is None or (last.step, last.fit_epoch, last.batch) != here:
            self.write()

    def write(self):
        """Write a checkpoint of this moment.

        Raises:
            kgan.saving.NotFiniteError: If one of the model's numbers is not finite; nothing is written.
            OSError: If it cannot be written; the earlier ones stay.
        """
        state = self._state()
        try:
            _check_metrics(self.model)
            self.last = self._store.write(self.model, state)
        except NotFiniteError as error:
            kept = f"; the last checkpoint is {self.last.path}" if self.last else ""
            raise NotFiniteError(f"{str(error).rstrip('.')} at step {state['step']:,}{kept}.") from None
        self._written, self._overdue = time.monotonic(), False

    def _step(self):
        counter = getattr(self.model, "step", self.model.optimizer.iterations)
        return int(counter.value)

    def _state(self):
        model = self.model
        return {
            "step": self._step(),
            "epoch": int(model.epoch.value) if hasattr(model, "epoch") else self._epoch,
            "fit_epoch": self._epoch,
            "batch": self._batch,
            "batches": (self.params or {}).get("steps"),  # none outside of `fit`
            "seed": getattr(model, "seed", None),
            "backend": keras.backend.backend(),
            "metrics": values(model.metrics_variables) if self._batch else [],
            "seeds": values(seed_states(model)),
            "generators": generator_states(),
            "callbacks": {name: callback.state() for name, callback in self._watched.items()},
            "own": self._own(),
        }


def _check_metrics(model):
    for variable in model.metrics_variables:
        if not np.isfinite(keras.ops.convert_to_numpy(variable)).all():
            raise NotFiniteError(f"The metric {variable.path} of {model.name} is not finite.")
