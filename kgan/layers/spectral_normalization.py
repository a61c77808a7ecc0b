"""Spectral normalisation of Miyato et al. (2018), as a reparametrisation."""

import keras
from keras import ops

from kgan.spec import check, is_count

_KINDS = (
    keras.layers.Dense,
    keras.layers.Embedding,
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
)
_TRANSPOSED = (
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
)
_TINY = (
    1e-12  # of a kernel of zeros; added, for torch's `maximum` goes backward in place, which is not captured
)


@keras.saving.register_keras_serializable("kgan")
class SpectralNormalization(keras.layers.Wrapper):
    """A layer whose kernel W is used as W / σ(W), σ being its largest singular value.

    Miyato et al. (2018), algorithm 1: W as a matrix of as many columns as the layer has outputs, and rounds
    of the power method in each pass in training,

        v = W u / ‖W u‖,   u ← Wᵀ v / ‖Wᵀ v‖,   σ = vᵀ W u,   ∂σ/∂W = v uᵀ

    The gradient goes through σ to W, which the optimiser trains and nothing else changes: Keras's layer of
    this name writes W / σ over it in each pass. In inference σ is computed from u as it stands. From random u
    the first passes find too small a σ; W changes slowly, so that u soon follows it.

    Args:
        layer: Dense, Embedding, or a convolution of one to three dimensions, transposed or not. Its
            activation and bias are as without.
        power_iterations: Rounds of the power method in a pass; one in the paper.
        **kwargs: As for any `keras.Layer`.

    Attributes:
        u: Variable `(outputs,)`, the only state beside the layer's.

    Raises:
        ValueError: If it is another kind of layer, or `power_iterations` is no positive integer.
    """

    def __init__(self, layer, power_iterations=1, **kwargs):
        rule = "a Dense layer, an Embedding or a convolution, such as keras.layers.Conv2D"
        check("layer", rule, layer, holds=isinstance(layer, _KINDS + _TRANSPOSED))
        check("power_iterations", "a positive integer", power_iterations, holds=is_count(power_iterations))
        super().__init__(layer, **kwargs)
        self.power_iterations = int(power_iterations)

    def build(self, input_shape):
        """Build the layer, and u at random."""
        super().build(input_shape)
        self.u = self.add_weight(
            name="u",
            shape=(ops.shape(self._matrix(self._kernel))[1],),
            initializer="random_normal",
            trainable=False,
            autocast=False,
        )

    def call(self, inputs, training=False):
        """The layer's outputs with W / σ in the place of W.

        Args:
            inputs: What the layer takes.
            training: Whether u advances, unless the layer is not `trainable`.
        """
        sigma, u = self._largest_singular_value()
        if training and self.trainable:
            self.u.assign(u)
        kernel = self._kernel
        normalised = ops.cast(kernel, self.u.dtype) / (sigma + _TINY)
        values = [(kernel, normalised)]
        values += [(variable, variable.value) for variable in self.layer.variables if variable is not kernel]
        with keras.StatelessScope(values, collect_losses=True) as scope:  # inside, the kernel has that value
            outputs = self.layer(inputs)
        for loss in scope.losses:  # of an activity regulariser, which the scope keeps from the layer
            self.add_loss(loss)
        return outputs

    def _largest_singular_value(self):
        matrix = self._matrix(ops.cast(self._kernel, self.u.dtype))
        fixed, u = ops.stop_gradient(matrix), self.u.value
        for _ in range(self.power_iterations):
            v = _unit(ops.matmul(fixed, u))
            u = _unit(ops.matmul(v, fixed))
        return ops.sum(v * ops.matmul(matrix, u)), u

    @property
    def _kernel(self):
        return self.layer.embeddings if isinstance(self.layer, keras.layers.Embedding) else self.layer.kernel

    def _matrix(self, kernel):
        if isinstance(self.layer, _TRANSPOSED):  # (…, outputs, inputs)
            kernel = ops.swapaxes(kernel, -1, -2)
        return ops.reshape(kernel, (-1, kernel.shape[-1]))

    def compute_output_shape(self, input_shape):
        """That of the layer."""
        return self.layer.compute_output_shape(input_shape)

    def get_config(self):
        """The layer, and what `__init__` takes beside it."""
        return {**super().get_config(), "power_iterations": self.power_iterations}


def _unit(vector):
    return vector / (ops.norm(vector) + _TINY)
