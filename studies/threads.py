"""How many threads a training of a study may use."""

import contextlib

import torch


@contextlib.contextmanager
def one_thread():
    """Let torch use one thread, so that CPU time is time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
