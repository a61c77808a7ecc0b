"""Ctrl-C that does not tear a step apart."""

import signal
import threading

import keras


class FinishStepOnInterrupt(keras.callbacks.Callback):
    """Lets the step finish on the first Ctrl-C, then raises KeyboardInterrupt out of `fit`.

    An interrupt in the middle of a step would leave half-updated weights, or on JAX none at
    all. A second Ctrl-C interrupts at once. Use it as a context manager around `fit`, and as
    one of its callbacks:

        with FinishStepOnInterrupt() as interrupt:
            gan.fit(images, callbacks=[interrupt])

    Attributes:
        finished_step: Whether the interrupt waited for a step, so that the weights are whole.
    """

    def __init__(self):
        super().__init__()
        self._training = False
        self._asked = False
        self.finished_step = False

    def __enter__(self):
        self._training = self._asked = self.finished_step = False
        # Python hands signals to the main thread only; elsewhere there is nothing to catch.
        self._installed = threading.current_thread() is threading.main_thread()
        if self._installed:
            self._previous = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *exception):
        if self._installed:
            signal.signal(signal.SIGINT, self._previous)

    def _handle(self, signum, frame):
        if self._asked or not self._training:
            raise KeyboardInterrupt
        self._asked = True

    def _interrupt_if_asked(self):
        if self._asked:
            self.finished_step = True
            raise KeyboardInterrupt

    def on_train_begin(self, logs=None):
        """Interrupts wait from here on."""
        self._training = True

    def on_train_batch_end(self, batch, logs=None):
        """The step is done: interrupt if asked to."""
        self._interrupt_if_asked()

    def on_train_end(self, logs=None):
        """Interrupts act at once again."""
        self._training = False
        self._interrupt_if_asked()
