"""From short palindromes to long ones, the weights carried over."""

import dataclasses
import itertools
import math
import time

import keras
import numpy as np

from kgan.palindrome.data import FixedPalindromes, PalindromeStream
from kgan.palindrome.memory import is_out_of_memory
from kgan.palindrome.settings import ENCODINGS, percent
from kgan.spec import check, is_count, is_number, is_seed


def lengths_between(first, last, *, step=10, until=150, factor=2.0):
    """The lengths of a curriculum: by steps, then by one factor, ending at `last`.

    `lengths_between(10, 1000)` is 10, 20, 30, …, 150, 282, 531, 1000.

    Args:
        first: Shortest length, at least 2.
        last: Longest length.
        step: What is added up to `until`.
        until: Longest length that is reached by steps.
        factor: Number above 1 that lengths grow by from there at most, rounded to whole digits.

    Returns:
        Tuple of strictly increasing integers.

    Raises:
        ValueError: If an argument breaks its rule.
    """
    check("first", "an integer of at least 2", first, holds=is_count(first) and first >= 2)
    check("last", f"an integer of at least `first`, {first}", last, holds=is_count(last) and last >= first)
    check("step", "a positive integer", step, holds=is_count(step))
    check("factor", "a number above 1", factor, holds=is_number(factor) and factor > 1)
    short = [first, *range(first + step, min(until, last) + 1, step)]
    growth = last / short[-1]
    number = math.ceil(math.log(growth) / math.log(factor) - 1e-9)  # 1e-9: the logarithms are rounded
    long = {round(short[-1] * growth ** (k / number)) for k in range(1, number + 1)}
    return tuple(sorted({*short, *long}))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stage:
    """What came of one length, or has come of it so far.

    Attributes:
        length: Digits of a palindrome.
        accuracy_before: Share in [0, 1] of held-out palindromes that were right before any training
            at this length; None if memory ran out before it was known.
        accuracy: The same of the best weights, which are those that the model is left with.
        loss: Their mean cross-entropy, in nats.
        steps: Training steps at this length.
        seconds: Time spent at this length.
        learning_rate: The rate for the next step.
        out_of_memory: Whether memory ran out at this length.
    """

    length: int
    accuracy_before: float | None = None
    accuracy: float | None = None
    loss: float | None = None
    steps: int = 0
    seconds: float = 0.0
    learning_rate: float
    out_of_memory: bool = False

    @property
    def solved(self):
        """Whether every held-out palindrome was right."""
        return self.accuracy == 1


@dataclasses.dataclass(frozen=True)
class CurriculumResult:
    """How far a curriculum came.

    Attributes:
        lengths: Tuple of all its lengths.
        stages: Tuple of the `Stage`s, of which only the last may be unsolved.
        interrupted: Whether it was ended in the midst of the last.
    """

    lengths: tuple
    stages: tuple
    interrupted: bool = False

    @property
    def solved(self):
        """Whether every length was solved."""
        return self.reached == self.lengths[-1]

    @property
    def reached(self):
        """The longest length that was solved, or None."""
        return max((stage.length for stage in self.stages if stage.solved), default=None)

    @property
    def verdict(self):
        """One sentence: where it ended and why."""
        total = sum(stage.steps for stage in self.stages)
        if self.solved:
            return f"Solved every length up to {self.reached:,}: 100 % after {total:,} steps in all."
        so_far = "no length was solved" if self.reached is None else f"reached {self.reached:,}"
        last = self.stages[-1] if self.stages else None
        if last is not None and last.out_of_memory:
            return (
                f"Out of memory at length {last.length:,}, after {last.steps:,} steps there; {so_far}. "
                "Lower --batch-size or --chunk, or give an LSTM --checkpoint sqrt."
            )
        if self.interrupted or last is None or last.solved:
            return f"Interrupted after {total:,} steps: {so_far}."
        accuracy = percent(last.accuracy)
        return f"Stopped at length {last.length:,}: {accuracy} after {last.steps:,} steps; {so_far}."


