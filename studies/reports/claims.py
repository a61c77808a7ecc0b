"""A claim of the reports, the answer to it, and the words of verdicts."""

import dataclasses
from collections.abc import Callable

from studies.table import spread

REPRODUCED = "reproduced"
MOSTLY = "reproduced in most seeds"
HALF = "reproduced in half of the seeds"
PARTLY = "partly"
FEW = "not reproduced in most seeds"
NOT = "not reproduced"
SHOWN = "no number to compare with"


@dataclasses.dataclass(frozen=True)
class Answer:
    """What was measured of a claim, in words, and whether it holds."""

    measured: str
    verdict: str


@dataclasses.dataclass(frozen=True)
class Claim:
    """What a report says.

    Attributes:
        report: "A", or "A, B" where both do.
        text: Its words, shortened.
        preset: Name of the preset that is trained.
        measure: Function of the preset's rows that returns an `Answer`, or None where what it needs was not
            trained.
    """

    report: str
    text: str
    preset: str
    measure: Callable


def share(value):
    """A share of one as a percentage, never rounded up to all."""
    return "100 %" if value == 1 else f"{min(100 * value, 99.9):.3g} %"


def shares(values):
    """Median, least and greatest of some shares."""
    return spread(values, share)


def held(wins, of):
    """The verdict on something that is so in some seeds of some."""
    if wins in (0, of):
        return REPRODUCED if wins else NOT
    return HALF if 2 * wins == of else MOSTLY if 2 * wins > of else FEW
