"""Timing side by side: interleaved, as ratios with their spread."""

import dataclasses
import statistics
import time


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Seconds of two ways to do the same, taken in turn.

    Attributes:
        peer: Seconds of each turn of what a user would pick instead.
        ours: Seconds of the turns of kgan between them.
    """

    peer: list[float]
    ours: list[float]

    @property
    def ratios(self):
        """Ours over the peer's, turn by turn, in rising order."""
        return sorted(ours / peer for ours, peer in zip(self.ours, self.peer, strict=True))

    @property
    def ratio(self):
        """Median of the ratios: what else the machine does falls on both sides of each."""
        return statistics.median(self.ratios)


def compare(peer, ours, *, turns=9, warm_up=2):
    """Run two functions in turn, the second first in every other turn.

    Args:
        peer: Callable without arguments: what a user would pick instead.
        ours: Callable without arguments.
        turns: Number of timed calls of each.
        warm_up: Number of untimed calls of each before.

    Returns:
        A `Comparison`.
    """
    for _ in range(warm_up):
        peer()
        ours()
    found = Comparison([], [])
    sides = [(peer, found.peer), (ours, found.ours)]
    for _ in range(turns):
        for run, seconds in sides:
            seconds.append(_seconds(run))
        sides.reverse()
    return found


def _seconds(run):
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
