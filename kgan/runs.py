"""A run on disk: one folder, never overwritten.

config.json      preset, settings, versions, backend, device, data source and checksums
log.csv          a row an epoch; steps.csv a row every 50 steps of a GAN
samples/         sample grids, and samples.gif, which plays them
plots/           losses.png, balance.png, progress.png, interpolation.png, classes.png, evaluations.png
                 interpolation-frames.png, pairs.png and interpolation-4-to-1-lerp-7-seed-0.png and the like
tensorboard/     the same for TensorBoard, where it was asked for
checkpoints/     the last two, from which training goes on
model.keras      both networks, both optimisers, step and epoch
best.keras       the same where the samples were the best of those that were evaluated in training
evaluations.csv  a row an evaluation in training
evaluation.json  the judgement on the trained model's samples
interpolation.json  the way from one digit to another, whose frames lie in the plots
results.json     how long training took, and the alarms in it
report.html      the page about the run
generator.onnx   the generator alone, where it was exported

A run of the palindrome task has config.json, log.csv, report.html and

checkpoints/     the last two, from which training goes on
plots/           length-05.png, ..., length-accuracy.png; curriculum.png
models/          lstm-05.keras, ...; of a curriculum lstm.keras
results.json     what each network came to at each length, beside what was claimed
"""

import contextlib
import dataclasses
import json
import os
import stat
from pathlib import Path

from kgan.files import read_json, replacing


def refuse_existing(path):
    """Raise FileExistsError, which says the way out, if there is something at `path`."""
    if Path(path).exists():
        raise FileExistsError(f"{path} exists, and no run is overwritten: name another.")


