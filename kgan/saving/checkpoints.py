"""The last checkpoints of a training, each a folder that appears whole or not at all.

    checkpoints/000017-step-00001234/model.keras        the model with its optimisers
                                     checkpoint.json    where training stood, and the checksums

The last field of checkpoint.json is the SHA-256 of its own text with zeros in the field's place; another
field has those of the other files. So there is no byte that could change unseen.
"""

import contextlib
import dataclasses
import hashlib
import json
import logging
import re
import shutil
from pathlib import Path

import filelock
import keras

from kgan.files import flush, naming
from kgan.saving.loading import load
from kgan.saving.models import check_finite, write

MODEL = "model.keras"
RECORD = "checkpoint.json"

_FORMAT = 1
_NAME = re.compile(r"(\d{6,})-step-\d{8,}")
_WRITING, _REMOVING = ".writing-", ".removing-"
_EMPTY = {"epoch": 0, "fit_epoch": 0, "batch": 0, "metrics": [], "seeds": [], "callbacks": {}, "own": {}}
_HELD = {}  # locks of this process by their files; a lock that nobody refers to would be released
_BLANK = "0" * 64
_SEAL = re.compile(r'"sha256": "([0-9a-f]{64})"\n}\n\Z')


class DamagedError(ValueError):
    """A checkpoint is not what was written."""


@dataclasses.dataclass(frozen=True)
class Saved:
    """A checkpoint that was seen to be whole.

    Attributes:
        path: Its folder.
        state: Dict of plain values: `step` and `epoch` of the model's life, `fit_epoch` and `batch`, the
            epochs and the batches of the epoch that this call of `fit` had done, `metrics`, `callbacks`,
            and what else was written.
    """

    path: Path
    state: dict

    @property
    def step(self):
        """Steps of the model's life."""
        return self.state["step"]

    @property
    def epoch(self):
        """Whole epochs of the model's life."""
        return self.state["epoch"]

    @property
    def fit_epoch(self):
        """Whole epochs that the call of `fit` had done."""
        return self.state["fit_epoch"]

    @property
    def batch(self):
        """Batches of the epoch after these."""
        return self.state["batch"]

    def load(self):
        """The `keras.Model`, compiled as it was; it is loaded as by `kgan.saving.load`."""
        return load(self.path / MODEL)

    @classmethod
    def read(cls, path):
        """The checkpoint in a folder.

        Args:
            path: `pathlib.Path`.

        Raises:
            DamagedError: If a byte of it is not what was written.
        """
        state = _unsealed(_bytes(path / RECORD))
        if state.get("format") != _FORMAT:
            raise DamagedError(f"has format {state.get('format')!r}; this version of kgan reads {_FORMAT}")
        for name, written in state["files"].items():
            _check_bytes(name, _bytes(path / name), **written)
        return cls(path, state)


