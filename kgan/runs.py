"""A run on disk: one new folder, never overwritten.

config.json      preset, settings, versions, backend, data source and checksums
log.csv          a row an epoch
samples/         sample grids
model.keras      both networks, both optimisers, step and epoch
"""

import json
from pathlib import Path

from kgan.files import replacing


def refuse_existing(path):
    """Raise FileExistsError, which says the way out, if there is something at `path`."""
    if Path(path).exists():
        raise FileExistsError(f"{path} exists, and no run is overwritten: name another.")


class Run:
    """A new run folder.

    Args:
        path: Folder to create, with its parents.

    Raises:
        FileExistsError: If it is there already.
    """

    def __init__(self, path):
        self.path = Path(path)
        refuse_existing(self.path)
        self.path.mkdir(parents=True)

    @classmethod
    def numbered(cls, root, prefix):
        """The first of root/prefix-1, root/prefix-2, … that does not exist yet, created."""
        Path(root).mkdir(parents=True, exist_ok=True)
        number = 1
        while True:
            try:
                return cls(Path(root) / f"{prefix}-{number}")
            except FileExistsError:  # an earlier run, or another process that was quicker
                number += 1

    @property
    def config(self):
        """Path of the settings."""
        return self.path / "config.json"

    @property
    def log(self):
        """Path of the log, a row an epoch."""
        return self.path / "log.csv"

    @property
    def samples(self):
        """Folder of the sample grids."""
        return self.path / "samples"

    @property
    def model(self):
        """Path of the trained model."""
        return self.path / "model.keras"

    def write_config(self, config):
        """Write a dict of plain values as config.json."""
        with replacing(self.config) as temporary:
            temporary.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")

    def save_model(self, model):
        """Save a `keras.Model` as model.keras."""
        with replacing(self.model) as temporary:
            model.save(temporary)
