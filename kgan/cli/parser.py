"""What the commands have in common: options derived from a preset's row, and errors of one line."""

import argparse
import dataclasses
import inspect
import os
import sys
import typing
from pathlib import Path

from kgan import __version__
from kgan.spec import Spec

BAD_INPUT = 2
INTERRUPTED = 130

_BACKENDS = ("torch", "jax", "tensorflow")  # each an extra of that name, but torch


class Parser(argparse.ArgumentParser):
    """An `ArgumentParser` that takes no abbreviations and says what is wrong in one line."""

    def __init__(self, **kwargs):
        super().__init__(allow_abbrev=False, **{"formatter_class": _formatter} | kwargs)

    def error(self, message):
        """Say so and exit with `BAD_INPUT`."""
        self.exit(BAD_INPUT, f"{self.prog}: error: {message} (--help lists the options)\n")


def _formatter(prog):
    return argparse.HelpFormatter(prog, max_help_position=32, width=100)


def answer(work, options, *, prog):
    """The exit status of `work(options)`; what can go wrong is said in one line."""
    try:
        return work(options)
    except KeyboardInterrupt:
        sys.stderr.write(f"\n{prog}: interrupted; nothing further was saved.\n")
        return INTERRUPTED
    except (ValueError, OSError, ImportError, MemoryError) as error:
        sys.stderr.write(f"{prog}: error: {_one_line(error)}\n")
        return BAD_INPUT


def _one_line(error):
    backend = os.environ.get("KERAS_BACKEND")
    if isinstance(error, ModuleNotFoundError) and error.name == backend and backend in _BACKENDS:
        return f"{error}, and KERAS_BACKEND is {backend}: pip install -e '.[{backend}]', or set another."
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}; free or name another place."
    return " ".join(str(error).split())


def say(text):
    """Print a text on stdout."""
    sys.stdout.write(text + "\n")


def chosen_preset(argv, *, prog, add_preset):
    """The name of the preset in `argv`, whose row the other options are derived from.

    Args:
        argv: Arguments; those of the process if None.
        prog: Name of the command in messages.
        add_preset: Function of a parser, which adds what chooses a preset.
    """
    parser = Parser(prog=prog, add_help=False)
    add_preset(parser)
    return parser.parse_known_args(argv)[0].preset


def add_preset(parser, *, presets, default):
    """Add `--preset`, one of the names of `presets`."""
    parser.add_argument(
        "--preset",
        choices=sorted(presets),
        default=default,
        help=f"row of settings that the options below change (default: {default})",
    )


def add_version(parser):
    """Add `--version`."""
    parser.add_argument("--version", action="version", version=f"kgan {__version__}")


def add_run(parser):
    """Add the folder of a run that is there."""
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run, such as runs/gan-quick-1")


def add_dry_run(group):
    """Add `--dry-run`."""
    group.add_argument(
        "--dry-run", action="store_true", help="print the settings, stated by the source or chosen, and stop"
    )


def add_settings(parser, *, name, row):
    """Add one option for each setting of a row, left out of the result unless it is given."""
    group = parser.add_argument_group(f"settings, as preset {name} has them", f"{row.source} {row.shows}")
    shown = row.describe()
    for setting, hint in typing.get_type_hints(type(row), include_extras=True).items():
        if setting in shown:
            annotated, description = typing.get_args(hint)
            group.add_argument(
                f"--{setting.replace('_', '-')}",
                type=_reader(annotated),
                default=argparse.SUPPRESS,
                metavar=setting.split("_")[-1].upper(),
                help=_described(description, kind=annotated, value=shown[setting]),
            )


def _is_spec(kind):
    return inspect.isclass(kind) and issubclass(kind, Spec)


def _described(description, *, kind, value):
    choices = f", of {', '.join(kind.choices())}" if _is_spec(kind) else ""
    described = description + choices + ("" if value is None else f" (here: {value})")
    return described.replace("%", "%%")  # which argparse would fill in


def _reader(annotated):
    """What reads an option of an annotated type: a number or name, a list of such, or a `Spec`."""
    if typing.get_origin(annotated) is tuple:
        return _listed(typing.get_args(annotated)[0])
    kinds = typing.get_args(annotated) or (annotated,)
    if _is_spec(kinds[0]):
        return _parsed(kinds[0])
    return kinds[0] if len(kinds) == 1 else _any_of(kinds)


def _parsed(spec):
    def read(text):
        try:
            return spec.parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def _listed(kind):
    def read(text):
        return tuple(kind(item) for item in text.split(","))

    read.__name__ = f"comma-separated {kind.__name__}"  # as argparse's message calls it
    return read


def _any_of(kinds):
    """Reads the first of the types that fits a text; "none" is None where None is among them."""
    by_value = [kind for kind in kinds if kind is not type(None)]

    def read(text):
        if text == "none" and len(by_value) < len(kinds):
            return None
        for kind in by_value[:-1]:
            try:
                return kind(text)
            except ValueError:
                continue
        return by_value[-1](text)

    read.__name__ = " or ".join(kind.__name__ for kind in by_value)
    return read


def resolved(row, options):
    """The row with the options that were given; a length in one unit replaces one in the other.

    Args:
        row: A `Preset`.
        options: Dict of what was given, among others.
    """
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


def settings_table(name, preset, *, further):
    """The settings of a preset and on what each is based, a line each, and further lines.

    Args:
        name: Of the preset.
        preset: A `Preset`.
        further: Dict of further lines.
    """
    rows = {"preset": name, "source": preset.source, "shows": preset.shows}
    rows |= {
        setting: f"{'none' if value is None else value!s:48}  {preset.basis_of(setting)}"
        for setting, value in preset.describe().items()
        if value is not None or setting not in ("epochs", "steps")  # the length is in the other unit
    }
    rows |= further
    width = max(map(len, rows))
    return "\n".join(f"{key:{width}}  {value}" for key, value in rows.items())
