"""What the reports claim of the palindrome task, and what the rows of its trainings say to it.

A new claim is one entry of `RECALL_CLAIMS`.
"""

import functools
from statistics import median

import numpy as np

from kgan.palindrome import NETWORKS
from studies.reports.claims import MOSTLY, NOT, PARTLY, REPRODUCED, SHOWN, Answer, Claim, held, shares
from studies.reports.trainings import parsed
from studies.table import spread

_NAMES = {"lstm": "LSTM", "rnn": "RNN"}
_NEAR = 0.02  # of an accuracy that is claimed
_CHANCE = 0.08  # of the report's 12 %, so that it ends at 20 %: twice what guessing gets
_ABOUT = 0.05  # of an accuracy that is claimed to be about so much
_MUCH = 0.2  # by which a network that is much better is ahead
_LATER = 1.25  # times the epoch that is claimed, at most
_RISING = 90  # the epoch before which a curve that rises until 100 has not converged
_FAILED = 0.5  # accuracy below which a network has not learnt a length


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


def accuracy_is(rows, *, network, length, claimed, near=_NEAR, column="solved_epoch"):
    """Whether the accuracy at a length, at the end, is near to what is claimed."""
    found = of_network(rows, network, length)
    if not found:
        return None
    accuracies = _accuracies(found)
    wins = sum(abs(accuracy - claimed) <= near for accuracy in accuracies)
    return Answer(f"{shares(accuracies)}; {_when(found, column)}", held(wins, len(found)))


def converges(rows, *, network, length, by=None, still_rising=False):
    """Whether a network comes within two points of 100 % and stays there, and as late as is claimed."""
    found = of_network(rows, network, length)
    if not found:
        return None
    settled = [_settled(row) for row in found.values()]
    verdict = held(sum(epoch < np.inf for epoch in settled), len(settled))
    words = f"{shares(_accuracies(found))}; {_convergence(found)}"
    return Answer(words, _timely(verdict, median(settled), by, still_rising))


def _convergence(found):
    """In which seeds a network has converged, and when."""
    settled = [_settled(row) for row in found.values()]
    ends = [epoch for epoch in settled if epoch < np.inf]
    words = f"within two points to the end in {len(ends)} of {len(settled)} seeds"
    return f"{words}, from epoch {spread(ends, '{:,g}'.format)} on" if ends else words


def _settled(row):
    """The epoch from which the accuracy stays within two points of 100 %; infinite if there is none."""
    curve = parsed(row["val_accuracy"])
    below = [epoch for epoch, accuracy in enumerate(curve, 1) if not accuracy >= 1 - _NEAR]
    epoch = below[-1] + 1 if below else 1
    return epoch if epoch <= len(curve) else np.inf


def _timely(verdict, epoch, by, still_rising):
    """A verdict, and whether the epoch of convergence is that of the claim."""
    if verdict not in (REPRODUCED, MOSTLY):
        return verdict
    seeds = "" if verdict == REPRODUCED else "in most seeds, "
    if by is not None and epoch > _LATER * by:
        return f"{PARTLY}: {seeds}later"
    if still_rising and epoch < _RISING:
        return f"{PARTLY}: {seeds}sooner"
    return verdict


def is_reached_before(rows, *, network, length, step):
    """Whether a network is at 100 % before a step."""
    found = of_network(rows, network, length)
    if not found:
        return None
    wins = sum(solved < step for solved in _solved(found, "solved_step"))
    words = f"{shares(_accuracies(found))}; {_when(found, 'solved_step')}"
    return Answer(words, held(wins, len(found)))


def is_slower(rows, *, network, length, than):
    """Whether a network takes more steps to 100 % at one length than at another with the same seed."""
    long, short = (of_network(rows, network, each) for each in (length, than))
    seeds = sorted(set(long) & set(short))
    if not seeds:
        return None
    wins = sum(_solved_step(long[seed]) > _solved_step(short[seed]) for seed in seeds)
    words = [f"{each}: {_when(found, 'solved_step')}" for each, found in ((length, long), (than, short))]
    return Answer("; ".join(words), held(wins, len(seeds)))


def fails(rows, *, networks, length):
    """Whether networks stay below half of the palindromes."""
    answers = {network: of_network(rows, network, length) for network in networks}
    if not all(answers.values()):
        return None
    words = [f"{_NAMES[network]} {shares(_accuracies(found))}" for network, found in answers.items()]
    flat = [accuracy for found in answers.values() for accuracy in _accuracies(found)]
    return Answer("; ".join(words), held(sum(accuracy < _FAILED for accuracy in flat), len(flat)))


def lstm_is_better(rows, *, lengths, margin=0.0):
    """At which lengths the LSTM is right more often than the RNN of its seed, or as often and sooner.

    It is by more than a margin of the accuracy.
    """
    words, led, always = [], [], True
    for length in lengths:
        lstm, rnn = (of_network(rows, network, length) for network in NETWORKS)
        seeds = sorted(set(lstm) & set(rnn))
        if not seeds:
            return None
        wins = sum(_is_ahead(lstm[seed], rnn[seed], margin) for seed in seeds)
        always = always and wins == len(seeds)
        led += [str(length)] if 2 * wins > len(seeds) else []
        words.append(
            f"{length}: LSTM {shares(_accuracies(lstm))}, RNN {shares(_accuracies(rnn))}, "
            f"LSTM ahead in {wins} of {len(seeds)}"
        )
    if len(led) == len(lengths):
        return Answer("; ".join(words), REPRODUCED if always else MOSTLY)
    return Answer("; ".join(words), f"{PARTLY}: at {' and '.join(led)}" if led else NOT)


