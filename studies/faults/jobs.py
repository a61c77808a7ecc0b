"""Trainings in processes of their own, that can be killed.

A Python with a framework needs seconds to start. So most processes are forked from one that has
imported everything and trained nothing; they run the same `main()` as the scripts.
"""

import contextlib
import dataclasses
import multiprocessing
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from faults.remains import differences

ROOT = Path(__file__).parent.parent.parent
SIGKILL = signal.SIGKILL
_POLL = 0.002  # s
# Python 3.11's server of forks knows no other path.
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "studies")])
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["faults.warm"])


@dataclasses.dataclass(frozen=True)
class Job:
    """A training that can be started, and resumed once it was killed.

    Attributes:
        name: What rows call it.
        work: Function of a list of arguments that trains and returns an exit status.
        arguments: Tuple of strings.
        script: File that does the same in a fresh Python, or None.
        resuming: Those that a resumed run is given as well.
    """

    name: str
    work: Callable
    arguments: tuple = ()
    script: str | None = None
    resuming: tuple = ()

    def command(self, run):
        """Arguments that begin the run in a folder, or resume it if there is something to be resumed."""
        if self.begun(run):
            return ["--resume", str(run), *self.resuming]
        shutil.rmtree(run, ignore_errors=True)  # killed before it was a run
        return [*self.arguments, *self.resuming, "--run-dir", str(run)]

    def begun(self, run):
        """Whether the next command resumes."""
        return (run / "config.json").is_file()

    def differences(self, run, other):
        """Names of what differs between two of its runs."""
        return differences(run, other)

    def marks(self, run):
        """What lies there only while a checkpoint is written: a set, empty where none is."""
        return {(path.name, path.stat().st_ino) for path in (run / "checkpoints").glob(".writing-*")}

    def is_writing(self, run):
        """Whether a checkpoint is being written, or was when a process was killed."""
        return any((run / "checkpoints").glob(".writing-*"))


class Running:
    """A job's process.

    Args:
        job: `Job`.
        run: Path of the folder of its run.
        fresh: Whether to start a Python of its own.
    """

    def __init__(self, job, run, *, fresh=False):
        self.log = run.with_suffix(".log")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        arguments = job.command(run)
        self._fresh = fresh and job.script is not None
        if self._fresh:
            with self.log.open("ab") as log:
                command = [sys.executable, str(ROOT / job.script), *arguments]
                self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT)  # noqa: S603 - ours
        else:
            self._process = _forks.Process(target=_work, args=(job.work, arguments, str(self.log)))
            self._process.start()
            self._ended = select.poll()
            self._ended.register(self._process.sentinel)
        self.pid = self._process.pid

    def status(self):
        """Exit status, or None while it runs."""
        if self._fresh:
            return self._process.poll()
        return self._process.exitcode if self._ended.poll(0) else None

    def wait(self, seconds=600):
        """Exit status, once it has ended.

        Raises:
            TimeoutError: If it has not after so many seconds; it is killed.
        """
        end = time.monotonic() + seconds
        while self.status() is None:
            if time.monotonic() > end:
                self.send(SIGKILL)
                raise TimeoutError(f"a run did not end within {seconds} s; its output is in {self.log}.")
            time.sleep(_POLL)
        return self.status()

    def send(self, number):
        """Send a signal; after SIGKILL, wait until it is dead."""
        with contextlib.suppress(ProcessLookupError):  # it has just ended
            os.kill(self.pid, number)
        if number == SIGKILL:
            self._process.wait() if self._fresh else self._process.join()

    def last_words(self):
        """The last line of its output."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").replace("\r", "\n").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


@contextlib.contextmanager
def folder_of_runs():
    """A folder for runs, as a `pathlib.Path`. It stays where an error ends the block."""
    folder = Path(tempfile.mkdtemp(prefix="kgan-"))
    yield folder
    shutil.rmtree(folder)


def _work(work, arguments, log):
    # Output of the interpreter and of C libraries alike goes to the log.
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.exit(work(arguments))
