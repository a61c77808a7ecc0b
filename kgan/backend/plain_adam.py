"""Which optimisers a backend may update by an Adam of its own."""

import keras

from kgan.backend.private import adam_moments

_EXTRAS = (
    "amsgrad",
    "weight_decay",
    "clipnorm",
    "clipvalue",
    "global_clipnorm",
    "use_ema",
    "loss_scale_factor",
    "gradient_accumulation_steps",
)


def is_plain_adam(optimizer, variables):
    """Whether the update of an optimiser is the formula of Kingma & Ba (2015) alone, in float32.

    Args:
        optimizer: `keras.optimizers.Optimizer`, built.
        variables: The `keras.Variable`s to update.
    """
    kind = type(optimizer)
    return (
        len(variables) > 0
        and isinstance(optimizer, keras.optimizers.Adam)
        and kind.__name__ == "Adam"
        and kind.__module__.startswith("keras.")
        and not any(getattr(optimizer, extra) for extra in _EXTRAS)
        and all(
            variable.constraint is None and not variable.overwrite_with_gradient for variable in variables
        )
        and all(variable.dtype == "float32" for variable in variables)
        and adam_moments(optimizer, variables) is not None
    )
