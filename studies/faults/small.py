"""Runs that are over in seconds."""

import contextlib
from unittest import mock


@contextlib.contextmanager
def few_images(number):
    """Let `train_gan` see so many training images only."""
    from kgan import digits

    load = digits.load_split

    def load_few(*args, **options):
        return [part[:number] for part in load(*args, **options)]

    with mock.patch.object(digits, "load_split", load_few):
        yield