@dataclasses.dataclass(frozen=True, kw_only=True)
class Curriculum:
    """Training along increasing lengths: evaluate first, and train only what is not solved.

    At each length the network that solved the one before is evaluated on held-out palindromes. If all
    are right, it goes on to the next length untrained. If not, it is trained in rounds, each
    followed by an evaluation, until all are right at a loss below `target_loss`. A round that
    neither solves the length nor lowers the loss is undone, and the learning rate is lowered.
    Weights, optimiser and rate are carried over. The first length that its budget does not solve
    is the last.

    Args:
        lengths: Strictly increasing integers of at least 2.
        batch_size: Palindromes a training step.
        round_steps: Training steps between two evaluations.
        max_steps: Steps at one length after which no further round begins.
        num_validation: Held-out palindromes, the same in each evaluation of a length.
        chunk: Palindromes that are evaluated at once, which bounds the memory of it.
        encoding: "one-hot" or "scalar", as the network takes them.
        target_loss: Mean cross-entropy in nats of what was trained, or None to be content with 100 %:
            what is only just right of one length is wrong of some palindromes of the next.
        decay: Number in (0, 1) that the learning rate is multiplied by.
        least_rate: Share in (0, 1] of the model's first learning rate that is its lowest.
        seed: Integer in [0, 2³¹) of all palindromes.

    Raises:
        ValueError: If a value breaks its rule.
    """

    lengths: tuple
    batch_size: int = 256
    round_steps: int = 20
    max_steps: int = 400
    num_validation: int = 1000
    chunk: int = 250
    encoding: str = "one-hot"
    target_loss: float | None = 2e-4
    decay: float = 0.5
    least_rate: float = 1 / 16
    seed: int = 0

    def __post_init__(self):
        """Check every value."""
        object.__setattr__(self, "lengths", tuple(self.lengths))
        _check_lengths(self.lengths)
        for name in ("batch_size", "round_steps", "max_steps", "num_validation", "chunk"):
            check(name, "a positive integer", getattr(self, name), holds=is_count(getattr(self, name)))
        check("encoding", f"one of {', '.join(ENCODINGS)}", self.encoding, holds=self.encoding in ENCODINGS)
        target, decay, least = self.target_loss, self.decay, self.least_rate
        holds = target is None or (is_number(target) and target > 0)
        check("target_loss", "a positive number or None", target, holds=holds)
        check("decay", "a number in (0, 1)", decay, holds=is_number(decay) and 0 < decay < 1)
        check("least_rate", "a number in (0, 1]", least, holds=is_number(least) and 0 < least <= 1)
        check("seed", "an integer in [0, 2**31)", self.seed, holds=is_seed(self.seed))

    def run(self, model, *, on_round=None, on_stage=None):
        """Train a model along all lengths, or up to the first that it does not solve.

        Running out of memory at a length ends the curriculum there. Whatever ends it, Ctrl-C and
        other errors included, the model is left with the best weights of the last length.

        Args:
            model: `keras.Model`, compiled as by `compile_recaller`, that takes any number of steps.
            on_round: Function of the `Stage` so far, called after each evaluation.
            on_stage: Function of each finished `Stage`; what was reached before an error, too.

        Returns:
            `CurriculumResult`.

        Raises:
            ValueError: If the model is not compiled.
        """
        check("model", "compiled, as by compile_recaller", model.name, holds=model.compiled)
        stages = []
        least_rate = self.least_rate * _learning_rate(model)
        for length in self.lengths:
            attempt = _Attempt(self, model, length=length, least_rate=least_rate)
            stages.append(self._finished(attempt, on_round=on_round or _ignore))
            (on_stage or _ignore)(stages[-1])
            if stages[-1].out_of_memory or not stages[-1].solved:
                break
        return CurriculumResult(self.lengths, tuple(stages))

    def _finished(self, attempt, *, on_round):
        try:
            attempt.evaluate_first()
            on_round(attempt.stage)
            while attempt.is_unfinished() and attempt.stage.steps < self.max_steps:
                attempt.train_round()
                on_round(attempt.stage)
        except BaseException as error:
            attempt.restore_best()
            if not is_out_of_memory(error):
                raise
            attempt.update_stage(out_of_memory=True)
        return attempt.stage


