"""A recurrence over whole sequences on TensorFlow."""

from functools import partial

import keras
import tensorflow as tf

NATIVE = {keras.activations.tanh: tf.tanh, keras.activations.sigmoid: tf.sigmoid}


def scan(step, weights, inputs, states, *, keep_outputs, segment=None, unroll=False):
    """As `kgan.backend.torch.lstm.scan`; `unroll` leaves no loop in the graph."""
    weights = tuple(tf.convert_to_tensor(weight) for weight in weights)  # read the variables once
    run = _unrolled if unroll else _loop
    if segment is None:
        return run(step, weights, inputs, states, keep_outputs=keep_outputs)
    return _in_segments(step, weights, inputs, states, keep_outputs=keep_outputs, segment=segment)


def _unrolled(step, weights, inputs, states, *, keep_outputs):
    outputs = []
    for parts in zip(*(tf.unstack(tensor) for tensor in inputs), strict=True):
        states = step(weights, parts, states)
        outputs.append(states[0])
    return tf.stack(outputs if keep_outputs else outputs[-1:]), states


def _loop(step, weights, inputs, states, *, keep_outputs):
    length = inputs[0].shape[0]  # XLA takes the gradient of a loop of known length only
    steps = tf.shape(inputs[0])[0] if length is None else length
    arrays = tuple(tf.TensorArray(tensor.dtype, steps).unstack(tensor) for tensor in inputs)
    outputs = tf.TensorArray(states[0].dtype, steps if keep_outputs else 0, element_shape=states[0].shape)

    def body(t, states, outputs):
        states = step(weights, tuple(array.read(t) for array in arrays), states)
        return t + 1, states, outputs.write(t, states[0]) if keep_outputs else outputs

    _, states, outputs = tf.while_loop(
        lambda t, *_: t < steps, body, (0, states, outputs), maximum_iterations=length
    )
    return outputs.stack() if keep_outputs else states[0][None], states


def _in_segments(step, weights, inputs, states, *, keep_outputs, segment):
    outputs = []
    for start in range(0, inputs[0].shape[0], segment):
        parts = tuple(tensor[start : start + segment] for tensor in inputs)
        shown, states = _recomputed(partial(_loop, step, keep_outputs=keep_outputs), weights, parts, states)
        outputs.append(shown)
    return tf.concat(outputs, axis=0) if keep_outputs else shown, states


def _recomputed(run, *groups):
    """`run` of these tuples of tensors, of which only they are kept: the backward pass computes it anew."""

    @tf.custom_gradient
    def segment(*tensors):
        def gradients(*upstream):
            floating = [tensor for tensor in tensors if tensor.dtype.is_floating]
            with tf.GradientTape() as tape:
                tape.watch(floating)
                again = tf.nest.flatten(run(*tf.nest.pack_sequence_as(groups, tensors)))
            found = iter(tape.gradient(again, floating, upstream, tf.UnconnectedGradients.ZERO))
            return [next(found) if tensor.dtype.is_floating else None for tensor in tensors]

        return tf.nest.flatten(run(*tf.nest.pack_sequence_as(groups, tensors))), gradients

    shown, *states = segment(*tf.nest.flatten(groups))
    return shown, tuple(states)


def run_sequence(_step, _weights, _inputs, _states, **_settings):
    """None: there is no faster way than `scan`."""


def holds_nan(tensor):
    """Whether there is NaN in a tensor whose values are known, on the CPU; elsewhere, False."""
    if not tf.is_tensor(tensor) or tf.is_symbolic_tensor(tensor) or "CPU" not in tensor.device:
        return False
    return bool(tf.reduce_any(tf.math.is_nan(tensor)))
