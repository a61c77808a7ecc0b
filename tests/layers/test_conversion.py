"""Against torch.nn.LSTM, which is there on every backend."""

import keras
import numpy as np
import pytest

import kgan
from recurrent import DIM, UNITS, furthest, furthest_gradient, inputs, loss_and_gradients, with_weights

torch = pytest.importorskip("torch")


def torch_lstm(**arguments):
    torch.manual_seed(0)
    return torch.nn.LSTM(DIM, UNITS, **{"batch_first": True} | arguments)


def torch_outputs(module, x):
    with torch.no_grad():
        return module(torch.from_numpy(x))[0].numpy()


@pytest.mark.parametrize(
    "arguments",
    [{}, {"bias": False}, {"num_layers": 2, "dropout": 0.2}, {"num_layers": 2, "bidirectional": True}],
)
def test_outputs_are_those_of_the_module_and_back_again(arguments):
    module = torch_lstm(**arguments).eval()
    layer = kgan.layers.from_torch(module)
    expected = torch_outputs(module, inputs())
    assert furthest(layer(inputs()), expected) < 1e-6
    back = kgan.layers.to_torch(layer).eval()
    np.testing.assert_allclose(torch_outputs(back, inputs()), expected, atol=1e-6)
    assert {name: getattr(back, name) for name in arguments} == arguments


@pytest.mark.parametrize("arguments", [{}, {"num_layers": 2}, {"bidirectional": True}])
def test_a_module_in_float64_is_computed_in_float64(arguments, float64):
    module = torch_lstm(**arguments).double()
    x = inputs().astype("float64") / 3  # no numbers of float32
    outputs = kgan.layers.from_torch(module)(keras.ops.convert_to_tensor(x, "float64"))
    assert furthest(outputs, torch_outputs(module, x)) < 1e-12


@pytest.mark.parametrize("arguments", [{}, {"num_layers": 2, "bidirectional": True}])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_module_in_half_precision_is_converted(dtype, arguments):
    module = torch_lstm(**arguments).to(getattr(torch, dtype))
    layer = kgan.layers.from_torch(module)
    assert {weight.dtype for weight in layer.weights} == {dtype}
    outputs = keras.ops.cast(layer(keras.ops.cast(inputs(), dtype)), "float32")
    # Both round each step: a half has 8 or 11 bits.
    assert (
        furthest(outputs, torch_outputs(module.float(), inputs()))
        < {"float16": 4e-3, "bfloat16": 3e-2}[dtype]
    )


def test_gradients_are_those_of_the_module():
    module = torch_lstm()
    loss, gradients = loss_and_gradients(kgan.layers.from_torch(module))
    x = torch.from_numpy(inputs()).requires_grad_()
    theirs = (module(x)[0] * torch.cos(torch.arange(UNITS))).sum()
    theirs.backward()
    expected = [module.weight_ih_l0.grad.T, module.weight_hh_l0.grad.T, module.bias_ih_l0.grad, x.grad]
    assert loss == pytest.approx(float(theirs.detach()), abs=1e-5)
    assert furthest_gradient(gradients, [gradient.numpy() for gradient in expected]) < 2e-6


def test_the_last_output_alone_is_to_be_had():
    module = torch_lstm(bidirectional=True)
    layer = kgan.layers.from_torch(module, return_sequences=False)
    with torch.no_grad():
        _, (h, _) = module(torch.from_numpy(inputs()))
    assert furthest(layer(inputs()), np.concatenate(list(h.numpy()), axis=-1)) < 1e-6


def test_the_weights_are_copies():
    module = torch_lstm()
    layer = kgan.layers.from_torch(module)
    before = layer.get_weights()[0].copy()
    module.weight_ih_l0.data.zero_()
    np.testing.assert_array_equal(layer.get_weights()[0], before)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            kgan.layers.LSTM(UNITS, activation="relu"),
            r"`activations` must be tanh and sigmoid, .* got \('relu'",
        ),
        (kgan.layers.LSTM(UNITS, go_backwards=True), "`go_backwards` must be False here, got True"),
        (kgan.layers.LSTM(UNITS, recurrent_dropout=0.1), r"`dropout` must be 0 .* got \(0.0, 0.1\)"),
        (keras.layers.Dense(UNITS), "`layer` must be a built LSTM, got 'keras Dense'"),
        (
            keras.layers.Bidirectional(kgan.layers.LSTM(UNITS), merge_mode="sum"),
            "`merge_mode` must be 'concat', as in torch, got 'sum'",
        ),
    ],
)
def test_what_torch_cannot_compute_is_refused(layer, message):
    layer.build(inputs().shape)
    with pytest.raises(ValueError, match=message):
        kgan.layers.to_torch(layer)


@pytest.mark.parametrize("places", [(0,), (2,), (1, 2)])
def test_dropout_elsewhere_than_between_layers_is_refused(places):
    parts = [kgan.layers.LSTM(2, return_sequences=True) for _ in range(2)]
    for place in places:
        parts.insert(place, keras.layers.Dropout(0.1))
    with pytest.raises(
        ValueError, match="`layer` must be of LSTMs with one rate of dropout between all or none"
    ):
        kgan.layers.to_torch(keras.Sequential([keras.Input((None, DIM)), *parts]))


@pytest.mark.parametrize(
    ("convert", "given", "message"),
    [
        ("from_torch", torch.nn.GRU(DIM, UNITS), r"`module` must be a torch\.nn\.LSTM, got 'torch GRU'"),
        ("from_torch", kgan.layers.LSTM(UNITS), r"`module` must be a torch\.nn\.LSTM, got 'kgan LSTM'"),
        ("to_torch", torch.nn.LSTM(DIM, UNITS), "`layer` must be a layer of kgan or Keras, got 'torch LSTM'"),
        ("to_torch", kgan.layers.LSTM, "`layer` must be a layer of kgan or Keras, got 'builtins type'"),
        ("to_torch", kgan.layers.LSTM(UNITS), "`layer` must be a built LSTM, got 'kgan LSTM'"),
    ],
)
def test_what_is_not_to_be_converted_is_refused(convert, given, message):
    with pytest.raises(ValueError, match=message):
        getattr(kgan.layers, convert)(given)


def test_layers_that_differ_and_projections_are_refused():
    row = keras.Sequential(
        [keras.Input((None, DIM)), kgan.layers.LSTM(2, return_sequences=True), kgan.layers.LSTM(3)]
    )
    with pytest.raises(ValueError, match="`layer` must be of LSTMs alike in directions, units and use_bias"):
        kgan.layers.to_torch(row)
    with pytest.raises(ValueError, match="`module` must be an LSTM without `proj_size`, got 2"):
        kgan.layers.from_torch(torch_lstm(proj_size=2))


def test_a_layer_of_keras_is_taken_too():
    layer = with_weights(keras.layers.LSTM(UNITS, return_sequences=True))
    module = kgan.layers.to_torch(layer)
    assert furthest(layer(inputs()), torch_outputs(module, inputs())) < 1e-6