@dataclasses.dataclass(frozen=True)
class Run:
    """The paths in a run folder. Make one by `create` or `numbered`; `open` one that is there.

    Attributes:
        path: The folder.
    """

    path: Path

    @classmethod
    def create(cls, path):
        """A new run folder, with its parents.

        Raises:
            FileExistsError: If there is something already.
        """
        refuse_existing(path)
        Path(path).mkdir(parents=True)
        return cls(Path(path))

    @classmethod
    def numbered(cls, root, prefix):
        """The first of root/prefix-1, root/prefix-2, … that does not exist yet, created."""
        Path(root).mkdir(parents=True, exist_ok=True)
        number = 1
        while True:
            try:
                return cls.create(Path(root) / f"{prefix}-{number}")
            except FileExistsError:  # an earlier run, or another process that was quicker
                number += 1

    @classmethod
    def open(cls, path):
        """A run folder that is there.

        Raises:
            FileNotFoundError: If it is not, or is no run.
            ValueError: If something in it is a link that leads out of it, or neither a file nor a folder:
                it may come from anyone, and is read and written by name.
        """
        run = cls(Path(path))
        if not run.config.is_file():
            raise FileNotFoundError(
                f"`run` must be the folder of a run, with its config.json, got {str(path)!r}."
                f"{_runs_near(run.path)}"
            )
        _check_entries(run.path)
        return run

    @classmethod
    def newest(cls, root, prefix):
        """The run of root/prefix-… that was written to last.

        Raises:
            FileNotFoundError: If there is none.
        """
        configs = list(Path(root).glob(f"{prefix}-*/config.json"))
        if not configs:
            raise FileNotFoundError(f"There is no run {root}/{prefix}-… to go on with: name its folder.")
        return cls.open(max((config.parent for config in configs), key=_last_written))

    @property
    def known_as(self):
        """Path of the folder as a user knows it."""
        return self.path

    @property
    def config(self):
        """Path of the settings."""
        return self.path / "config.json"

    @property
    def log(self):
        """Path of the log, a row an epoch."""
        return self.path / "log.csv"

    @property
    def steps(self):
        """Path of the log of steps, a row every few."""
        return self.path / "steps.csv"

    @property
    def samples(self):
        """Folder of the sample grids."""
        return self.path / "samples"

    @property
    def plots(self):
        """Folder of the plots."""
        return self.path / "plots"

    @property
    def is_of_palindromes(self):
        """Whether it is a run of the palindrome task, which draws its own data, and not of a GAN."""
        return "data" not in self.read_config()

    @property
    def checkpoints(self):
        """Folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def tensorboard(self):
        """Folder of TensorBoard's files."""
        return self.path / "tensorboard"

    @property
    def model(self):
        """Path of the trained model."""
        return self.path / "model.keras"

    @property
    def models(self):
        """Folder of the trained models, where there are several."""
        return self.path / "models"

    @property
    def best_model(self):
        """Path of the model whose samples were the best of those that were evaluated in training."""
        return self.path / "best.keras"

    @property
    def evaluations(self):
        """Path of the log of evaluations in training, a row each."""
        return self.path / "evaluations.csv"

    @property
    def evaluation(self):
        """Path of the judgement on the trained model's samples."""
        return self.path / "evaluation.json"

    @property
    def interpolation(self):
        """Path of the record of the interpolation whose frames lie in the plots."""
        return self.path / "interpolation.json"

    @property
    def report(self):
        """Path of the page about the run."""
        return self.path / "report.html"

    @property
    def results(self):
        """Path of the results."""
        return self.path / "results.json"

    def saved_model(self, *, best=False):
        """Path of the trained model, once it is seen to be there.

        Args:
            best: Whether the best model of those that were evaluated in training is asked for.

        Raises:
            FileNotFoundError: If it is not.
        """
        if self.models.is_dir() and not self.model.is_file():
            raise FileNotFoundError(
                f"{self.path} is a run of the palindrome task, which has no GAN; its models are in "
                f"{self.models}."
            )
        model = self.best_model if best else self.model
        if not model.is_file():
            held = ", ".join(sorted(path.name for path in self.path.iterdir()))
            why = "none was kept in training" if best else "its training goes on or was broken off"
            raise FileNotFoundError(f"{self.path} holds no {model.name}: {why}. There are {held}.")
        return model

    def read_config(self):
        """The dict that `write_config` wrote.

        Raises:
            ValueError: If the file is damaged.
        """
        try:
            config = read_json(self.config)
            has_data = "architecture" in config["settings"]  # the palindrome task draws its own
            parts = ("settings", *({"data"} if has_data else {"data"} & set(config)))
            if has_data:
                _ = config["data"]["name"]
            return config | {part: dict(config[part]) for part in parts}
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{self.config} is damaged or no run's: {error!r}.") from None

    def write_config(self, config):
        """Write a dict of plain values as config.json."""
        _write_json(self.config, config)

    def write_results(self, results):
        """Write a dict of plain values as results.json, over an earlier one."""
        _write_json(self.results, results)

    def read_results(self):
        """The dict that `write_results` wrote, or an empty one where there is none.

        Raises:
            ValueError: If the file is damaged.
        """
        if not self.results.is_file():
            return {}
        try:
            return dict(read_json(self.results))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{self.results} is damaged: {error!r}.") from None

    def write_evaluation(self, evaluation):
        """Write a dict of plain values as evaluation.json, over an earlier one."""
        _write_json(self.evaluation, evaluation)

    def write_interpolation(self, interpolation):
        """Write a dict of plain values as interpolation.json, over an earlier one."""
        _write_json(self.interpolation, interpolation)

    def save_model(self, model, name=None):
        """Save a `keras.Model` as model.keras, or as one of several by its name.

        Raises:
            kgan.saving.NotFiniteError: If one of its numbers is NaN or infinite.
            OSError: If it cannot be written.
        """
        from kgan import saving  # with Keras, which a command that reads runs does without

        saving.save(model, self.model if name is None else self.models / f"{name}.keras")


def _last_written(folder):
    return max(path.stat().st_mtime for path in [*folder.glob("*"), *folder.glob("checkpoints/*")])


def _write_json(path, values):
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _check_entries(folder):
    """Raise ValueError if a name in a folder, or below it, leads elsewhere."""
    whole = os.path.realpath(folder)
    for parent, folders, files in os.walk(folder):  # which follows no links
        for entry in (Path(parent) / name for name in (*folders, *files)):
            with contextlib.suppress(FileNotFoundError):  # a run that is being trained has some for a moment
                _check_entry(entry, entry.lstat().st_mode, whole)


def _check_entry(entry, mode, whole):
    if stat.S_ISLNK(mode):
        target = os.path.realpath(entry)
        if not target.startswith(f"{whole}{os.sep}"):
            raise ValueError(f"{entry} leads out of the run, to {target}: put that in its place.")
    elif not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise ValueError(f"{entry} is neither a file nor a folder: remove it.")


def _runs_near(path):
    """A sentence that names the newest runs in a folder and beside it, or nothing."""
    configs = [*path.glob("*/config.json"), *path.parent.glob("*/config.json")]
    configs.sort(key=lambda file: file.stat().st_mtime)
    names = [str(file.parent) for file in configs[-3:]]
    others = ", among others" if len(configs) > len(names) else ""
    return f" There {'is' if len(names) == 1 else 'are'} {', '.join(names)}{others}." if names else ""
