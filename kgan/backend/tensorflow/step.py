"""The verbs of a training step on TensorFlow."""

from functools import partial

import tensorflow as tf

from kgan.backend.base import Recording, StepModel
from kgan.backend.plain_adam import is_plain_adam
from kgan.backend.tensorflow.adam import apply_adam


def device_name(tensor):
    """Name of the device that holds a tensor, such as "cpu" or "NVIDIA H100 (gpu:0)"."""
    placed = tf.DeviceSpec.from_string(tensor.device)
    if placed.device_type == "CPU":
        return "cpu"
    device = tf.config.get_visible_devices(placed.device_type)[placed.device_index]
    name = tf.config.experimental.get_device_details(device).get("device_name", placed.device_type)
    return f"{name} ({placed.device_type.lower()}:{placed.device_index})"


class BackendModel(StepModel):
    """`StepModel` on TensorFlow."""

    def record_each(self, losses_fn, groups):
        """See `StepModel`."""
        values = [[variable.value for variable in variables] for variables in groups]
        with tf.GradientTape(persistent=len(groups) > 1, watch_accessed_variables=False) as tape:
            tape.watch(values)
            losses, aux = losses_fn()
        gradients = partial(tape.gradient, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return [
            Recording(loss, aux, partial(gradients, loss, own))
            for loss, own in zip(losses, values, strict=True)
        ]

    def apply_if(self, condition, optimizer, gradients, variables):
        """See `StepModel`."""

        def update():
            values = gradients()
            dense = all(isinstance(value, tf.Tensor) for value in values)
            # A strategy sums gradients up over its replicas where Keras applies them.
            own = dense and is_plain_adam(optimizer, variables) and not tf.distribute.has_strategy()
            (apply_adam if own else type(optimizer).apply)(optimizer, values, variables)

        self.run_if(condition, update, variables)

    def run_if(self, condition, fn, variables):
        """See `StepModel`."""
        if condition is True:  # known while tracing: no branch in the graph
            fn()
        elif condition is not False:

            def run():
                fn()
                return True

            tf.cond(condition, run, lambda: False)

    def choose(self, condition, fn, otherwise):
        """See `StepModel`."""
        if isinstance(condition, bool):  # known while tracing: no branch in the graph
            return fn() if condition else otherwise()
        return tf.cond(condition, fn, otherwise)

    def input_gradient(self, fn, inputs):
        """See `StepModel`."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(inputs)
            total = tf.reduce_sum(fn(inputs))
        return tape.gradient(total, inputs)

    @property
    def device(self):
        """See `StepModel`."""
        return device_name(self._placed_weight.value)
