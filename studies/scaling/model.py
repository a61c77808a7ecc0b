"""The time of a training step of several processes, from what one of them computes and what they send."""

import dataclasses

import numpy as np


class MeasuredLink:
    """What sums over two processes cost on this machine, between the sizes that were measured linearly.

    Args:
        seconds: Dict, bytes -> seconds of a sum.
    """

    def __init__(self, seconds):
        self._sizes = sorted(seconds)
        self._seconds = [seconds[size] for size in self._sizes]

    def seconds(self, num_bytes, *, ranks):
        """Of the sum of a tensor over two ranks."""
        if ranks != 2:
            raise ValueError(f"`ranks` must be 2, those that were measured, got {ranks}.")
        return float(np.interp(num_bytes, self._sizes, self._seconds))


@dataclasses.dataclass(frozen=True)
class Link:
    """A link as its maker states it.

    Attributes:
        latency: Seconds of the smallest sum over two ranks.
        bandwidth: Bytes a second that go each way.
    """

    latency: float
    bandwidth: float

    def seconds(self, num_bytes, *, ranks):
        """Of the sum of a tensor over so many ranks in a ring: Patarasuk & Yuan (2009).

        Each sends 2 (n − 1) / n of the bytes, in 2 (n − 1) messages, of which two ranks need two.
        """
        if ranks == 1:
            return 0.0
        return self.latency * (ranks - 1) + 2 * (ranks - 1) / ranks * num_bytes / self.bandwidth


def step_seconds(compute, messages, link, *, ranks):
    """Seconds of a step.

    Args:
        compute: Seconds in which a rank computes its part of the batch.
        messages: Sums of the step, pairs: how many of them, and the bytes of each.
        link: `Link` or `MeasuredLink`.
        ranks: How many there are. Nothing is sent while a rank computes, as kgan does it.
    """
    return compute + sum(times * link.seconds(size, ranks=ranks) for times, size in messages)
