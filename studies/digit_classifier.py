r"""Train the classifier that judges generated digits, and write all that the package ships of it.

    KERAS_BACKEND=jax OMP_NUM_THREADS=1 taskset -c 0 \
        python studies/digit_classifier.py --data-dir path/to/mnist

Trained on all 60,000 training digits, moved, turned and scaled a little in every epoch, for a fixed
number of epochs: nothing is chosen by the 10,000 test digits, which are looked at once, at the end.
On one core the same seed, versions and backend give the same bits; on several, JAX sums in another order.
"""

import kgan  # noqa: F401  before Keras, for it chooses the backend

# isort: split
import argparse
import hashlib
import json
import sys
import time
from importlib import metadata

import keras
import numpy as np
from scipy import ndimage
from sklearn.neighbors import NearestNeighbors

from kgan.digits import SPLITS, load_digits
from kgan.evaluation.classifier import DATA, NUM_CLASSES, RECORD, WEIGHTS, DigitClassifier, digit_network
from kgan.evaluation.copies import fingerprint, nearest_among, nearest_other
from kgan.evaluation.reference import FEATURES
from kgan.files import replacing

COMMAND = (
    "KERAS_BACKEND={} OMP_NUM_THREADS=1 taskset -c 0 "
    "python studies/digit_classifier.py --data-dir mnist --epochs {} --seed {}"
)
REFERENCE_DIGITS = 10_000

BATCH_SIZE = 128
PEAK_RATE, FLOOR_RATE = 4e-3, 1e-5
MAX_ANGLE, MAX_SCALE, MAX_SHIFT = np.deg2rad(12), 0.12, 2.5  # radians, factor − 1, pixels


def main():
    """Train, test, write."""
    arguments = parse()
    network = digit_network()
    digits = {split: load_digits("mnist", split, arguments.data_dir) for split in SPLITS}
    seconds = train(network, *digits["train"], epochs=arguments.epochs, seed=arguments.seed)
    with replacing(DATA / WEIGHTS) as path:
        np.savez(path, **{v.path: keras.ops.convert_to_numpy(v) for v in network.weights})
    classifier = DigitClassifier(network, {})
    record = {
        "command": COMMAND.format(keras.backend.backend(), arguments.epochs, arguments.seed),
        "seconds": round(seconds),
        "versions": {
            name: metadata.version(name) for name in ("keras", keras.backend.backend(), "numpy", "scipy")
        },
        **tested(classifier, *digits["test"]),
        "parameters": network.count_params(),
        "copies": write_reference(classifier, digits, seed=arguments.seed),
        "files": {
            name: hashlib.sha256((DATA / name).read_bytes()).hexdigest() for name in (WEIGHTS, FEATURES)
        },
    }
    with replacing(DATA / RECORD) as path:
        path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(record, indent=1) + "\n")


def parse():
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", required=True, help="folder with MNIST's four IDX files")
    parser.add_argument("--epochs", type=int, default=18, help="at least 2")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def tested(classifier, images, labels):
    """Shares of test digits that are read rightly."""
    right = classifier.classify(images)[0] == labels
    by_class = [round(float(right[labels == digit].mean()), 4) for digit in range(NUM_CLASSES)]
    return {"test_accuracy": round(float(right.mean()), 4), "class_accuracy": by_class}


def write_reference(classifier, digits, *, seed):
    """Write what is known of real digits; returns the distances between pixels, for the record."""
    test_images, test_labels = digits["test"]
    rows = np.random.default_rng(seed).permutation(len(digits["train"][0]))[:REFERENCE_DIGITS]
    train_images = digits["train"][0][rows]
    test, train = classifier.embed(test_images), classifier.embed(train_images)
    near = float(np.quantile(nearest_other(test_images), 0.01))
    with replacing(DATA / FEATURES) as path:
        np.savez_compressed(
            path,
            test_features=test.features.astype("float16"),
            test_labels=test_labels.astype("uint8"),
            train_features=train.features.astype("float16"),
            train_classes=train.classes.astype("uint8"),
            train_confidence=train.confidence.astype("float16"),
            close_pairs=close_pairs(train_images, near).astype("uint16"),
        )
    sets = {"mnist": digits["train"][0], "mnist-5k": load_digits("mnist-5k")[0]}
    return {
        "duplicate_distance": near,
        "training": {fingerprint(s): to_training(name, test_images, s) for name, s in sets.items()},
    }


