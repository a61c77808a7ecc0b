"""The presets of the reports, trained: a job and its rows for each half."""

import csv
import dataclasses
import shutil
import tempfile
from pathlib import Path

from kgan.experiments import train_gan, train_lstm
from kgan.files import read_json
from kgan.plots import read_log
from kgan.presets import GAN_PRESETS, LSTM_PRESETS
from studies.threads import one_thread

RECALL_PRESETS = ("a-default", "a", "curriculum", "c", "d", "e")
GAN_PRESETS_OF_REPORTS = ("a", "b", "c", "d", "e")
PICTURES = ("progress", "interpolation")
KEY = ("preset", "seed", "size")
RECALL_KEY = ("network", *KEY)


@dataclasses.dataclass(frozen=True)
class Recall:
    """A network of a preset of the palindrome task, to be trained at all lengths.

    Attributes:
        preset: Name of the preset.
        network: "lstm" or "rnn".
        seed: Of all that is random in it.
        size: "full", or how it is shortened, in words.
        changes: Settings that differ from the preset's, as pairs.
    """

    preset: str
    network: str
    seed: int
    size: str = "full"
    changes: tuple = ()


@dataclasses.dataclass(frozen=True)
class Adversarial:
    """A preset of a GAN, to be trained and judged.

    Attributes:
        preset: Name of the preset.
        seed: Of all that is random in it.
        size: "full", or how it is shortened, in words.
        changes: Settings that differ from the preset's, as pairs.
        data_dir: Folder of the data's files, or None.
        pictures: Folder for pictures of samples and of the interpolation, or None for none.
    """

    preset: str
    seed: int
    size: str = "full"
    changes: tuple = ()
    data_dir: str | None = None
    pictures: str | None = None


@one_thread()
def train_recall(job):
    """The rows of a network: one a length, with its curves as numbers between blanks."""
    preset = LSTM_PRESETS[job.preset].replace(networks=(job.network,), seed=job.seed, **dict(job.changes))
    with tempfile.TemporaryDirectory() as folder:
        result = train_lstm(preset, run_dir=Path(folder) / "run", progress=False)
        _refuse_a_part(result)
        log = read_rows(result.run.log)
    return [_recalled(job, outcome, log) for outcome in result.outcomes]


def _refuse_a_part(result):
    """A signal ends a training with what there is. That is no row, and ends the study."""
    if result.interrupted:
        raise KeyboardInterrupt(result.signal)


def read_rows(path):
    """The rows of a log of the palindrome task, dicts of strings."""
    with Path(path).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _recalled(job, outcome, log):
    own = [row for row in log if int(row["length"]) == outcome.length]
    columns = {"steps_seen": "step", "loss": "loss", "val_accuracy": "val_accuracy"}
    curves = {name: numbers(float(row[of] or "nan") for row in own) for name, of in columns.items()}
    names = ("accuracy", "best_accuracy", "steps", "solved_epoch", "solved_step")
    return {
        **{name: getattr(job, name) for name in RECALL_KEY},
        "length": outcome.length,
        **{name: getattr(outcome, name) for name in names},
        "seconds": round(outcome.seconds, 1),
        **curves,
    }


@one_thread()
def train_adversarial(job):
    """The row of a GAN."""
    preset = GAN_PRESETS[job.preset].replace(seed=job.seed, **dict(job.changes))
    with tempfile.TemporaryDirectory() as folder:
        result = train_gan(preset, data_dir=job.data_dir, run_dir=Path(folder) / "run", progress=False)
        _refuse_a_part(result)
        if job.pictures is not None:
            _keep_pictures(result.run, Path(job.pictures), job.preset)
        return [
            {name: getattr(job, name) for name in KEY}
            | {"seconds": round(result.seconds, 1), "steps": int(result.model.step.value)}
            | _epochs(result.run)
            | _judged(result)
            | _interpolated(result.run)
        ]


def _keep_pictures(run, folder, preset):
    folder.mkdir(parents=True, exist_ok=True)
    for name in PICTURES:
        picture = run.plots / f"{name}.png"
        if picture.is_file():  # no interpolation where but one digit is drawn
            shutil.copy(picture, folder / f"gan-{preset}-{name}.png")


def _epochs(run):
    log = read_log(run.log)
    return {name: numbers(log[name]) for name in ("p", "d_loss", "g_loss", "d_updates")}


def _judged(result):
    """What the judge says of the samples half way and at the end, beside real digits."""
    half_way, found = read_log(result.run.evaluations), {}
    for short, name in (("frechet", "frechet_distance"), ("confidence", "confidence")):
        metric = result.evaluation.metric(name)
        found[f"{short}_half_way"] = round(float(half_way[short][0]), 4)
        found[short], found[f"{short}_floor"] = round(metric["value"], 4), round(metric["floor"], 4)
    classes = result.evaluation.judgement["classes"]
    return found | {"shares": numbers(classes["shares"]), "real_shares": numbers(classes["real"])}


def _interpolated(run):
    if not run.interpolation.is_file():
        return {"interpolated": "", "surest": ""}
    record = read_json(run.interpolation)
    begin, end = record["confidence"][0][0], record["confidence"][-1][1]
    return {"interpolated": numbers(record["classes"]), "surest": numbers([begin, end])}


def numbers(values):
    """Numbers as text, with blanks between them."""
    return " ".join(f"{value:.4g}" for value in values)


def parsed(text):
    """The numbers in a text of `numbers`."""
    return [float(value) for value in text.split()]