class _Attempt:
    """A curriculum's training at one length, and the best state of the model there."""

    def __init__(self, curriculum, model, *, length, least_rate):
        self.curriculum = curriculum
        self.model = model
        self.least_rate = least_rate
        model.optimizer.build(model.trainable_variables)  # so that all of its state is there to be kept
        self._began = time.monotonic()
        self._best = self._state()
        self.stage = Stage(length=length, learning_rate=_learning_rate(model))

    def evaluate_first(self):
        """Evaluate before any training at this length."""
        own, length = self.curriculum, self.stage.length
        data = {"encoding": own.encoding, "seed": own.seed}
        self._held_out = FixedPalindromes(
            own.num_validation, length, batch_size=own.chunk, part="validation", **data
        )
        self._stream = PalindromeStream(length, batch_size=own.batch_size, steps=own.round_steps, **data)
        measured = self._evaluate()
        self.update_stage(accuracy_before=measured["accuracy"], **measured)

    def is_unfinished(self):
        """Whether a palindrome is wrong, or training that has begun is not yet at its target."""
        target = self.curriculum.target_loss
        begun = self.stage.steps > 0 and target is not None
        return not self.stage.solved or (begun and self.stage.loss >= target)

    def train_round(self):
        """Train for a round, and undo it at a lower rate if it made the model no better."""
        self.model.fit(self._stream, shuffle=False, verbose=0)
        measured = self._evaluate()
        if self._is_better(measured):
            self._best = self._state()
        else:
            measured = {}
            self.restore_best()
            self._lower_learning_rate()
        self.update_stage(steps=self.stage.steps + len(self._stream), **measured)

    def _is_better(self, measured):
        solved, loss = measured["accuracy"] == 1, measured["loss"]
        if not math.isfinite(loss) or solved < self.stage.solved:
            return False
        return solved > self.stage.solved or not loss >= self.stage.loss  # anything is better than NaN

    def restore_best(self):
        """Give the model and its optimiser the best state of this length."""
        for variable, value in zip(self._variables(), self._best, strict=True):
            variable.assign(value)
        self.model.optimizer.learning_rate = self.stage.learning_rate

    def update_stage(self, **changes):
        """Note changes, the time and the learning rate."""
        seconds = time.monotonic() - self._began
        rate = _learning_rate(self.model)
        self.stage = dataclasses.replace(self.stage, seconds=seconds, learning_rate=rate, **changes)

    def _evaluate(self):
        measured = self.model.evaluate(self._held_out, verbose=0, return_dict=True)
        num_rows = self.curriculum.num_validation
        right = round(measured["accuracy"] * num_rows)  # a mean in float32
        return {"accuracy": right / num_rows, "loss": float(measured["loss"])}

    def _lower_learning_rate(self):
        rate = self.stage.learning_rate * self.curriculum.decay
        self.model.optimizer.learning_rate = max(rate, self.least_rate)

    def _variables(self):
        return [*self.model.variables, *self.model.optimizer.variables]

    def _state(self):
        return [np.array(keras.ops.convert_to_numpy(variable)) for variable in self._variables()]


def _learning_rate(model):
    return float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))


def _check_lengths(lengths):
    holds = bool(lengths) and all(is_count(length) and length >= 2 for length in lengths)
    check("lengths", "integers of at least 2", lengths, holds=holds)
    increasing = all(before < after for before, after in itertools.pairwise(lengths))
    check("lengths", "increasing", lengths, holds=increasing)


def _ignore(_stage):
    pass
