import os
import signal
import threading

import keras
import pytest

from kgan.callbacks import FinishStepOnInterrupt
from support.networks import small_gan, small_images


class PressCtrlC(keras.callbacks.Callback):
    """Sends this process a SIGINT before one of its steps, the given number of times."""

    def __init__(self, step, times=1):
        super().__init__()
        self.step, self.times = step, times

    def on_train_batch_begin(self, batch, logs=None):
        for _ in range(self.times if batch == self.step else 0):
            os.kill(os.getpid(), signal.SIGINT)


def interrupted_gan(press):
    gan = small_gan()
    with FinishStepOnInterrupt() as interrupt, pytest.raises(KeyboardInterrupt):
        gan.fit(small_images(64), batch_size=8, epochs=2, verbose=0, callbacks=[press, interrupt])
    return gan


def test_the_first_ctrl_c_finishes_the_step_and_keeps_the_weights():
    gan = interrupted_gan(PressCtrlC(step=2))
    assert int(gan.step.value) == 3
    assert int(gan.epoch.value) == 0
    assert gan.sample(2).shape == (2, 4)


def test_a_second_ctrl_c_interrupts_at_once():
    gan = interrupted_gan(PressCtrlC(step=2, times=2))
    assert int(gan.step.value) == 2


def test_outside_of_training_ctrl_c_acts_at_once_and_the_handler_is_put_back():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), FinishStepOnInterrupt():
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_it_can_be_used_again_and_says_whether_a_step_was_finished():
    gan, interrupt = small_gan(), FinishStepOnInterrupt()
    fit = {"batch_size": 8, "verbose": 0}
    with interrupt, pytest.raises(KeyboardInterrupt):
        gan.fit(small_images(64), **fit, callbacks=[PressCtrlC(step=0), interrupt])
    assert interrupt.finished_step
    with interrupt:
        gan.fit(small_images(64), **fit, callbacks=[interrupt])
    assert not interrupt.finished_step
    assert int(gan.step.value) == 9


def test_ctrl_c_in_the_last_step_is_not_lost():
    class PressAtEpochEnd(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            os.kill(os.getpid(), signal.SIGINT)

    with FinishStepOnInterrupt() as interrupt, pytest.raises(KeyboardInterrupt):
        small_gan().fit(small_images(8), batch_size=8, verbose=0, callbacks=[PressAtEpochEnd(), interrupt])
    assert interrupt.finished_step


def test_in_another_thread_it_catches_nothing():
    seen = []

    def enter():
        with FinishStepOnInterrupt():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGINT)]
