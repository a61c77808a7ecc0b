"""From short palindromes to long ones, the weights carried over."""

import dataclasses
import itertools
import math
import time

import keras
import numpy as np

from kgan.backend import ranks
from kgan.palindrome.data import FixedPalindromes, PalindromeStream
from kgan.palindrome.memory import is_out_of_memory
from kgan.palindrome.progress import Progress, Stage
from kgan.palindrome.settings import ENCODINGS, percent
from kgan.saving import NotFiniteError
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

    def run(self, model, *, on_round=None, on_stage=None, on_progress=None, callbacks=(), progress=None):
        """Train a model along all lengths, or up to the first that it does not solve.

        Running out of memory at a length ends the curriculum there. Whatever ends it, Ctrl-C and
        other errors included, the model is left with the best weights of the last length.

        Between two rounds the model is at its best so far. Saved there, with its optimiser and the
        `Progress`, it goes on to the same bits as if nothing had come between.

        Args:
            model: `keras.Model`, compiled as by `compile_recaller`, that takes any number of steps.
            on_round: Function of the `Stage` so far, called after each evaluation.
            on_stage: Function of each finished `Stage`; what was reached before an error, too.
            on_progress: Function of the `Progress`, called after these wherever one can go on later; not
                where memory ran out, so that what is resumed tries that length again.
            callbacks: Callbacks for each `fit` and `evaluate`.
            progress: `Progress` to go on from, the model being as it was there; None for the start. Its last
                length is gone on with, too, if it ended unsolved after fewer than `max_steps`.

        Returns:
            `CurriculumResult`.

        Raises:
            ValueError: If the model is not compiled, the progress is of other lengths, or one of these would
                not have ended where it did.
            NotFiniteError: If the model or its loss is not finite before any training at a length.
        """
        check("model", "compiled, as by compile_recaller", model.name, holds=model.compiled)
        ranks.share_steps(model)
        if progress is None:
            progress = Progress(least_rate=self.least_rate * _learning_rate(model))
        progress = self.taken_up(progress)
        on_stage, on_progress = on_stage or _ignore, on_progress or _ignore
        while not self.is_over(progress):
            attempt = _Attempt(self, model, progress, callbacks=callbacks)
            stage = self._finished(attempt, on_round=on_round or _ignore, on_progress=on_progress)
            progress = dataclasses.replace(progress, stages=(*progress.stages, stage), stage=None)
            on_stage(stage)
            if not stage.out_of_memory:
                on_progress(progress)
        return CurriculumResult(self.lengths, progress.stages)

    def taken_up(self, progress):
        """A `Progress` whose last length is in hand again if it ended for want of steps that there are now.

        Raises:
            ValueError: If the lengths are others, or one before the last would not have ended where it did.
        """
        self._check_progress(progress)
        stages = progress.stages
        open_again = [s for s in stages if not s.out_of_memory and self._is_to_be_trained(s)]
        if not open_again:
            return progress
        stage = open_again[0]
        if progress.stage is not None or stage is not stages[-1]:
            raise ValueError(
                f"Length {stage.length:,} has ended after {stage.steps:,} steps, and with these settings "
                "(`max_steps`, the target loss) would have been trained on: begin a new run, or leave them."
            )
        return dataclasses.replace(progress, stages=stages[:-1], stage=stage)

    def _is_to_be_trained(self, stage):
        """Whether steps are left and a palindrome is wrong, or training that has begun not at its target."""
        begun = stage.steps > 0 and self.target_loss is not None
        is_wanting = not stage.solved or (begun and stage.loss >= self.target_loss)
        return is_wanting and stage.steps < self.max_steps

    def _check_progress(self, progress):
        stages = (*progress.stages, *([progress.stage] if progress.stage else []))
        lengths = tuple(stage.length for stage in stages)
        holds = lengths == self.lengths[: len(lengths)]
        check("progress", f"of lengths that begin as {self.lengths}", lengths, holds=holds)

    def is_over(self, progress):
        """Whether there is nothing to do after a `Progress` that is `taken_up`."""
        stages = progress.stages
        return len(stages) == len(self.lengths) or any(s.out_of_memory or not s.solved for s in stages)

    def _finished(self, attempt, *, on_round, on_progress):
        try:
            attempt.begin_data()
            if attempt.progress.stage is None:
                attempt.evaluate_first()
                on_round(attempt.stage)
                on_progress(attempt.progress)
            while self._is_to_be_trained(attempt.stage):
                attempt.train_round()
                on_round(attempt.stage)
                on_progress(attempt.progress)
        except BaseException as error:
            attempt.restore_best()
            if not is_out_of_memory(error):
                raise
            attempt.update(out_of_memory=True)
        return attempt.stage


