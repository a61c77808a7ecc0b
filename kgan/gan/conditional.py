"""A GAN whose networks are told the class of an image."""

import numbers

import keras
import numpy as np
from keras import ops

from kgan.backend import ranks
from kgan.gan.checks import checked_labels
from kgan.gan.model import GAN
from kgan.spec import check, is_count, is_number


@keras.saving.register_keras_serializable("kgan")
class ConditionalGAN(GAN):
    """A `GAN` whose generator draws images of a class, and whose discriminator judges them as such.

    The generator takes one vector, a latent with the one-hot of a label behind it, so that a point between
    two of them is one between two classes. The discriminator gives a logit for each class, of which that of
    the image's label is taken:

        D(x, y) = yᵀ(V φ(x) + b)     φ being all of D but its last layer, Dense(num_classes)

    This is the projection discriminator, yᵀV φ(x) + ψ(φ(x)), of Miyato & Koyama (2018), eq. 3, with a linear
    ψ, which adds the same to each row of V and b.

    In a step, the label of each real image is also that of the image generated in its row, so that
    losses which compare the two compare like with like.

    With `classification`, D learns to tell the classes of real images by its logits, too, as the
    discriminator of Odena et al. (2017) does: `classification` · mean −log softmax(D(x))_y. It is no part of
    the L(D) that policies and logs see, and G is not trained on it.

    Args:
        generator: Model `(batch, latent_dim + num_classes) -> (batch, *image_shape)`, images in [−1, 1].
        discriminator: Model `(batch, *image_shape) -> (batch, num_classes)`, logits.
        num_classes: Number of classes, at least 2; labels are the integers below it.
        classification: Weight of that cross-entropy, at least 0.
        **kwargs: Further arguments of `GAN`.

    Attributes:
        label_counts: Integer weight `(num_classes,)`, how often each label was seen in training.

    Raises:
        ValueError: As of `GAN`.
    """

    def __init__(self, generator, discriminator, *, num_classes=10, classification=0.0, **kwargs):
        holds = is_count(num_classes) and num_classes > 1
        check("num_classes", "an integer of at least 2", num_classes, holds=holds)
        holds = is_number(classification) and classification >= 0
        check("classification", "a number of at least 0", classification, holds=holds)
        self.classification = float(classification)
        self.num_classes = int(num_classes)  # before the networks are seen to fit it
        super().__init__(generator, discriminator, **kwargs)
        self.label_counts = self.add_weight(
            shape=(self.num_classes,),
            dtype="int32",
            initializer="zeros",
            trainable=False,
            name="label_counts",
        )

    def fit(self, x=None, y=None, *args, **kwargs):
        """Train on images and their labels; as `GAN.fit`, with these differences.

        Args:
            x: As in `GAN.fit`; data sets have batches `(images, labels)`.
            y: For arrays, integers `(num_images,)` in [0, num_classes). The range of labels is checked in
                arrays and in the first batch of a PyDataset, their type and number everywhere.
            *args: Further arguments of `GAN.fit`.
            **kwargs: Further arguments of `GAN.fit`.

        Raises:
            ValueError: As of `GAN.fit`, and if labels are missing or break their rule.
        """
        return super().fit(x, y, *args, **kwargs)

    def sample(self, n, *, labels=None, seed=None, batch_size=1000):
        """Generated images, in inference mode.

        Args:
            n: Number of images.
            labels: Their class, an integer, or one for each, `(n,)`. If None, they are drawn: each class as
                often as it was seen in training, or all alike before it.
            seed: Integer ≥ 0: the same seed gives the same latents, and of the same `label_counts` the
                same labels, on every backend. None draws new ones.
            batch_size: Images generated at a time.

        Returns:
            Array `(n, *image_shape)`, float32.

        Raises:
            ValueError: If a count is not positive, the seed is negative, or a label is no class.
        """
        return self.generate(self.sample_latents(n, labels=labels, seed=seed), batch_size=batch_size)

    def sample_latents(self, n, *, labels=None, seed=None):
        """What `sample` generates its images from.

        Args:
            n: Number of latents.
            labels: As in `sample`.
            seed: Likewise.

        Returns:
            Array `(n, latent_dim + num_classes)`, float32: standard normal, then the one-hot of a label.

        Raises:
            ValueError: If a value breaks its rule.
        """
        latents = super().sample_latents(n, seed=seed)
        labels = self._drawn_labels(n, seed=seed) if labels is None else self._given_labels(labels, n=n)
        return self.with_labels(latents, labels)

    def with_labels(self, latents, labels):
        """Latents with the one-hot of their labels behind them.

        Args:
            latents: Array `(n, latent_dim)`.
            labels: Integers `(n,)` in [0, num_classes).

        Returns:
            Array `(n, latent_dim + num_classes)`, float32.

        Raises:
            ValueError: If a shape is another or a label is no class.
        """
        latents = np.asarray(latents, dtype="float32")
        holds = latents.ndim == 2 and len(latents) > 0 and latents.shape[1] == self.latent_dim
        check("latents", f"of shape (n, {self.latent_dim}), n at least 1", latents.shape, holds=holds)
        one_hot = np.eye(self.num_classes, dtype="float32")[self._given_labels(labels, n=len(latents))]
        return np.concatenate([latents, one_hot], axis=1)

    def _given_labels(self, labels, *, n):
        rule = f"None, an integer in [0, {self.num_classes}) or {n} of them"
        try:
            given = np.asarray(labels)
        except ValueError:  # rows of different lengths
            given = np.asarray(None)
        holds = given.dtype.kind in "iu" and given.shape in ((), (n,))
        holds = holds and bool(((given >= 0) & (given < self.num_classes)).all())
        short = isinstance(labels, numbers.Number | str) or given.size <= 10
        check("labels", rule, labels if short else f"{given.dtype} {given.shape}", holds=holds)
        return np.broadcast_to(given, (n,))

    def _drawn_labels(self, n, *, seed):
        counts = ops.convert_to_numpy(self.label_counts).astype("float64")
        counts = counts if counts.any() else np.ones(self.num_classes)
        rng = np.random.default_rng(None if seed is None else (seed, 1))  # others than the latents'
        return rng.choice(self.num_classes, size=n, p=counts / counts.sum())

    def _checked_labels(self, y, *, num_images):
        return checked_labels(y, num_images=num_images, num_classes=self.num_classes)

    def adversarial_step(self, real, labels=None):
        """One update of both networks, as the class describes it.

        Args:
            real: Tensor `(batch, *image_shape)`.
            labels: Integer tensor `(batch,)`, of the real images and of those that are generated.

        Returns:
            Dict of the logs.
        """
        one_hot = self._one_hot(labels, real)
        (counts,) = ranks.total([ops.cast(ops.sum(one_hot, axis=0), "int32")])
        self.label_counts.assign_add(counts)
        return super().adversarial_step(real, one_hot)

    def evaluation_step(self, real, labels=None):
        """Both losses on a batch, in inference mode; nothing is updated.

        Args:
            real: Tensor `(batch, *image_shape)`.
            labels: As in `adversarial_step`.

        Returns:
            Dict of `d_loss`, `g_loss`, `d_real` and `d_fake`.
        """
        return super().evaluation_step(real, self._one_hot(labels, real))

    def _one_hot(self, labels, images):
        rule = "batches (images, labels), as in fit(images, labels)"
        check("x", rule, "no labels", holds=hasattr(labels, "shape"))
        dtype, shape = keras.backend.standardize_dtype(labels.dtype), tuple(labels.shape)
        holds = "int" in dtype and len(shape) == 1 and shape[0] in (None, images.shape[0])
        rule = "batches whose labels are integers (batch,), one for each image"
        check("x", rule, f"{dtype} {shape}", holds=holds)
        return ops.one_hot(labels, self.num_classes, dtype="float32")

    def _conditioned(self, latents, labels):
        """What the generator takes: the latents, with the one-hot of their labels behind them."""
        return ops.concatenate([latents, ops.cast(labels, latents.dtype)], axis=1)

    def _chosen(self, outputs, latents):
        """The logits `(batch, 1)` of the classes whose one-hot stands behind the latents."""
        return ops.sum(outputs * self._classes(outputs, latents), axis=1, keepdims=True)

    def _with_classification(self, d_loss, outputs, latents):
        """L(D) and the weighted cross-entropy of the classes of real images."""
        if self.classification == 0:
            return d_loss
        classes = self._classes(outputs, latents)
        crossed = ops.logsumexp(outputs, axis=1) - ops.sum(outputs * classes, axis=1)
        return d_loss + self.classification * ops.mean(crossed)

    def _classes(self, outputs, latents):
        return ops.cast(latents[:, self.latent_dim :], outputs.dtype)

    def get_config(self):
        """What `GAN.get_config` holds, the number of classes and the weight of their cross-entropy."""
        own = {"num_classes": self.num_classes, "classification": self.classification}
        return {**super().get_config(), **own}
