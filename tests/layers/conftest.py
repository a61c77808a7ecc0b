"""The precision of JAX."""

import importlib

import keras
import pytest


@pytest.fixture
def float64():
    """Let JAX compute in float64; the other backends need no switch."""
    if keras.backend.backend() != "jax":
        yield
        return
    config = importlib.import_module("jax").config
    config.update("jax_enable_x64", True)  # noqa: FBT003
    yield
    config.update("jax_enable_x64", False)  # noqa: FBT003
