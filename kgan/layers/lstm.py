"""The LSTM of Hochreiter & Schmidhuber (1997) with the forget gate of Gers et al. (2000).

`LSTMCell` is the equations, `LSTM` runs them over whole sequences. Both take what their namesakes in
`keras.layers` take, hold the same weights in the same order, and know no backend.
"""

import math
import operator

import keras
from keras import ops

from kgan import backend
from kgan.backend.private import DropoutMasks, check_rnn_prepares_masks
from kgan.spec import check, is_count, is_number

_FORGET_BIASES = ("log", "chrono")


def lstm_step(weights, x, states, *, activation, recurrent_activation, masks=(None, None)):
    """The states after one step: the equations of `LSTMCell`.

    Args:
        weights: `(kernel, recurrent_kernel, bias)` of shapes `(input_dim, 4 * units)`,
            `(units, 4 * units)` and `(4 * units,)`; or the first two alone.
        x: Tensor `(batch, input_dim)`.
        states: `(h, c)`, each `(batch, units)`.
        activation: Function of g and c.
        recurrent_activation: Function of the three gates.
        masks: Dropout masks of x and h: None, a tensor of their shape, or four, one for each gate.

    Returns:
        `(h, c)` after the step.
    """
    kernel, recurrent_kernel, *bias = weights
    h, c = states
    z = _product(x, kernel, masks[0]) + _product(h, recurrent_kernel, masks[1])
    z = z + bias[0] if bias else z
    i, f, g, o = ops.split(z, 4, axis=-1)  # the order of keras.layers.LSTM, so its weights load here
    c = recurrent_activation(f) * c + recurrent_activation(i) * activation(g)
    return recurrent_activation(o) * activation(c), c


def _product(x, kernel, mask):
    # `ops.matmul` computes float64 in float32 on torch; the operator does not.
    if mask is None:
        return x @ kernel
    if not isinstance(mask, list):
        return (x * mask) @ kernel
    gates = ops.split(kernel, 4, axis=-1)
    return ops.concatenate([(x * m) @ w for m, w in zip(mask, gates, strict=True)], axis=-1)


