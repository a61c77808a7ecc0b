"""Two optimisers that Keras's trainer sees as one."""

import keras

_READ_ONLY = (
    "A GAN has two learning rates: use `gan.generator_optimizer.learning_rate` and "
    "`gan.discriminator_optimizer.learning_rate`."
)


class OptimizerPair(keras.optimizers.Optimizer):
    """The generator's and the discriminator's optimiser, each built for its own network.

    Keras's trainer threads the state of one `optimizer` through its step and its files; this
    is that one. Each child saves itself, so a `.keras` file holds both.

    Args:
        generator: `keras.optimizers.Optimizer`.
        discriminator: Another one.
        generator_variables: The trainable variables of the generator.
        discriminator_variables: Those of the discriminator.
    """

    def __init__(self, *, generator, discriminator, generator_variables, discriminator_variables):
        super().__init__(learning_rate=0.0, name="optimizer_pair")
        generator.build(generator_variables)
        discriminator.build(discriminator_variables)
        self.generator = generator
        self.discriminator = discriminator
        self.num_generator_variables = len(generator_variables)
        self.built = True

    @property
    def variables(self):
        """The state of both optimisers."""
        return [*self.generator.variables, *self.discriminator.variables]

    @property
    def optimizers(self):
        """Both, generator's first: where Keras's TensorBoard callback looks for learning rates."""
        return [self.generator, self.discriminator]

    @property
    def iterations(self):
        """Number of updates of the generator."""
        return self.generator.iterations

    @property
    def learning_rate(self):
        """Not to be had: each child has its own."""
        raise ValueError(_READ_ONLY)

    @learning_rate.setter
    def learning_rate(self, learning_rate):
        raise ValueError(_READ_ONLY)

    def build(self, variables):
        """Nothing: the children were built with the pair."""

    def save_own_variables(self, store):
        """Nothing: the children save themselves."""

    def load_own_variables(self, store):
        """Nothing: the children load themselves."""

    def finalize_variable_values(self, trainable_variables):
        """Let each child finish its own variables, such as an averaging optimiser does.

        Args:
            trainable_variables: The generator's, then the discriminator's.
        """
        self.generator.finalize_variable_values(trainable_variables[: self.num_generator_variables])
        self.discriminator.finalize_variable_values(trainable_variables[self.num_generator_variables :])
