"""Keras's Adam by PyTorch's fused kernel."""

import torch

from kgan.backend.private import adam_moments
from kgan.backend.torch import private


class FusedAdam:
    """Updates the variables and slots of a Keras Adam in place, as it would to rounding.

    Keras steps by α m / (√v + ε), α = rate √(1 − β₂ᵗ) / (1 − β₁ᵗ); PyTorch by
    rate m / (1 − β₁ᵗ) / (√v / √(1 − β₂ᵗ) + ε'), which is the same for ε' = ε / √(1 − β₂ᵗ).

    Args:
        optimizer: `keras.optimizers.Adam`, plain and built.
        variables: The `keras.Variable`s to update.
    """

    def __init__(self, optimizer, variables):
        self._optimizer = optimizer
        self._variables = [variable.value for variable in variables]
        self._means, self._squares = (
            [moment.value for moment in moments] for moments in adam_moments(optimizer, variables)
        )

    @torch.no_grad()
    def apply(self, gradients):
        """One update; `gradients` are tensors, in the order of the variables."""
        optimizer = self._optimizer
        step = int(optimizer.iterations.value) + 1
        # What torch.optim.adam.adam(fused=True) runs, without the third of its time that it spends before.
        private.fused_adam(
            self._variables,
            [gradient.contiguous() for gradient in gradients],  # the kernel takes no strides
            self._means,
            self._squares,
            [],
            [torch.tensor(float(step), device=self._variables[0].device)] * len(gradients),
            amsgrad=False,
            beta1=optimizer.beta_1,
            beta2=optimizer.beta_2,
            lr=float(optimizer.learning_rate),
            weight_decay=0.0,
            eps=optimizer.epsilon / (1 - optimizer.beta_2**step) ** 0.5,
            maximize=False,
        )
        optimizer.iterations.assign_add(1)
