"""Keras's Adam by TensorFlow's own operation, which is one pass over memory instead of ten."""

import tensorflow as tf

from kgan.backend.private import adam_moments


def apply_adam(optimizer, gradients, variables):
    """One update of variables, slots and counter in place, as Keras's, whose formula is the same.

    Args:
        optimizer: `keras.optimizers.Adam`, plain and built.
        gradients: Tensors.
        variables: `keras.Variable`s of one dtype.
    """
    dtype = variables[0].dtype
    step = tf.cast(optimizer.iterations.value + 1, dtype)
    numbers = (optimizer.beta_1, optimizer.beta_2, optimizer.epsilon)
    beta_1, beta_2, epsilon = (tf.constant(number, dtype) for number in numbers)
    settings = {
        "beta1_power": beta_1**step,
        "beta2_power": beta_2**step,
        "lr": tf.cast(optimizer.learning_rate, dtype),
        "beta1": beta_1,
        "beta2": beta_2,
        "epsilon": epsilon,
    }
    moments = adam_moments(optimizer, variables)
    for gradient, *held in zip(gradients, variables, *moments, strict=True):
        var, m, v = (variable.value.handle for variable in held)
        tf.raw_ops.ResourceApplyAdam(var=var, m=m, v=v, grad=gradient, **settings)
    optimizer.iterations.assign_add(1)
