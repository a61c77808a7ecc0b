"""How time and memory of `kgan.layers.LSTM` grow with the length, on torch.

    python benchmarks/lstm_lengths.py

Times are of one forward and backward pass with the gradients of all weights, of T and 2T steps in turn,
so that what else the machine does falls on both; the ratio is 2 where time is linear in the length. Memory is
what the peak of a fresh process grows by in one training step of 128 sequences of 1,000 steps.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np

import kgan

UNITS = 128
LENGTHS = (100, 200, 400, 800, 1600, 3200, 5000)


def one_hot(batch, length):
    """One-hot digits `(batch, length, 10)`."""
    return keras.ops.one_hot(np.random.default_rng(0).integers(0, 10, (batch, length)), 10)


def train(layer, x):
    """Seconds of a forward and a backward pass."""
    start = time.perf_counter()
    layer(x).sum().backward()
    seconds = time.perf_counter() - start
    layer.zero_grad()
    return seconds


def ratios(layer, length, *, batch, repeats):
    """time(2T) / time(T) of interleaved runs."""
    short, long = one_hot(batch, length), one_hot(batch, 2 * length)
    train(layer, short)
    return [train(layer, long) / train(layer, short) for _ in range(repeats)]


def growth(checkpoint):
    """MiB that one training step adds to the peak of this process, and its seconds."""
    layer = kgan.layers.LSTM(UNITS, checkpoint=checkpoint)
    train(layer, one_hot(128, 10))
    x = one_hot(128, 1000)
    before = peak()
    seconds = train(layer, x)
    return peak() - before, seconds


def peak():
    """MiB that this process has held at most: ru_maxrss would begin with that of its parent."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024


def main():
    """Print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--growth", metavar="CHECKPOINT", help=argparse.SUPPRESS)  # the fresh process
    options = parser.parse_args()
    if options.growth is not None:
        json.dump(growth(None if options.growth == "None" else options.growth), sys.stdout)
        return
    for checkpoint in (None, "sqrt"):
        layer = kgan.layers.LSTM(UNITS, checkpoint=checkpoint)
        for length in LENGTHS:
            found = ratios(layer, length, batch=options.batch, repeats=options.repeats)
            say(
                f"checkpoint {checkpoint!s:5} time({2 * length:>6,}) / time({length:>5,}) = "
                f"{statistics.median(found):.2f} ({min(found):.2f} to {max(found):.2f})"
            )
    for checkpoint in ("None", "sqrt"):
        command = [sys.executable, __file__, "--growth", checkpoint]
        memory, seconds = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)  # noqa: S603
        say(
            f"checkpoint {checkpoint:5} 1,000 steps of 128 sequences: {memory:,.0f} MiB more, {seconds:.2f} s"
        )


def say(line):
    """Print at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
