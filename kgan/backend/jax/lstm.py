"""A recurrence over whole sequences on JAX."""

import jax
import keras
from jax import lax
from jax import numpy as jnp

# Keras's own cast float64 to float32.
NATIVE = {keras.activations.tanh: jnp.tanh, keras.activations.sigmoid: jax.nn.sigmoid}


def scan(step, weights, inputs, states, *, keep_outputs, segment=None, unroll=False):
    """As `kgan.backend.torch.lstm.scan`; `unroll` leaves no loop in the program."""

    def body(states, inputs):
        states = step(weights, inputs, states)
        return states, states[0] if keep_outputs else None

    # To compute a step anew costs less than to write what it kept and read it again.
    kept = body if unroll or segment is not None else jax.checkpoint(body, prevent_cse=False)

    def run(states, inputs):
        return lax.scan(kept, states, inputs, unroll=bool(unroll))

    states, outputs = run(states, inputs) if segment is None else _in_segments(run, states, inputs, segment)
    return outputs if keep_outputs else states[0][None], states


def _in_segments(run, states, inputs, segment):
    run = jax.checkpoint(run)
    number = inputs[0].shape[0] // segment
    whole = number * segment
    head = tuple(tensor[:whole].reshape(number, segment, *tensor.shape[1:]) for tensor in inputs)
    states, first = lax.scan(run, states, head)
    states, rest = run(states, tuple(tensor[whole:] for tensor in inputs))
    if first is None:
        return states, None
    return states, jnp.concatenate([first.reshape(whole, *first.shape[2:]), rest])


def run_sequence(_step, _weights, _inputs, _states, **_settings):
    """None: there is no faster way than `scan`."""


def holds_nan(tensor):
    """Whether there is NaN in a tensor whose values are known, on the CPU; elsewhere, False."""
    if isinstance(tensor, jax.core.Tracer) or next(iter(tensor.devices())).platform != "cpu":
        return False
    return bool(jnp.isnan(tensor).any())
