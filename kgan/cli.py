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
from kgan.presets import DEFAULT_GAN_PRESET, GAN_PRESETS
from kgan.runs import refuse_existing
from kgan.spec import Spec

BAD_INPUT = 2
INTERRUPTED = 130

_BACKENDS = ("torch", "jax", "tensorflow")  # each an extra of that name, but torch


class _Parser(argparse.ArgumentParser):
    def __init__(self, **kwargs):
        super().__init__(allow_abbrev=False, formatter_class=_formatter, **kwargs)

    def error(self, message):
        self.exit(BAD_INPUT, f"{self.prog}: error: {message} (--help lists the options)\n")


def _formatter(prog):
    return argparse.HelpFormatter(prog, max_help_position=32, width=100)


def train_gan(argv=None, prog="train_gan.py"):
    """Train a GAN as the command line says.

    Args:
        argv: Arguments; those of the process if None.
        prog: Name of the command in messages.

    Returns:
        Exit status: 0, 2 for bad input, 130 after Ctrl-C.
    """
    parser = _gan_parser(prog, _chosen_preset(argv, prog))
    options = parser.parse_args(argv)
    try:
        preset = _resolved(GAN_PRESETS[options.preset], vars(options))
        if options.dry_run:
            _say(_settings_table(options, preset))
            return 0
        return _train_gan(preset, options)
    except KeyboardInterrupt:
        sys.stderr.write(f"\n{prog}: interrupted; nothing further was saved.\n")
        return INTERRUPTED
    except (ValueError, OSError, ImportError) as error:
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
    run.add_argument("--data-dir", type=Path, metavar="DIR", help="folder with MNIST's four IDX files")
    run.add_argument(
        "--run-dir", type=Path, metavar="DIR", help="folder to create (default: runs/gan-PRESET-N)"
    )
    run.add_argument("--dry-run", action="store_true", help="print the settings and stop")
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
                help=_described(description, annotated, value),
            )


def _is_spec(kind):
    return inspect.isclass(kind) and issubclass(kind, Spec)


def _described(description, kind, value):
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
    given = {field.name: options[field.name] for field in dataclasses.fields(row) if field.name in options}
    changed = [name for name in given if name != "seed"]
    if changed:
        given["source"] = f"{row.source} Changed on the command line: {', '.join(changed)}."
        given["shows"] = "Not known: settings were changed."
    for length, other in (("epochs", "steps"), ("steps", "epochs")):
        if length in given:
            given.setdefault(other, None)
    return dataclasses.replace(row, **given)


def _train_gan(preset, options):
    from kgan import experiments

    result = experiments.train_gan(
        preset, name=options.preset, data_dir=options.data_dir, run_dir=options.run_dir
    )
    _say(_summary(result))
    return INTERRUPTED if result.interrupted else 0


def _settings_table(options, preset):
    """The settings of a run, once what can be refused without loading anything is refused."""
    if options.run_dir is not None:
        refuse_existing(options.run_dir)
    source = find_digits(preset.data, data_dir=options.data_dir)
    rows = {"preset": options.preset} | preset.describe()
    rows |= {"digits": f"{source.name}: {source.description}"}
    width = max(map(len, rows))
    return "\n".join(f"{key:{width}}  {value}" for key, value in rows.items())


def _summary(result):
    run, minutes, seconds = result.run, *divmod(round(result.seconds), 60)
    steps, pictures = int(result.model.step.value), len(list(run.samples.glob("*.png")))
    return "\n".join(
        [
            f"{'Interrupted' if result.interrupted else 'Trained'} after {steps:,} steps on "
            f"{result.num_images:,} digits, {minutes} min {seconds:02d} s.",
            f"  look at   {result.picture}  (the last of {pictures} pictures)",
            f"  log       {run.log}",
            f"  settings  {run.config}",
            f'  model     {run.model}  (kgan.load_model("{run.model}").sample(25))',
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


def main(argv=None):
    """The `kgan` command: `kgan train-gan` and its options.

    Returns:
        Exit status.
    """
    argv = sys.argv[1:] if argv is None else argv
    parser = _Parser(
        prog="kgan", description="GANs for Keras 3, written once for PyTorch, JAX and TensorFlow."
    )
    parser.add_argument("--version", action="version", version=f"kgan {__version__}")
    parser.add_argument("command", choices=_COMMANDS, help="what to do; each has its own --help")
    command = parser.parse_args(argv[:1]).command
    return _COMMANDS[command](argv[1:], prog=f"kgan {command}")


_COMMANDS = {"train-gan": train_gan}
