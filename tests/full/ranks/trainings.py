"""Trainings that one process runs, and again several: each is a function of its case alone.

    python trainings.py FOLDER CASE...

trains them, in one of several processes or on all of JAX's devices, and leaves in the folder what `train`
returns, for each rank.
"""

import contextlib
import hashlib
import json
import sys
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops

import kgan
from kgan import augmentations, losses, regularizers, update_policies
from kgan.backend import ranks
from kgan.batches import own_part
from kgan.gan.conditional import ConditionalGAN

BATCH, LATENT, SHAPE = 16, 4, (6, 6, 1)
LATENTS = np.random.default_rng(1).standard_normal((100, BATCH, LATENT))
IMAGES = np.random.default_rng(2).uniform(-1, 1, (64, *SHAPE))
LABELS = np.random.default_rng(3).integers(0, 3, 64)


RECALLER = "recaller"  # of the other half
POLICIES = {
    "Always": update_policies.Always(),
    "LossBalanced": update_policies.LossBalanced(),
    "FixedProbability": update_policies.FixedProbability(0.5),
    "EveryK": update_policies.EveryK(2),
    "EveryKEpochs": update_policies.EveryKEpochs(2),
    "KSteps": update_policies.KSteps(2),
}
CASES = {  # arguments of `train`
    "float32": {"steps": 10},
    "float64": {"steps": 100, "dtype": "float64"},
    "batch-norm": {"steps": 10, "batch_norm": True, "optimizer": "sgd"},
    "batch-norm-float64": {"steps": 100, "batch_norm": True, "dtype": "float64"},
    "own-draws": {"steps": 20, "injected": False, "dropout": True, "batch_norm": True, "extras": True},
    "classes": {"steps": 12, "injected": False, "classes": 3},
    **{name: {"steps": 16, "policy": name} for name in POLICIES},
}


class Injected(kgan.GAN):
    """A GAN whose latents are those of a table, of the whole batch however it is divided."""

    def draw_latents(self, n):
        """The rows of this step, or of this process's part of it."""
        latents = ops.convert_to_tensor(LATENTS, dtype=self.variable_dtype)
        latents = ops.take(latents, ops.cast(self.step, "int32"), axis=0)
        return own_part(latents) if keras.backend.backend() == "torch" else latents


def _networks(*, batch_norm, dropout, classes):
    normal = [layers.BatchNormalization()] if batch_norm else []
    generator = [layers.Dense(12, activation="relu"), *normal, layers.Dense(36, activation="tanh")]
    discriminator = [layers.Flatten(), layers.Dense(12), layers.LeakyReLU(0.2)]
    discriminator += [*([layers.Dropout(0.3)] if dropout else []), layers.Dense(classes or 1)]
    return (
        keras.Sequential([keras.Input((LATENT + classes,)), *generator, layers.Reshape(SHAPE)]),
        keras.Sequential([keras.Input(SHAPE), *discriminator]),
    )


def _optimizer(name):
    return keras.optimizers.SGD(0.05) if name == "sgd" else keras.optimizers.Adam(2e-3, beta_1=0.5)


@contextlib.contextmanager
def _computing_in(dtype):
    """Inside, Keras computes in float64 where that is asked for, which it would round to float32."""
    narrowed = sys.modules[keras.backend.result_type.__module__].BIT64_TO_BIT32_DTYPE
    before = dict(narrowed)
    narrowed["float64"] = dtype
    keras.config.set_dtype_policy(dtype)
    try:
        yield
    finally:
        narrowed.update(before)
        keras.config.set_dtype_policy("float32")


def train(  # noqa: PLR0913  the ways in which cases differ
    *,
    steps,
    dtype="float32",
    policy="LossBalanced",
    optimizer="adam",
    batch_norm=False,
    injected=True,
    dropout=False,
    classes=0,
    extras=False,
):
    """Train a small GAN and tell what it did, step by step, and what it came to.

    Returns:
        Dict: "d" and "g", updates so far after each step; "p", as logged; "hashes" of all state after each
        epoch; "weights", lists of numbers; "sent", the numbers that were sent in each step;
        "label_counts" where there are classes.
    """
    keras.utils.set_random_seed(5)
    options = {"latent_dim": LATENT, "update_policy": POLICIES[policy], "seed": 3}
    if extras:
        options["regularizers"] = (regularizers.R1(0.1), regularizers.GradientPenalty(0.1, every=2))
        options["augmentations"] = (augmentations.Translation(),)
        options["loss"] = losses.Relativistic()
    if classes:
        options["num_classes"] = classes
    kind = ConditionalGAN if classes else Injected if injected else kgan.GAN
    with _computing_in(dtype):
        networks = _networks(batch_norm=batch_norm, dropout=dropout, classes=classes)
        gan = kind(*networks, **options)
        gan.compile(_optimizer(optimizer), _optimizer(optimizer))
        seen, data = _Seen(), (IMAGES.astype(dtype), LABELS if classes else None)
        epochs = -(-steps * BATCH // len(IMAGES))
        gan.fit(*data, batch_size=BATCH, epochs=epochs, callbacks=[seen], verbose=0)
    weights = [keras.ops.convert_to_numpy(weight).tolist() for weight in gan.weights]
    counts = keras.ops.convert_to_numpy(gan.label_counts).tolist() if classes else None
    return vars(seen.found) | {"weights": weights, "label_counts": counts}


def train_recaller():
    """Train a small LSTM for ten steps, by Keras's own step; as `train`."""
    keras.utils.set_random_seed(5)
    model = kgan.palindrome.digit_recaller("lstm", units=8, encoding="one-hot")
    kgan.palindrome.compile_recaller(model, keras.optimizers.Adam(0.01, global_clipnorm=0.1))
    ranks.share_steps(model)
    data = kgan.palindrome.PalindromeStream(6, batch_size=BATCH, steps=10, encoding="one-hot", seed=0)
    history = model.fit(data, shuffle=False, verbose=0).history
    weights = [weight.tolist() for weight in model.get_weights()]
    return {"weights": weights, "loss": history["loss"], "accuracy": history["accuracy"]}


class _Found:
    def __init__(self):
        self.d, self.g, self.p, self.hashes, self.sent = [], [], [], [], []


class _Seen(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.found = _Found()

    def on_train_batch_end(self, batch, logs=None):
        gan, found = self.model, self.found
        found.d.append(int(gan.discriminator_optimizer.iterations.value))
        found.g.append(int(gan.generator_optimizer.iterations.value))
        found.p.append(float(logs["p"]))
        found.sent.append(list(SENT))
        SENT.clear()

    def on_epoch_end(self, epoch, logs=None):
        state = [*self.model.weights, *self.model.optimizer.variables]
        arrays = [np.ascontiguousarray(keras.ops.convert_to_numpy(variable)) for variable in state]
        self.found.hashes.append(hashlib.sha256(b"".join(map(bytes, arrays))).hexdigest())


SENT = []  # numbers in each message of the step


def _count_what_is_sent():
    from torch import distributed

    send = distributed.all_reduce

    def counted(tensor, *arguments, **options):
        SENT.append(tensor.numel())
        return send(tensor, *arguments, **options)

    distributed.all_reduce = counted


def main(folder, *names):
    with ranks.joined():
        if keras.backend.backend() == "torch":
            _count_what_is_sent()
        elif ranks.number == 1:
            ranks.distribute()
        for name in names:
            found = train_recaller() if name == RECALLER else train(**CASES[name])
            Path(folder, f"{name}-{ranks.rank}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
