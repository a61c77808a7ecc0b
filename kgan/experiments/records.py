"""What a run of the palindrome task leaves behind, written as it comes, so that nothing is lost."""

import contextlib
import dataclasses
import logging
import time

import keras

from kgan import callbacks, plots
from kgan.callbacks import Checkpoint, DivergedError
from kgan.experiments import together
from kgan.experiments.resuming import spacing_of
from kgan.palindrome.memory import is_out_of_memory
from kgan.palindrome.settings import percent
from kgan.presets import Claim
from kgan.saving import NotFiniteError, check_finite

OUT_OF_MEMORY = "out of memory"
INTERRUPTED = "interrupted"
DIVERGED = "diverged"


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
        note: "interrupted", "diverged", "out of memory" or nothing.
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

    @classmethod
    def restored(cls, values):
        """The outcome whose attributes `dataclasses.asdict` gave."""
        return cls(**values | {"claim": values["claim"] and Claim(**values["claim"])})

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
    """The log, the results, the plots and the checkpoints of a run, and its progress bar.

    Args:
        run: `kgan.runs.Run`.
        preset: Preset of the run.
        total: Training steps of the whole run, or None.
        progress: Whether to show a progress bar.
        checkpoint_every: Minutes between two checkpoints.

    Attributes:
        outcomes: List of `Outcome`s.
        verdicts: Dict, network -> how its curriculum ended.
        out_of_memory: Dict, network -> length at which memory did not suffice.
        progress: Dict, network -> how far its curriculum had come when it ended, as plain values.
        interrupt: `FinishStepOnInterrupt`, to be entered around all.
    """

    def __init__(self, run, preset, *, total, progress, checkpoint_every):
        self.run = run
        self.preset = preset
        self.log = callbacks.NetworkLog(run.log)
        self.bars = [callbacks.SharedProgressBar(total)] if progress else []
        self.interrupt = callbacks.FinishStepOnInterrupt(between=True)
        self.outcomes, self.verdicts, self.out_of_memory, self.progress = [], {}, {}, {}
        self._checkpoint_every = checkpoint_every
        self._before, self._start = 0.0, time.monotonic()
        self._draws = True

    @property
    def seconds(self):
        """Time that the run took so far, interruptions left out."""
        return self._before + time.monotonic() - self._start

    def checkpoint(self, at):
        """A `Checkpoint` of what is trained next, which holds the records, too; the first process's writes.

        Args:
            at: Function without arguments: where training stands, a dict of plain values that is the
                "at" of a checkpoint's own.
        """

        def own():
            return {"settings": self.preset.describe(), "records": self.state(), "at": at()}

        if not together.leads():
            return _NoCheckpoint()
        minutes = self._checkpoint_every
        options = {"every_minutes": minutes, "spacing": spacing_of(minutes), "own": own}
        return _RunCheckpoint(self.run.checkpoints, **options)

    def state(self):
        """What there is, as plain values."""
        return {
            "outcomes": [dataclasses.asdict(outcome) for outcome in self.outcomes],
            "verdicts": dict(self.verdicts),
            "out_of_memory": dict(self.out_of_memory),
            "progress": dict(self.progress),
            "seconds": self.seconds,
            "log": self.log.state(),
            "bars": [bar.state() for bar in self.bars],
        }

    def restore(self, state):
        """Go on after what `state` returned; what the files hold of later steps goes."""
        self.outcomes = [Outcome.restored(values) for values in state["outcomes"]]
        self.verdicts, self.out_of_memory = state["verdicts"], state["out_of_memory"]
        self.progress = state["progress"]
        self._before, self._start = state["seconds"], time.monotonic()
        self.log.restore(state["log"], in_epoch=True)
        for bar, bar_state in zip(self.bars, state["bars"], strict=False):  # there may have been none
            bar.restore(bar_state, in_epoch=True)

    def is_done(self, network, length):
        """Whether a network has come to what it comes to at a length, or to nothing for want of memory."""
        done = {(outcome.network, outcome.length) for outcome in self.outcomes}
        return network in self.out_of_memory or (network, length) in done

    def close(self):
        """Close the files and leave the bar as it is."""
        with contextlib.ExitStack() as stack:
            for callback in (self.log, *self.bars):
                stack.callback(callback.close)

    @contextlib.contextmanager
    def training(self, model, length, *, save_as, seconds=0.0):
        """Keep what a model comes to at a length, however its training ends.

        Short memory ends it without an error.

        Args:
            model: `keras.Model` that is named as its network.
            length: Digits of a palindrome.
            save_as: Name of the model's file.
            seconds: Time that it took before an interruption.

        Yields:
            Function of no arguments: seconds so far.
        """
        start = time.monotonic() - seconds

        def keep(note, *, whole):
            if whole and (not note or _is_finite(model)):  # else why it is not kept is said already
                self.run.save_model(model, save_as)
            self.add(model.name, length, seconds=time.monotonic() - start, note=note)

        try:
            yield lambda: time.monotonic() - start
        except (KeyboardInterrupt, Exception) as error:
            note = _note_of(error)
            if note is not None:
                keep(note, whole=note == INTERRUPTED and self.interrupt.finished_step)
            if note != OUT_OF_MEMORY:
                raise
        else:
            keep("", whole=True)

    def open(self, model):
        """Open the log and the bar for rounds that come without callbacks, of a `keras.Model`."""
        self.log.open()
        for bar in self.bars:
            bar.set_model(model)

    def begin(self, network, length, *, step=0):
        """Name what the rows that follow are of, and the step after which they begin."""
        self.log.begin(network, length, step=step)
        for bar in self.bars:
            bar.name = f"{network}, length {length:,}"

    def add_round(self, row, *, new_steps):
        """Log a round that came without callbacks, of so many training steps."""
        self.log.add(row)
        for bar in self.bars:
            bar.advance(new_steps, f"{percent(row['val_accuracy'])} at step {row['step']:,}")

    def conclude(self, network, verdict, *, progress):
        """Keep the verdict on a network's curriculum, in results.json too, and its progress."""
        self.verdicts[network], self.progress[network] = verdict, progress
        self.write()

    def take_up(self, network, *, lengths):
        """Go on with a network's curriculum after these lengths: how it ended, and what came later, goes."""
        for kept in (self.verdicts, self.out_of_memory, self.progress):
            kept.pop(network, None)
        self.outcomes = [o for o in self.outcomes if o.network != network or o.length in lengths]

    def put_in_order(self):
        """Sort rows and results by network, as they come where none is taken up again."""
        networks = self.preset.networks

        def order(network):
            return networks.index(network) if network in networks else len(networks)

        rows = sorted(self.log.rows, key=lambda row: order(row["network"]))
        if rows != self.log.rows:
            self.log.restore(self.log.state() | {"rows": rows}, in_epoch=False)
        self.outcomes.sort(key=lambda outcome: order(outcome.network))
        self.verdicts = {name: self.verdicts[name] for name in sorted(self.verdicts, key=order)}
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
                rows.setdefault(row["network"], []).append(row)
        return {network: found for network, found in rows.items() if found}

    def draw_length(self, length):
        """Plot the curves at a length, if there are any."""
        if curves := self.rows_of(length):
            path = self.run.plots / f"length-{length:02d}.png"
            self._draw(plots.write_curves, path, curves, title=f"Palindromes of {length} digits")

    def draw_curriculum(self):
        """Plot how lengths were reached, if any was tried."""
        if curves := self.rows_of(None):
            self._draw(plots.write_curriculum, self.run.plots / "curriculum.png", curves)

    def draw_accuracies(self):
        """Plot the accuracy over the length, if there is any."""
        measured = {}
        for outcome in self.outcomes:
            if outcome.accuracy is not None:
                measured.setdefault(outcome.network, {})[outcome.length] = outcome.accuracy
        if measured:
            path = self.run.plots / "length-accuracy.png"
            self._draw(plots.write_length_accuracy, path, measured, claimed=self._claimed())

    def _draw(self, write, path, *arguments, **options):
        """Write a plot; where the disk does not take it, say so once and draw no more."""
        if not self._draws:
            return
        try:
            write(path, *arguments, **options)
        except OSError as error:
            self._draws = False
            logging.getLogger("kgan").warning(
                "kgan: %s was not written (%s): training goes on without plots.",
                *(path, error.strerror or error),
            )

    def _claimed(self):
        """The claims that are numbers, of the networks of this run at the lengths that any came to."""
        lengths = {outcome.length for outcome in self.outcomes}
        claimed = {network: {} for network in self.preset.networks}
        for claim in self.preset.claims:
            if claim.network in claimed and claim.length in lengths and claim.accuracy is not None:
                claimed[claim.network][claim.length] = claim.accuracy
        return claimed


