"""The command line, derived from the dataclasses of the presets.

`--preset` is read first; the fields of that row become the options, with its values as their
defaults. Nothing here imports a framework before the work begins.
"""

import argparse
import dataclasses
import inspect
import os
import sys
import typing
from pathlib import Path

from kgan import __version__
from kgan.digits import find_digits
from kgan.extras import check_installed
from kgan.gan import latent
from kgan.presets import DEFAULT_GAN_PRESET, GAN_PRESETS
from kgan.runs import refuse_existing
from kgan.spec import Spec

BAD_INPUT = 2
INTERRUPTED = 130

_METHODS = {method.__name__: method for method in (latent.lerp, latent.slerp)}
_BACKENDS = ("torch", "jax", "tensorflow")  # each an extra of that name, but torch


class _Parser(argparse.ArgumentParser):
    def __init__(self, **kwargs):
        super().__init__(allow_abbrev=False, **{"formatter_class": _formatter} | kwargs)

    def error(self, message):
        self.exit(BAD_INPUT, f"{self.prog}: error: {message} (--help lists the options)\n")


def _formatter(prog):
    return argparse.HelpFormatter(prog, max_help_position=32, width=100)


def train_gan(argv=None, prog="train_gan.py"):
    """Train a GAN and leave pictures, a log and the model in a new folder.

    Args:
        argv: Arguments; those of the process if None.
        prog: Name of the command in messages.

    Returns:
        Exit status: 0, 2 for bad input, 130 after Ctrl-C.
    """
    parser = _gan_parser(prog, _chosen_preset(argv, prog))
    return _answer(_train_gan, parser.parse_args(argv), prog=prog)


def sample(argv=None, prog="kgan sample"):
    """Draw images with the GAN of a run.

    Arguments and exit status are as for `train_gan`.
    """
    parser = _Parser(prog=prog, description="Draw images with the GAN that a run left behind.")
    _add_run(parser)
    parser.add_argument("-n", type=int, default=64, help="number of images (default: 64)")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help=".png for a grid, .npy for an array in [-1, 1] (default: RUN/samples/n-64-seed-0.png)",
    )
    return _answer(_sample, parser.parse_args(argv), prog=prog)


def interpolate(argv=None, prog="kgan interpolate"):
    """Draw the images between two different digits of a run's GAN.

    Arguments and exit status are as for `train_gan`.
    """
    parser = _Parser(
        prog=prog, description="Draw latents until two images are of different digits, and the way between."
    )
    _add_run(parser)
    parser.add_argument(
        "--num-intermediate",
        type=int,
        metavar="N",
        help="images between the two (default: as the run's preset says)",
    )
    parser.add_argument(
        "--method",
        choices=sorted(_METHODS),
        default="lerp",
        help="along the straight line or the great arc (default: lerp)",
    )
    parser.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="folder of the data by which classes are told"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="PNG to write (default: RUN/plots/interpolation-lerp-7-seed-0.png)",
    )
    return _answer(_interpolate, parser.parse_args(argv), prog=prog)


def _add_run(parser):
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run, such as runs/gan-quick-1")
    parser.add_argument("--seed", type=int, default=0, help="seed of the latents (default: 0)")


def _answer(work, options, *, prog):
    """The exit status of `work(options)`; what can go wrong is said in one line."""
    try:
        return work(options)
    except KeyboardInterrupt:
        sys.stderr.write(f"\n{prog}: interrupted; nothing further was saved.\n")
        return INTERRUPTED
    except (ValueError, OSError, ImportError, MemoryError) as error:
        sys.stderr.write(f"{prog}: error: {_one_line(error)}\n")
        return BAD_INPUT


def _chosen_preset(argv, prog):
    parser = _Parser(prog=prog, add_help=False)
    _add_preset(parser)
    return parser.parse_known_args(argv)[0].preset


def _add_preset(parser):
    parser.add_argument(
        "--preset",
        choices=sorted(GAN_PRESETS),
        default=DEFAULT_GAN_PRESET,
        help=f"row of settings that the options below change (default: {DEFAULT_GAN_PRESET})",
    )


def _gan_parser(prog, preset):
    parser = _Parser(
        prog=prog,
        description="Train a GAN on handwritten digits; leave pictures, a log and the model in a new folder.",
    )
    _add_preset(parser)
    parser.add_argument("--version", action="version", version=f"kgan {__version__}")
    run = parser.add_argument_group("this run")
    run.add_argument("--data-dir", type=Path, metavar="DIR", help="folder with the data set's four IDX files")
    run.add_argument(
        "--run-dir", type=Path, metavar="DIR", help="folder to create (default: runs/gan-PRESET-N)"
    )
    run.add_argument(
        "--tensorboard",
        action="store_true",
        help="write TensorBoard's files too (pip install -e '.[tensorboard]')",
    )
    run.add_argument(
        "--dry-run", action="store_true", help="print the settings, stated by the source or chosen, and stop"
    )
    row = GAN_PRESETS[preset]
    title, description = f"settings, as preset {preset} has them", f"{row.source} {row.shows}"
    _add_fields(parser.add_argument_group(title, description), row)
    return parser


def _add_fields(group, row):
    """One option for each annotated field of a dataclass, left out of the result unless it is given."""
    hints = typing.get_type_hints(type(row), include_extras=True)
    for name, hint in hints.items():
        if typing.get_origin(hint) is typing.Annotated:
            annotated, description = typing.get_args(hint)
            value = getattr(row, name)
            group.add_argument(
                f"--{name.replace('_', '-')}",
                type=_reader(annotated),
                default=argparse.SUPPRESS,
                metavar=name.split("_")[-1].upper(),
                help=_described(description, kind=annotated, value=value),
            )


