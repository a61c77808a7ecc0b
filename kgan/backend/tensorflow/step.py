"""The verbs of a training step on TensorFlow."""

import tensorflow as tf

from kgan.backend.base import Recording, StepModel


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

    def record(self, loss_fn, variables):
        """See `StepModel`."""
        values = [variable.value for variable in variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            loss, aux = loss_fn()

        def gradients():
            return tape.gradient(loss, values, unconnected_gradients=tf.UnconnectedGradients.ZERO)

        return Recording(loss, aux, gradients)

    def apply_if(self, condition, optimizer, gradients, variables):
        """See `StepModel`."""

        def update():
            optimizer.apply(gradients(), variables)
            return True

        if condition is True:  # known while tracing: no branch in the graph
            update()
        elif condition is not False:
            tf.cond(condition, update, lambda: False)

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
