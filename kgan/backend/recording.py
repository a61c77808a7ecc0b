"""What `BackendModel.record` returns, the same on every backend."""

from collections.abc import Callable
from typing import Any, NamedTuple


class Recording(NamedTuple):
    """A forward pass that remembers how to go backward.

    Attributes:
        loss: Scalar tensor, cut off from the gradient.
        aux: Whatever the loss function returned beside the loss.
        gradients: Callable, runs the backward pass and returns one tensor for
            each recorded variable (zeros where the loss does not depend on it).
            Call it at most once.
    """

    loss: Any
    aux: Any
    gradients: Callable[[], list]