def _note_of(error):
    """The note on what an error ended, or None if it says nothing of the network."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, DivergedError | NotFiniteError):
        return DIVERGED
    return OUT_OF_MEMORY if is_out_of_memory(error) else None


@contextlib.contextmanager
def standing_by_the_last_checkpoint():
    """Inside, numbers that are not finite are said to be, and nothing is raised."""
    try:
        yield
    except NotFiniteError as error:
        logging.getLogger("kgan").warning("kgan: %s The last checkpoint stands.", error)


def _is_finite(model):
    try:
        check_finite(model)
    except NotFiniteError:
        return False
    return True


class _RunCheckpoint(Checkpoint):
    """A checkpoint of one training of several in a run, which the run holds until its end."""

    def look_for_others(self):
        """Those of the trainings before are done with."""

    def on_epoch_begin(self, epoch, logs=None):
        """Write one where a run goes on with other settings, lest a rollback bring back the earlier ones."""
        super().on_epoch_begin(epoch, logs)
        if self.last.state["own"]["settings"] != self._own()["settings"]:
            self.write()

    def on_train_end(self, logs=None):
        """Write the last state."""
        self.write_last()


class _NoCheckpoint(keras.callbacks.Callback):
    """What stands for a checkpoint where another process writes it."""

    last = None

    def write(self):
        """Nothing."""

    write_last = write
