"""One training of one arm, watched and judged."""

import dataclasses
import functools
import tempfile
import time
from pathlib import Path

import keras
import numpy as np

import kgan
from kgan.evaluation import judge
from kgan.gan.update_policies import UpdatePolicy
from kgan.plots import read_log
from studies.balance.arms import ARMS, build, packed
from studies.threads import one_thread

SAMPLE_SEED = 20_000  # of no training
PARTS = 20  # of a training, over which p and the losses are averaged
_TRACED = ("p", "d_updates", "d_loss", "g_loss")
DIVERGED = {  # of samples that are not finite: the worst that each can be
    "frechet": np.inf,
    "precision": 0.0,
    "recall": 0.0,
    "total_variation": 1.0,
    "duplicates": 1.0,
    "classes": 0,
}


@dataclasses.dataclass(frozen=True)
class Job:
    """A training to be done.

    Attributes:
        phase: "tune", "confirm" or "explore".
        arm: Name of the `Arm`.
        seed: Of all that is random in it.
        learning_rate: G's.
        policy: `UpdatePolicy`.
        steps: Updates of G after which it is judged.
        cpu_seconds: CPU time of training after which it is judged, too; None for never.
        samples: How many are judged.
        data: Name of the data set.
        data_dir: Folder of its files, or None.
        size: Of the study, in words.
    """

    phase: str
    arm: str
    seed: int
    learning_rate: float
    policy: UpdatePolicy
    steps: int
    cpu_seconds: float | None
    samples: int = 10_000
    data: str = "mnist"
    data_dir: str | None = None
    size: str = ""


class Watch(keras.callbacks.Callback):
    """Keeps in which steps D was updated, and judges after so many updates of G, and after so much CPU time.

    Args:
        steps: Updates of G.
        cpu_seconds: CPU time within `fit`, judgements left out; or None.
        report: Function `(mark, seconds)` of "steps" or "cpu".
    """

    def __init__(self, steps, cpu_seconds, report):
        super().__init__()
        self.steps, self.cpu_seconds, self.report = steps, cpu_seconds, report
        self.coins, self._d_updates, self._uncounted = [], 0, 0.0
        self._left = ["steps"] if cpu_seconds is None else ["steps", "cpu"]

    def on_train_begin(self, logs=None):
        """Start the clock."""
        self._start = time.process_time()

    def on_train_batch_end(self, batch, logs=None):
        """See whether D was updated; judge where it is time."""
        now = time.process_time()
        before, self._d_updates = self._d_updates, int(self.model.discriminator_optimizer.iterations.value)
        self.coins.append(self._d_updates > before)
        seconds = now - self._start - self._uncounted
        for mark in [mark for mark in self._left if self._is_due(mark, seconds)]:
            self._left.remove(mark)
            self.report(mark, seconds)
        self.model.stop_training = not self._left
        self._uncounted += time.process_time() - now

    def _is_due(self, mark, seconds):
        if mark == "cpu":
            return seconds >= self.cpu_seconds
        return int(self.model.generator_optimizer.iterations.value) >= self.steps


@functools.cache
def _images(data, data_dir):
    return kgan.load_digits(data, data_dir=data_dir)[0]


@one_thread()
def train(job):
    """Train as a job says; its rows, one for each time at which it was judged."""
    gan = build(ARMS[job.arm], job.policy, learning_rate=job.learning_rate, seed=job.seed)
    rows, lengths = [], []
    with tempfile.TemporaryDirectory() as folder:
        log = kgan.callbacks.StepLog(Path(folder) / "steps.csv", every_steps=max(1, job.steps // 200))

        def report(mark, seconds):
            rows.append(_told(job, mark) | _reached(gan, watch, seconds) | _judged(gan, job.samples))
            lengths.append(len(watch.coins))

        watch = Watch(job.steps, job.cpu_seconds, report)
        images = _images(job.data, job.data_dir)
        gan.fit(images, batch_size=64, epochs=10_000, verbose=0, callbacks=[log, watch])
        steps = read_log(log.path)
    return [
        row | _trace(steps, length) | {"coins": _kept_coins(job, row["mark"], watch.coins[:length])}
        for row, length in zip(rows, lengths, strict=True)
    ]


def _kept_coins(job, mark, coins):
    return packed(coins) if (job.arm, mark) == ("balanced", "steps") else ""


def _told(job, mark):
    names = ("phase", "arm", "seed", "learning_rate", "size")
    return {name: getattr(job, name) for name in names} | {"policy": repr(job.policy)[:80], "mark": mark}


def _reached(gan, watch, seconds):
    return {
        "g_steps": int(gan.generator_optimizer.iterations.value),
        "cpu_seconds": round(seconds, 1),
        "d_rate": round(float(np.mean(watch.coins)), 5),
    }


def _judged(gan, num_samples):
    samples = gan.sample(num_samples, seed=SAMPLE_SEED)
    if not np.isfinite(samples).all():
        return dict(DIVERGED)
    judgement = judge(samples)
    figures = {metric.name: metric.value for metric in judgement.metrics}
    names = {"frechet": "frechet_distance", "precision": "precision_k5", "recall": "recall_k5"}
    names |= {name: name for name in ("total_variation", "duplicates")}
    return {
        **{short: round(figures[name], 5) for short, name in names.items()},
        "classes": int((judgement.shares.shares > 0.02).sum()),
    }


def _trace(log, length):
    """Means over equal parts of the first steps of a training, as numbers with blanks between them."""
    rows = max(1, int(np.searchsorted(log["step"], length, side="right")))
    found = {name: np.repeat(np.asarray(log[name][:rows], dtype=float), PARTS) for name in _TRACED}
    return {
        f"{name}_over_time": " ".join(f"{mean:.4f}" for mean in values.reshape(PARTS, -1).mean(axis=1))
        for name, values in found.items()
    }
