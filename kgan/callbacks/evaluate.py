"""How good the samples are while training goes on."""

import dataclasses
import hashlib
import logging
import math
from pathlib import Path

import numpy as np

from kgan import saving
from kgan.callbacks.intervals import AtIntervals
from kgan.callbacks.logs import CSVFile
from kgan.evaluation import NUM_CLASSES, NUM_FEATURES, load_judge, quick_judge
from kgan.spec import check, is_count, is_seed

_LOGGED = ("frechet", "total_variation")
_COLUMNS = (
    "step",
    "frechet",
    "frechet_floor",
    "total_variation",
    "confidence",
    "duplicates",
    *(f"share_{k}" for k in range(NUM_CLASSES)),
)
_DIGITS = (28, 28, 1)
_FAILURES = (ValueError, OSError, MemoryError, RuntimeError)  # a device without memory raises the last
_BATCH = 250  # of two convolutions' samples a third sooner than 1,000 at once


@dataclasses.dataclass(frozen=True)
class Best:
    """The best evaluation.

    Attributes:
        step: Of the model's life.
        value: Its Fréchet distance.
    """

    step: int
    value: float


class Evaluate(AtIntervals):
    """Judges samples every n steps or epochs and at the end, and keeps the best model.

    A row an evaluation goes to a CSV file: the step, the Fréchet distance and its floor, how far the
    shares of the digits lie from the real ones, and those shares. The last `frechet` and
    `total_variation` are in the logs of each epoch, for the callbacks that stand behind this one and for
    the history; NaN before the first. The latents stay the same, so that rows can be compared, and
    training goes on to the same bits as without. What cannot be judged or saved costs its row or its
    file, with a line that says why, but not the training.

    Args:
        path: CSV file to write.
        every_steps: Steps between two evaluations, or None.
        every_epochs: Epochs between two evaluations, or None. One epoch if neither is given.
        samples: Number of samples that are judged.
        seed: Integer in [0, 2³¹), of their latents.
        best_model: File to save the model in whenever its Fréchet distance is the lowest so far, or None.
        judge: Function of images `(samples, *image_shape)` to a dict with `frechet` and the other
            columns, as far as it has them; `kgan.evaluation.quick_judge`, which judges MNIST's
            digits, if None.

    Attributes:
        rows: List of dicts, the rows so far; where samples could not be judged, with the step alone.
        best: `Best`, or None before the first evaluation.

    Raises:
        ValueError: If both intervals are given or a number breaks its rule, or, when training begins,
            if the images are no digits of MNIST's shape or the files of the judge are damaged.
    """

    def __init__(
        self,
        path,
        *,
        every_steps=None,
        every_epochs=None,
        samples=2000,
        seed=0,
        best_model=None,
        judge=None,
    ):
        super().__init__(every_steps=every_steps, every_epochs=every_epochs)
        check("samples", "a positive integer", samples, holds=is_count(samples))
        check("seed", "an integer in [0, 2**31)", seed, holds=is_seed(seed))
        check("judge", "a function of images, or None", judge, holds=judge is None or callable(judge))
        self.samples, self.seed = samples, seed
        self.best_model = None if best_model is None else Path(best_model)
        self.judge = quick_judge if judge is None else judge
        rule = f"at least {NUM_FEATURES}, the number of features, for which there must be an image each"
        check("samples", rule, samples, holds=judge is not None or samples >= NUM_FEATURES)
        self.rows, self.best = [], None
        self._saved = None  # checksum of the best model's file
        self._file = CSVFile(path)

    @property
    def path(self):
        """The CSV file."""
        return self._file.path

    def state(self):
        """The rows, the best of them, and how much of the file there is."""
        best = self.best and dataclasses.asdict(self.best)
        return {"rows": self.rows, "best": best, "model": self._saved, "file": self._file.state()}

    def restore(self, state, *, in_epoch):
        """Go on after the rows that there were."""
        self.rows, self.best = state["rows"], state["best"] and Best(**state["best"])
        self._saved = state["model"]
        if self._saved != self._checksum():  # of a later step, which comes again or never was on this way
            self.best_model.unlink(missing_ok=True)
            self.best = self._saved = None
        self._file.restore(state["file"], in_epoch=in_epoch)

    def on_train_begin(self, logs=None):
        """See that the images can be judged."""
        shape, holds = self.model.image_shape, self.judge is not quick_judge
        rule = f"{_DIGITS}, as MNIST's digits; for others give `judge`"
        check("image_shape", rule, shape, holds=holds or tuple(shape) == _DIGITS)
        if self.judge is quick_judge:
            load_judge()  # what is damaged is said before there is anything to lose

    def on_epoch_end(self, epoch, logs=None):
        """Evaluate where the interval in epochs has passed, and after the last; log the last values."""
        super().on_epoch_end(epoch, logs)
        if epoch + 1 == self.params["epochs"]:
            self.evaluate_last()
        last = self.rows[-1] if self.rows else {}
        if logs is not None:
            logs.update({name: last.get(name, math.nan) for name in _LOGGED})

    def on_train_end(self, logs=None):
        """Evaluate after the last step and close the file."""
        self.evaluate_last()
        self.close()

    def evaluate_last(self):
        """Evaluate at this moment, unless that was done or no step was taken."""
        if int(self.model.step.value) not in (0, *(row["step"] for row in self.rows[-1:])):
            self.act()

    def act(self):
        """Evaluate at this moment."""
        row = {"step": int(self.model.step.value)} | self._judged()
        self.rows.append(row)
        if not self._file.is_open:  # only now, so that there is no file without a row
            self._file.open()
        self._file.write({column: row.get(column, "") for column in _COLUMNS})
        value = row.get("frechet", math.inf)
        if value < (math.inf if self.best is None else self.best.value):
            self.best = Best(step=row["step"], value=value)
            self._save()

    def close(self):
        """Close the file: to be called where training ended early."""
        self._file.close()

    def _judged(self):
        images = self.model.sample(self.samples, seed=self.seed, batch_size=_BATCH)
        if not np.isfinite(images).all():  # which the alarm is for
            return {}
        try:
            return {name: float(value) for name, value in self.judge(images).items()}
        except _FAILURES as error:
            _warn("the samples were not judged: %s", error)
            return {}

    def _save(self):
        if self.best_model is not None:
            try:
                saving.save(self.model, self.best_model)
                self._saved = self._checksum()
            except _FAILURES as error:
                _warn("the best model so far was not saved: %s", error)

    def _checksum(self):
        if self.best_model is None or not self.best_model.is_file():
            return None
        return hashlib.sha256(self.best_model.read_bytes()).hexdigest()


def _warn(text, error):
    logging.getLogger("kgan").warning(f"kgan: {text}", error)
