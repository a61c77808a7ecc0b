"""How the time of `kgan.layers.LSTM` grows with the length, on torch.

python -m benchmarks.lengths [--quick]

A row's sides are one forward and backward pass with the gradients of all weights, of T steps and of 2T, in
turn; the ratio is 2 where time is linear in the length.
"""

import argparse

import keras
import numpy as np

import kgan
from benchmarks.tables import Row, show
from benchmarks.timing import compare

BATCH, UNITS = 16, 128
LENGTHS = (100, 200, 400, 800, 1600, 3200, 5000)


def training_step(layer, length):
    """A function that computes the gradients of a layer's weights, for one-hot digits of a length."""
    digits = np.random.default_rng(0).integers(0, 10, (BATCH, length))
    x = keras.ops.one_hot(digits, 10)

    def run():
        layer.zero_grad()
        layer(x).sum().backward()

    run()  # builds it
    return run


def main():
    """Show one row after the other."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one turn of the shortest")
    options = parser.parse_args()
    for checkpoint in (None, "sqrt"):
        layer = kgan.layers.LSTM(UNITS, checkpoint=checkpoint)
        for length in LENGTHS[:1] if options.quick else LENGTHS:
            short, long = (training_step(layer, steps) for steps in (length, 2 * length))
            found = compare(short, long, turns=1 if options.quick else 5, warm_up=0)
            what = f"LSTM, checkpoint {checkpoint}, {2 * length:,} steps"
            show(Row(what, f"{length:,} steps", found))


if __name__ == "__main__":
    main()
