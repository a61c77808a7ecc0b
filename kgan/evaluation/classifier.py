"""A small convolutional network that reads digits, with its weights."""

import dataclasses
import functools
import hashlib
import io
import json
from pathlib import Path

import numpy as np

from kgan.digits import EMBEDDED
from kgan.evaluation.images import check_images

DATA = Path(__file__).parent / "data"
WEIGHTS, RECORD = "classifier.npz", "record.json"
NUM_CLASSES, NUM_FEATURES = 10, 64
READ_DATA = ("mnist", EMBEDDED)  # whose digits it reads

_CHUNK = 100  # images at a time; every chunk is of this size, so that JAX and TensorFlow compile once


@dataclasses.dataclass(frozen=True)
class Embedding:
    """What the classifier makes of images.

    Attributes:
        features: Its penultimate activations `(n, 64)`, float32.
        probabilities: Of the ten classes `(n, 10)`, float32.
    """

    features: np.ndarray
    probabilities: np.ndarray

    @property
    def classes(self):
        """The likeliest class of each image `(n,)`, int64."""
        return self.probabilities.argmax(axis=1)

    @property
    def confidence(self):
        """Its probability `(n,)`, float32."""
        return self.probabilities.max(axis=1)


class DigitClassifier:
    """Reads digits by a network that was trained on MNIST's 60,000; `studies/digit_classifier.py`.

    Args:
        network: Keras model as `digit_network` builds it, with weights.
        record: Dict of how it was trained, how it was tested and the checksums of its files.
    """

    def __init__(self, network, record):
        self._network, self.record = network, record

    @classmethod
    def load(cls):
        """The classifier with the weights that the package ships; the same object in each process.

        Raises:
            ValueError: If the file of the weights is not the one that was shipped.
            OSError: If it cannot be read.
        """
        return _load()

    @property
    def accuracy(self):
        """Share of MNIST's 10,000 test digits that it reads rightly."""
        return self.record["test_accuracy"]

    @property
    def sha256(self):
        """Of the file of its weights, in hexadecimal."""
        return self.record["files"][WEIGHTS]

    def embed(self, images):
        """Features and probabilities of images.

        Args:
            images: Array `(n, 28, 28, 1)` in [−1, 1].

        Returns:
            `Embedding`.

        Raises:
            ValueError: If the images are of another shape or range, or not finite.
        """
        images = check_images("images", images)
        parts = [self._chunk(images[i : i + _CHUNK]) for i in range(0, len(images), _CHUNK)]
        features, probabilities = (np.concatenate(part) for part in zip(*parts, strict=True))
        return Embedding(features, probabilities)

    def classify(self, images):
        """The class of each image and how sure the network is; as `NearestNeighbours.classify`.

        Args:
            images: Array `(n, 28, 28, 1)` in [−1, 1].

        Returns:
            Classes `(n,)`, int64, and their probabilities `(n,)`, float32.

        Raises:
            ValueError: As `embed`.
        """
        embedding = self.embed(images)
        return embedding.classes, embedding.confidence

    def probabilities(self, images):
        """Probabilities of the ten classes `(n, 10)`, float32, of images as `embed` takes them."""
        return self.embed(images).probabilities

    def _chunk(self, images):
        from kgan.backend import ranks  # with Keras, as below

        padding = np.zeros((_CHUNK - len(images), *images.shape[1:]), "float32")
        with ranks.apart():
            outputs = self._network.predict_on_batch(np.concatenate([images, padding]))
        return [np.asarray(output)[: len(images)] for output in outputs]


def digit_network():
    """A network of 258,000 parameters, all kernels zero: images in, features and probabilities out.

    Nothing in it depends on Keras's global state or changes it: a network that is built while a GAN
    trains draws no random number, takes no name from layers to come, and computes in float32 whatever
    the policy.
    """
    import keras

    layers = keras.layers
    inputs = keras.Input((28, 28, 1), dtype="float32", name="judge_images")
    x = inputs
    for k, (filters, size, strides) in enumerate(((32, 5, 2), (64, 3, 1), (64, 3, 2))):
        x = layers.Conv2D(
            filters, size, strides, "same", "channels_last", use_bias=False, **_pinned(f"convolution_{k}")
        )(x)
        x = layers.BatchNormalization(**_common(f"batch_norm_{k}"))(x)
        x = layers.ReLU(**_common(f"relu_{k}"))(x)
    x = layers.Flatten("channels_last", **_common("flatten"))(x)
    x = layers.Dropout(0.4, seed=0, **_common("dropout"))(x)
    x = layers.Dense(NUM_FEATURES, use_bias=False, **_pinned("dense"))(x)
    # Taken before the activation: no feature is dead, all are of one scale.
    features = layers.BatchNormalization(**_common("features"))(x)
    x = layers.LeakyReLU(0.1, **_common("leaky_relu"))(features)
    probabilities = layers.Dense(NUM_CLASSES, activation="softmax", **_pinned("probabilities"))(x)
    return keras.Model(inputs, [features, probabilities], name="judge")


def _common(name):
    return {"name": f"judge_{name}", "dtype": "float32"}


def _pinned(name):
    return _common(name) | {"kernel_initializer": "zeros"}


@functools.cache
def _load():
    from kgan.backend import ranks

    record = load_record()
    arrays = load_arrays(WEIGHTS, record)
    with ranks.apart():
        network = digit_network()
        for variable in network.weights:
            variable.assign(arrays[variable.path])
    return DigitClassifier(network, record)


def load_record():
    """How the classifier was trained and tested, and the checksums of the files beside it.

    Raises:
        ValueError: If its file is not the one that was shipped.
        OSError: If it cannot be read.
    """
    try:
        record = json.loads((DATA / RECORD).read_text(encoding="utf-8"))
        _ = record["files"], record["copies"], record["test_accuracy"]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{DATA / RECORD} is damaged: install kgan anew ({error!r}).") from None
    return record


def load_arrays(name, record):
    """The arrays of a file of this package, checked against its recorded SHA-256.

    Args:
        name: Name of an .npz file in `DATA`.
        record: Dict whose "files" has the checksum.

    Returns:
        Dict of arrays.

    Raises:
        ValueError: If the file is not the one that was recorded.
        OSError: If it cannot be read.
    """
    raw = (DATA / name).read_bytes()
    found, expected = hashlib.sha256(raw).hexdigest(), record["files"][name]
    if found != expected:
        raise ValueError(
            f"{DATA / name} is damaged or of another version: install kgan anew. "
            f"Its SHA-256 must be {expected}, found {found}."
        )
    with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
        return dict(arrays)
