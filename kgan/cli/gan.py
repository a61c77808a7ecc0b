"""The command that trains a GAN."""

import functools
import textwrap
from pathlib import Path

from kgan.cli.parser import (
    Parser,
    add_distribute,
    add_dry_run,
    add_preset,
    add_resume,
    add_settings,
    add_version,
    answer,
    chosen_preset,
    experiments_for,
    planned_to_resume,
    resolved,
    say,
    settings_table,
    status_of,
    to_resume,
)
from kgan.digits import find_source
from kgan.extras import check_installed
from kgan.presets import DEFAULT_GAN_PRESET, GAN_PRESETS
from kgan.runs import refuse_existing

_STREAM = {"auto": None, "always": True, "never": False}

_add_preset = functools.partial(add_preset, presets=GAN_PRESETS, default=DEFAULT_GAN_PRESET)


def train_gan(argv=None, prog="train_gan.py"):
    """Train a GAN and leave pictures, a log and the model in a new folder.

    Args:
        argv: Arguments; those of the process if None.
        prog: Name of the command in messages.

    Returns:
        Exit status: 0, 2 for bad input or a disk that fails, 3 if training diverged, 130 after Ctrl-C,
        143 after SIGTERM.
    """
    preset = chosen_preset(argv, prog=prog, add_preset=_add_preset) or DEFAULT_GAN_PRESET
    parser = _gan_parser(prog, preset)
    return answer(_train_gan, parser.parse_args(argv), prog=prog)


def _gan_parser(prog, preset):
    parser = Parser(
        prog=prog,
        description="Train a GAN on digits or other images; leave pictures, log and model in a new folder.",
    )
    _add_preset(parser)
    add_version(parser)
    _add_run(parser.add_argument_group("this run"))
    add_settings(parser, name=preset, row=GAN_PRESETS[preset])
    return parser


def _add_run(run):
    run.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="folder with the data set's four IDX files, with images, or in which tfds:NAME was prepared",
    )
    run.add_argument(
        "--stream",
        choices=_STREAM,
        default="auto",
        help="read images when they are wanted, to the same bits (auto: where an array of them would take "
        "more than a quarter of the free memory)",
    )
    run.add_argument(
        "--run-dir", type=Path, metavar="DIR", help="folder to create (default: runs/gan-PRESET-N)"
    )
    run.add_argument(
        "--tensorboard",
        action="store_true",
        help="write TensorBoard's files too (pip install 'kgan[tensorboard]')",
    )
    run.add_argument(
        "--explorer", action="store_true", help="put the generator on the report's page, to walk its latents"
    )
    add_resume(run)
    add_distribute(run)
    add_dry_run(run)


def _train_gan(options):
    if options.resume is not None:
        return _resume(options)
    name = options.preset or DEFAULT_GAN_PRESET
    preset = resolved(GAN_PRESETS[name], vars(options))
    if options.override:
        raise ValueError("--override is for --resume, which was not given.")
    if options.dry_run:
        say(_planned(options, name, preset))
        return 0
    run_dir, shared = options.run_dir, _run_options(options)
    with experiments_for(options) as experiments:
        begun = experiments.begun_before("runs", "gan", run_dir=run_dir)
        if begun is not None:
            return _ended(experiments.resume(begun, **shared))
        return _ended(experiments.train_gan(preset, name=name, run_dir=run_dir, **shared))


def _resume(options):
    run, changed = to_resume(options, prefix="gan", presets=GAN_PRESETS)
    if options.dry_run:
        say(planned_to_resume(run, changed))
        return 0
    shared = {"override": options.override} | _run_options(options)
    with experiments_for(options) as experiments:
        return _ended(experiments.resume(run.path, **shared, **changed))


def _run_options(options):
    names = ("data_dir", "tensorboard", "explorer", "checkpoint_every")
    return {name: getattr(options, name) for name in names} | {"stream": _STREAM[options.stream]}


def _ended(result):
    if result.is_of_first:
        say(_summary(result))
    return status_of(result)


def _planned(options, name, preset):
    """The settings of a run, once what can be refused without loading anything is refused."""
    if options.run_dir is not None:
        refuse_existing(options.run_dir)
    if options.tensorboard:
        check_installed("tensorboard", use="--tensorboard")
    further = {"images": _described(preset, options)}
    return settings_table(name, preset, further=further)


def _described(preset, options):
    """What the data are, once they are seen to be there and to fit."""
    wanted = {"image_size": preset.image_size, "channels": preset.channels}
    source = find_source(preset.data, data_dir=options.data_dir, **wanted)
    if source.is_at_hand:  # quick to read, unlike a download
        preset.num_epochs(source.num_images("train"))
    return f"{source.name}: {source.description}"


def _summary(result):
    run, minutes, seconds = result.run, *divmod(round(result.seconds), 60)
    plots = sorted(path.name for path in run.plots.glob("*.png") if "frames" not in path.name)
    count = result.num_classes
    strips = f"; kgan interpolate {run.path} --from {4 if count > 4 else 0} --to 1" if count > 1 else ""
    return "\n".join(
        [
            f"{'Interrupted' if result.interrupted else 'Trained'} after {_steps(result)} on "
            f"{result.num_images:,} images, {minutes} min {seconds:02d} s, {result.model.device}.",
            *[f"  report    {run.report}  (open it in a browser)" for _ in range(run.report.is_file())],
            *_seen(result),
            f"  plots     {run.plots}  ({', '.join(plots)})",
            f"  log       {run.log}  (a row an epoch; {run.steps.name} beside it every 50 steps)",
            f"  settings  {run.config}",
            f"  model     {run.model}",
            *_found(result),
            *_to_go_on(result),
            f"  draw more kgan sample {run.path} -n 64 --seed 1{strips}",
        ]
    )


def _steps(result):
    steps = int(result.model.step.value)
    return f"{steps:,} step{'' if steps == 1 else 's'}"


def _seen(result):
    if result.picture is None:
        return []
    return [f"  look at   {result.picture}  (the last; samples.gif beside it plays them)"]


def _to_go_on(result):
    return [f"  go on     kgan train-gan --resume {result.run.path}"] if result.interrupted else []


def _found(result):
    """Lines about the best model, the judgement and the alarms, as far as there are any."""
    lines = []
    if result.best is not None:
        where = (
            f"Fréchet distance {result.best.value:.3g} at step {result.best.step:,}, the lowest in training"
        )
        lines.append(f"  best      {result.run.best_model}  ({where})")
    if result.evaluation is not None:
        distance = result.evaluation.metric("frechet_distance")
        judged = f"{result.evaluation.judgement['samples']:,} samples"
        lines += [
            f"  judged    {result.run.evaluation}  (Fréchet distance {distance['value']:.3g} of {judged}; "
            f"real digits {distance['floor']:.2g})",
            textwrap.indent(textwrap.fill(result.evaluation.judgement["classes"]["sentence"], 88), " " * 12),
        ]
    return [*lines, *[f"  alarm     {alarm}" for alarm in result.alarms]]
