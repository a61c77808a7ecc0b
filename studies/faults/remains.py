"""What a run left on the disk, in a form that two runs can be compared in, bit by bit.

A .keras file holds the time at which it was saved, and JSON files how long things took; these are left
out. Weights, slots of both optimisers, batch statistics and counters are taken from the arrays in it.
"""

import hashlib
import io
import json
import zipfile
from pathlib import Path

import h5py
import numpy as np

_TIMES = ("seconds", "date_saved")
_OF_THE_PROCESS = ("report.html", "config.json")  # times and versions; how the run went on
_ARRAYS = "model.weights.h5"


def remains(run):
    """What there is to compare of a run.

    Args:
        run: Its folder.

    Returns:
        Dict, name -> digest. A .keras file has an entry for each array, such as
        "model.keras:optimizer/generator/vars/3".
    """
    run, found = Path(run), {}
    for path in sorted(run.rglob("*")):
        name = path.relative_to(run).as_posix()
        if path.is_file() and not name.startswith("checkpoints/") and name not in _OF_THE_PROCESS:
            found |= {f"{name}{part}": digest for part, digest in _digests(path)}
    return found


def differences(run, other):
    """Names of what differs between two runs, or is in one of them alone."""
    a, b = remains(run), remains(other)
    return sorted(name for name in {*a, *b} if a.get(name) != b.get(name))


def array_differences(path, other):
    """Names of the arrays that differ between two files, or are in one of them alone."""
    a, b = arrays(path), arrays(other)
    return sorted(
        name for name in {*a, *b} if name not in a or name not in b or a[name].tobytes() != b[name].tobytes()
    )


def arrays(path):
    """The arrays of a .keras or .npz file, by name."""
    if path.suffix == ".npz":
        with np.load(path) as archive:
            return {name: archive[name] for name in archive.files}
    found = {}
    with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read(_ARRAYS))) as file:
        file.visititems(lambda name, item: found.update({name: item[()]} if hasattr(item, "dtype") else {}))
    return found


def _digests(path):
    if path.suffix in (".keras", ".npz"):
        yield from ((f":{name}", _digest(array.tobytes())) for name, array in arrays(path).items())
    elif path.suffix == ".json":
        yield "", _digest(json.dumps(_timeless(json.loads(path.read_bytes())), sort_keys=True).encode())
    else:
        yield "", _digest(path.read_bytes())


def _timeless(value):
    if isinstance(value, dict):
        return {name: _timeless(each) for name, each in value.items() if name not in _TIMES}
    return [_timeless(each) for each in value] if isinstance(value, list) else value


def _digest(content):
    return hashlib.sha256(content).hexdigest()
