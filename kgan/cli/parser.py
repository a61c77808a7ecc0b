"""What the commands have in common: options derived from a preset's row, and errors of one line."""

import argparse
import contextlib
import math
import os
import sys
import typing
from pathlib import Path

from kgan import __version__
from kgan.presets import changes, stored_preset
from kgan.presets.base import settings_of
from kgan.presets.reading import reader, spec_of, truth
from kgan.runs import Run

BAD_INPUT = 2
DIVERGED = 3
INTERRUPTED = 130  # 128 and the number of SIGINT; of another signal it is 128 and that one's

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
    """The exit status of `work(options)`; what can go wrong is said in one line.

    What an error was given as notes, such as how to go on, is said with it.
    """
    backend = os.environ.get("KERAS_BACKEND")
    try:
        if backend not in (None, *_BACKENDS):
            raise ValueError(f"KERAS_BACKEND must be one of {', '.join(_BACKENDS)}, got {backend!r}.")
        return work(options)
    except KeyboardInterrupt as error:
        sys.stderr.write(f"\n{prog}: interrupted; nothing further was saved.{_notes(error)}\n")
        return 128 + error.args[0] if error.args else INTERRUPTED
    except (ValueError, OSError, ImportError, MemoryError, ArithmeticError) as error:
        sys.stderr.write(f"{prog}: error: {_one_line(error)}{_notes(error)}\n")
        return DIVERGED if isinstance(error, ArithmeticError) else BAD_INPUT


def _notes(error):
    return "".join(f" {note}" for note in getattr(error, "__notes__", ()))


def _one_line(error):
    backend = os.environ.get("KERAS_BACKEND")
    if isinstance(error, ModuleNotFoundError) and error.name == backend and backend in _BACKENDS:
        return f"{error}, and KERAS_BACKEND is {backend}: pip install 'kgan[{backend}]', or set another."
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}; free or name another place."
    return " ".join(str(error).split())


@contextlib.contextmanager
def experiments_for(options):
    """`kgan.experiments`, once the backend is as the options of a run ask; this loads a framework.

    Inside, the processes that a launcher began are one training.
    """
    from kgan import experiments
    from kgan.backend import ranks
    from kgan.backend.determinism import make_deterministic

    if options.deterministic:
        make_deterministic()
    with experiments.joined():
        if options.distribute is not None:
            ranks.distribute(options.distribute)
        yield experiments


def status_of(result):
    """The exit status of a run that ended by itself or by a signal."""
    return 128 + result.signal if result.interrupted else 0


def say(text):
    """Print a text on stdout."""
    sys.stdout.write(text + "\n")


def chosen_preset(argv, *, prog, add_preset):
    """The name of the preset in `argv`, whose row the other options are derived from, or None.

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
        help=f"row of settings that the options below change (default: {default})",
    )


def add_version(parser):
    """Add `--version`."""
    parser.add_argument("--version", action="version", version=f"kgan {__version__}")


def add_run(parser):
    """Add the folder of a run that is there."""
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run, such as runs/gan-quick-1")


def add_resume(group):
    """Add what goes on with a run that was broken off, and how often it is written where it stands."""
    group.add_argument(
        "--resume",
        metavar="RUN",
        help="go on with the run in a folder, or with the last in runs/ by the word last, to the same bits",
    )
    group.add_argument(
        "--override",
        action="store_true",
        help="with --resume: go on with the settings given here where they are not the run's",
    )
    group.add_argument(
        "--checkpoint-every",
        type=_positive,
        default=1.0,
        metavar="MINUTES",
        help="between two checkpoints; epochs' ends have one, too, ten seconds apart (default: 1)",
    )
    group.add_argument(
        "--deterministic",
        action="store_true",
        help="the same bits again on a GPU, too, where that costs time; with --resume give it again",
    )


def _positive(text):
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not (number > 0 and math.isfinite(number)):
        raise argparse.ArgumentTypeError(f"must be a positive number, got {text!r}")
    return number


def planned_to_resume(run, changed):
    """The settings of a run as it is to go on, and where it stands."""
    preset = stored_preset(run.read_config()).replace(**changed)
    names = sorted(path.name for path in run.checkpoints.glob("*-step-*"))
    return settings_table(run.path, preset, further={"stands at": names[-1] if names else "its start"})


def run_to_resume(text, *, prefix):
    """The run that the value of `--resume` names; see `to_resume`."""
    return Run.newest("runs", prefix) if text == "last" else Run.open(text)


def to_resume(options, *, prefix, presets):
    """The run that `--resume` names, and the settings that are to change in it by name.

    Args:
        options: `argparse.Namespace`.
        prefix: "gan" or "lstm", with which the names of such runs begin.
        presets: Dict of the rows by name.

    Raises:
        FileNotFoundError: If there is no such run.
        ValueError: If options contradict each other or the run.
    """
    if options.run_dir is not None:
        raise ValueError("Give either --resume, which goes on in that run's folder, or --run-dir.")
    run = run_to_resume(options.resume, prefix=prefix)
    config = run.read_config()
    stored, begun_as = stored_preset(config), config.get("preset")
    if type(stored) not in set(map(type, presets.values())):
        raise ValueError(f"--resume: {run.path} is a run of the other task, of the other script.")
    if options.preset not in (None, begun_as):
        raise ValueError(
            f"--preset is {begun_as} in the run, {options.preset} was given: leave it out, and change "
            "settings one by one."
        )
    return run, changes(stored, resolved(stored, vars(options)), override=options.override)


def add_distribute(group, *ways):
    """Add `--distribute`, which divides the data or, where that is one of the ways, the model."""
    ways = ("data", *ways)
    and_model = "; model: the weights of its Dense layer" if "model" in ways else ""
    group.add_argument(
        "--distribute",
        nargs="?",
        const="data",
        choices=ways,
        help=f"on JAX: divide every batch between all devices{and_model}",
    )


def add_dry_run(group):
    """Add `--dry-run`."""
    group.add_argument(
        "--dry-run", action="store_true", help="print the settings, stated by the source or chosen, and stop"
    )


def add_settings(parser, *, name, row):
    """Add one option for each setting of a row, left out of the result unless it is given."""
    group = parser.add_argument_group(f"settings, as preset {name} has them", f"{row.source} {row.shows}")
    shown = row.describe()
    for setting, hint in settings_of(type(row)).items():
        annotated, description = typing.get_args(hint)
        group.add_argument(
            f"--{setting.replace('_', '-')}",
            type=_reader(annotated),
            default=argparse.SUPPRESS,
            metavar=setting.split("_")[-1].upper(),
            help=_described(description, kind=annotated, value=shown[setting]),
        )


def _described(description, *, kind, value):
    spec = spec_of(kind)
    choices = f", of {', '.join(spec.choices())}" if spec else ""
    described = description + choices + ("" if value is None else f" (here: {value})")
    return described.replace("%", "%%")  # which argparse would fill in


def _reader(annotated):
    """What reads an option: as `reader`, whose own message about what does not fit is shown."""
    read = reader(annotated)
    if read is not truth and not spec_of(annotated):
        return read

    def read_told(text):
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read_told


def resolved(row, options):
    """The row with the options that were given; a length in one unit replaces one in the other.

    Args:
        row: A `Preset`.
        options: Dict of what was given, among others.
    """
    given = {name: options[name] for name in row.describe() if name in options}
    basis = row.basis | dict.fromkeys(given, "given")
    changed = [name for name in given if name != "seed"]
    if changed:
        given["source"] = f"{row.source} Changed on the command line: {', '.join(changed)}."
        given["shows"] = "Not known: settings were changed."
    return row.replace(**given, basis=basis)


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
