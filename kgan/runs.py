"""A run on disk: one new folder, never overwritten.

config.json      preset, settings, versions, backend, data source and checksums
log.csv          a row an epoch
samples/         sample grids
model.keras      both networks, both optimisers, step and epoch
"""

import itertools
import json
from pathlib import Path

from kgan.files import replacing


class Run:
    """A new run folder.

    Args:
        path: Folder to create, with its parents.

    Raises:
        FileExistsError: If it is there already.
    """

    def __init__(self, path):
        self.path = Path(path)
        if self.path.exists():
            raise FileExistsError(f"{self.path} exists, and no run is overwritten: name another.")
        self.path.mkdir(parents=True)

    @classmethod
    def numbered(cls, root, prefix):
        """The first of root/prefix-1, root/prefix-2, … that does not exist yet, created."""
        paths = (Path(root) / f"{prefix}-{number}" for number in itertools.count(1))
        return cls(next(path for path in paths if not path.exists()))

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
