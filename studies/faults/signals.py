"""Runs that are asked to end by SIGTERM: how soon there is a checkpoint, and whether they go on well."""

import signal

import numpy as np

from faults import kills
from faults.rows import Rows, count

NUMBERS = {"torch": 30, "jax": 10, "tensorflow": 10}
WITHIN = 2.0  # seconds from the signal to a checkpoint
_ROWS = Rows("sigterm")
_FINISHED = str(128 + signal.SIGTERM)


def found(run):
    """As for kills, and when the last checkpoint appeared."""
    folders = list((run / "checkpoints").glob("[0-9]*-step-*"))
    appeared = max((folder.stat().st_ctime for folder in folders), default=0.0)
    return kills.found(run) | {"appeared": f"{appeared:.3f}"}


def run(*, backend, number):
    """Ask runs of both scripts to end, until there are so many rows of a backend."""
    options = {"check": found, "most": 5, "signal": signal.SIGTERM}
    for script, share in kills.SHARES.items():
        wanted = round(share * (number or NUMBERS[backend]))
        kills.repeat(_ROWS, wanted, script=script, backend=backend, options=options)


def until_checkpoint(row):
    """Seconds from the signal to the checkpoint that it made; 0 where the last one was of that step."""
    return max(0.0, float(row["appeared"]) - float(row["sent"]))


def summary():
    """Lines of the table."""
    columns = "signals", "in training", "to a checkpoint, s: median", "most", "to the exit, s: median", "most"
    lines = [f"| backend | {' | '.join(columns)} | resumed | runs | to the same bits |", f"|{'---|' * 10}"]
    for backend in dict.fromkeys(row["backend"] for row in _ROWS.read()):
        rows = _ROWS.read(backend=backend)
        waited = [row for row in rows if row["status"] == _FINISHED]
        checkpoint = [until_checkpoint(row) for row in waited]
        ended = [float(row["until"]) for row in waited]
        times = (f"{of(values):.2f}" for values in (checkpoint, ended) for of in (np.median, max))
        runs = {row["run"]: row["identical"] for row in rows}
        same = sum(identical == "yes" for identical in runs.values())
        cells = len(rows), len(waited), *times, count(rows, "resumed"), len(runs), same
        lines.append(f"| {backend} | {' | '.join(map(str, cells))} |")
    return lines
