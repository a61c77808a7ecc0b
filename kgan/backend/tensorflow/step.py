"""The verbs of a training step on TensorFlow."""

import contextlib

import keras
import tensorflow as tf

from kgan.backend.recording import Recording


class BackendModel(keras.Model):
    """A `keras.Model` whose step is written in the verbs below (see `kgan.backend`)."""

    def train_step(self, data):
        """One training step on `data`; returns the logs."""
        images, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        return self.adversarial_step(images)

    def test_step(self, data):
        """One evaluation step on `data`; returns the logs."""
        images, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        return self.evaluation_step(images)

    def record(self, loss_fn, variables):
        """Run `loss_fn() -> (loss, aux)` and keep what its backward pass needs.

        Returns:
            A `Recording` of the gradients with respect to `variables` alone.
        """
        values = [variable.value for variable in variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            loss, aux = loss_fn()

        def gradients():
            return tape.gradient(loss, values, unconnected_gradients=tf.UnconnectedGradients.ZERO)

        return Recording(loss, aux, gradients)

    def apply_if(self, condition, optimizer, gradients, variables):
        """Where `condition` holds, run `gradients()` and apply them; else do nothing at all."""

        def update():
            optimizer.apply(gradients(), variables)
            return True

        if isinstance(condition, bool):  # known while tracing: no branch in the graph
            _ = condition and update()
        else:
            tf.cond(condition, update, lambda: False)

    def global_draws_from(self, seed):
        """Nothing to do: no global generator is drawn from here."""
        return contextlib.nullcontext()

    def input_gradient(self, fn, inputs):
        """Gradient of the sum of `fn(inputs)` with respect to `inputs`, of their shape."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(inputs)
            total = tf.reduce_sum(fn(inputs))
        return tape.gradient(total, inputs)
