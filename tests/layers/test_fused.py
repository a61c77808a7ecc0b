"""The LSTM's fast path on torch, against the step by step one, which `unroll=True` asks for."""

import contextlib

import keras
import numpy as np
import pytest
from keras import ops

import kgan
from recurrent import BATCH, DIM, TIME, UNITS, furthest, furthest_gradient, inputs, mask, with_weights
from support.networks import values

pytestmark = pytest.mark.skipif(keras.backend.backend() != "torch", reason="torch's own path")

LENGTHS = np.array([0, 3, TIME, 1, 5])
RIGHT_PADDED = np.arange(TIME) < LENGTHS[:, None]
LONG = 75  # steps: three records


def tensor(array, dtype="float64"):
    return ops.convert_to_tensor(array, dtype=dtype).requires_grad_()


def everything(layer, *, length=TIME, with_states=False, counts=None, training=False):
    """Outputs, and the gradients of weights, inputs and initial states, of a loss that sees all outputs."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(5)
    x = tensor(rng.normal(size=(BATCH, length, DIM)), layer.compute_dtype)
    states = [tensor(rng.normal(size=(BATCH, UNITS)), layer.compute_dtype) for _ in range(2 * with_states)]
    results = layer(x, initial_state=states or None, mask=counts, training=training)
    results = results if isinstance(results, list | tuple) else [results]
    loss = sum(
        (part.double() * torch.cos(torch.arange(part.numel()).view(part.shape))).sum() for part in results
    )
    wanted = [weight.value for weight in layer.trainable_variables] + [x, *states]
    return values(results), values(torch.autograd.grad(loss, wanted))


def layers(dtype="float64", **arguments):
    """The fast one and the step by step one."""
    arguments = {"return_state": True, "return_sequences": True, "dtype": dtype} | arguments
    general = {name: value for name, value in arguments.items() if name != "checkpoint"} | {"unroll": True}
    return with_weights(kgan.layers.LSTM(UNITS, **arguments)), with_weights(
        kgan.layers.LSTM(UNITS, **general)
    )


@pytest.mark.parametrize("checkpoint", [None, 2, "sqrt"])
@pytest.mark.parametrize(
    ("arguments", "call"),
    [
        ({}, {}),
        ({}, {"length": 1, "with_states": True}),
        ({}, {"length": LONG}),
        ({}, {"with_states": True}),
        ({"return_sequences": False}, {"with_states": True}),
        ({"return_sequences": False, "return_state": False}, {}),
        ({"use_bias": False}, {"with_states": True}),
        ({"go_backwards": True}, {"with_states": True, "counts": RIGHT_PADDED}),
        ({}, {"counts": RIGHT_PADDED, "with_states": True}),
        ({}, {"counts": mask()}),
        ({"zero_output_for_mask": True}, {"counts": RIGHT_PADDED}),
        ({"dropout": 0.4, "seed": 1}, {"training": True}),
        ({"stateful": True}, {}),
    ],
)
def test_the_fast_path_computes_what_the_steps_do(arguments, call, checkpoint):
    fast, general = layers(checkpoint=checkpoint, **arguments)
    (outputs, gradients), (expected, expected_gradients) = (
        everything(one, **call) for one in (fast, general)
    )
    assert fast.last_path == ("fused" if checkpoint is None else "fused, checkpointed")
    assert general.last_path == "unrolled"
    assert furthest(outputs, expected) < 1e-12
    assert furthest_gradient(gradients, expected_gradients) < 1e-12


@pytest.mark.parametrize(
    ("dtype", "near", "near_gradients"), [("float32", 1e-6, 2e-6), ("mixed_bfloat16", 0.05, 0.08)]
)
def test_the_fast_path_in_less_precision_is_as_near_to_float64_as_the_steps_are(dtype, near, near_gradients):
    (fast, general), (exact, _) = layers(dtype), layers()
    for one in (fast, exact, general):  # weights that bfloat16 holds exactly
        one.set_weights([np.round(array * 16) / 16 for array in exact.get_weights()])
    x = ops.cast(ops.cast(inputs(), fast.compute_dtype), "float64")
    found = {}
    for name, one in {"fast": fast, "general": general, "exact": exact}.items():
        part = ops.cast(x, one.compute_dtype).requires_grad_()
        outputs, _, _ = one(part)
        weights = [weight.value for weight in one.trainable_variables]
        gradients = pytest.importorskip("torch").autograd.grad(outputs.sum(), [part, *weights])
        found[name] = outputs.double(), [gradient.double() for gradient in gradients]
    assert fast.last_path == "fused"
    assert furthest(found["fast"][0], found["exact"][0]) < near
    errors = [furthest_gradient(values(found[n][1]), values(found["exact"][1])) for n in ("fast", "general")]
    assert errors[0] < near_gradients
    assert errors[0] < 2 * errors[1] + 1e-7


def test_without_gradients_nothing_is_kept_and_outputs_are_the_same():
    torch = pytest.importorskip("torch")
    fast, _ = layers(return_state=False)
    expected = fast(inputs("float64"))
    with torch.no_grad():
        outputs = fast(inputs("float64"))
    assert fast.last_path == "fused"
    assert outputs.grad_fn is None
    assert expected.grad_fn is not None
    assert furthest(outputs, expected) == 0


def test_frozen_weights_get_no_gradient_and_inputs_the_same():
    torch = pytest.importorskip("torch")
    fast, _ = layers(return_state=False)
    _, gradients = everything(fast)
    fast.trainable = False
    _, of_inputs = everything(fast)
    assert fast.last_path == "fused"
    assert furthest(of_inputs, gradients[-1:]) < 1e-15
    x = tensor(inputs())
    fast(x).sum().backward()
    assert all(weight.value.grad is None for weight in fast.weights)
    assert isinstance(x.grad, torch.Tensor)


def test_second_derivatives_are_those_of_the_steps():
    torch = pytest.importorskip("torch")
    found = []
    for layer in layers(return_state=False):
        x = tensor(inputs())
        variables = [x, *(weight.value for weight in layer.weights)]
        first = torch.autograd.grad(layer(x).cos().sum(), variables, create_graph=True)
        penalty = sum((gradient**2).sum() for gradient in first)
        found.append(values([*first, *torch.autograd.grad(penalty, variables)]))
        assert layer.last_path in ("fused", "unrolled")
    assert furthest_gradient(*found) < 1e-12


def test_states_computed_from_the_inputs_are_not_counted_twice_in_second_derivatives():
    torch = pytest.importorskip("torch")
    found = []
    for layer in layers(return_state=False):
        x = tensor(inputs())
        state = x.sum(1)[:, :1].expand(BATCH, UNITS)
        (first,) = torch.autograd.grad(layer(x, initial_state=[state, state]).sum(), x, create_graph=True)
        found.append(values([first, *torch.autograd.grad((first**2).sum(), x)]))
    assert furthest_gradient(*found) < 1e-12


def test_a_graph_that_is_retained_gives_the_same_gradients_again():
    fast, _ = layers(return_state=False)
    x = tensor(inputs())
    loss = fast(x).cos().sum()
    loss.backward(retain_graph=True)
    first = x.grad.clone()
    loss.backward()
    assert furthest(x.grad, 2 * first) == 0


def test_what_the_fast_path_cannot_do_goes_step_by_step():
    torch = pytest.importorskip("torch")
    for arguments in (
        {"activation": "relu"},
        {"recurrent_dropout": 0.5},
        {"dropout": 0.5, "implementation": 1},
    ):
        layer = with_weights(kgan.layers.LSTM(UNITS, **arguments))
        layer(inputs(), training=True)
        assert layer.last_path == "loop"
    layer = with_weights(kgan.layers.LSTM(UNITS))
    torch.func.grad(lambda x: layer(x).sum())(torch.ones(3, TIME, DIM))
    assert layer.last_path == "loop"


def test_memory_is_taken_again_once_nothing_refers_to_it_and_not_before():
    from kgan.backend.torch import memory

    torch = pytest.importorskip("torch")
    count = memory.LEAST_BYTES
    first = memory.empty(count, dtype=torch.float32)
    second = memory.empty(count, dtype=torch.float32)
    address, part = first.data_ptr(), first[5:]
    assert second.data_ptr() != address
    del first
    assert memory.empty(count, dtype=torch.float32).data_ptr() != address  # the part refers to it
    del part
    assert memory.empty(count, dtype=torch.float32).data_ptr() == address
    assert address % 64 == 0


def test_the_library_s_own_lstm_which_is_cudnn_s_on_a_gpu_gets_the_same_arguments():
    from kgan.backend.torch.lstm import library_lstm

    for use_bias in (True, False):
        layer, _ = layers(use_bias=use_bias)
        outputs, h, c = layer(inputs("float64"))
        x = ops.swapaxes(tensor(inputs("float64")), 0, 1)
        states = (ops.zeros((BATCH, UNITS), "float64"),) * 2
        shown, last = library_lstm(layer.cell.tensors(), x, states, keep_outputs=True)
        assert furthest([ops.swapaxes(shown, 0, 1), *last], [outputs, h, c]) < 1e-12


@pytest.fixture
def onednn():
    """Products by oneDNN whatever it is worth here, and the setting that permits it."""
    from kgan.backend.torch import products

    setting = pytest.importorskip("torch").backends.mkldnn.matmul
    before, products.USE_ONEDNN = setting.fp32_precision, True
    yield setting
    products.USE_ONEDNN, setting.fp32_precision = None, before


def test_the_precision_of_products_is_restored_by_the_last_to_leave_whatever_happens(onednn):
    from kgan.backend.torch import products

    torch = pytest.importorskip("torch")
    before = onednn.fp32_precision
    first, second = (products.fastest_products(torch.float32) for _ in range(2))
    first.__enter__()
    with contextlib.suppress(ZeroDivisionError), second:
        assert onednn.fp32_precision == "bf16"
        first.__exit__(None, None, None)
        assert onednn.fp32_precision == "bf16"
        raise ZeroDivisionError
    assert onednn.fp32_precision == before
    with products.fastest_products(torch.float64):
        assert onednn.fp32_precision == before
    assert products.onednn_is_exact() in (True, False)
    assert onednn.fp32_precision == before


def test_a_precision_that_the_user_chose_stays(onednn):
    from kgan.backend.torch import products

    torch = pytest.importorskip("torch")
    of_gpu, before = torch.backends.cuda.matmul, torch.backends.cuda.matmul.fp32_precision
    fast, _ = layers("float32")
    try:
        of_gpu.fp32_precision = "tf32"  # from here on the old functions raise
        fast(inputs())
        for chosen, within in {"ieee": "bf16", "tf32": "tf32", "bf16": "bf16"}.items():
            onednn.fp32_precision = chosen
            with products.fastest_products(torch.float32):
                assert onednn.fp32_precision == within
            assert onednn.fp32_precision == chosen
        assert products.onednn_is_exact.__wrapped__() in (True, False)
        assert onednn.fp32_precision == "bf16"
    finally:
        of_gpu.fp32_precision = before


@pytest.mark.parametrize("checkpoint", [None, 2])
def test_what_masked_steps_hold_counts_for_nothing_even_inf(checkpoint):
    torch = pytest.importorskip("torch")
    fast, general = layers(checkpoint=checkpoint, return_state=False)
    found = []
    for layer, filled in ((fast, np.inf), (fast, 0.0), (general, 0.0)):
        padded = np.where(RIGHT_PADDED[..., None], inputs("float64"), filled)
        x = tensor(padded)
        outputs = layer(x, mask=RIGHT_PADDED)
        wanted = [x, *(weight.value for weight in layer.trainable_variables)]
        found.append((values([outputs]), values(torch.autograd.grad(outputs.cos().sum(), wanted))))
        with torch.no_grad():
            assert furthest(layer(tensor(padded), mask=RIGHT_PADDED), outputs) == 0
    padded = np.where(RIGHT_PADDED[..., None], inputs("float64"), np.inf)
    assert furthest(found[0][0], [general(tensor(padded), mask=RIGHT_PADDED)]) < 1e-12
    for outputs, gradients in found[:2]:
        assert furthest(outputs, found[2][0]) < 1e-12
        assert furthest_gradient(gradients, found[2][1]) < 1e-12


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_a_traced_layer_goes_step_by_step():
    torch = pytest.importorskip("torch")
    layer, _ = layers(return_state=False)
    x = tensor(inputs())
    expected = layer(x)
    with torch.no_grad():
        traced = torch.jit.trace(layer, x.detach(), check_trace=False)
    assert layer.last_path == "loop"
    assert furthest(traced(x.detach()), expected) < 1e-12


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # torch's own
def test_forward_mode_goes_step_by_step():
    torch = pytest.importorskip("torch")
    dual = torch.autograd.forward_ad
    layer, _ = layers(return_state=False)
    x, along = tensor(inputs()), tensor(inputs()[::-1].copy()).detach()
    (gradient,) = torch.autograd.grad(layer(x).sum(), x)
    with dual.dual_level():
        assert layer(x) is not None
        assert layer.last_path == "fused"
        tangent = dual.unpack_dual(layer(dual.make_dual(x, along)).sum()).tangent
    assert layer.last_path == "loop"
    assert furthest(tangent, (gradient * along).sum()) < 1e-10


@pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning")
@pytest.mark.parametrize("checkpoint", [None, 2])
def test_batched_gradients_are_those_one_by_one(checkpoint):
    torch = pytest.importorskip("torch")
    layer, _ = layers(return_state=False, checkpoint=checkpoint)
    x = tensor(inputs())
    wanted = [x, *(weight.value for weight in layer.trainable_variables)]
    outputs = layer(x, mask=RIGHT_PADDED)
    upstream = torch.stack([outputs.detach().cos(), outputs.detach().sin()])
    batched = torch.autograd.grad(outputs, wanted, upstream, is_grads_batched=True, retain_graph=True)
    for k in range(2):
        alone = torch.autograd.grad(outputs, wanted, upstream[k], retain_graph=True)
        assert furthest_gradient(values([part[k] for part in batched]), values(alone)) < 1e-12


def test_another_default_device_changes_nothing():
    torch = pytest.importorskip("torch")
    from kgan.backend.torch import products

    layer, _ = layers(return_state=False)
    x = tensor(inputs())
    wanted = [x, *(weight.value for weight in layer.trainable_variables)]
    with torch.device("meta"):
        h = torch.zeros(BATCH, UNITS, dtype=torch.float64, device="cpu")
        outputs = layer(x, initial_state=[h, h])
        gradients = torch.autograd.grad(outputs.sum(), wanted)
        assert products.onednn_is_exact.__wrapped__() in (True, False)
    assert layer.last_path == "fused"
    assert all(gradient.device.type == "cpu" for gradient in gradients)