def _is_spec(kind):
    return inspect.isclass(kind) and issubclass(kind, Spec)


def _described(description, *, kind, value):
    choices = f", of {', '.join(kind.choices())}" if _is_spec(kind) else ""
    return description + choices + ("" if value is None else f" (here: {value})")


def _reader(annotated):
    """What reads an option: the annotated type, the type beside None, or the parser of a `Spec`."""
    kinds = [kind for kind in typing.get_args(annotated) or (annotated,) if kind is not type(None)]
    if not _is_spec(kinds[0]):
        return kinds[0]

    def read(text):
        try:
            return kinds[0].parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def _resolved(row, options):
    """The row with the options that were given; a length in one unit replaces one in the other."""
    given = {name: options[name] for name in row.describe() if name in options}
    for length, other in (("epochs", "steps"), ("steps", "epochs")):
        if length in given:
            given.setdefault(other, None)
    basis = row.basis | {name: "given" for name in given if name in options}
    changed = [name for name in given if name != "seed" and name in options]
    if changed:
        given["source"] = f"{row.source} Changed on the command line: {', '.join(changed)}."
        given["shows"] = "Not known: settings were changed."
    return dataclasses.replace(row, **given, basis=basis)


def _train_gan(options):
    preset = _resolved(GAN_PRESETS[options.preset], vars(options))
    if options.dry_run:
        _say(_settings_table(options, preset))
        return 0
    from kgan import experiments

    result = experiments.train_gan(
        preset,
        name=options.preset,
        data_dir=options.data_dir,
        run_dir=options.run_dir,
        tensorboard=options.tensorboard,
    )
    _say(_summary(result))
    return INTERRUPTED if result.interrupted else 0


def _sample(options):
    from kgan import experiments

    _say(str(experiments.sample(options.run, options.n, seed=options.seed, path=options.out)))
    return 0


def _interpolate(options):
    from kgan import experiments

    strip = experiments.interpolate(
        options.run,
        seed=options.seed,
        num_intermediate=options.num_intermediate,
        method=_METHODS[options.method],
        data_dir=options.data_dir,
        path=options.out,
    )
    begin, end = strip.classes
    _say(f"{strip.picture}: from {begin} to {end} in {len(strip.latents)} images")
    return 0


def _settings_table(options, preset):
    """The settings of a run, once what can be refused without loading anything is refused."""
    if options.run_dir is not None:
        refuse_existing(options.run_dir)
    if options.tensorboard:
        check_installed("tensorboard", use="--tensorboard")
    source = find_digits(preset.data, data_dir=options.data_dir)
    if source.folder is not None:  # quick to read, unlike a download
        preset.num_epochs(len(source.arrays("train")[0]))
    settings = preset.describe()
    rows = {"preset": options.preset, "source": preset.source, "shows": preset.shows}
    rows |= {
        name: f"{value!s:48}  {preset.basis_of(name)}"
        for name, value in settings.items()
        if value is not None  # a length in the other unit
    }
    rows |= {"digits": f"{source.name}: {source.description}"}
    width = max(map(len, rows))
    return "\n".join(f"{key:{width}}  {value}" for key, value in rows.items())


def _summary(result):
    run, minutes, seconds = result.run, *divmod(round(result.seconds), 60)
    plots = sorted(path.name for path in run.plots.glob("*.png"))
    strips = f"; kgan interpolate {run.path}" if "interpolation.png" in plots else ""
    return "\n".join(
        [
            f"{'Interrupted' if result.interrupted else 'Trained'} after {int(result.model.step.value):,} "
            f"steps on {result.num_images:,} images, {minutes} min {seconds:02d} s, {result.model.device}.",
            f"  look at   {result.picture}  (the last; samples.gif beside it plays them)",
            f"  plots     {run.plots}  ({', '.join(plots)})",
            f"  log       {run.log}  (a row an epoch; {run.steps.name} beside it every 50 steps)",
            f"  settings  {run.config}",
            f"  model     {run.model}",
            f"  draw more kgan sample {run.path} -n 64 --seed 1{strips}",
        ]
    )


def _one_line(error):
    backend = os.environ.get("KERAS_BACKEND")
    if isinstance(error, ModuleNotFoundError) and error.name == backend and backend in _BACKENDS:
        return f"{error}, and KERAS_BACKEND is {backend}: pip install -e '.[{backend}]', or set another."
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}; free or name another place."
    return " ".join(str(error).split())


def _say(text):
    sys.stdout.write(text + "\n")


_COMMANDS = {"train-gan": train_gan, "sample": sample, "interpolate": interpolate}


def main(argv=None):
    """The `kgan` command: `kgan train-gan`, `kgan sample`, `kgan interpolate` and their options.

    Returns:
        Exit status.
    """
    argv = sys.argv[1:] if argv is None else argv
    summaries = [f"  {name:12}  {work.__doc__.splitlines()[0]}" for name, work in _COMMANDS.items()]
    parser = _Parser(
        prog="kgan",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="GANs for Keras 3, written once for PyTorch, JAX and TensorFlow.",
        epilog="\n".join(["commands:", *summaries]),
    )
    parser.add_argument("--version", action="version", version=f"kgan {__version__}")
    parser.add_argument(
        "command", choices=_COMMANDS, metavar="COMMAND", help="one of the below; each has its own --help"
    )
    command = parser.parse_args(argv[:1]).command
    return _COMMANDS[command](argv[1:], prog=f"kgan {command}")