class Checkpoints:
    """A folder of the last checkpoints, written by one process at a time.

    Args:
        folder: Path; it need not be there yet.
        keep: How many are kept; 2 or more, so that there is one if the last is damaged.
    """

    def __init__(self, folder, *, keep=2):
        self.folder, self.keep = Path(folder), keep
        self._key = (self.folder / ".lock").absolute()
        self._damaged = []

    def hold(self):
        """Keep other processes from writing here, and remove what killed ones left half-written.

        Returns:
            Whether this process did not hold it before, so that the caller is to `release` it.

        Raises:
            BlockingIOError: If another process holds it.
        """
        if self._key in _HELD:
            return False
        with naming(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(self._key)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise BlockingIOError(
                f"Another process is training what is in {self.folder.parent}: wait until it has ended."
            ) from None
        _HELD[self._key] = lock
        for leftover in (*self.folder.glob(f"{_WRITING}*"), *self.folder.glob(f"{_REMOVING}*")):
            shutil.rmtree(leftover, ignore_errors=True)
        return True

    def release(self):
        """Let other processes write here."""
        if self._key in _HELD:
            _HELD.pop(self._key).release()

    @contextlib.contextmanager
    def held(self):
        """Inside, no other process writes here, whatever calls `hold` meanwhile; raises as `hold`."""
        is_first = self.hold()
        try:
            yield
        finally:
            if is_first:
                self.release()

    def go_on_from(self, saved):
        """Remove with the next write those newer than a `Saved`, which `last` found to be damaged."""
        self._damaged = [path for path in self._paths() if _serial(path) > _serial(saved.path)]

    def write(self, model, state):
        """Write a checkpoint; older ones than the last few go once it is there.

        Args:
            model: `keras.Model`.
            state: Dict of plain values, among them `step`; what `Saved` has and is left out is 0 or empty.

        Returns:
            `Saved`.

        Raises:
            NotFiniteError: If one of the model's numbers is not finite; nothing is written.
            OSError: If it cannot be written; the earlier ones stay.
        """
        check_finite(model)
        self.hold()
        older = self._paths()
        serial = 1 + max(map(_serial, older), default=0)
        path = self.folder / f"{serial:06d}-step-{state['step']:08d}"
        temporary = self.folder / f"{_WRITING}{path.name}"
        try:
            with naming(path):
                shutil.rmtree(temporary, ignore_errors=True)  # of an attempt that could not be removed
                temporary.mkdir()
                state = _write(temporary, model, _EMPTY | state)
                temporary.rename(path)
                flush(self.folder)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        whole = [path for path in older if path not in self._damaged]
        self._remove([*whole[self.keep - 1 :], *self._damaged])
        self._damaged = []
        return Saved(path, state)

    def last(self):
        """The newest `Saved` that is whole, or None if there is none at all.

        Each newer one that is damaged is named in a warning.

        Raises:
            ValueError: If there are some and all are damaged.
        """
        damages = []
        for path in self._paths():
            try:
                saved = Saved.read(path)
            except DamagedError as error:
                damages.append(f"{path} {error}")
                continue
            for damage in damages:
                logging.getLogger("kgan").warning("kgan: %s; %s is used instead.", damage, path.name)
            return saved
        if damages:
            raise ValueError(f"No checkpoint is whole: {'; '.join(damages)}. Begin a new run.")
        return None

    def _paths(self):
        """The checkpoints' folders, the newest first."""
        named = [path for path in self.folder.glob("*-step-*") if _NAME.fullmatch(path.name)]
        return sorted(named, key=_serial, reverse=True)

    def _remove(self, paths):
        for path in paths:
            hidden = path.with_name(f"{_REMOVING}{path.name}")  # else one half removed would look damaged
            try:
                path.rename(hidden)
            except OSError:  # it costs room, not the run
                continue
            shutil.rmtree(hidden, ignore_errors=True)


def _serial(path):
    return int(_NAME.fullmatch(path.name)[1])


def _write(folder, model, state):
    """Write all files of a checkpoint and wait for the disk; return what its record holds."""
    write(model, folder / MODEL)
    flush(folder / MODEL)
    data = (folder / MODEL).read_bytes()
    written = {MODEL: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}}
    state = {"format": _FORMAT, "keras": keras.__version__, **state, "files": written}
    (folder / RECORD).write_bytes(_sealed(state))
    flush(folder / RECORD)
    flush(folder)
    return state


def _sealed(state):
    text = json.dumps(state | {"sha256": _BLANK}, indent=1, ensure_ascii=False) + "\n"
    before, _, after = text.rpartition(_BLANK)
    return f"{before}{hashlib.sha256(text.encode()).hexdigest()}{after}".encode()


def _unsealed(data):
    """The dict of a record's bytes.

    Raises:
        DamagedError: If the bytes do not hash to what they say.
    """
    try:
        text = data.decode()
        found = _SEAL.search(text)
        blank = f"{text[: found.start(1)]}{_BLANK}{text[found.end(1) :]}"
    except (UnicodeDecodeError, AttributeError):
        raise DamagedError(f"is damaged: {RECORD} is truncated or was changed") from None
    if hashlib.sha256(blank.encode()).hexdigest() != found[1]:
        raise DamagedError(f"is damaged: {RECORD} was changed")
    try:
        state = json.loads(text)
    except (ValueError, RecursionError):
        raise DamagedError(f"is damaged: {RECORD} is no JSON") from None
    if set(state.get("files", ())) != {MODEL}:  # a checksum proves no good will: no path leads elsewhere
        raise DamagedError(f"is damaged: {RECORD} names other files than {MODEL}")
    return state


def _bytes(path):
    if path.is_symlink() or not path.is_file():
        raise DamagedError(f"is damaged: {path.name} is missing")
    try:
        return path.read_bytes()
    except OSError as error:
        raise DamagedError(f"cannot be read: {path.name}: {error.strerror}") from None


def _check_bytes(name, data, *, bytes, sha256):  # noqa: A002  (as the record has it)
    if len(data) < bytes:
        raise DamagedError(f"is truncated: {name} has {len(data):,} of {bytes:,} bytes")
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DamagedError(f"is damaged: {name} was changed")
