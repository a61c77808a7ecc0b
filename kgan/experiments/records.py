"""What a run of the palindrome task leaves behind, written as it comes, so that nothing is lost."""

import contextlib
import dataclasses
import time

from kgan import callbacks, plots
from kgan.palindrome.memory import is_out_of_memory
from kgan.palindrome.settings import percent
from kgan.presets import Claim

OUT_OF_MEMORY = "out of memory"
INTERRUPTED = "interrupted"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a network came to at a length.

    Attributes:
        network: One of `kgan.palindrome.NETWORKS`.
        length: Digits of a palindrome.
        claim: What the report says of it, a `kgan.presets.Claim`, or None.
        accuracy: On the validation palindromes at the end, from 0 to 1; None if it came to none.
        best_accuracy: The best of all evaluations.
        epochs: Number of the last of its epochs, or of a curriculum's rounds at this length.
        steps: Training steps at this length.
        solved_epoch: The first epoch at 100 %, or None; 0 if before any training at this length.
        solved_step: The training step after it, or None; of a curriculum, over all its lengths.
        seconds: Time that it took.
        note: "interrupted", "out of memory" or nothing.
    """

    network: str
    length: int
    claim: Claim | None
    accuracy: float | None
    best_accuracy: float | None
    epochs: int
    steps: int
    solved_epoch: int | None
    solved_step: int | None
    seconds: float
    note: str = ""

    @classmethod
    def of(cls, rows, *, first_step=0, **attributes):
        """The outcome of the rows of a log.

        Args:
            rows: Dicts with epoch, step and val_accuracy, in their order.
            first_step: Training steps before them.
            **attributes: Those that no row tells.
        """
        accuracies = [row["val_accuracy"] for row in rows]
        solved = next((row for row in rows if row["val_accuracy"] == 1), None)
        return cls(
            accuracy=accuracies[-1] if rows else None,
            best_accuracy=max(accuracies, default=None),
            epochs=rows[-1]["epoch"] if rows else 0,
            steps=rows[-1]["step"] - first_step if rows else 0,
            solved_epoch=solved and solved["epoch"],
            solved_step=solved and solved["step"],
            **attributes,
        )

    @property
    def claimed(self):
        """The words of the claim, or a dash."""
        return "–" if self.claim is None else self.claim.text

    @property
    def measured(self):
        """The accuracy in words."""
        if self.accuracy is None:
            return self.note
        best = self.best_accuracy - self.accuracy
        words = [percent(self.accuracy), f"(best {percent(self.best_accuracy)})" if best > 0.0005 else ""]
        return " ".join(filter(None, [*words, self.note]))

    def described(self):
        """The attributes as a dict of plain values."""
        values = dataclasses.asdict(self)
        del values["claim"]
        number = self.claim and self.claim.accuracy
        words = {"claimed": self.claim and self.claim.text, "claimed_accuracy": number}
        return values | words | {"measured": self.measured}


class Records:
    """The log, the results and the plots of a run, and its progress bar.

    Args:
        run: `kgan.runs.Run`.
        preset: Preset of the run.
        total: Training steps of the whole run, or None.
        progress: Whether to show a progress bar.

    Attributes:
        outcomes: List of `Outcome`s.
        verdicts: Dict, network -> how its curriculum ended.
        out_of_memory: Dict, network -> length at which memory did not suffice.
    """

    def __init__(self, run, preset, *, total, progress):
        self.run = run
        self.preset = preset
        self.log = callbacks.NetworkLog(run.log)
        self.bars = [callbacks.SharedProgressBar(total)] if progress else []
        self.outcomes, self.verdicts, self.out_of_memory = [], {}, {}

    def close(self):
        """Close the files and leave the bar as it is."""
        with contextlib.ExitStack() as stack:
            for callback in (self.log, *self.bars):
                stack.callback(callback.close)

    @contextlib.contextmanager
    def training(self, model, length, *, save_as):
        """Keep what a model comes to at a length, however its training ends.

        Short memory ends it without an error. Ctrl-C finishes the step.

        Args:
            model: `keras.Model` that is named as its network.
            length: Digits of a palindrome.
            save_as: Name of the model's file.

        Yields:
            The callbacks to train it with.
        """
        self.begin(model.name, length)
        start, note, whole = time.monotonic(), "", True
        try:
            with callbacks.FinishStepOnInterrupt() as interrupt:
                yield [self.log, *self.bars, interrupt]  # the others see the step that it waited for
        except KeyboardInterrupt:
            note, whole = INTERRUPTED, interrupt.finished_step
            raise
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            note, whole = OUT_OF_MEMORY, False
        finally:
            self.add(model.name, length, seconds=time.monotonic() - start, note=note)
            if whole:
                self.run.save_model(model, save_as)

    def open(self, model):
        """Open the log and the bar for rounds that come without callbacks, of a `keras.Model`."""
        self.log.open()
        for bar in self.bars:
            bar.set_model(model)

    def begin(self, network, length):
        """Name what the rows that follow are of."""
        self.log.begin(network, length)
        for bar in self.bars:
            bar.name = f"{network}, length {length:,}"

    def add_round(self, row, *, new_steps):
        """Log a round that came without callbacks, of so many training steps."""
        self.log.add(row)
        for bar in self.bars:
            bar.advance(new_steps, f"{percent(row['val_accuracy'])} at step {row['step']:,}")

    def conclude(self, network, verdict):
        """Keep the verdict on a network's curriculum, in results.json too."""
        self.verdicts[network] = verdict
        self.write()

    def add(self, network, length, *, seconds, first_step=0, note=""):
        """Keep what the log says of a network at a length, in results.json too."""
        if note == OUT_OF_MEMORY:
            self.out_of_memory[network] = length
        outcome = Outcome.of(
            self.rows_of(length).get(network, []),
            first_step=first_step,
            network=network,
            length=length,
            claim=self.preset.claim_of(network, length),
            seconds=seconds,
            note=note,
        )
        self.outcomes.append(outcome)
        self.write()

    def write(self):
        """Write results.json."""
        results = [outcome.described() for outcome in self.outcomes]
        self.run.write_results({"results": results, "verdicts": self.verdicts})

    def rows_of(self, length):
        """The rows of the log at a length, or at every length if None, by network."""
        rows = {network: [] for network in self.preset.networks}
        for row in self.log.rows:
            if length in (None, row["length"]):
                rows[row["network"]].append(row)
        return {network: found for network, found in rows.items() if found}

    def draw_length(self, length):
        """Plot the curves at a length, if there are any."""
        if curves := self.rows_of(length):
            path = self.run.plots / f"length-{length:02d}.png"
            plots.write_curves(path, curves, title=f"Palindromes of {length} digits")

    def draw_curriculum(self):
        """Plot how lengths were reached, if any was tried."""
        if curves := self.rows_of(None):
            plots.write_curriculum(self.run.plots / "curriculum.png", curves)

    def draw_accuracies(self):
        """Plot the accuracy over the length, if there is any."""
        measured = {}
        for outcome in self.outcomes:
            if outcome.accuracy is not None:
                measured.setdefault(outcome.network, {})[outcome.length] = outcome.accuracy
        if measured:
            path = self.run.plots / "length-accuracy.png"
            plots.write_length_accuracy(path, measured, claimed=self._claimed())

    def _claimed(self):
        """The claims that are numbers, of the networks of this run at the lengths that any came to."""
        lengths = {outcome.length for outcome in self.outcomes}
        claimed = {network: {} for network in self.preset.networks}
        for claim in self.preset.claims:
            if claim.network in claimed and claim.length in lengths and claim.accuracy is not None:
                claimed[claim.network][claim.length] = claim.accuracy
        return claimed