def close_pairs(images, distance):
    """Pairs of images nearer than a distance `(pairs, 2)`, the smaller row first."""
    flat = images.reshape(len(images), -1)
    distances, rows = NearestNeighbors(radius=distance, algorithm="brute").fit(flat).radius_neighbors()
    pairs = [
        (i, j)
        for i, near in enumerate(zip(distances, rows, strict=True))
        for d, j in zip(*near, strict=True)
        if i < j and d < distance
    ]
    return np.array(pairs, int).reshape(-1, 2)


def to_training(name, test_images, training):
    """How near real test digits lie to training images."""
    distances = nearest_among(test_images, training)
    near = float(np.quantile(distances, 0.01))
    return {
        "name": name,
        "memorised_distance": near,
        "memorised": float((distances < near).mean()),
        "median_distance": float(np.median(distances)),
    }


class Augmented(keras.utils.PyDataset):
    """Batches of digits, moved anew in every epoch, in an order that is a function of (seed, epoch)."""

    def __init__(self, images, labels, *, seed):
        super().__init__()
        self.images, self.labels, self.seed, self.epoch = images, labels, seed, -1
        self.on_epoch_begin()

    def __len__(self):
        return len(self.images) // BATCH_SIZE

    def __getitem__(self, index):
        rows = self.order[index * BATCH_SIZE : (index + 1) * BATCH_SIZE]
        rng = np.random.default_rng((self.seed, self.epoch, index))
        return np.stack([move(image, rng) for image in self.images[rows]]), self.labels[rows]

    def on_epoch_begin(self):
        """Draw the order of the epoch."""
        self.epoch += 1
        self.order = np.random.default_rng((self.seed, self.epoch)).permutation(len(self.images))


def move(image, rng):
    """An image `(28, 28, 1)`, turned, scaled and moved at random; bilinear, black outside."""
    angle, scale = rng.uniform(-MAX_ANGLE, MAX_ANGLE), 1 + rng.uniform(-MAX_SCALE, MAX_SCALE)
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    offset = 13.5 - matrix @ (13.5 + rng.uniform(-MAX_SHIFT, MAX_SHIFT, 2))
    return ndimage.affine_transform(image[..., 0], matrix, offset, order=1, cval=-1)[..., np.newaxis]


def train(network, images, labels, *, epochs, seed):
    """Adam, a rate that rises for an epoch and falls as a cosine, cross-entropy."""
    initialize(network, seed)
    classify = keras.Model(network.inputs, network.outputs[1])
    steps = len(images) // BATCH_SIZE
    rate = keras.optimizers.schedules.CosineDecay(
        FLOOR_RATE, (epochs - 1) * steps, alpha=0.0, warmup_target=PEAK_RATE, warmup_steps=steps
    )
    classify.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    begin = time.perf_counter()
    data = Augmented(images, labels, seed=seed)
    classify.fit(data, epochs=epochs, shuffle=False, verbose=2)
    return time.perf_counter() - begin


def initialize(network, seed):
    """He normal (He et al., 2015) kernels."""
    rng = np.random.default_rng(seed)
    for variable in network.trainable_weights:
        if variable.path.endswith("kernel"):
            deviation = np.sqrt(2 / np.prod(variable.shape[:-1]))
            variable.assign(rng.normal(0, deviation, variable.shape).astype("float32"))


if __name__ == "__main__":
    main()
