"""A GAN step rewritten in NumPy and float64, with backpropagation by hand: the oracle of `GAN`.

The networks are those of `support.networks.small_pair`: dense, LeakyReLU 0.2, dense, with a tanh behind
the generator; weights come as lists [kernel, bias, kernel, bias].
"""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def forward(weights, inputs):
    """Output before any final activation, and what `backward` needs."""
    kernel_1, bias_1, kernel_2, bias_2 = weights
    before = inputs @ kernel_1 + bias_1
    hidden = np.where(before > 0, before, 0.2 * before)
    return hidden @ kernel_2 + bias_2, (inputs, before, hidden)


def backward(weights, tape, gradient):
    """Gradients of the weights and of the inputs, from that of the output."""
    inputs, before, hidden = tape
    of_before = gradient @ weights[2].T * np.where(before > 0, 1, 0.2)
    of_weights = [inputs.T @ of_before, of_before.sum(0), hidden.T @ gradient, gradient.sum(0)]
    return of_weights, of_before @ weights[0].T


class Adam:
    """Kingma & Ba (2015), epsilon 1e-7 outside the root, as in Keras."""

    def __init__(self, weights, learning_rate):
        self.learning_rate, self.t = learning_rate, 0
        self.m = [np.zeros_like(w) for w in weights]
        self.v = [np.zeros_like(w) for w in weights]

    def apply(self, weights, gradients):
        self.t += 1
        for w, g, m, v in zip(weights, gradients, self.m, self.v, strict=True):
            m[...] = 0.9 * m + 0.1 * g
            v[...] = 0.999 * v + 0.001 * g * g
            step = self.learning_rate * np.sqrt(1 - 0.999**self.t) / (1 - 0.9**self.t)
            w[...] = w - step * m / (np.sqrt(v) + 1e-7)


class NumpyGAN:
    """Steps a generator and a discriminator as `GAN` does with the non-saturating loss."""

    def __init__(self, generator, discriminator, learning_rate):
        self.g, self.d = ([np.array(w, "float64") for w in weights] for weights in (generator, discriminator))
        self.g_adam, self.d_adam = Adam(self.g, learning_rate), Adam(self.d, learning_rate)

    def logit(self, outputs):
        """Of the outputs of D, that which the losses take."""
        return outputs

    def of_outputs(self, of_logit):
        """The gradient of D's outputs, from that of the logit."""
        return of_logit

    def losses(self, real, latents):
        """L(D) and L(G), by the logarithms of their definitions."""
        fake = np.tanh(forward(self.g, latents)[0])
        p_real, p_fake = (sigmoid(self.logit(forward(self.d, images)[0])) for images in (real, fake))
        return -(np.log(p_real).mean() + np.log(1 - p_fake).mean()) / 2, -np.log(p_fake).mean()

    def gradients(self, real, latents):
        """Gradients of L(G) for the generator's and of L(D) for the discriminator's weights."""
        n = len(real)
        logits, g_tape = forward(self.g, latents)
        fake = np.tanh(logits)
        fake_outputs, fake_tape = forward(self.d, fake)
        real_outputs, real_tape = forward(self.d, real)
        fake_logits, real_logits = self.logit(fake_outputs), self.logit(real_outputs)
        _, of_fake = backward(self.d, fake_tape, self.of_outputs(-sigmoid(-fake_logits) / n))
        of_g, _ = backward(self.g, g_tape, of_fake * (1 - fake**2))
        of_real, _ = backward(self.d, real_tape, self.of_outputs(-sigmoid(-real_logits) / (2 * n)))
        of_d, _ = backward(self.d, fake_tape, self.of_outputs(sigmoid(fake_logits) / (2 * n)))
        return of_g, [a + b for a, b in zip(of_real, of_d, strict=True)]

    def step(self, real, latents, *, update_d=lambda d_loss, g_loss: True):
        """One step; returns both losses before it and whether D was updated."""
        d_loss, g_loss = self.losses(real, latents)
        of_g, of_d = self.gradients(real, latents)
        updated = update_d(d_loss, g_loss)
        self.g_adam.apply(self.g, of_g)
        if updated:
            self.d_adam.apply(self.d, of_d)
        return d_loss, g_loss, updated


class NumpyConditionalGAN(NumpyGAN):
    """As `ConditionalGAN`: the logits of the labels, which are `labels` until they are set anew."""

    labels, classification = None, 0.0

    def gradients(self, real, latents):
        """D's with those of `classification` times the mean cross-entropy of the classes of real images."""
        of_g, of_d = super().gradients(real, latents)
        outputs, tape = forward(self.d, real)
        shares = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
        shares[np.arange(len(real)), self.labels] -= 1
        of_classes, _ = backward(self.d, tape, self.classification * shares / len(real))
        return of_g, [a + b for a, b in zip(of_d, of_classes, strict=True)]

    def logit(self, outputs):
        """Of each image that of its label."""
        return outputs[np.arange(len(outputs)), self.labels][:, np.newaxis]

    def of_outputs(self, of_logit):
        """Zero but for the labels' own."""
        gradient = np.zeros((len(of_logit), self.d[-1].size))
        gradient[np.arange(len(gradient)), self.labels] = of_logit[:, 0]
        return gradient
