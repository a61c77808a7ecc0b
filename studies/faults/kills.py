"""Runs that are killed again and again, each time resumed, and in the end compared with one that was not."""

import dataclasses
import itertools
import shutil
import time
from pathlib import Path

import numpy as np
import tqdm

from faults.jobs import SIGKILL, Running, folder_of_runs
from faults.rows import Rows, count, yes
from faults.scripts import SCRIPTS

SHARES = {"train_gan.py": 0.8, "train_lstm.py": 0.2}  # of the kills
NUMBERS = {"torch": 300, "jax": 50, "tensorflow": 50}
MOST = {"torch": 8, "jax": 14, "tensorflow": 14}  # kills a run; where a start is slow, more of fewer runs
NOT_ENDED = "it did not end"
_ROWS = Rows("kills")
_POLL = 0.002  # s
_FRESH = 0.1  # share of the processes that are Pythons of their own
_SOON = 0.4  # of the time of an undisturbed run: kills come earlier than that after a start


@dataclasses.dataclass(frozen=True)
class Reference:
    """A run that nobody killed.

    Attributes:
        run: Path of its folder.
        seconds: Time that it took, its start and its conclusion included.
        writing: Seconds that it takes to write a checkpoint, the median.
    """

    run: Path
    seconds: float
    writing: float


def reference(job, run):
    """Let a job run to its end.

    Raises:
        RuntimeError: If it fails.
    """
    start, lives = time.monotonic(), []
    process = Running(job, run)
    while _await(process, lambda: job.is_writing(run)):
        began = time.monotonic()
        _await(process, lambda: not job.is_writing(run))
        lives.append(time.monotonic() - began)
    if process.status() != 0:
        raise RuntimeError(f"{job.name} does not even run undisturbed: {process.last_words()}")
    return Reference(run=run, seconds=time.monotonic() - start, writing=float(np.median(lives or [0.1])))


def endure(job, run, *, against, rng, most=8, check=None, signal=SIGKILL):
    """Begin a run, kill it up to `most` times, resume it each time and let it end.

    Two kills in three are aimed at the writing of a checkpoint. Whether they hit is seen from what lies there
    afterwards. Other signals come at any time.

    Args:
        job: `Job`.
        run: Path of the folder of the run.
        against: `Reference` of the same job.
        rng: NumPy generator.
        most: Kills after which it is left in peace.
        check: Function of the folder to a dict: what is found of the checkpoints after a kill. None to look
            at nothing.
        signal: Number of the signal.

    Returns:
        List of dicts, a row a kill.
    """
    rows = []
    while True:
        aims = ["writing", "writing", "any"] if signal == SIGKILL else ["any"]
        aim = str(rng.choice(aims)) if len(rows) < most else "none"
        before = job.marks(run)
        process = Running(job, run, fresh=rng.random() < _FRESH)
        struck = _strike(process, job, run, aim=aim, against=against, rng=rng, signal=signal)
        status = process.status()
        if rows:
            resumed = bool(struck) or status == 0
            rows[-1] |= {"resumed": yes(resumed), "said": "" if resumed else process.last_words()}
        if not struck:
            break
        found = {"writing": yes(job.marks(run) - before), "begun": yes(job.begun(run))} | (check or _nothing)(
            run
        )
        rows.append({"job": job.name, "run": run.name, "kill": len(rows) + 1, "aim": aim} | struck | found)
    differing = job.differences(run, against.run) if status == 0 else [NOT_ENDED]
    end = {"identical": yes(not differing), "differing": len(differing), "differs": " ".join(differing[:3])}
    return [row | end for row in rows]


