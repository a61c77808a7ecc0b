"""What the palindrome task can be set to. Imports no framework."""

import math

DIGITS = 10
ENCODINGS = ("one-hot", "scalar")
NETWORKS = ("lstm", "rnn")
PARTS = ("train", "validation")
PRIORS = ("latch",)
INITIALIZERS = ("keras", "torch")


def percent(share):
    """A share in words, to a tenth of a percent and rounded down: 99.96 % is not 100 %."""
    return f"{math.floor(1000 * share + 1e-3) / 10:g} %"  # 1e-3, for 0.991 in float32 is 0.99099999
