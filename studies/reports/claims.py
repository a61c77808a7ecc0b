"""What the reports claim, and what the rows of the trainings say to it.

A new claim is one entry of `CLAIMS`. Its measure is a function of the rows of its preset that returns an
`Answer`, or None where what it needs was not trained.
"""

import dataclasses
import functools
import itertools
from collections.abc import Callable
from statistics import median

import numpy as np

from kgan.palindrome import NETWORKS
from studies.reports.trainings import parsed
from studies.table import spread

REPRODUCED = "reproduced"
MOSTLY = "reproduced in most seeds"
PARTLY = "partly"
FEW = "not reproduced in most seeds"
NOT = "not reproduced"
SHOWN = "the report names no figure"

_NAMES = {"lstm": "LSTM", "rnn": "RNN"}
_NEAR = 0.02  # of an accuracy that is claimed
_LATER = 1.25  # times the epoch that is claimed, at most
_FAILED = 0.5  # accuracy below which a network has not learnt a length
_CLOSE = 10  # times the Fréchet distance of real digits, at most: close to handwriting
_READABLE = 0.9  # of the confidence in real digits, at least
_SURE = 0.9  # of an interpolation's two ends


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
        measure: Function of the preset's rows; see this module.
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
    if wins == of:
        return REPRODUCED
    return MOSTLY if 2 * wins > of else FEW if wins else NOT


def of_network(rows, network, length):
    """The rows of a network at a length, by seed."""
    return {row["seed"]: row for row in rows if (row["network"], row["length"]) == (network, str(length))}


def _accuracies(found):
    return [float(row["accuracy"] or 0) for row in found.values()]


def _solved(found, column="solved_epoch"):
    return [int(row[column]) for row in found.values() if row[column]]


def _when(found, column="solved_epoch"):
    """In which seeds 100 % was reached, and when."""
    solved = _solved(found, column)
    if not solved:
        return "at 100 % in no seed"
    unit, when = column.removeprefix("solved_"), spread(solved, "{:,g}".format)
    return f"at 100 % in {len(solved)} of {len(found)} seeds, first after {unit} {when}"


def accuracy_is(rows, *, network, length, claimed, by=None, column="solved_epoch"):
    """Whether the accuracy at a length is what is claimed, within two points, and not much later."""
    found = of_network(rows, network, length)
    if not found:
        return None
    accuracies = _accuracies(found)
    wins = sum(abs(accuracy - claimed) <= _NEAR for accuracy in accuracies)
    verdict = held(wins, len(found))
    solved = _solved(found, column)
    if by is not None and verdict not in (NOT, FEW) and (not solved or median(solved) > _LATER * by):
        verdict = f"{PARTLY}: later"
    return Answer(f"{shares(accuracies)}; {_when(found, column)}", verdict)


def is_reached_before(rows, *, network, length, step):
    """Whether a network is at 100 % before a step."""
    found = of_network(rows, network, length)
    if not found:
        return None
    wins = sum(solved < step for solved in _solved(found, "solved_step"))
    words = f"{shares(_accuracies(found))}; {_when(found, 'solved_step')}"
    return Answer(words, held(wins, len(found)))


def fails(rows, *, networks, length):
    """Whether networks stay below half of the palindromes."""
    answers = {network: of_network(rows, network, length) for network in networks}
    if not all(answers.values()):
        return None
    words = [f"{_NAMES[network]} {shares(_accuracies(found))}" for network, found in answers.items()]
    flat = [accuracy for found in answers.values() for accuracy in _accuracies(found)]
    return Answer("; ".join(words), held(sum(accuracy < _FAILED for accuracy in flat), len(flat)))


def lstm_is_better(rows, *, lengths):
    """Whether the LSTM is right more often than the RNN of its seed, or as often and at 100 % sooner."""
    words, ahead, of = [], 0, 0
    for length in lengths:
        lstm, rnn = (of_network(rows, network, length) for network in NETWORKS)
        seeds = sorted(set(lstm) & set(rnn))
        if not seeds:
            return None
        wins = sum(_standing(lstm[seed]) > _standing(rnn[seed]) for seed in seeds)
        ahead, of = ahead + wins, of + len(seeds)
        words.append(
            f"{length}: LSTM {shares(_accuracies(lstm))}, RNN {shares(_accuracies(rnn))}, "
            f"LSTM ahead in {wins} of {len(seeds)}"
        )
    return Answer("; ".join(words), held(ahead, of))


def _standing(row):
    solved = -int(row["solved_step"]) if row["solved_step"] else -np.inf
    return float(row["accuracy"] or 0), solved


