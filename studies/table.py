"""Rows of a CSV file, each what came of a job, done side by side and never twice."""

import concurrent.futures
import csv
import dataclasses
import multiprocessing
import os
from pathlib import Path
from statistics import median

import tqdm

from kgan.files import replacing


@dataclasses.dataclass(frozen=True)
class Table:
    """A CSV file, to which whole jobs are appended.

    Args:
        path: The file.
        key: Names of the columns that say which job a row is of.
    """

    path: Path
    key: tuple

    def rows(self):
        """The rows that there are, as dicts of strings."""
        if not self.path.exists():
            return []
        with self.path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def append(self, rows):
        """Add the rows of a job; whatever stops the machine, the file holds all of them or none."""
        rows = self.rows() + rows
        with replacing(self.path) as path, path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[-1]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)

    def left(self, jobs):
        """Those of some jobs that have no rows yet; a job's attributes are the columns of the key."""
        done = {self._key_of(row) for row in self.rows()}
        return [job for job in jobs if self._key_of(vars(job)) not in done]

    def of(self, jobs):
        """The rows of some jobs."""
        keys = {self._key_of(vars(job)) for job in jobs}
        return [row for row in self.rows() if self._key_of(row) in keys]

    def _key_of(self, columns):
        return tuple(str(columns[name]) for name in self.key)


def do(table, jobs, work, *, cores):
    """Do the jobs that are left, and append the rows of each as it ends.

    A bar shows how many are done and the time left. What is interrupted is begun anew the next time. Where
    one fails, no other is begun, and what ended before is kept.

    Args:
        table: `Table`.
        jobs: Frozen dataclasses.
        work: Function of a module, `(job) -> rows`, dicts of the same columns.
        cores: Processes side by side, each with one thread; 1 for this process itself.
    """
    left = table.left(jobs)
    with tqdm.tqdm(total=len(jobs), initial=len(jobs) - len(left), unit=" runs", dynamic_ncols=True) as bar:
        for rows in _done(left, work, cores=cores):
            table.append(rows)
            bar.update()


def _done(jobs, work, *, cores):
    if cores == 1:
        yield from map(work, jobs)
        return
    os.environ["OMP_NUM_THREADS"] = "1"  # read by the processes that come
    context = multiprocessing.get_context("spawn")  # a fork would copy the threads of the backend
    with concurrent.futures.ProcessPoolExecutor(cores, mp_context=context) as pool:
        futures = [pool.submit(work, job) for job in jobs]
        try:
            yield from _results(futures)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _results(futures):
    """What they return, as they end; after one that fails, of those only that had begun."""
    failure = None
    for future in concurrent.futures.as_completed(futures):
        if future.cancelled():
            continue
        if future.exception() is None:
            yield future.result()
            continue
        failure = failure or future.exception()
        for other in futures:
            other.cancel()
    if failure is not None:
        raise failure


def spread(numbers, form="{:.2f}".format):
    """Median, least and greatest of some numbers, as text.

    Args:
        numbers: Sequence of them, one or more.
        form: Function, number -> text.
    """
    low, middle, high = form(min(numbers)), form(median(numbers)), form(max(numbers))
    return middle if low == high else f"{middle} [{low}, {high}]"
