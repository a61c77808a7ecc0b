"""A run of several processes, all of which go through the same program: what the first alone does.

The first writes the run's folder. The others read its configuration and its checkpoints, and write, where
the program does, into a folder of their own that goes with them.
"""

import contextlib
import dataclasses
import logging
import shutil
import sys
import tempfile
from pathlib import Path

from kgan.backend import ranks
from kgan.runs import Run
from kgan.saving import Checkpoints


def leads():
    """Whether this process is the first, or alone."""
    return ranks.rank == 0


@contextlib.contextmanager
def joined():
    """Inside, the processes that a launcher began are one training; the first alone speaks, errors aside."""
    with ranks.joined():
        if not leads():
            logging.getLogger("kgan").setLevel(logging.ERROR)
        yield


def from_first(fn):
    """What a function without arguments gives in the first process, a plain value, to all of them.

    Where it fails, the error is raised in the first, and the others end with status 2.
    """
    found, error = None, None
    if leads():
        try:
            found = fn()
        except Exception as raised:  # noqa: BLE001  raised again below
            error = raised
    found, failed = ranks.of_first((found, error is not None))
    if error is not None:
        raise error
    if failed:
        sys.exit(2)
    return found


def in_turn(fn):
    """What a function without arguments gives in each process, in the first before the others.

    These find in the cache what the first has fetched.
    """
    own = []
    from_first(lambda: own.append(fn()))
    return own[0] if leads() else fn()


@contextlib.contextmanager
def held(run):
    """Inside, no process of another training writes into a run; raises as `Checkpoints.hold`."""
    store = Checkpoints(run.checkpoints)
    is_held = from_first(store.hold) and leads()
    try:
        yield
    finally:
        if is_held:
            store.release()


@contextlib.contextmanager
def own_folder(run):
    """The run, in the first process; in each of the others what stands for it there.

    Args:
        run: `Run`.
    """
    with contextlib.ExitStack() as stack:
        own = run
        if not leads():
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="kgan-"))
            own = _OtherFolder(Path(folder, "run"), first=run)
            shutil.copytree(run.path, own.path, ignore=_PICTURES)
        ranks.largest(0)  # what is copied changes no more until all have come here
        yield own


_PICTURES = shutil.ignore_patterns("checkpoints", "samples", "plots")


@dataclasses.dataclass(frozen=True)
class _OtherFolder(Run):
    """What stands for a run in a process that does not write it.

    Attributes:
        first: The `Run` that the first process writes.
    """

    first: Run | None = None

    @property
    def known_as(self):
        """Path of the run that the first process writes."""
        return self.first.path

    @property
    def checkpoints(self):
        """Folder of the run's own checkpoints, to be read."""
        return self.first.checkpoints


def begun(config, *, run_dir, runs_dir, prefix):
    """A new `Run` with its config.json, which the first process makes.

    Args:
        config: Function without arguments, which returns a dict for config.json.
        run_dir: Folder to create, or None for the next `runs_dir/prefix-N`.
        runs_dir: Folder of the numbered runs.
        prefix: What these are called.
    """

    def begin():
        run = Run.create(run_dir) if run_dir is not None else Run.numbered(runs_dir, prefix)
        launched = ranks.number > 1 or ranks.launch is not None
        several = {"processes": ranks.number, "launch": ranks.launch} if launched else {}
        run.write_config(config() | several)
        return str(run.path)

    return Run(Path(from_first(begin)))


def begun_before(root, prefix, *, run_dir=None):
    """The folder of the run that a launcher's processes had begun before it began them again, or None.

    Args:
        root: Folder of the numbered runs.
        prefix: "gan" or "lstm", with which the names of such runs begin.
        run_dir: Folder of the run where one was named, or None.
    """

    def find():
        folders = [Path(run_dir)] if run_dir is not None else Path(root).glob(f"{prefix}-*")
        runs = filter(_is_of_this_launch, map(Run, folders))
        newest = max(runs, key=lambda run: run.config.stat().st_mtime, default=None)
        return newest and str(newest.path)

    return from_first(find) if ranks.largest(int(ranks.is_restarted)) else None


def _is_of_this_launch(run):
    try:
        return run.config.is_file() and run.read_config().get("launch") == ranks.launch
    except ValueError:  # a damaged one
        return False