def _is_ahead(ours, other, margin):
    gain = float(ours["accuracy"] or 0) - float(other["accuracy"] or 0)
    if gain == 0:
        return _solved_step(ours) < _solved_step(other)
    return gain > margin


def _solved_step(row):
    """The step of the first 100 %; infinite if there is none."""
    return int(row["solved_step"]) if row["solved_step"] else np.inf


def converges_faster(rows, *, length):
    """Whether the LSTM has converged in an earlier epoch than the RNN with the same seed."""
    lstm, rnn = (of_network(rows, network, length) for network in NETWORKS)
    seeds = sorted(set(lstm) & set(rnn))
    if not seeds:
        return None
    wins = sum(_settled(lstm[seed]) < _settled(rnn[seed]) for seed in seeds)
    words = [f"{_NAMES[network]} {_convergence(of_network(rows, network, length))}" for network in NETWORKS]
    return Answer(f"{'; '.join(words)}; the LSTM sooner in {wins}", held(wins, len(seeds)))


def curriculum_reaches(rows, *, network, length):
    """Whether a network is at 100 % at every length of the curriculum up to one."""
    by_seed = {}
    for row in rows:
        if row["network"] == network:
            by_seed.setdefault(row["seed"], []).append(row)
    if not by_seed:
        return None
    reached = [_furthest(own) for own in by_seed.values()]
    wins = sum(end >= length for end in reached)
    words = f"{wins} of {len(reached)} seeds at 100 % up to {length}"
    if wins < len(reached):
        words += f", the furthest of each {spread(reached, '{:.0f}'.format)}"
    steps = [[int(row["steps"]) for row in sorted(own, key=_length)] for own in by_seed.values()]
    first, others = [of[0] for of in steps], [sum(of[1:]) for of in steps]
    words += f"; steps at {min(map(_length, rows))} digits {spread(first, '{:,.0f}'.format)}"
    words += f", at all other lengths together {spread(others, '{:,.0f}'.format)}"
    return Answer(words, held(wins, len(reached)))


def _length(row):
    return int(row["length"])


def _furthest(rows):
    return max((_length(row) for row in rows if float(row["accuracy"] or 0) == 1), default=0)


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


def _by(measure, **options):
    return functools.partial(measure, **options)


def _is(network, length, accuracy=1.0, **options):
    return _by(accuracy_is, network=network, length=length, claimed=accuracy, **options)


def _converges(network, length, **options):
    return _by(converges, network=network, length=length, **options)


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
    Claim("C", "LSTM, 50 digits: slower", "c", _by(is_slower, network="lstm", length=50, than=20)),
    Claim("C", "LSTM, 50 digits: a good solution before step 1,500", "c", _before(50, 1500)),
    Claim("C", "RNN, 50 digits: does not reach it", "c", _by(fails, networks=("rnn",), length=50)),
    Claim("D", "RNN, 5 digits: 100 %", "d", _converges("rnn", 5)),
    Claim(
        "D",
        "RNN, 10 digits: close to 100 % at epoch 100, still rising",
        "d",
        _converges("rnn", 10, still_rising=True),
    ),
    Claim("D", "RNN, 15 digits: 12 %", "d", _is("rnn", 15, accuracy=0.12, near=_CHANCE)),
    Claim("D", "RNN, 20 digits: very poor", "d", _by(fails, networks=("rnn",), length=20)),
    Claim("D", "LSTM, 5 digits: 100 %", "d", _converges("lstm", 5)),
    Claim("D", "5 digits: the LSTM converges faster", "d", _by(converges_faster, length=5)),
    Claim("D", "LSTM, 10 digits: 100 %, converged at epoch 50", "d", _converges("lstm", 10, by=50)),
    Claim("D", "LSTM, 15 digits: 100 %, converged at about epoch 60", "d", _converges("lstm", 15, by=60)),
    Claim("D", "LSTM, 20 digits: converges, perfect", "d", _converges("lstm", 20)),
    Claim("E", "LSTM, 10 digits: 100 %", "e", _is("lstm", 10, column="solved_step")),
    Claim("E", "LSTM, 20 digits: 100 %", "e", _is("lstm", 20, column="solved_step")),
    Claim("E", "LSTM, 25 digits: 100 %", "e", _is("lstm", 25, column="solved_step")),
    Claim(
        "E",
        "LSTM, 30 digits: about 90 %",
        "e",
        _is("lstm", 30, accuracy=0.9, near=_ABOUT, column="solved_step"),
    ),
    Claim(
        "E",
        "LSTM much better than RNN",
        "e",
        _by(lstm_is_better, lengths=(10, 20, 25, 30), margin=_MUCH),
    ),
)
