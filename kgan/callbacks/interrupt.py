"""Ctrl-C, and a request to end, that do not tear a step apart."""

import signal
import threading

import keras

from kgan.backend import ranks

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class FinishStepOnInterrupt(keras.callbacks.Callback):
    """Lets the step finish on SIGINT (Ctrl-C) or SIGTERM, then raises KeyboardInterrupt(number) out of `fit`.

    An interrupt in the middle of a step would leave half-updated weights, or on JAX none at
    all. After the last step of an epoch it waits for the epoch's end, too, whose logs no other
    moment has. A second SIGINT interrupts at once. Of several processes that train together, all end
    after the same step. Use it as a context manager around `fit`, and as the last of its callbacks:

        with FinishStepOnInterrupt() as interrupt:
            gan.fit(images, callbacks=[interrupt])

    Args:
        between: Whether signals wait outside of `fit`, too, for `check`, the end of a step, or the end of a
            batch of `evaluate`: for several calls of these in one context.

    Attributes:
        finished_step: Whether the interrupt waited for a step, so that the weights are whole.
        signal: Number of the signal that came, or None.
    """

    def __init__(self, *, between=False):
        super().__init__()
        self.between = between
        self._training = False
        self._first_batch = 0
        self.finished_step = False
        self.signal = None

    def __enter__(self):
        self._training = self.finished_step = False
        self.signal = None
        # Python hands signals to the main thread only; elsewhere there is nothing to catch.
        self._previous = {}
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._handle) for number in _SIGNALS}
        return self

    def __exit__(self, *exception):
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _handle(self, signum, frame):
        again = self.signal is not None and signum == signal.SIGINT
        self.signal = signum
        if again or not (self._training or self.between):
            raise KeyboardInterrupt(self.signal)

    def _interrupt_if_asked(self):
        # A signal that comes meanwhile is one of the next look.
        self._interrupt_by(ranks.largest(self.signal or 0))

    def _interrupt_by(self, number):
        if number:
            self.signal, self.finished_step = number, True
            raise KeyboardInterrupt(number)

    def check(self, *, others=True):
        """Interrupt if asked to: to be called outside of `fit`, however the last one ended.

        Args:
            others: Whether the other processes of this training come here, too.
        """
        self._training, self._first_batch = False, 0
        if others:
            self._interrupt_if_asked()
        else:
            self._interrupt_by(self.signal)

    def resume_from(self, saved, *, batch):
        """Training goes on from a `kgan.saving.Saved`, in an epoch that begins at this batch."""
        self._first_batch = batch

    def on_train_begin(self, logs=None):
        """Interrupts wait from here on."""
        self._training = True

    def on_train_batch_end(self, batch, logs=None):
        """The step is done: interrupt if asked to."""
        if self._first_batch + batch + 1 != self.params["steps"]:
            self._interrupt_if_asked()

    def on_test_batch_end(self, batch, logs=None):
        """Of an evaluation that is none of `fit`'s: interrupt if asked to."""
        if not self._training:
            self._interrupt_if_asked()

    def on_epoch_end(self, epoch, logs=None):
        """The epoch is done: interrupt if asked to."""
        self._first_batch = 0
        self._interrupt_if_asked()

    def on_train_end(self, logs=None):
        """Interrupts act at once again."""
        self._training = False
        self._interrupt_if_asked()
