"""Between `kgan.layers.LSTM` and `torch.nn.LSTM`, on every backend: both have the gates in one order."""

import keras
import numpy as np

from kgan.layers.lstm import LSTM
from kgan.spec import check


def from_torch(module, *, return_sequences=True):
    """What computes as a `torch.nn.LSTM` does, with copies of its weights.

    Sequences come first-batch, `(batch, time, input_size)`, whatever the module's `batch_first`.

    Args:
        module: `torch.nn.LSTM` without `proj_size`.
        return_sequences: Whether the output of every step is returned, as by the module, or the last.

    Returns:
        A built `LSTM`; of a module of several layers or directions, a built `keras.Sequential` of
        `LSTM`, `keras.layers.Bidirectional` and, between layers, `keras.layers.Dropout`.

    Raises:
        ValueError: If the module is another or has projections.
    """
    holds = _kind(module) == "torch LSTM" and hasattr(module, "proj_size")  # a quantized one has none
    check("module", "a torch.nn.LSTM", _kind(module), holds=holds)
    check("module", "an LSTM without `proj_size`", module.proj_size, holds=module.proj_size == 0)
    layers = []
    for number in range(module.num_layers):
        last = number == module.num_layers - 1
        layers.append(_layer(module, return_sequences=return_sequences or not last))
        if module.dropout and not last:
            layers.append(keras.layers.Dropout(module.dropout, dtype=layers[-1].dtype_policy))
    if len(layers) == 1 and not module.bidirectional:
        built = layers[0]
        built.build((None, None, module.input_size))
    else:
        inputs = keras.Input((None, module.input_size), dtype=layers[0].compute_dtype)
        built = keras.Sequential([inputs, *layers])
    built.set_weights([array for names in _names(module) for array in _arrays(module, names)])
    return built


def _kind(value):
    """The package and the class of an object, such as "torch LSTM"."""
    return f"{type(value).__module__.partition('.')[0]} {type(value).__name__}"


def _layer(module, *, return_sequences):
    dtype = str(module.weight_ih_l0.dtype).removeprefix("torch.")
    layer = LSTM(module.hidden_size, use_bias=module.bias, return_sequences=return_sequences, dtype=dtype)
    if not module.bidirectional:
        return layer
    both = keras.layers.Bidirectional(layer, dtype=dtype)
    both.supports_masking = True  # Keras 3.16 unsets it: the next layer would see no mask
    return both


def _names(module):
    """What a module adds to the names of its weights, an item for each LSTM."""
    directions = ("", "_reverse") if module.bidirectional else ("",)
    return [f"l{number}{way}" for number in range(module.num_layers) for way in directions]


def _arrays(module, name):
    """Kernel, recurrent kernel and bias of one LSTM, in Keras's shapes."""

    def array(kind):
        return getattr(module, f"{kind}_{name}").detach().double().cpu().numpy()

    kernels = [array("weight_ih").T, array("weight_hh").T]
    return [*kernels, array("bias_ih") + array("bias_hh")] if module.bias else kernels


def to_torch(layer):
    """A `torch.nn.LSTM`, batch first, that computes what a layer does, with copies of its weights.

    Args:
        layer: Built `LSTM`, or what `from_torch` returns: a `keras.layers.Bidirectional` that
            concatenates, or a `keras.Sequential` of such layers of equal width.

    Returns:
        `torch.nn.LSTM` on the CPU. It returns the outputs of every step, and the states.

    Raises:
        ValueError: If there is no such module, as for other activations or dropout within a layer.
    """
    from kgan.backend.torch.lstm import module

    check("layer", "a layer of kgan or Keras", _kind(layer), holds=isinstance(layer, keras.Layer))
    parts = getattr(layer, "layers", [layer])
    dropout = _dropout_between(parts)
    stack = [_directions(part) for part in parts if not isinstance(part, keras.layers.Dropout)]
    first = stack[0][0]
    alike = {(len(way), lstm.units, lstm.use_bias) for way in stack for lstm in way}
    rule = "of LSTMs alike in directions, units and use_bias"
    check("layer", rule, sorted(alike), holds=len(alike) == 1)
    weights = {}
    for number, directions in enumerate(stack):
        for lstm, way in zip(directions, ("", "_reverse"), strict=False):
            weights |= _state(lstm, f"l{number}{way}")
    return module(
        weights,
        input_size=first.cell.kernel.shape[0],
        hidden_size=first.units,
        num_layers=len(stack),
        bias=first.use_bias,
        bidirectional=len(stack[0]) == 2,
        dropout=dropout,
    )


def _dropout_between(parts):
    """The rate of dropout between LSTMs, which torch has between all of them or none, and nowhere else."""
    places = [isinstance(part, keras.layers.Dropout) for part in parts]
    rates = {part.rate for part in parts if isinstance(part, keras.layers.Dropout)}
    alternating = [bool(number % 2) for number in range(len(parts))]
    fits = bool(parts) and (not rates or (len(rates) == 1 and places == alternating and not places[-1]))
    check(
        "layer", "of LSTMs with one rate of dropout between all or none", [p.name for p in parts], holds=fits
    )
    return max(rates, default=0.0)


def _directions(layer):
    """The LSTMs of one layer: itself, or those of a Bidirectional."""
    both = isinstance(layer, keras.layers.Bidirectional)
    if both:
        check("merge_mode", "'concat', as in torch", layer.merge_mode, holds=layer.merge_mode == "concat")
    lstms = [layer.forward_layer, layer.backward_layer] if both else [layer]
    for lstm, backwards in zip(lstms, (False, True), strict=False):
        built = lstm.built and isinstance(lstm, LSTM | keras.layers.LSTM)
        check("layer", "a built LSTM", _kind(lstm), holds=built)
        check("go_backwards", f"{backwards} here", lstm.go_backwards, holds=lstm.go_backwards == backwards)
        functions = (lstm.activation, lstm.recurrent_activation)
        names = tuple(getattr(function, "__name__", repr(function)) for function in functions)
        check("activations", "tanh and sigmoid, as in torch", names, holds=names == ("tanh", "sigmoid"))
        dropout = (lstm.dropout, lstm.recurrent_dropout)
        check("dropout", "0 within a layer, for torch has none there", dropout, holds=not any(dropout))
    return lstms


def _state(lstm, name):
    """One LSTM's part of a module's state, as NumPy arrays. Torch has two biases, which it adds."""
    kernel, recurrent_kernel, *bias = lstm.get_weights()
    state = {f"weight_ih_{name}": kernel.T, f"weight_hh_{name}": recurrent_kernel.T}
    for array in bias:
        state |= {f"bias_ih_{name}": array, f"bias_hh_{name}": np.zeros_like(array)}
    return state
