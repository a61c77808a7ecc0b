"""Mutation study: 40 seeded faults, tested one at a time.

    python -m studies.mutants --full --cores 2

copies the project and applies one mutant at a time. It runs the tests of the mutant's area, then the others,
and appends a row to studies/mutants/results.csv. The tests must first pass on the unchanged code. A mutant
with a row is skipped: delete the CSV after a change of the code. The study ends with a table by area and the
survivors. `--plan` prints the mutants and runs nothing.
"""

import argparse
import collections
import contextlib
import dataclasses
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from studies.mutants.table import AREAS, MUTANTS, Mutant
from studies.table import Table, do

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).with_name("results.csv")
KEY = ("mutant", "tier")
# It fails in every mutated copy, because the old text is gone.
OWN_TEST = "tests/full/studies/test_mutants_study.py"
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S.*?)(?: - .*)?$", re.MULTILINE)  # in pytest's short summary
_NOT_RUN = (3, 4)  # pytest's exit codes for an error of its own and for wrong arguments


@dataclasses.dataclass(frozen=True)
class Suite:
    """The tests of a project and their options.

    Attributes:
        root: Folder of the project, a git repository.
        copies: Folder for one copy of the project per worker.
        tests: Arguments of pytest. They replace the area's tests and the others.
        full: True to pass `--full`.
        limit: Time limit of one run of pytest, in seconds.
    """

    root: Path
    copies: Path
    tests: tuple = ()
    full: bool = False
    limit: float = 600.0

    def runs(self, area):
        """Return pytest's arguments, one list for each run: the area's tests, then the others.

        Raises:
            FileNotFoundError: If a folder of the area is neither in tests/ nor in tests/full/.
        """
        tops, names = ("tests", "tests/full"), AREAS.get(area, ())
        found = [(top, name) for top in tops for name in names if (self.root / top / name).is_dir()]
        for name in set(names) - {name for _, name in found}:
            raise FileNotFoundError(f"tests/{name} must be a folder, got none. Correct `AREAS`.")
        first = [f"{top}/{name}" for top, name in found if self.full or top == "tests"]
        others = [f"--ignore={folder}" for folder in first]
        runs = [self.tests] if self.tests else [first, others] if first else [()]
        options = [f"--ignore={OWN_TEST}", *(["--full"] if self.full else [])]
        return [[*arguments, *options] for arguments in runs]

    def copied(self):
        """Return this worker's copy of the tracked files. Make it on the first call."""
        copy = self.copies / str(os.getpid())
        if not copy.exists():
            files = subprocess.check_output(["git", "ls-files", "-z"], cwd=self.root, text=True)  # noqa: S607
            for name in files.split("\0")[:-1]:
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(self.root / name, copy / name)
        return copy

    def run(self, arguments, copy):
        """Run pytest in a copy. Return "yes", "no" or "time-out", and the id of the failed test.

        Raises:
            RuntimeError: If pytest could not run the tests or was killed.
        """
        command = [sys.executable, "-m", "pytest", "-n=0", "-x", "-q", "-p", "no:cacheprovider", *arguments]
        # Without the path, programs that tests start would import an editable installation.
        environment = {"KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(copy)}
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
            code = _exit_code(command, copy, environment, output, limit=self.limit)
            output.seek(0)
            text = output.read()
        if code in _NOT_RUN:
            raise RuntimeError(f"pytest did not run {' '.join(arguments)}: {text[-2000:]}")
        if code is not None and code < 0:  # such as out of memory: no test failed
            raise RuntimeError(f"pytest must end by itself, got signal {-code}. Pass a lower --cores.")
        if code in (0, 5):  # 5: no tests collected
            return "no", ""
        found = _FAILED.search(text.rpartition("short test summary info")[2])
        return "time-out" if code is None else "yes", found[1] if found else ""


def _exit_code(command, folder, environment, output, *, limit):
    """Return a program's exit code, or None after the time limit. Kill its remaining processes."""
    options = {"cwd": folder, "env": os.environ | environment, "start_new_session": True}
    with subprocess.Popen(command, **options, stdout=output, stderr=output) as process:  # noqa: S603
        try:
            return process.wait(limit)
        except subprocess.TimeoutExpired:
            return None
        finally:
            with contextlib.suppress(ProcessLookupError):  # the group is empty
                os.killpg(process.pid, signal.SIGKILL)


@dataclasses.dataclass(frozen=True)
class Job:
    """A mutant, or None for the unchanged code, and its tests. `mutant` and `tier` are the row's key."""

    mutant: str
    tier: str
    change: Mutant | None
    suite: Suite


def tested(job):
    """Run the tests on a mutant until one fails. Return its row in a list.

    Raises:
        RuntimeError: If a test fails on the unchanged code.
    """
    began, copy, area = time.monotonic(), job.suite.copied(), job.change.area if job.change else ""
    with _applied(job.change, copy) if job.change else contextlib.nullcontext():
        for arguments in job.suite.runs(area):
            caught, test = job.suite.run(arguments, copy)
            if caught != "no":
                break
    if job.change is None and caught != "no":  # every mutant would seem to be caught
        what = test if caught == "yes" else f"a time-out at {job.suite.limit:g} s: pass --limit"
        raise RuntimeError(f"The tests must pass on the unchanged code, got {what}.")
    row = {"mutant": job.mutant, "area": area, "tier": job.tier, "caught": caught, "test": test}
    return [row | {"seconds": round(time.monotonic() - began)}]


@contextlib.contextmanager
def _applied(mutant, copy):
    """Insert a fault into a copy; restore the file at the end."""
    path = copy / mutant.file
    text = path.read_text(encoding="utf-8")
    try:
        _write(path, mutant.changed(text))
        yield
    finally:
        _write(path, text)


def _write(path, text):
    path.write_text(text, encoding="utf-8")
    # Both texts may share size and second, so Python would not see that the bytecode is outdated.
    Path(importlib.util.cache_from_source(path)).unlink(missing_ok=True)


def study(mutants, suite, results, *, cores=1):
    """Test the unchanged code and the mutants without a row. Return the mutants' rows.

    Args:
        mutants: Sequence of `Mutant`.
        suite: `Suite`.
        results: `pathlib.Path` of the CSV file.
        cores: Number of workers.
    """
    tier = ": ".join(["full" if suite.full else "fast", *filter(None, [" ".join(suite.tests)])])
    unchanged, *jobs = [Job(each.name if each else "none", tier, each, suite) for each in (None, *mutants)]
    with contextlib.suppress(FileExistsError):
        (suite.copies / "shared").symlink_to(suite.root.parent / "shared")  # some tests read data there
    table = Table(results, KEY)
    do(table, [unchanged], tested, cores=1)
    do(table, jobs, tested, cores=cores)
    return table.of(jobs)


def plan(mutants):
    """Return a Markdown table of the mutants."""
    lines = ["| area | mutant | file | wrong behavior |", "|---|---|---|---|"]
    lines += [f"| {each.area} | {each.name} | {each.file} | {each.wrong} |" for each in mutants]
    return "\n".join([*lines, ""])


def report(rows, mutants):
    """Return a Markdown table by area and a list of the survivors."""
    lines = ["| area | mutants | caught | time-out | survived |", "|---|---|---|---|---|"]
    for area in AREAS:
        found = collections.Counter(row["caught"] for row in rows if row["area"] == area)
        lines += [f"| {area} | {found.total()} | {found['yes']} | {found['time-out']} | {found['no']} |"]
    survived = {row["mutant"] for row in rows if row["caught"] == "no"}
    lines += ["", f"Survivors: {len(survived)}"]
    lines += [f"- {each.name} ({each.file}): {each.wrong}" for each in mutants if each.name in survived]
    return "\n".join([*lines, ""])


def main(arguments=None):
    """Run the study, or print its plan."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    names = [mutant.name for mutant in MUTANTS]
    parser.add_argument("--names", nargs="+", choices=names, default=names, metavar="NAME", help="mutants")
    parser.add_argument("--tests", nargs="+", default=(), metavar="ARG", help="run pytest with these alone")
    parser.add_argument("--full", action="store_true", help="pass --full to pytest")
    parser.add_argument("--limit", type=float, default=Suite.limit, help="seconds of one run of pytest")
    parser.add_argument("--cores", type=int, default=1, help="mutants side by side")
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--plan", action="store_true", help="print the mutants and run nothing")
    options = parser.parse_args(arguments)
    chosen = [mutant for mutant in MUTANTS if mutant.name in options.names]
    if options.plan:
        sys.stdout.write(plan(chosen))
        return
    with tempfile.TemporaryDirectory(prefix="mutants-", ignore_cleanup_errors=True) as copies:
        suite = Suite(ROOT, Path(copies), tuple(options.tests), options.full, options.limit)
        rows = study(chosen, suite, options.output, cores=options.cores)
    sys.stdout.write(report(rows, chosen))
