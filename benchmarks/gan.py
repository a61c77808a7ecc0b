"""`kgan.GAN.fit` against a plain PyTorch loop, and a skipped update against one that is not.

    KERAS_BACKEND=torch python -m benchmarks.gan [--quick] [--only template] [--threads 2]

One turn is one epoch of 100 batches of 64 images, of 25 where a step takes longest, everything included:
the data, the latents, the metrics and Keras's own callbacks. The plain loop (`benchmarks.plain_torch`) runs
in a process of its own, which waits while we run: the threads of two frameworks get into each other's way.
"""

import argparse
import contextlib
import functools
import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import torch
from torch.utils.flop_counter import FlopCounterMode

import kgan
from benchmarks import plain_torch
from benchmarks.elsewhere import calls_of
from benchmarks.floor import matmul_rate
from benchmarks.plain_torch import BATCH, images
from benchmarks.tables import Row, show
from benchmarks.timing import compare
from kgan.gan import architectures
from kgan.gan.update_policies import Always, FixedProbability

AGAINST_PLAIN = {  # architecture -> backend -> ratio that it should be at most
    "template": {"torch": 0.60, "jax": 0.40, "tensorflow": 1.0},
    "fully_connected": {},
    "convolutional": {"torch": 0.9},
}
SKIPPED = {"template": 0.92, "fully_connected": 0.85}  # FixedProbability(0.4) over Always


def seconds_of_arithmetic(architecture):
    """What the products and convolutions of a plain step take at the rate of a product of its size."""
    loop = plain_torch.Loop(getattr(plain_torch, architecture)(), images(1), batch_size=BATCH)
    with FlopCounterMode(display=False) as counter:
        loop.step(torch.zeros(BATCH, 1, 28, 28))
    return counter.get_total_flops() / matmul_rate(BATCH, 1024, 784)


def epochs_of_ours(architecture, x, policy):
    """A function that runs one epoch of `fit`, with Keras's progress bar going nowhere."""
    gan = kgan.GAN(*getattr(architectures, architecture)(), update_policy=policy)
    gan.compile(keras.optimizers.Adam(1e-3, epsilon=1e-8), keras.optimizers.Adam(1e-3, epsilon=1e-8))
    return functools.partial(_fit, gan, x)


def _fit(gan, x):
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):  # noqa: PTH123
        gan.fit(x, batch_size=BATCH)


def against_plain(architecture, x, *, turns, fused=False):
    """Our epoch against the plain loop's, as a `Row`."""
    backend, num_batches = keras.backend.backend(), len(x) // BATCH
    arguments = [
        architecture,
        str(num_batches),
        str(torch.get_num_threads()),
        *(["--fused"] if fused else []),
    ]
    with calls_of("benchmarks.plain_torch", *arguments) as epoch:
        comparison = compare(epoch, epochs_of_ours(architecture, x, Always()), turns=turns)
    return Row(
        f"GAN step, {architecture}, {backend}",
        "plain PyTorch loop" + ", fused Adam" * fused,
        comparison,
        target=None if fused else AGAINST_PLAIN[architecture].get(backend),
        per=num_batches,
        floor=seconds_of_arithmetic(architecture),
    )


def skipped(architecture, x, *, turns):
    """An epoch in which D is updated in two steps of five against one with all, as a `Row`."""
    comparison = compare(
        epochs_of_ours(architecture, x, Always()),
        epochs_of_ours(architecture, x, FixedProbability(0.4)),
        turns=turns,
    )
    return Row(
        f"FixedProbability(0.4), {architecture}, {keras.backend.backend()}",
        "kgan, Always()",
        comparison,
        target=SKIPPED[architecture],
        per=len(x) // BATCH,
    )


def main():
    """Print a row a comparison."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="epochs of two batches, one turn")
    parser.add_argument("--only", help="rows whose name holds this")
    parser.add_argument("--threads", type=int, default=2, help="of torch")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    x, turns = (images(2), 1) if options.quick else (images(100), 7)
    for name, row in _rows(x, turns).items():
        if options.only is None or options.only in name:
            show(row())


def _rows(x, turns):
    parts = dict.fromkeys(AGAINST_PLAIN, x) | {"convolutional": x[: max(2, len(x) // BATCH // 4) * BATCH]}
    rows = {
        f"plain {name}": functools.partial(against_plain, name, x, turns=turns) for name, x in parts.items()
    }
    # What one argument would give the user of the plain loop.
    rows["fused template"] = functools.partial(against_plain, "template", x, turns=turns, fused=True)
    rows |= {f"skipped {name}": functools.partial(skipped, name, x, turns=turns) for name in SKIPPED}
    return rows


if __name__ == "__main__":
    main()
