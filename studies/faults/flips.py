"""Bits turned over in checkpoints, and checkpoints cut off: whether one loads as if nothing were wrong."""

import contextlib
import io
import logging

import numpy as np
import tqdm

from faults.jobs import folder_of_runs
from faults.rows import Rows, count, yes

NUMBER = 2000
_PEERS_NUMBER = 500
_ROWS = Rows("flips")
_TRUNCATED = 0.25  # share of the trials that cut a file off


def damaged(data, rng):
    """Bytes with one bit turned over, or cut off somewhere, and which of the two it was."""
    if rng.random() < _TRUNCATED:
        return data[: rng.integers(len(data))], "truncation"
    place, bit = rng.integers(len(data)), rng.integers(8)
    return data[:place] + bytes([data[place] ^ (1 << bit)]) + data[place + 1 :], "bit"


def trial(folder, rng):
    """Damage a file of the newest checkpoint in a folder, ask for the last one and mend the file.

    Args:
        folder: Path of a folder with two checkpoints.
        rng: NumPy generator.

    Returns:
        Dict: the file, the damage, whether the damaged one loaded `silently`, whether the `older` one was
        used, and whether the damaged one was named.
    """
    older, newest = sorted(folder.glob("[0-9]*-step-*"))
    path = newest / str(rng.choice(["model.keras", "checkpoint.json"]))
    data = path.read_bytes()
    changed, damage = damaged(data, rng)
    path.write_bytes(changed)
    try:
        with heard() as said:
            used = last_in(folder)
    finally:
        path.write_bytes(data)
    found = {
        "silently": yes(used == newest),
        "older": yes(used == older),
        "named": yes(newest.name in said.getvalue()),
    }
    return {"file": path.name, "damage": damage} | found


def last_in(folder):
    """Path of the last checkpoint of a folder that is whole."""
    from kgan.saving import Checkpoints

    return Checkpoints(folder).last().path


@contextlib.contextmanager
def heard():
    """What the logger of kgan says in the block, as an `io.StringIO`."""
    said = io.StringIO()
    logger, handler = logging.getLogger("kgan"), logging.StreamHandler(said)
    logger.addHandler(handler)
    propagate, logger.propagate = logger.propagate, False
    try:
        yield said
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate


def two_checkpoints(folder, gan):
    """Write two checkpoints of a GAN, a step apart."""
    from kgan.saving import Checkpoints

    store = Checkpoints(folder)
    for step in (1, 2):
        gan.step.assign(step)
        store.write(
            gan, {"step": step, "epoch": 0, "fit_epoch": 0, "batch": step, "metrics": [], "callbacks": {}}
        )
    store.release()


def run(*, backend, number):
    """Damage kgan's checkpoints so many times, and what others load a quarter as often."""
    from faults.peers import small_kgan_gan

    with folder_of_runs() as folder:
        two_checkpoints(folder / "checkpoints", small_kgan_gan())
        _do("kgan", backend, number or NUMBER, lambda rng: trial(folder / "checkpoints", rng))
        _do("BackupAndRestore", backend, _PEERS_NUMBER, _weights_trial(folder))
        if backend == "torch":
            _do("torch.save", backend, _PEERS_NUMBER, _torch_trial(folder))


def _do(what, backend, number, trial_of):
    done = len(_ROWS.read(what=what, backend=backend))
    for serial in tqdm.trange(done, number, desc=f"{what}, {backend}", unit=" damages", mininterval=5):
        row = trial_of(np.random.default_rng((serial, *what.encode(), *backend.encode())))
        _ROWS.append([{"backend": backend, "what": what, "serial": serial} | row])


def _weights_trial(folder):
    """A trial of the file that BackupAndRestore loads."""
    from faults.peers import small_kgan_gan

    gan, path = small_kgan_gan(), folder / "latest.weights.h5"
    gan.save_weights(path)
    return _peer_trial(path, lambda: gan.load_weights(path))


def _torch_trial(folder):
    """A trial of the file that the plain loop loads."""
    from faults.peers import load_torch_checkpoint, save_torch_checkpoint

    path = folder / "checkpoint.pt"
    save_torch_checkpoint(path)
    return _peer_trial(path, lambda: load_torch_checkpoint(path))


def _peer_trial(path, load):
    whole = path.read_bytes()

    def peer_trial(rng):
        changed, damage = damaged(whole, rng)
        path.write_bytes(changed)
        try:
            load()
            silently = True
        except Exception:  # noqa: BLE001 - whatever it raises, it is not silent
            silently = False
        return {"file": path.name, "damage": damage, "silently": yes(silently), "older": "no", "named": "no"}

    return peer_trial


def summary():
    """Lines of the table."""
    lines = [
        "| | backend | damages | of them truncations | loaded silently | the older one used | and said |"
    ]
    lines.append("|---|---|---|---|---|---|---|")
    for what, backend in dict.fromkeys((row["what"], row["backend"]) for row in _ROWS.read()):
        rows = _ROWS.read(what=what, backend=backend)
        cells = [
            count(rows, "damage", value="truncation"),
            *(count(rows, c) for c in ("silently", "older", "named")),
        ]
        lines.append(f"| {what} | {backend} | {len(rows):,} | {' | '.join(map(str, cells))} |")
    return lines