@keras.saving.register_keras_serializable("kgan")
class LSTMCell(keras.layers.Layer, DropoutMasks):
    """One step of an LSTM, for `keras.layers.RNN`, `StackedRNNCells` and `Bidirectional`.

    With the input x of shape `(batch, input_dim)` and the states h and c of `(batch, units)`:

        i = σ(x W_i + h R_i + b_i)        what is let in
        f = σ(x W_f + h R_f + b_f)        what is kept
        g = tanh(x W_g + h R_g + b_g)     what is offered
        o = σ(x W_o + h R_o + b_o)        what is shown
        c ← f ⊙ c + i ⊙ g
        h ← o ⊙ tanh(c)

    Weights, in the order of `get_weights`; the gates lie side by side in the order i, f, g, o, which
    is that of `keras.layers.LSTMCell`:

        kernel             (input_dim, 4 * units)   [W_i, W_f, W_g, W_o]
        recurrent_kernel   (units, 4 * units)       [R_i, R_f, R_g, R_o]
        bias               (4 * units,)             [b_i, b_f, b_g, b_o], if `use_bias`

    Args:
        units: Positive integer, width of h and c.
        activation: Function of g and c, or its name; None for the identity.
        recurrent_activation: Function of the gates i, f, o, likewise.
        use_bias: Whether there is a bias.
        kernel_initializer: Initialiser of W.
        recurrent_initializer: Initialiser of R.
        bias_initializer: Initialiser of b, but for what the forget gate's says.
        unit_forget_bias: Whether b_f begins as 1 (Jozefowicz et al., 2015).
        kernel_regularizer: Regulariser of W.
        recurrent_regularizer: Regulariser of R.
        bias_regularizer: Regulariser of b.
        kernel_constraint: Constraint on W.
        recurrent_constraint: Constraint on R.
        bias_constraint: Constraint on b.
        dropout: Share in [0, 1) of x that is dropped in training, the same at each step.
        recurrent_dropout: Share in [0, 1) of h, likewise.
        seed: Seed of the dropout masks.
        forget_bias: How b_f begins, instead of `unit_forget_bias`: a number; "log", the logarithm of
            `time_lag`, with which a cell forgets 1/e of what it holds over so many steps; or "chrono"
            (Tallec & Ollivier, 2018): b_f = log u, u uniform in [1, time_lag − 1], and b_i = −b_f.
        time_lag: Steps over which there is something to remember, for "log" and "chrono".
        implementation: 1 for dropout masks of their own for each gate, as always with
            `recurrent_dropout`; 2 for one for all four.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: If a value breaks its rule.
    """

    def __init__(  # noqa: PLR0913 (what keras.layers.LSTMCell takes)
        self,
        units,
        activation="tanh",
        recurrent_activation="sigmoid",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        unit_forget_bias=True,
        kernel_regularizer=None,
        recurrent_regularizer=None,
        bias_regularizer=None,
        kernel_constraint=None,
        recurrent_constraint=None,
        bias_constraint=None,
        dropout=0.0,
        recurrent_dropout=0.0,
        seed=None,
        *,
        forget_bias=None,
        time_lag=None,
        implementation=2,
        **kwargs,
    ):
        check("units", "a positive integer", units, holds=is_count(units))
        units = int(units)  # Keras takes no integer of NumPy
        for name, share in (("dropout", dropout), ("recurrent_dropout", recurrent_dropout)):
            check(name, "a number in [0, 1)", share, holds=is_number(share) and 0 <= share < 1)
        check("implementation", "1 or 2", implementation, holds=implementation in (1, 2))
        _check_forget_bias(forget_bias, time_lag, use_bias=use_bias)
        super().__init__(**kwargs)
        self.units = units
        self.state_size = [units, units]
        self.output_size = units
        self.activation = keras.activations.get(activation)
        self.recurrent_activation = keras.activations.get(recurrent_activation)
        self.use_bias = use_bias
        self.unit_forget_bias = unit_forget_bias
        self.forget_bias = forget_bias
        self.time_lag = time_lag
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.recurrent_initializer = keras.initializers.get(recurrent_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = keras.regularizers.get(recurrent_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.recurrent_constraint = keras.constraints.get(recurrent_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.implementation = 1 if recurrent_dropout else implementation
        if self.implementation == 1:
            self.dropout_mask_count = 4  # read where the masks are prepared
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape):
        """Make the weights for inputs of shape `(batch, input_dim)`."""
        super().build(input_shape)
        width = 4 * self.units
        self.kernel = self.add_weight(
            name="kernel",
            shape=(input_shape[-1], width),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel",
            shape=(self.units, width),
            initializer=self._initial_recurrent_kernel,
            regularizer=self.recurrent_regularizer,
            constraint=self.recurrent_constraint,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(width,),
                initializer=self._initial_bias,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    def _initial_recurrent_kernel(self, shape, dtype=None):
        # PyTorch decomposes no matrix in half precision, which an orthogonal one needs.
        wide = "float32" if dtype in ("float16", "bfloat16") else dtype
        return ops.cast(self.recurrent_initializer(shape, dtype=wide), dtype)

    def _initial_bias(self, shape, dtype=None):
        if self.forget_bias is None and not self.unit_forget_bias:
            return self.bias_initializer(shape, dtype=dtype)
        one_gate = (self.units,)
        i = self.bias_initializer(one_gate, dtype=dtype)
        f = ops.ones(one_gate, dtype=dtype)
        if self.forget_bias == "chrono":
            seed = self.seed_generator if self.seed is not None else None
            f = ops.log(keras.random.uniform(one_gate, 1, self.time_lag - 1, dtype=dtype, seed=seed))
            i = -f
        elif self.forget_bias is not None:
            f = f * (math.log(self.time_lag) if self.forget_bias == "log" else self.forget_bias)
        return ops.concatenate([i, f, self.bias_initializer((2 * self.units,), dtype=dtype)])

    def call(self, inputs, states, training=False):
        """One step.

        Args:
            inputs: Tensor `(batch, input_dim)`.
            states: `[h, c]`, each `(batch, units)`.
            training: Whether to apply dropout.

        Returns:
            h after the step, and `[h, c]`.
        """
        if training:
            check_rnn_prepares_masks(self)
        masks = self.dropout_masks(inputs, states[0], training=training)
        h, c = self.step(self.tensors(), inputs, states, masks=masks)
        return h, [h, c]

    def step(self, weights, x, states, *, masks):
        """`lstm_step` with this cell's activations."""
        return lstm_step(
            weights,
            x,
            states,
            activation=backend.lstm.NATIVE.get(self.activation, self.activation),
            recurrent_activation=backend.lstm.NATIVE.get(
                self.recurrent_activation, self.recurrent_activation
            ),
            masks=masks,
        )

    @property
    def is_standard(self):
        """Whether its activations are those of which `backend.lstm` may know a faster way."""
        standard = (keras.activations.tanh, keras.activations.sigmoid)
        return (self.activation, self.recurrent_activation) == standard

    def tensors(self):
        """The weights as tensors of the compute dtype: kernel, recurrent_kernel and bias, if any."""
        weights = (self.kernel, self.recurrent_kernel, *([self.bias] if self.use_bias else []))
        return tuple(ops.convert_to_tensor(weight, dtype=self.compute_dtype) for weight in weights)

    def dropout_masks(self, x, h, *, training):
        """The masks of x and of h, each None where nothing is dropped."""
        if not training:
            return None, None
        return self.get_dropout_mask(x), self.get_recurrent_dropout_mask(h)

    def get_initial_state(self, batch_size=None):
        """Zeros: `[h, c]`, each `(batch_size, units)`."""
        return [ops.zeros((batch_size, self.units), dtype=self.compute_dtype) for _ in range(2)]

    def get_config(self):
        """The arguments by name."""
        config = {name: getattr(self, name) for name in _PLAIN}
        config |= {name: kind.serialize(getattr(self, name)) for name, kind in _SERIALIZED.items()}
        return super().get_config() | config


_SERIALIZED = {
    "activation": keras.activations,
    "recurrent_activation": keras.activations,
    "kernel_initializer": keras.initializers,
    "recurrent_initializer": keras.initializers,
    "bias_initializer": keras.initializers,
    "kernel_regularizer": keras.regularizers,
    "recurrent_regularizer": keras.regularizers,
    "bias_regularizer": keras.regularizers,
    "kernel_constraint": keras.constraints,
    "recurrent_constraint": keras.constraints,
    "bias_constraint": keras.constraints,
}
_PLAIN = (
    "units",
    "use_bias",
    "unit_forget_bias",
    "dropout",
    "recurrent_dropout",
    "seed",
    "forget_bias",
    "time_lag",
    "implementation",
)


def _check_forget_bias(forget_bias, time_lag, *, use_bias):
    rule = "None, a number, 'log' or 'chrono'"
    check(
        "forget_bias",
        rule,
        forget_bias,
        holds=forget_bias in (None, *_FORGET_BIASES) or is_number(forget_bias),
    )
    if forget_bias is not None:
        check("use_bias", "True where `forget_bias` is given", use_bias, holds=use_bias)
    if forget_bias in _FORGET_BIASES:
        rule = f"a number above 2, the steps to remember over, for `forget_bias` {forget_bias!r}"
        check("time_lag", rule, time_lag, holds=is_number(time_lag) and time_lag > 2)
    else:
        check("time_lag", "None unless `forget_bias` is 'log' or 'chrono'", time_lag, holds=time_lag is None)


@keras.saving.register_keras_serializable("kgan")
class LSTM(keras.layers.RNN):
    """`LSTMCell` over whole sequences: `(batch, time, input_dim)` to `(batch, units)`.

    A drop-in for `keras.layers.LSTM`, in time linear in the length on every backend and, with
    `checkpoint`, in memory that grows with its square root. Where `mask` is False, a step leaves the
    states as they are and repeats the output before it, or gives zeros if there is none or with
    `zero_output_for_mask`. NaN in a sequence is refused where a backend can see it: in eager calls on
    a CPU, not in compiled ones.

    On torch's CPU ("fused" in `last_path`) tanh(x) is computed as 2 σ(2x) − 1, with absolute errors of about
    1e-7 a step in float32: states much smaller than that have no relative accuracy. On a GPU cuDNN's LSTM
    has first derivatives only; `use_cudnn=False` avoids it.

    Args:
        units: Positive integer, width of the output and the states.
        activation: As all up to `recurrent_dropout` and `seed`: see `LSTMCell`.
        recurrent_activation: See `LSTMCell`.
        use_bias: See `LSTMCell`.
        kernel_initializer: See `LSTMCell`.
        recurrent_initializer: See `LSTMCell`.
        bias_initializer: See `LSTMCell`.
        unit_forget_bias: See `LSTMCell`.
        kernel_regularizer: See `LSTMCell`.
        recurrent_regularizer: See `LSTMCell`.
        bias_regularizer: See `LSTMCell`.
        activity_regularizer: Regulariser of the output.
        kernel_constraint: See `LSTMCell`.
        recurrent_constraint: See `LSTMCell`.
        bias_constraint: See `LSTMCell`.
        dropout: See `LSTMCell`.
        recurrent_dropout: See `LSTMCell`.
        seed: See `LSTMCell`.
        return_sequences: Whether to return the output of every step, `(batch, time, units)`.
        return_state: Whether to return h and c of the last step too, each `(batch, units)`.
        go_backwards: Whether to begin at the last step; outputs are in the order of processing.
        stateful: Whether a batch begins with the states that the batch before it ended with.
        unroll: Whether to lay the steps out one by one instead of in a loop, where a backend compiles.
        use_cudnn: "auto" takes cuDNN's LSTM on torch on a GPU, where it fits; it has first derivatives only.
            False never does. It cannot be demanded, so True is refused.
        forget_bias: See `LSTMCell`.
        time_lag: See `LSTMCell`.
        implementation: See `LSTMCell`.
        checkpoint: None keeps every step for the backward pass. An integer keeps the states between
            segments of so many steps and computes each segment anew: exact gradients for one more
            forward pass, but first derivatives only on torch. "sqrt" takes the square root of the length,
            with which both parts are equally large (Chen et al., 2016).
        **kwargs: Arguments of `keras.layers.RNN`.

    Raises:
        ValueError: If a value breaks its rule.
    """

    def __init__(  # noqa: PLR0913 (what keras.layers.LSTM takes)
        self,
        units,
        activation="tanh",
        recurrent_activation="sigmoid",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        unit_forget_bias=True,
        kernel_regularizer=None,
        recurrent_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        recurrent_constraint=None,
        bias_constraint=None,
        dropout=0.0,
        recurrent_dropout=0.0,
        seed=None,
        return_sequences=False,
        return_state=False,
        go_backwards=False,
        stateful=False,
        unroll=False,
        use_cudnn="auto",
        *,
        forget_bias=None,
        time_lag=None,
        implementation=2,
        checkpoint=None,
        **kwargs,
    ):
        check(
            "use_cudnn",
            "'auto' or False, for cuDNN cannot be demanded",
            use_cudnn,
            holds=use_cudnn in ("auto", False),
        )
        rule = "None, 'sqrt' or a positive integer"
        check("checkpoint", rule, checkpoint, holds=checkpoint in (None, "sqrt") or is_count(checkpoint))
        check("unroll", "False where `checkpoint` is given", unroll, holds=not unroll or checkpoint is None)
        cell = LSTMCell(
            units,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            unit_forget_bias=unit_forget_bias,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            forget_bias=forget_bias,
            time_lag=time_lag,
            implementation=implementation,
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
            name="lstm_cell",
        )
        super().__init__(
            cell,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self.input_spec = keras.layers.InputSpec(ndim=3)
        self.supports_masking = True  # Keras 3.16 unsets it in RNN: a stacked layer would see no mask
        self.checkpoint = checkpoint
        self._use_cudnn = use_cudnn == "auto"
        self._last_path = None

    @property
    def last_path(self):
        """How the last call ran; None before the first.

        "fused" or "fused, checkpointed": as one node of torch's graph, on the CPU, with tanh and σ and
        without recurrent dropout. "cudnn": by that library, on a GPU, likewise and without a mask.
        "loop", "unrolled" or "checkpointed": step by step.
        """
        return self._last_path

    def call(self, sequences, initial_state=None, mask=None, training=False):
        """Run over sequences.

        Args:
            sequences: Tensor `(batch, time, input_dim)`.
            initial_state: `[h, c]`, each `(batch, units)`; zeros if None.
            mask: Boolean tensor `(batch, time)`, False where a step is to be skipped.
            training: Whether to apply dropout.

        Returns:
            The last output `(batch, units)`, or all with `return_sequences`; with `return_state`,
            h and c after it.

        Raises:
            ValueError: If the mask is of another shape or the sequences are empty or hold NaN.
        """
        mask = mask[0] if isinstance(mask, list | tuple) else mask
        sequences = ops.cast(sequences, self.compute_dtype)  # integers too, as in Keras
        shape = tuple(sequences.shape)
        check("sequences", "of one step or more", shape, holds=shape[1] != 0)
        _check_mask(mask, sequences)
        rule = "free of NaN, at masked steps too: set these to 0"
        check("sequences", rule, "NaN", holds=not backend.lstm.holds_nan(sequences))
        return super().call(sequences, initial_state=initial_state, mask=mask, training=training)

    def inner_loop(self, sequences, initial_state, mask, training=False):
        """The recurrence itself; see `keras.layers.RNN`."""
        of_x, of_h = self.cell.dropout_masks(sequences[:, 0], initial_state[0], training=training)
        if of_x is not None and not isinstance(of_x, list):  # one for all gates and steps
            sequences, of_x = sequences * ops.expand_dims(of_x, 1), None
        inputs = [sequences] if mask is None else [sequences, ops.expand_dims(ops.cast(mask, "bool"), -1)]
        inputs = tuple(self._in_order(tensor) for tensor in inputs)
        # A stateful layer writes new states in place, and the backward pass needs these.
        states = tuple(ops.copy(state) if self.stateful else state for state in initial_state)
        outputs, states = self._run(inputs, states, masks=(of_x, of_h))
        if mask is not None:
            outputs = self._masked_outputs(outputs, inputs[1])
        last = outputs[-1]
        return last, ops.swapaxes(outputs, 0, 1), list(states)

    def _run(self, inputs, states, *, masks):
        """Outputs and last states, by the fastest way there is; `last_path` says which."""

        def step(weights, inputs, states):
            return _masked_step(self.cell, weights, inputs, states, masks=masks)

        segment = self._segment(inputs[0].shape[0])
        arguments = (step, self.cell.tensors(), inputs, states)
        settings = {"keep_outputs": self.return_sequences, "segment": segment}
        if masks == (None, None) and self.cell.is_standard and not self.unroll:
            found = backend.lstm.run_sequence(*arguments, **settings, cudnn=self._use_cudnn)
            if found is not None:
                *results, self._last_path = found
                return results
        self._last_path = "checkpointed" if segment else "unrolled" if self.unroll else "loop"
        return backend.lstm.scan(*arguments, **settings, unroll=self.unroll)

    def _in_order(self, tensor):
        """Time first, in the order of processing."""
        tensor = ops.swapaxes(tensor, 0, 1)
        return ops.flip(tensor, axis=0) if self.go_backwards else tensor

    def _segment(self, length):
        """The steps between two kept states, for sequences of this length; None to keep all."""
        if self.checkpoint is not None:  # TensorFlow alone may not know the length
            check("checkpoint", "None where the length is unknown", self.checkpoint, holds=length is not None)
        return math.ceil(math.sqrt(length)) if self.checkpoint == "sqrt" else self.checkpoint

    def _masked_outputs(self, outputs, mask):
        """What is shown of `(time, batch, units)`: nothing before the first step that counts."""
        shown = mask if self.zero_output_for_mask else ops.cumsum(ops.cast(mask, "int32"), axis=0) > 0
        shown = shown if self.return_sequences else shown[-1:]
        return ops.where(shown, outputs, ops.zeros_like(outputs))

    def get_config(self):
        """The arguments by name."""
        config = super().get_config()
        del config["cell"]
        cell = self.cell.get_config()
        settings = {name: cell[name] for name in (*_PLAIN, *_SERIALIZED)}
        regularizer = keras.regularizers.serialize(self.activity_regularizer)
        return config | settings | {"activity_regularizer": regularizer, "checkpoint": self.checkpoint}

    @classmethod
    def from_config(cls, config):
        """The layer that `get_config` described."""
        return cls(**config)


for _name in (*_PLAIN, *_SERIALIZED):
    setattr(LSTM, _name, property(operator.attrgetter(f"cell.{_name}")))


def _masked_step(cell, weights, inputs, states, *, masks):
    """The cell's step over `(x,)` or `(x, mask)`."""
    stepped = cell.step(weights, inputs[0], states, masks=masks)
    if len(inputs) == 1:
        return stepped
    return tuple(ops.where(inputs[1], new, old) for new, old in zip(stepped, states, strict=True))


def _check_mask(mask, sequences):
    if mask is not None:
        given, wanted = tuple(mask.shape), tuple(sequences.shape[:2])
        fits = len(given) == 2 and all(
            None in pair or pair[0] == pair[1] for pair in zip(given, wanted, strict=True)
        )
        check("mask", f"of the shape (batch, time) of the sequences, {wanted}", given, holds=fits)
