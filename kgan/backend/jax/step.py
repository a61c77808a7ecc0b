"""The verbs of a training step on JAX.

Keras runs a JAX step without side effects: state goes in, new state comes out. One
`keras.StatelessScope` over all variables lets the same imperative step run here, and a
nested scope does so inside each JAX transformation, so that no tracer leaks out of it.
"""

from functools import cached_property, partial

import jax
import keras

from kgan.backend.base import Recording, StepModel
from kgan.backend.jax.convolutions import with_fast_convolutions


def _run(fn, variables, values):
    """`fn()` while `variables` hold `values`; returns its result and what they hold afterwards."""
    with keras.StatelessScope(state_mapping=zip(variables, values, strict=True)) as scope:
        result = fn()
    return result, [scope.get_current_value(variable) for variable in variables]


def _values(variables):
    return [variable.value for variable in variables]


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _update_if(condition, update, variables):
    """Where the condition holds, give the variables what `update` makes of their values."""
    if condition is False:
        return
    before = _values(variables)
    # A condition known while tracing needs no branch.
    after = update(before) if condition is True else jax.lax.cond(condition, update, lambda v: v, before)
    _assign(variables, after)


def device_name(tensor):
    """Name of the device that holds a tensor, such as "cpu" or "NVIDIA H100 (cuda:0)"."""
    (device, *_) = tensor.devices()
    return device.platform if device.platform == "cpu" else f"{device.device_kind} ({device})"


class BackendModel(StepModel):
    """`StepModel` on JAX."""

    def train_step(self, state, data):
        """One training step on a batch; takes the state and returns the logs and the new state."""
        return self._stateless(lambda: super(BackendModel, self).train_step(data), self._train_state(), state)

    def test_step(self, state, data):
        """One step of `evaluate`; takes the state and returns the logs and the new state."""
        groups = (self.trainable_variables, self.non_trainable_variables, self.metrics_variables)
        return self._stateless(lambda: super(BackendModel, self).test_step(data), groups, state)

    def _train_state(self):
        # The four groups, in the order in which Keras's trainer passes them.
        return (
            self.trainable_variables,
            self.non_trainable_variables,
            self.optimizer.variables,
            self.metrics_variables,
        )

    @staticmethod
    def _stateless(fn, groups, state):
        variables, structure = jax.tree.flatten(groups)
        logs, after = _run(fn, variables, jax.tree.leaves(state))
        return logs, structure.unflatten(after)

    def _others(self, variables):
        # Keras's trainer empties every variable during `fit`: a nested scope must map them all.
        known = {id(variable) for variable in variables}
        return [v for group in self._train_state() for v in group if id(v) not in known]

    def record_each(self, losses_fn, groups):
        """See `StepModel`."""
        variables = [variable for group in groups for variable in group]
        others = self._others(variables)
        held = _values(others)

        def losses_of(*values):
            values = [value for group in values for value in group]
            (losses, aux), after = _run(losses_fn, [*variables, *others], [*values, *held])
            return losses, (aux, after[len(variables) :])

        losses, pullback, (aux, after) = jax.vjp(losses_of, *map(_values, groups), has_aux=True)
        _assign(others, after)

        def gradients(index):
            # What the other losses would add is zero, and what no group wants is never computed.
            one_hot = tuple(jax.numpy.full_like(loss, i == index) for i, loss in enumerate(losses))
            return with_fast_convolutions(lambda: pullback(one_hot)[index])()

        return [Recording(loss, aux, partial(gradients, index)) for index, loss in enumerate(losses)]

    def apply_if(self, condition, optimizer, gradients, variables):
        """See `StepModel`."""
        touched = [*optimizer.variables, *variables]
        num_slots = len(optimizer.variables)

        def update(values):
            weights, slots = optimizer.stateless_apply(values[:num_slots], gradients(), values[num_slots:])
            return [*slots, *weights]

        _update_if(condition, update, touched)

    def run_if(self, condition, fn, variables):
        """See `StepModel`."""
        others = self._others(variables)
        held = _values(others)

        def update(values):
            return _run(fn, [*variables, *others], [*values, *held])[1][: len(variables)]

        _update_if(condition, update, variables)

    def choose(self, condition, fn, otherwise):
        """See `StepModel`."""
        state = self._others([])
        held = _values(state)  # what is assigned in a branch must not leave it
        fn, otherwise = (
            with_fast_convolutions(lambda of=of: _run(of, state, held)[0]) for of in (fn, otherwise)
        )
        if isinstance(condition, bool):  # known while tracing: no branch in the program
            return fn() if condition else otherwise()
        return jax.lax.cond(condition, fn, otherwise)

    def input_gradient(self, fn, inputs):
        """See `StepModel`."""
        state = self._others([])
        held = _values(state)

        def total(values):
            outputs, after = _run(lambda: fn(values), state, held)
            return outputs.sum(), after

        gradient, after = jax.grad(total, has_aux=True)(inputs)
        _assign(state, after)
        return gradient

    def forgetting(self, variables):
        """See `StepModel`."""
        # A scope hides those around it: this one must map all variables again.
        return super().forgetting([*variables, *self._others(variables)])

    def predict_on_batch(self, x):
        """See `keras.Model`; of several processes each computes by itself, for perhaps no other asks."""
        if jax.process_count() == 1:
            return super().predict_on_batch(x)
        weights = [variable.value.addressable_data(0) for variable in self.variables]
        return keras.ops.convert_to_numpy(self._predict_alone(weights, jax.numpy.asarray(x)))

    @cached_property
    def _predict_alone(self):
        return jax.jit(lambda weights, x: _run(lambda: self(x, training=False), self.variables, weights)[0])

    @property
    def device(self):
        """See `StepModel`."""
        return device_name(self._placed_weight.value)
