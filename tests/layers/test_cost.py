"""What a long sequence costs on torch, where Keras's own layer takes time quadratic in its length."""

import keras
import numpy as np
import pytest
from keras import ops

import kgan
from recurrent import BATCH, DIM, UNITS, inputs, with_weights

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="looks at torch's graph and memory"
)


def operations(tensor):
    """Names of all nodes in the graph behind a tensor."""
    seen, waiting = set(), [tensor.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting += [before for before, _ in node.next_functions]
    return [type(node).__name__ for node in seen]


def test_no_step_is_taken_from_the_sequence_by_an_index():
    # The gradient of x[t] is a tensor of zeros as large as x.
    layer = with_weights(kgan.layers.LSTM(UNITS, activation="relu"))
    x = ops.convert_to_tensor(inputs()).requires_grad_()
    names = operations(layer(x))
    assert layer.last_path == "loop"
    assert sum("Unbind" in name for name in names) == 1
    assert sum("Select" in name for name in names) <= 1  # the last output, of a stack of one


def test_second_derivatives_through_segments_are_refused():
    torch = pytest.importorskip("torch")
    layer = with_weights(kgan.layers.LSTM(UNITS, checkpoint=3))
    x = ops.convert_to_tensor(inputs()).requires_grad_()
    with pytest.raises(RuntimeError, match="first derivatives only: build it with checkpoint=None"):
        torch.autograd.grad(layer(x).sum(), x, create_graph=True)


def test_what_is_kept_for_the_backward_pass_grows_with_the_root_of_the_length():
    torch = pytest.importorskip("torch")
    kept = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    def floats(length, checkpoint):
        layer = with_weights(kgan.layers.LSTM(UNITS, checkpoint=checkpoint))
        x = np.zeros((BATCH, length, DIM), "float32")
        kept.clear()
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            alive = layer(x)  # so that no storage is used twice
        assert alive.requires_grad
        return sum(kept.values()) / 4

    growth = floats(200, None) - floats(100, None)
    assert growth >= 100 * 7 * BATCH * UNITS  # i, f, g, o, c, tanh c and h of each step
    growth = floats(400, "sqrt") - floats(100, "sqrt")
    assert growth == 300 * BATCH * DIM + 10 * 2 * BATCH * UNITS  # the inputs; h and c of ten segments more
