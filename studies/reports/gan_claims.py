"""What the reports claim of GANs on MNIST, and what the rows of their trainings say to it.

A new claim is one entry of `GAN_CLAIMS`.
"""

import functools
import itertools

import numpy as np

from studies.reports.claims import PARTLY, REPRODUCED, Answer, Claim, held, shares
from studies.reports.trainings import parsed
from studies.table import spread

_THREE = "{:.3f}".format
_CLOSE = 10  # times the Fréchet distance of real digits, at most: close to handwriting
_READABLE = 0.9  # of the confidence in real digits, at least
_SURE = 0.9  # of an interpolation's two ends
_DIGITS = 100  # times the Fréchet distance of real digits, at most: beyond, samples are no digits
_ERRORS = 3  # standard errors of the share of heads of a fair coin, by which p and that share may differ


def d_is_drawn_by_the_rule(rows):
    """Whether D was updated as often as a coin of the rule's probability falls."""
    if not rows:
        return None
    p, updates = ([float(np.mean(parsed(row[name]))) for row in rows] for name in ("p", "d_updates"))
    errors = [_ERRORS * 0.5 / np.sqrt(int(row["steps"])) for row in rows]
    wins = sum(
        abs(one - other) <= error and one < 1 for one, other, error in zip(p, updates, errors, strict=True)
    )
    words = f"p {spread(p, _THREE)}; D was updated in {spread(updates, _THREE)} of the steps"
    return Answer(words, held(wins, len(rows)))


def d_learns_faster(rows):
    """Whether L(D) is below L(G) on average over the training, its halves averaged, and their sum, too."""
    if not rows:
        return None
    d, g = ([float(np.mean(parsed(row[name]))) for row in rows] for name in ("d_loss", "g_loss"))
    wins, wins_of_sums = (
        sum(times * ours < theirs for ours, theirs in zip(d, g, strict=True)) for times in (1, 2)
    )
    words = (
        f"means of a training: L(D) {spread(d)} as the mean of its halves, "
        f"{spread([2 * loss for loss in d])} as their sum; L(G) {spread(g)}"
    )
    verdict = held(wins, len(rows))
    depends = verdict == REPRODUCED and not wins_of_sums
    return Answer(words, f"{PARTLY}: by the mean, not by the sum" if depends else verdict)


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
    """Whether 0 and 1 are drawn more often than 4."""
    if not rows:
        return None
    drawn = [np.array(parsed(row["shares"])) for row in rows]
    wins = sum(of[0] > of[4] and of[1] > of[4] for of in drawn)
    words = [f"{digit} {shares([float(of[digit]) for of in drawn])}" for digit in (0, 1, 4)]
    times = [of / parsed(row["real_shares"]) for of, row in zip(drawn, rows, strict=True)]
    relative = [f"{digit} {spread([float(of[digit]) for of in times])}" for digit in (0, 1, 4)]
    words = f"{', '.join(words)} of the samples; times their share of real digits: {', '.join(relative)}"
    return Answer(words, held(wins, len(rows)))


def interpolates(rows, *, classes=None):
    """Whether the two ends of the strip are surely of different digits, or of the two that are named.

    The ends are the surest of their digits that the GAN drew; what lies between is not judged. Of a GAN whose
    samples are no digits none counts: the classifier is sure of scribbles, too.
    """
    if not rows:
        return None
    found = [parsed(row["interpolated"]) for row in rows]
    sure = [min(parsed(row["surest"]), default=0.0) for row in rows]
    ratios = [float(row["frechet"]) / float(row["frechet_floor"]) for row in rows]
    wins = sum(
        bool(pair) and set(pair) == set(classes or pair) and least >= _SURE and ratio <= _DIGITS
        for pair, least, ratio in zip(found, sure, ratios, strict=True)
    )
    pairs = ", ".join(f"{pair[0]:.0f} to {pair[1]:.0f}" if pair else "none" for pair in found)
    words = (
        f"{pairs}; the less sure end {shares(sure)}; Fréchet distance {spread(ratios, '{:.0f}'.format)} times"
    )
    return Answer(words, held(wins, len(rows)))


def d_rests_in_every_second_epoch(rows):
    """Whether the share of steps in which D was updated is 1 and 0 by turns."""
    if not rows:
        return None
    wins = sum(_is_by_turns(parsed(row["d_updates"])) for row in rows)
    return Answer(f"share of steps that updated D, by epoch: {rows[0]['d_updates']}", held(wins, len(rows)))


def _is_by_turns(shares_by_epoch):
    """Whether they are 0 and 1, or 1 and 0, again and again."""
    pairs = list(itertools.pairwise(shares_by_epoch))
    return bool(pairs) and all(set(pair) == {0.0, 1.0} for pair in pairs)


def d_is_updated_each_step(rows):
    """Whether D was updated as often as G."""
    if not rows:
        return None
    wins = sum(set(parsed(row["d_updates"])) == {1.0} for row in rows)
    return Answer(f"in {wins} of {len(rows)} trainings in every step", held(wins, len(rows)))


_PROBABILITY = "D is trained with probability p = e^L(D) / (e^L(D) + e^L(G))"
GAN_CLAIMS = (
    Claim("A, B", _PROBABILITY, "a", d_is_drawn_by_the_rule),
    Claim("A, B", "D learns faster than G (here under the rule)", "a", d_learns_faster),
    Claim("B", "The rule with RMSprop", "b", d_is_drawn_by_the_rule),
    Claim("B", "D learns faster than G (under the rule, RMSprop)", "b", d_learns_faster),
    Claim("A, B", "D learns faster than G (preset d's, without the rule)", "d", d_learns_faster),
    Claim("B", "Simple digits such as 0 and 1 are drawn more often than 4", "b", zeros_and_ones_lead),
    Claim("B", "Two images of different digits, and the images between them", "b", interpolates),
    Claim("C", "D is trained in every second epoch only", "c", d_rests_in_every_second_epoch),
    Claim("C", "From a 4 to a 1 through eight images", "c", functools.partial(interpolates, classes=[4, 1])),
    Claim("D", "Noise, readable half way, at the end close to handwriting", "d", become_handwriting),
    Claim("D", "Two images of different digits, seven weighted averages between", "d", interpolates),
    Claim("E", "k = 1: D is trained once for each step of G", "e", d_is_updated_each_step),
    Claim("E", "Images on the line (x/n)·begin + ((n−x)/n)·end", "e", interpolates),
)
