"""The generators that data of a user's draw from: Python's, NumPy's and PyTorch's global ones."""

import random
import sys

import numpy as np


def generator_states():
    """Their states as plain values; PyTorch's only where it is imported."""
    name, key, *others = np.random.get_state()  # noqa: NPY002  the global one is what users' code draws from
    states = {"python": random.getstate(), "numpy": [name, key.tolist(), *others]}
    torch = sys.modules.get("torch")
    return states | ({"torch": torch.get_rng_state().numpy().tobytes().hex()} if torch else {})


def restore_generators(states):
    """Put them where `generator_states` found them."""
    version, internal, gauss = states["python"]
    random.setstate((version, tuple(internal), gauss))
    np.random.set_state(states["numpy"])  # noqa: NPY002
    torch = sys.modules.get("torch")
    if torch and "torch" in states:
        torch.set_rng_state(torch.frombuffer(bytearray.fromhex(states["torch"]), dtype=torch.uint8))