class _Attempt:
    """A curriculum's training at one length, and the best state of the model there."""

    def __init__(self, curriculum, model, progress, *, callbacks):
        self.curriculum = curriculum
        self.model = model
        self.progress = progress
        self._callbacks = list(callbacks)
        model.optimizer.build(model.trainable_variables)  # so that all of its state is there to be kept
        self._best = self._state()
        length = curriculum.lengths[len(progress.stages)]
        self.stage = progress.stage or Stage(length=length, learning_rate=_learning_rate(model))
        self._began = time.monotonic() - self.stage.seconds

    def begin_data(self):
        """Draw the held-out palindromes, and take up the stream of the others where it is."""
        own, length = self.curriculum, self.stage.length
        data = {"encoding": own.encoding, "seed": own.seed}
        self._held_out = FixedPalindromes(
            own.num_validation, length, batch_size=own.chunk, part="validation", **data
        )
        first = {"first_epoch": self.stage.rounds}
        self._stream = PalindromeStream(
            length, batch_size=own.batch_size, steps=own.round_steps, **data, **first
        )

    def evaluate_first(self):
        """Evaluate before any training at this length."""
        measured = self._evaluate()
        self._refuse_what_is_not_finite(measured["loss"])
        self.update(accuracy_before=measured["accuracy"], **measured)

    def _refuse_what_is_not_finite(self, loss):
        # No round would be better than this one, so each would be undone until the budget is used up.
        variables = zip(self._variables(), self._best, strict=True)
        found = [variable.path for variable, value in variables if not np.isfinite(value).all()]
        if found or not math.isfinite(loss):
            what = f"{found[0]} holds values that are not finite" if found else f"the loss is {loss}"
            raise NotFiniteError(
                f"Before any training at length {self.stage.length:,}, after step {self.progress.steps:,}, "
                f"{what}: lower the learning rate or `clip_norm`."
            )

    def train_round(self):
        """Train for a round, and undo it at a lower rate if it made the model no better."""
        self.model.fit(self._stream, shuffle=False, verbose=0, callbacks=self._callbacks)
        measured, state = self._evaluate(), self._state()
        if self._is_better(measured) and all(np.isfinite(value).all() for value in state):
            self._best = state
        else:
            measured = {}
            self.restore_best()
            self._lower_learning_rate()
        steps = self.stage.steps + len(self._stream)
        self.update(rounds=self.stage.rounds + 1, steps=steps, **measured)

    def _is_better(self, measured):
        solved, loss = measured["accuracy"] == 1, measured["loss"]
        if not math.isfinite(loss) or solved < self.stage.solved:
            return False
        return solved > self.stage.solved or loss < self.stage.loss

    def restore_best(self):
        """Give the model and its optimiser the best state of this length."""
        for variable, value in zip(self._variables(), self._best, strict=True):
            variable.assign(value)
        self.model.optimizer.learning_rate = self.stage.learning_rate

    def update(self, **changes):
        """Note changes of the stage, the time and the learning rate."""
        seconds = time.monotonic() - self._began
        rate = _learning_rate(self.model)
        self.stage = dataclasses.replace(self.stage, seconds=seconds, learning_rate=rate, **changes)
        self.progress = dataclasses.replace(self.progress, stage=self.stage)

    def _evaluate(self):
        measured = self.model.evaluate(self._held_out, verbose=0, return_dict=True, callbacks=self._callbacks)
        num_rows = self.curriculum.num_validation
        right = round(measured["accuracy"] * num_rows)  # a mean in float32
        return {"accuracy": right / num_rows, "loss": float(measured["loss"])}

    def _lower_learning_rate(self):
        rate = self.stage.learning_rate * self.curriculum.decay
        self.model.optimizer.learning_rate = max(rate, self.progress.least_rate)

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


def _ignore(_told):
    pass
