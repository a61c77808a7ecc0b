"""The kills, done to what others do."""

import itertools
import shutil

import numpy as np
import tqdm

from faults.jobs import folder_of_runs
from faults.kills import NOT_ENDED, endure, reference
from faults.rows import Rows, count

NUMBER = 20  # kills of each
_ROWS = Rows("compare")


def run(*, backend, number):
    """Kill each peer so many times."""
    from faults.peers import PEERS

    for job in PEERS:
        _kill(job, number=number or NUMBER, backend=backend)


def _kill(job, *, number, backend):
    done = _ROWS.read(job=job.name)
    if len(done) >= number:
        return
    bar = tqdm.tqdm(total=number, initial=len(done), desc=job.name, unit=" kills", mininterval=5)
    with bar, folder_of_runs() as folder:
        against = reference(job, folder / "reference")
        for serial in itertools.count(len({row["run"] for row in done})):
            rng = np.random.default_rng((serial, *job.name.encode()))
            rows = endure(job, folder / f"run-{serial}", against=against, rng=rng, most=4)
            if rows:
                _ROWS.append([{"backend": backend} | row for row in rows])
            shutil.rmtree(folder / f"run-{serial}")
            done = _ROWS.read(job=job.name)
            bar.update(len(rows))
            if len(done) >= number:
                break


def summary():
    """Lines of the table."""
    heads = "kills", "while it saved", "resumed", "runs", "came to their end", "to the same bits"
    lines = [f"| | {' | '.join(heads)} |", f"|{'---|' * 7}"]
    for job in dict.fromkeys(row["job"] for row in _ROWS.read()):
        rows = _ROWS.read(job=job)
        runs = {row["run"]: row for row in rows}.values()
        ended = len(runs) - count(runs, "differs", value=NOT_ENDED)
        cells = len(rows), count(rows, "writing"), count(rows, "resumed"), len(runs), ended
        lines.append(f"| {job} | {' | '.join(map(str, (*cells, count(runs, 'identical'))))} |")
    return lines