def converges_faster(rows, *, length):
    """Whether the LSTM is at 100 % in an earlier epoch than the RNN with the same seed."""
    lstm, rnn = (of_network(rows, network, length) for network in NETWORKS)
    seeds = sorted(set(lstm) & set(rnn))
    if not seeds:
        return None
    wins = sum(_epoch(lstm[seed]) < _epoch(rnn[seed]) for seed in seeds)
    return Answer(f"LSTM {_when(lstm)}; RNN {_when(rnn)}", held(wins, len(seeds)))


def _epoch(row):
    return int(row["solved_epoch"]) if row["solved_epoch"] else np.inf


def curriculum_reaches(rows, *, network, length):
    """Whether a network is at 100 % at every length of the curriculum up to one."""
    seeds = {row["seed"] for row in rows if row["network"] == network}
    if not seeds:
        return None
    reached = [_furthest([r for r in rows if (r["network"], r["seed"]) == (network, seed)]) for seed in seeds]
    wins = sum(end >= length for end in reached)
    furthest = spread(reached, "{:.0f}".format)
    words = f"{wins} of {len(reached)} seeds at 100 % up to {length}; furthest {furthest}"
    return Answer(words, held(wins, len(reached)))


def _furthest(rows):
    return max((int(row["length"]) for row in rows if float(row["accuracy"] or 0) == 1), default=0)


def first_losses(rows):
    """The training loss of both networks over the last steps."""
    words = []
    for network in NETWORKS:
        found = [row for row in rows if row["network"] == network]
        if not found:
            return None
        words.append(
            f"{_NAMES[network]} {spread([parsed(row['loss'])[-1] for row in found], '{:.3f}'.format)}"
        )
    steps = rows[0]["steps"]
    return Answer(f"training loss at step {int(steps):,}, chance being 2.303: {'; '.join(words)}", SHOWN)


def d_learns_faster(rows):
    """Whether L(D) is below L(G), on average over the training, so that p is below one half."""
    losses = [[float(np.mean(parsed(row[name]))) for row in rows] for name in ("d_loss", "g_loss", "p")]
    if not rows:
        return None
    d, g, p = losses
    wins = sum(ours < theirs for ours, theirs in zip(d, g, strict=True))
    words = f"L(D) {spread(d)}, L(G) {spread(g)}, p {spread(p)}, means of a training"
    return Answer(words, held(wins, len(rows)))


def become_handwriting(rows):
    """Whether samples can be read half way, and are close to handwriting at the end."""
    if not rows:
        return None
    wins = 0
    for row in rows:
        readable = float(row["confidence_half_way"]) >= _READABLE * float(row["confidence_floor"])
        wins += readable and float(row["frechet"]) <= _CLOSE * float(row["frechet_floor"])
    sure = [[float(row[name]) for row in rows] for name in ("confidence_half_way", "confidence")]
    ratios = [float(row["frechet"]) / float(row["frechet_floor"]) for row in rows]
    words = (
        f"the classifier is {shares(sure[0])} sure half way, {shares(sure[1])} at the end; "
        f"Fréchet distance at the end {spread(ratios, '{:.0f}'.format)} times that of real digits"
    )
    return Answer(words, held(wins, len(rows)))


def zeros_and_ones_lead(rows):
    """Whether 0 and 1, as multiples of their share of real digits, are drawn more often than 4."""
    if not rows:
        return None
    times = [np.array(parsed(row["shares"])) / parsed(row["real_shares"]) for row in rows]
    wins = sum(of[0] > of[4] and of[1] > of[4] for of in times)
    words = [f"{digit} {spread([float(of[digit]) for of in times])}" for digit in (0, 1, 4)]
    return Answer(f"times its share of real digits: {', '.join(words)}", held(wins, len(rows)))


def interpolates(rows, *, classes=None):
    """Whether the two ends of the strip are surely of different digits, or of the two that are named."""
    if not rows:
        return None
    found = [parsed(row["interpolated"]) for row in rows]
    sure = [min(parsed(row["surest"]), default=0.0) for row in rows]
    wins = sum(
        bool(pair) and pair in (classes or pair, [*reversed(classes or pair)]) and least >= _SURE
        for pair, least in zip(found, sure, strict=True)
    )
    pairs = ", ".join(f"{pair[0]:.0f} to {pair[1]:.0f}" if pair else "none" for pair in found)
    return Answer(f"{pairs}; the less sure end {shares(sure)}", held(wins, len(rows)))


def d_rests_in_every_second_epoch(rows):
    """Whether the share of steps in which D was updated is 1 and 0 by turns."""
    if not rows:
        return None
    wins = sum(_is_by_turns(parsed(row["d_updates"])) for row in rows)
    words = (
        f"share of steps that updated D, by epoch: {rows[0]['d_updates']}; {int(rows[0]['steps']):,} steps"
    )
    return Answer(words, held(wins, len(rows)))


