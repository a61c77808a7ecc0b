"""How far a curriculum has come, as plain values."""

import dataclasses


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
        rounds: Rounds at this length, which are the epochs of its stream of palindromes.
        seconds: Time spent at this length.
        learning_rate: The rate for the next step.
        out_of_memory: Whether memory ran out at this length.
    """

    length: int
    accuracy_before: float | None = None
    accuracy: float | None = None
    loss: float | None = None
    steps: int = 0
    rounds: int = 0
    seconds: float = 0.0
    learning_rate: float
    out_of_memory: bool = False

    @property
    def solved(self):
        """Whether every held-out palindrome was right."""
        return self.accuracy == 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a curriculum stands between two rounds. With the model, all that it takes to go on there.

    Attributes:
        stages: Tuple of the finished `Stage`s.
        stage: The `Stage` so far of the length in hand, or None before its first evaluation.
        least_rate: The lowest learning rate, in the unit of the model's first.
    """

    stages: tuple = ()
    stage: Stage | None = None
    least_rate: float

    @property
    def rounds(self):
        """Rounds at the length in hand."""
        return self.stage.rounds if self.stage else 0

    @property
    def steps(self):
        """Training steps over all lengths."""
        return sum(stage.steps for stage in (*self.stages, *([self.stage] if self.stage else [])))

    def described(self):
        """The attributes as a dict of plain values."""
        return dataclasses.asdict(self) | {"stages": [dataclasses.asdict(stage) for stage in self.stages]}

    @classmethod
    def of(cls, values):
        """The progress that `described` described."""
        stages = tuple(Stage(**stage) for stage in values["stages"])
        stage = values["stage"] and Stage(**values["stage"])
        return cls(**values | {"stages": stages, "stage": stage})
