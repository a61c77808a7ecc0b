"""The command line, derived from the dataclasses of the presets.

`--preset` is read first; the fields of that row become the options, with its values as their
defaults. Nothing here imports a framework before the work begins.
"""

import argparse
import sys

from kgan.cli.gan import train_gan
from kgan.cli.lstm import train_lstm
from kgan.cli.pages import export, report
from kgan.cli.parser import Parser, add_version
from kgan.cli.runs import evaluate, interpolate, sample

__all__ = ["evaluate", "export", "interpolate", "main", "report", "sample", "train_gan", "train_lstm"]

_COMMANDS = {
    "train-gan": train_gan,
    "train-lstm": train_lstm,
    "sample": sample,
    "interpolate": interpolate,
    "evaluate": evaluate,
    "report": report,
    "export": export,
}


def main(argv=None):
    """The `kgan` command, with its first argument one of `_COMMANDS`.

    Returns:
        Exit status.
    """
    argv = sys.argv[1:] if argv is None else argv
    summaries = [f"  {name:12}  {work.__doc__.splitlines()[0]}" for name, work in _COMMANDS.items()]
    parser = Parser(
        prog="kgan",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="GANs and long memory for Keras 3, written once for PyTorch, JAX and TensorFlow.",
        epilog="\n".join(["commands:", *summaries]),
    )
    add_version(parser)
    parser.add_argument(
        "command", choices=_COMMANDS, metavar="COMMAND", help="one of the below; each has its own --help"
    )
    command = parser.parse_args(argv[:1]).command
    return _COMMANDS[command](argv[1:], prog=f"kgan {command}")