def _is_by_turns(shares_by_epoch):
    """Whether they are 0 and 1, or 1 and 0, again and again."""
    return all({one, next_one} == {0.0, 1.0} for one, next_one in itertools.pairwise(shares_by_epoch))


def d_is_updated_each_step(rows):
    """Whether D was updated as often as G."""
    if not rows:
        return None
    wins = sum(set(parsed(row["d_updates"])) == {1.0} for row in rows)
    return Answer(f"in {wins} of {len(rows)} trainings in every step", held(wins, len(rows)))


def _by(measure, **options):
    return functools.partial(measure, **options)


def _is(network, length, accuracy=1.0, **options):
    return _by(accuracy_is, network=network, length=length, claimed=accuracy, **options)


def _before(length, step):
    return _by(is_reached_before, network="lstm", length=length, step=step)


def _curriculum(network):
    return _by(curriculum_reaches, network=network, length=150)


RECALL_CLAIMS = (
    Claim("A, B", "The loss of both over the first 1,000 steps, a figure", "a-default", first_losses),
    Claim("A, B", "LSTM better than RNN at 5, 10 and 15", "a", _by(lstm_is_better, lengths=(5, 10, 15))),
    Claim("A, B", "Both fail at 20, trained directly", "a", _by(fails, networks=NETWORKS, length=20)),
    Claim("A, B", "LSTM at 100 % to length 150 by lengths", "curriculum", _curriculum("lstm")),
    Claim("A, B", "RNN at 100 % to length 150 by lengths", "curriculum", _curriculum("rnn")),
    Claim("C", "LSTM, 5 digits: easy", "c", _before(5, 1500)),
    Claim("C", "LSTM, 10 digits: easy", "c", _before(10, 1500)),
    Claim("C", "LSTM, 15 digits: easy", "c", _before(15, 1500)),
    Claim("C", "LSTM, 20 digits: easy", "c", _before(20, 1500)),
    Claim("C", "LSTM, 50 digits: a good solution before step 1,500", "c", _before(50, 1500)),
    Claim("C", "RNN, 50 digits: does not reach it", "c", _by(fails, networks=("rnn",), length=50)),
    Claim("D", "RNN, 5 digits: 100 %", "d", _is("rnn", 5)),
    Claim("D", "RNN, 10 digits: close to 100 % at epoch 100, still rising", "d", _is("rnn", 10)),
    Claim("D", "RNN, 15 digits: 12 %", "d", _is("rnn", 15, accuracy=0.12)),
    Claim("D", "RNN, 20 digits: very poor", "d", _by(fails, networks=("rnn",), length=20)),
    Claim("D", "LSTM, 5 digits: 100 %", "d", _is("lstm", 5)),
    Claim("D", "5 digits: the LSTM converges faster", "d", _by(converges_faster, length=5)),
    Claim("D", "LSTM, 10 digits: 100 %, converged at epoch 50", "d", _is("lstm", 10, by=50)),
    Claim("D", "LSTM, 15 digits: 100 %, converged at about epoch 60", "d", _is("lstm", 15, by=60)),
    Claim("D", "LSTM, 20 digits: converges, perfect", "d", _is("lstm", 20)),
    Claim("E", "LSTM, 10 digits: 100 %", "e", _is("lstm", 10, column="solved_step")),
    Claim("E", "LSTM, 20 digits: 100 %", "e", _is("lstm", 20, column="solved_step")),
    Claim("E", "LSTM, 25 digits: 100 %", "e", _is("lstm", 25, column="solved_step")),
    Claim("E", "LSTM, 30 digits: about 90 %", "e", _is("lstm", 30, accuracy=0.9, column="solved_step")),
    Claim("E", "LSTM much better than RNN", "e", _by(lstm_is_better, lengths=(10, 20, 25, 30))),
)
GAN_CLAIMS = (
    Claim("A, B", "D learns faster than G", "a", d_learns_faster),
    Claim("B", "The same with RMSprop", "b", d_learns_faster),
    Claim("B", "Simple digits such as 0 and 1 are drawn more often than 4", "b", zeros_and_ones_lead),
    Claim("B", "Between images of two classes lie others", "b", interpolates),
    Claim("C", "D is trained in every second epoch; 187,000 steps", "c", d_rests_in_every_second_epoch),
    Claim("C", "A 4 becomes a 1 through eight images", "c", _by(interpolates, classes=[4, 1])),
    Claim("D", "Noise, readable half way, at the end close to handwriting", "d", become_handwriting),
    Claim("D", "Between two classes lie seven weighted averages", "d", interpolates),
    Claim("E", "k = 1: D is trained once for each step of G", "e", d_is_updated_each_step),
    Claim("E", "The same interpolation", "e", interpolates),
)
