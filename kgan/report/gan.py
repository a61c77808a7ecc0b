"""The page about a run of a GAN."""

import dataclasses
import functools
import math

from kgan import plots
from kgan.evaluation import READ_DATA
from kgan.report import blocks, claims, words
from kgan.report.files import frame_uris, picture_uri, read_json, read_rows
from kgan.report.metrics import metric_table
from kgan.runs import Run

_MOST_FRAMES = 60
_MOST_BYTES_OF_FRAMES = 3_000_000
_MOST_BYTES_WITH_EXPLORER = 9_500_000  # of both; the rest of a page of 10 MB is little


@dataclasses.dataclass(frozen=True)
class Contents:
    """What the folder of a run holds.

    Attributes:
        run: `Run`.
        config: Dict of config.json.
    """

    run: Run
    config: dict

    @functools.cached_property
    def epochs(self):
        """Rows of log.csv."""
        return read_rows(self.run.log)

    @functools.cached_property
    def steps(self):
        """Rows of steps.csv."""
        return read_rows(self.run.steps)

    @functools.cached_property
    def evaluation(self):
        """Dict of evaluation.json, or None."""
        return read_json(self.run.evaluation)

    @functools.cached_property
    def interpolation(self):
        """Dict of interpolation.json, or None."""
        return read_json(self.run.interpolation)

    @functools.cached_property
    def results(self):
        """Dict of results.json, empty if there is none."""
        return read_json(self.run.results) or {}

    def metric(self, name):
        """A metric of evaluation.json, or None."""
        metrics = (self.evaluation or {}).get("metrics", [])
        return next((metric for metric in metrics if metric["name"] == name), None)


def page_of(run, config, *, explorer):
    """What page.html shows of a run.

    Args:
        run: `Run`.
        config: Dict of its config.json.
        explorer: Block of the latent explorer, or None.
    """
    contents = Contents(run, config)
    left = _MOST_BYTES_WITH_EXPLORER - explorer["bytes"] if explorer else _MOST_BYTES_OF_FRAMES
    sections = [
        _samples(contents, max_bytes=min(left, _MOST_BYTES_OF_FRAMES)),
        explorer and blocks.section("walk", "Walk the latent space", explorer),
        _quality(contents),
        _classes(contents),
        _interpolation(contents),
        _losses(contents),
        _balance(contents),
        _claims(contents),
        _settings(contents),
    ]
    return {
        "title": run.path.absolute().name,
        "lead": [_trained(contents), _came_to(contents)],
        "sections": [section for section in sections if section],
    }


def _trained(contents):
    config = contents.config
    settings, data = config["settings"], config.get("data", {})
    start = f"Preset {config.get('preset', '–')}: a GAN of {settings['architecture']} networks, trained on "
    start += _images(data) if "images" in data else data.get("name", settings.get("data", "its data"))
    start += " and their labels" if _is_conditional(config) else ""
    if not contents.epochs and not contents.steps:
        return f"{start}; its log holds no row yet."
    return f"{start} for {_length(contents)}, with {config.get('backend')} on {config.get('device')}."


def _images(data):
    """How many of what."""
    count = words.count(data["images"])
    return f"{count} {data['source']}" if data["name"] == "images" else f"{count} images of {data['name']}"


def _length(contents):
    last = (contents.steps or contents.epochs)[-1]
    epochs = len(contents.epochs)
    length = f"{words.count(last['step'])} steps ({epochs} epoch{'s' if epochs != 1 else ''})"
    if "seconds" in contents.results:
        length += f" in {words.duration(contents.results['seconds'])}"
    if contents.results.get("diverged"):
        return f"{length}, then diverged ({contents.results['diverged']})"
    if not contents.results.get("interrupted"):
        return length
    return f"{length}, interrupted (it goes on by kgan train-gan --resume {contents.run.path})"


def _came_to(contents):
    if not contents.run.model.is_file():
        held = words.listed(sorted(path.name for path in contents.run.path.iterdir() if path.name[0] != "."))
        return f"There is no model: training goes on or was broken off. The folder holds {held}."
    frechet, confidence = contents.metric("frechet_distance"), contents.metric("confidence")
    if frechet and confidence:
        return (
            f"Its samples are at a Fréchet distance of {words.number(frechet['value'])} from real digits, "
            f"where other real digits are at {words.number(frechet['floor'])}; the classifier is "
            f"{words.percent(confidence['value'])} sure of them, of real ones "
            f"{words.percent(confidence['floor'])}."
        )
    return _unjudged(contents)


def _unjudged(contents):
    name = contents.config.get("data", {}).get("name", "mnist")
    if name not in READ_DATA:
        return f"Its samples are not judged: there is a judge for MNIST's digits only, not for {name}."
    return f"Its samples were not judged: kgan evaluate {contents.run.path}."


def _samples(contents, *, max_bytes):
    paths = sorted(contents.run.samples.glob("step-*.png"))
    frames = frame_uris(paths, max_frames=_MOST_FRAMES, max_bytes=max_bytes)
    labelled = [(_caption(path), uri) for path, uri in frames]
    rows = " A row is a class, a column one latent." if _is_conditional(contents.config) else ""
    shown = f"{len(frames)} of {len(paths)} pictures. " if len(frames) < len(paths) else ""
    return blocks.section(
        "samples",
        "Samples over time",
        blocks.player("samples-player", labelled, alt="Grid of generated images of the same latents")
        if frames
        else blocks.missing("There are no sample grids in samples/."),
        blocks.prose(f"{shown}The latents are the same in each, so that pictures can be compared.{rows}")
        if frames
        else None,
    )