def _strike(process, job, run, *, aim, against, rng, signal):
    """Send the signal at a moment of the kind that is aimed at.

    Returns:
        Dict: the seconds since the start, those until its end and its status. Empty if it ended by itself.
    """
    start = time.monotonic()
    if aim == "writing":
        for _ in range(rng.integers(1, 4)):
            _await(process, lambda: not job.is_writing(run))
            _await(process, lambda: job.is_writing(run))
        time.sleep(rng.uniform(0, against.writing))
    else:
        seconds = rng.uniform(0, _SOON * against.seconds) if aim == "any" else np.inf
        _await(process, lambda: time.monotonic() > start + seconds)
    if process.status() is not None:
        return {}
    now, sent = time.monotonic(), time.time()
    process.send(signal)
    status = process.wait()
    ended = {"after": f"{now - start:.3f}", "sent": f"{sent:.3f}", "until": f"{time.monotonic() - now:.3f}"}
    ended |= {"status": status}
    return ended if status in (-signal, 128 + signal) else {}


def _await(process, condition):
    """Wait until a condition holds, or the process has ended: whether it holds."""
    while process.status() is None:
        if condition():
            return True
        time.sleep(_POLL)
    return False


def _nothing(_run):
    return {}


def found(run):
    """What there is of a run's checkpoints: the last, whether it loads, and how many are damaged."""
    import kgan.experiments  # noqa: F401 - so that the classes in the files are known
    from faults.flips import heard
    from kgan.saving import Checkpoints

    with heard() as said:
        saved = Checkpoints(run / "checkpoints").last()
    damaged = len(said.getvalue().splitlines())
    if saved is None:
        return {"checkpoint": "", "loads": "", "damaged": damaged}
    return {"checkpoint": saved.path.name, "loads": yes(saved.load() is not None), "damaged": damaged}


def run(*, backend, number):
    """Kill runs of both scripts, until there are so many rows of a backend; a fifth of train_lstm.py's."""
    number = number or NUMBERS[backend]
    for script, share in SHARES.items():
        options = {"check": found, "most": MOST[backend]}
        repeat(_ROWS, round(share * number), script=script, backend=backend, options=options)


def repeat(rows, number, *, script, backend, options):
    """Do things to runs of a script, one after the other, until there are so many rows of them.

    Args:
        rows: `Rows`.
        number: How many.
        script: One of `SCRIPTS`, whose jobs take turns.
        backend: Name of the backend.
        options: Those of `endure`.
    """
    chosen, references, jobs = {"backend": backend, "script": script}, {}, SCRIPTS[script]()
    bar = tqdm.tqdm(total=number, desc=f"{rows.path.stem}, {script}, {backend}", mininterval=5)
    with bar, folder_of_runs() as folder:
        for serial in itertools.count():
            done = rows.read(**chosen)
            bar.update(len(done) - bar.n)
            if len(done) >= number:
                return
            job, name = jobs[serial % len(jobs)], f"run-{serial}"
            if any(row["run"] == name for row in done):
                continue
            if job not in references:
                references[job] = reference(job, folder / f"reference-{len(references)}")
            rng = np.random.default_rng((serial, *script.encode(), *backend.encode()))
            new = endure(job, folder / name, against=references[job], rng=rng, **options)
            if new:
                rows.append([chosen | row for row in new])
            if all(row["identical"] == "yes" for row in new):  # else there is something to look at
                shutil.rmtree(folder / name)


def summary():
    """Lines of the table."""
    columns = (
        "kills",
        "while a checkpoint was written",
        "last checkpoint whole",
        "resumed",
        "runs",
        "to the same bits",
    )
    lines = [f"| backend | training | {' | '.join(columns)} |", f"|{'---|' * (len(columns) + 2)}"]
    for backend, script in dict.fromkeys((row["backend"], row["script"]) for row in _ROWS.read()):
        some = _ROWS.read(backend=backend, script=script)
        whole = sum(row["loads"] != "no" and row["damaged"] == "0" for row in some)
        runs = {row["run"]: row["identical"] for row in some}
        same = sum(identical == "yes" for identical in runs.values())
        cells = len(some), count(some, "writing"), whole, count(some, "resumed"), len(runs), same
        lines.append(f"| {backend} | {script} | {' | '.join(map(str, cells))} |")
    return lines
