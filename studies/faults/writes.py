"""A disk that fails at each write of a run in turn: whether the checkpoint survives, and what is said."""

import collections
import dataclasses
import json
import os
import shutil
from pathlib import Path

import numpy as np
import tqdm

from faults.disk import BROKEN, FULL, READ_ONLY, FaultyDisk
from faults.jobs import Job, Running, folder_of_runs
from faults.rows import Rows, count, yes
from faults.small import few_images

FAULTS = {  # number of the error, and whether all after it fail, too
    "full": (FULL, True),
    "read-only": (READ_ONLY, True),
    "gone": (None, True),  # the folder is moved away in mid-run
    "one error": (BROKEN, False),
    "pictures": (FULL, True),  # nothing but pictures fails
}
PICTURES = ("samples", "plots")
EACH = ("full",)  # at every operation; the others at one in so many
ONE_IN = 8
RESUMED_ONE_IN = 6
_ROWS = Rows("writes")
_ARGUMENTS = (
    *("--data", "mnist-5k", "--architecture", "compact", "--latent-dim", "8", "--batch-size", "64"),
    *("--epochs", "1", "--sample-every", "2", "--evaluate-every", "3", "--judged", "none"),  # three steps
    *("--num-intermediate", "1", "--checkpoint-every", "0.00001"),  # at each of them
)
_IMAGES = 3 * 64
_move = os.rename  # the real one, whatever the disk does


@dataclasses.dataclass(frozen=True)
class FaultyJob(Job):
    """A job whose disk fails.

    Attributes:
        fault: One of `FAULTS`, or None.
        at: Number of the operation that fails first.
    """

    fault: str | None = None
    at: int = 0

    def command(self, run):
        """What `train` needs."""
        return [json.dumps([str(run), self.fault, self.at, super().command(run)])]


def small_job(**options):
    """A run of train_gan.py that takes a second, and has every kind of file."""
    return FaultyJob("train_gan.py", train, _ARGUMENTS, **options)


def train(argv):
    """Train on a disk that fails; what was done to the disk is left beside the run's folder."""
    from kgan.cli import train_gan

    run, fault, at, arguments = json.loads(argv[0])
    run, record = Path(run), {"operations": [], "before": []}
    error, lasting = FAULTS.get(fault, (None, False))

    def on_fault():
        record["before"] = sorted(path.name for path in (run / "checkpoints").glob("[0-9]*-step-*"))
        if fault == "gone":
            _move(run, _away(run))

    options = {"error": error, "lasting": lasting, "on_fault": on_fault if fault else None}
    if fault == "pictures":
        options["only"] = lambda path: set(PICTURES) & set(path.relative_to(run).parts)
    disk = FaultyDisk(run, at=at if fault else None, **options)
    with few_images(_IMAGES), disk:
        status = train_gan(arguments)
    _record(run).write_text(json.dumps(record | {"operations": disk.operations}))
    return status


def _away(run):
    return run.with_suffix(".away")


def _record(run):
    return run.with_suffix(".json")


def operations(job, run):
    """What a run does to the disk where nothing fails.

    Returns:
        List of (operation, path).

    Raises:
        RuntimeError: If it fails.
    """
    process = Running(job, run)
    if process.wait() != 0:
        raise RuntimeError(f"the run does not even end undisturbed: {process.last_words()}")
    return json.loads(_record(run).read_text())["operations"]


def trial(fault, at, run, *, clean, resume=True):
    """Train on a disk that fails, look at what is left, mend the disk and resume.

    Args:
        fault: One of `FAULTS`.
        at: Number of the operation that fails first.
        run: Path of the folder to make.
        clean: Path of a run that was not disturbed.
        resume: Whether to resume.

    Returns:
        Dict, a row.
    """
    from kgan.saving import Checkpoints

    failing = Running(small_job(fault=fault, at=at), run)
    status = failing.wait()
    record = (
        json.loads(_record(run).read_text()) if _record(run).exists() else {"operations": [], "before": ["?"]}
    )
    if _away(run).exists():
        shutil.rmtree(run, ignore_errors=True)
        _away(run).rename(run)
    last = Checkpoints(run / "checkpoints").last() if run.exists() else None
    survived = not record["before"] or (last is not None and last.path.name >= record["before"][-1])
    log = failing.log.read_text()
    said = [line for line in log.splitlines() if "error: " in line or "kgan: " in line]
    operation, path = (*record["operations"][at : at + 1], ("none", ""))[0]
    return {
        "fault": fault,
        "at": at,
        "operation": operation,
        "file": path,
        "status": status,
        "traceback": yes("Traceback" in log),
        "named": yes(any(str(run) in line for line in said)),
        "before": "".join(record["before"][-1:]),
        "after": last.path.name if last else "",
        "survived": yes(survived),
        **(
            _resumed(run, clean, of_pictures=path.split("/")[0] in PICTURES)
            if resume
            else {"resumed": "", "identical": "", "differs": ""}
        ),
        "said": "".join(said[-1:])[:300],
    }


def _resumed(run, clean, *, of_pictures):
    """Whether a run goes on once the disk is mended, and ends as one that nothing disturbed."""
    process = Running(small_job(), run)
    if process.wait() != 0:
        return {"resumed": "no", "identical": "no", "differs": process.last_words()}
    differing = small_job().differences(run, clean)
    if of_pictures:  # those that were not drawn are not drawn later
        differing = [name for name in differing if name.split("/")[0] not in PICTURES]
    return {"resumed": "yes", "identical": yes(not differing), "differs": " ".join(differing[:3])}


def run(*, backend, number):
    """Let the disk fail at each operation; in ways that are not of `EACH` at one in `ONE_IN`, or `number`."""
    with folder_of_runs() as folder:
        clean, count_of = folder / "clean", {}
        done = operations(small_job(), clean)
        pictures = sum(path.split("/")[0] in PICTURES for _, path in done)
        for fault in FAULTS:
            total = pictures if fault == "pictures" else len(done)
            some = total if fault in EACH else number or -(-total // ONE_IN)
            count_of[fault] = np.unique(np.linspace(0, total - 1, min(some, total)).round().astype(int))
        for fault, places in count_of.items():
            measured = {int(row["at"]) for row in _ROWS.read(backend=backend, fault=fault)}
            for at in tqdm.tqdm(places, desc=f"disk {fault}, {backend}", mininterval=5):
                if int(at) not in measured:
                    path = folder / f"{fault.replace(' ', '-')}-{at}"
                    row = trial(fault, int(at), path, clean=clean, resume=at % RESUMED_ONE_IN == 0)
                    shutil.rmtree(path, ignore_errors=True)
                    _ROWS.append([{"backend": backend} | row])


def summary():
    """Lines of the table."""
    columns = ("resumed", "identical", "named")
    heads = "failures", "checkpoint whole", "tried again", "resumed", "to the same bits", "named", "exit"
    lines = [f"| backend | the disk | {' | '.join(heads)} |", f"|{'---|' * 9}"]
    for backend, fault in dict.fromkeys((row["backend"], row["fault"]) for row in _ROWS.read()):
        rows = _ROWS.read(backend=backend, fault=fault)
        statuses = collections.Counter(row["status"] for row in rows)
        exits = ", ".join(f"{status}: {times}" for status, times in sorted(statuses.items()))
        tried = sum(row["resumed"] != "" for row in rows)
        cells = len(rows), count(rows, "survived"), tried, *(count(rows, column) for column in columns), exits
        lines.append(f"| {backend} | {fault} | {' | '.join(map(str, cells))} |")
    return lines
