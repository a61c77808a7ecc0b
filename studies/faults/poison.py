"""NaN put into a run on purpose: whether any file comes to hold one, and what is said."""

import contextlib
import json
import re
import shutil

import numpy as np
import tqdm

from faults.jobs import Job, Running, folder_of_runs
from faults.remains import arrays
from faults.rows import Rows, count, yes
from faults.small import few_images

PLACES = (
    "weights of G",
    "weights of D",
    "slots of G",
    "slots of D",
    "gradients of G",
    "gradients of D",
    "data",
)
REACTIONS = ("stop", "rollback")
STEPS = {"torch": (1, 10, 40), "jax": (10,), "tensorflow": (10,)}
_IMAGES = 16 * 64  # of an epoch of 16 steps
_DIVERGED = 3  # exit status
_ROWS = Rows("nan")
_ARGUMENTS = (
    *("--data", "mnist-5k", "--architecture", "compact", "--latent-dim", "16", "--batch-size", "64"),
    *("--epochs", "3", "--sample-every", "10", "--evaluate-every", "24", "--judged", "none"),
    *("--num-intermediate", "1", "--checkpoint-every", "0.005"),
)


class PoisonJob(Job):
    """A run into which NaN is put once."""

    def command(self, run):
        """What `train` needs."""
        return [json.dumps([*self.arguments, str(run)])]


def train(argv):
    """Train; NaN is put in a place at a step, once, and not again after a rollback."""
    from kgan.cli import train_gan

    place, step, reaction, run = json.loads(argv[0])
    with few_images(_IMAGES), _poisoned(place, step):
        policy = ["--update-policy", "Always()"] if place.startswith("gradients") else []  # else few are D's
        return train_gan([*_ARGUMENTS, *policy, "--on-nan", reaction, "--run-dir", run])


@contextlib.contextmanager
def _poisoned(place, step):
    from unittest import mock

    from faults.poisons import Calls, PoisonVariable, poisoned_batch, poisoned_build
    from kgan.experiments.recording import Recording
    from kgan.gan.data import ShuffledImages
    from kgan.optimizers import OptimizerSettings

    calls, recorded = Calls(), Recording.callbacks

    @contextlib.contextmanager
    def callbacks(self, **options):
        with recorded(self, **options) as used:
            yield [*([PoisonVariable(place, step)] if calls.is_first() and " of " in place else []), *used]

    with contextlib.ExitStack() as patches:
        patches.enter_context(mock.patch.object(Recording, "callbacks", callbacks))
        if place == "data":
            batch = poisoned_batch(ShuffledImages.batch, step, calls=calls)
            patches.enter_context(mock.patch.object(ShuffledImages, "batch", batch))
        if place.startswith("gradients"):
            build = poisoned_build(OptimizerSettings.build, step, of_generator=place.endswith("G"))
            patches.enter_context(mock.patch.object(OptimizerSettings, "build", build))
        yield


def trial(place, step, reaction, run):
    """Put NaN into a run and look at all that it leaves.

    Returns:
        Dict, a row.
    """
    process = Running(PoisonJob("train_gan.py", train, (place, step, reaction)), run)
    status = process.wait()
    log = process.log.read_text()
    message = " ".join(line for line in log.splitlines() if "diverged" in line or "back to step" in line)
    named = re.search(r"step ([\d,]+)", message)
    return {
        "place": place,
        "step": step,
        "on_nan": reaction,
        "status": status,
        "not_finite": not_finite(run),
        "step_named": named[1] if named else "",
        "checkpoint_named": yes("checkpoints/" in log or "back to step" in log),
        "ended": yes(status == 0),
        "traceback": yes("Traceback" in log),
        "said": message[:300] or process.last_words()[:300],
    }


def not_finite(run):
    """Number of values that are not finite in all .keras files below a folder."""
    files = [arrays(path) for path in run.rglob("*.keras")]
    floats = [a for found in files for a in found.values() if a.dtype.kind == "f"]
    return int(sum(np.size(a) - np.isfinite(a).sum() for a in floats))


def run(*, backend, number):
    """Put NaN in each place, at each step, with each reaction; or in the first `number` of them."""
    trials = [(place, step, on_nan) for step in STEPS[backend] for place in PLACES for on_nan in REACTIONS]
    with folder_of_runs() as folder:
        for serial, (place, step, on_nan) in enumerate(tqdm.tqdm(trials[:number], desc=f"NaN, {backend}")):
            if not _ROWS.read(backend=backend, place=place, step=step, on_nan=on_nan):
                _ROWS.append([{"backend": backend} | trial(place, step, on_nan, folder / f"run-{serial}")])
                shutil.rmtree(folder / f"run-{serial}", ignore_errors=True)


def summary():
    """Lines of the table."""
    columns = (
        "runs",
        "values not finite in their files",
        "exit status 3",
        "went on to the end",
    )
    lines = [
        f"| backend | --on-nan | {' | '.join(columns)} | a step named | a checkpoint named |",
        f"|{'---|' * 8}",
    ]
    for backend, on_nan in dict.fromkeys((row["backend"], row["on_nan"]) for row in _ROWS.read()):
        rows = _ROWS.read(backend=backend, on_nan=on_nan)
        bad = sum(int(row["not_finite"]) for row in rows)
        exits = count(rows, "status", value=str(_DIVERGED)), count(rows, "ended")
        named = sum(row["step_named"] != "" for row in rows), count(rows, "checkpoint_named")
        lines.append(f"| {backend} | {on_nan} | {' | '.join(map(str, (len(rows), bad, *exits, *named)))} |")
    return lines