def _is_conditional(config):
    """Whether the run's networks were given labels."""
    classes = config.get("data", {}).get("num_classes", 0)
    return bool(config["settings"].get("conditional")) and classes > 1


def _caption(path):
    step = path.stem.rpartition("-")[2]
    return f"step {words.count(step)}" if step.isdigit() else path.stem


def _quality(contents):
    evaluation = contents.evaluation
    if evaluation is None:
        alarms = [f"In training, {alarm['text']}" for alarm in contents.results.get("alarms", [])]
        parts = [
            *map(blocks.prose, alarms),
            blocks.missing(_unjudged(contents)),
        ]
    else:
        parts = [
            metric_table(evaluation["metrics"]),
            blocks.prose(
                f"Of {words.count(evaluation['samples'])} samples of {evaluation.get('model', 'the model')}, "
                f"seed {evaluation['seed']}. The floor is what as many real digits come to."
            ),
            *map(blocks.prose, evaluation.get("notes", [])),
        ]
    return blocks.section("quality", "How good the samples are", *parts, _evaluations(contents))


def _evaluations(contents):
    rows = [row for row in read_rows(contents.run.evaluations) if math.isfinite(row["frechet"])]
    if not rows:
        return None
    best, last = min(rows, key=lambda row: row["frechet"]), rows[-1]
    return blocks.figure(
        "evaluations",
        functools.partial(plots.write_evaluations, log=contents.run.evaluations),
        label=(
            f"Fréchet distance over the steps: {words.number(last['frechet'])} at step "
            f"{words.count(last['step'])}, the best {words.number(best['frechet'])} at step "
            f"{words.count(best['step'])}."
        ),
        caption="Fréchet distance and total variation of a few samples in training; lower is better.",
    )


def _classes(contents):
    classes = (contents.evaluation or {}).get("classes")
    if classes is None:
        return None
    shares = ", ".join(f"{digit}: {words.percent(share)}" for digit, share in enumerate(classes["shares"]))
    return blocks.section(
        "classes",
        "Which digits it draws",
        blocks.figure(
            "classes-plot",
            functools.partial(plots.write_classes, classes=classes),
            label=f"Shares of the ten digits among the samples, beside those of real digits. {shares}.",
            caption="Shares of the digits among the samples, with 95 % intervals, and among real digits.",
        ),
        blocks.prose(classes["sentence"]),
    )


def _interpolation(contents):
    record = contents.interpolation
    if record is None:
        return None
    path = contents.run.path / record["frames"]
    begin, end = record["classes"]
    if not path.is_file():
        block = blocks.missing(f"{record['frames']} is not there.")
    else:
        shown = record["classes_shown"]
        frames = [(taken, *pair) for taken, pair in zip(shown, record["confidence"], strict=True)]
        block = blocks.strip("strip", picture_uri(path), frames, ends=(begin, end))
    intro = blocks.prose(
        f"From a {begin} to a {end} in {record['num_frames']} images, their latents in equal steps "
        f"({record['method']})."
    )
    return blocks.section("interpolation", f"From {begin} to {end}", intro, block)


def _losses(contents):
    return _curves(
        contents,
        ("losses", "Losses"),
        plots.write_losses,
        columns={"g_loss": "L(G)", "d_loss": "L(D)"},
        caption="L(G) and L(D); at ln 2 both are at equilibrium.",
    )


def _balance(contents):
    return _curves(
        contents,
        ("balance", "Who was trained"),
        plots.write_balance,
        columns={"p": "p, the probability to update D,", "d_updates": "the share of steps that updated D"},
        caption="p, the probability to update D in a step, and the share of steps that did.",
    )


def _curves(contents, heading, write, *, columns, caption):
    """A section of a plot of steps.csv, or of log.csv where that has no row."""
    rows = contents.steps or contents.epochs
    log = contents.run.steps if contents.steps else contents.run.log
    if not rows:
        return blocks.section(*heading, blocks.missing(f"{log.name} holds no row yet."))
    last = " and ".join(f"{words.number(rows[-1][name])} for {label}" for name, label in columns.items())
    label = f"{caption} At step {words.count(rows[-1]['step'])}: {last}."
    draw = functools.partial(write, log=log)
    return blocks.section(*heading, blocks.figure(f"{heading[0]}-plot", draw, label=label, caption=caption))


def _claims(contents):
    claimed = contents.config.get("claims")
    if not claimed:
        return None
    rows = [[claim["text"], claims.measured(claim["measure"], contents)] for claim in claimed]
    table = blocks.table(
        ["claimed", "measured"], rows, caption="What the source says, and what this run came to."
    )
    return blocks.section("claims", "Claimed and measured", table)


def _settings(contents):
    config = contents.config
    data = config.get("data", {})
    sums = [(f"SHA-256 of the {part}", checksum) for part, checksum in data.get("sha256", {}).items()]
    rows = [(name, data[name]) for name in ("name", "source", "dir", "images") if data.get(name) is not None]
    rows += [("shape", " × ".join(map(str, data["shape"])))] if "shape" in data else []
    rows += [("classes", ", ".join(data["classes"]))] if data.get("classes") else []
    return blocks.section(
        "settings",
        "Settings and data",
        blocks.prose(config.get("source")),
        blocks.facts(words.settings(config), title="Settings"),
        blocks.facts([*rows, *sums], title="Data") if data else None,
        blocks.facts(words.machine(config), title="Machine"),
    )
