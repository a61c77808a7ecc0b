"""The commands that make files about a run for other programs: a page, a network."""

from pathlib import Path

from kgan.cli.parser import Parser, add_run, answer, say
from kgan.extras import check_installed
from kgan.runs import Run


def report(argv=None, prog="kgan report"):
    """Write the page about a run, report.html.

    Args:
        argv: Arguments; those of the process if None.
        prog: Name of the command in messages.

    Returns:
        Exit status: 0, 2 for bad input, 130 after Ctrl-C.
    """
    parser = Parser(prog=prog, description="Write the page about a run, one file that needs no network.")
    add_run(parser)
    parser.add_argument(
        "--explorer",
        action="store_true",
        help="put the generator on the page as well, so that its latents can be walked there",
    )
    return answer(_report, parser.parse_args(argv), prog=prog)


def export(argv=None, prog="kgan export"):
    """Write a run's generator for other programs, as ONNX.

    Arguments and exit status are as for `report`.
    """
    parser = Parser(prog=prog, description="Write the generator of a run for other programs.")
    add_run(parser)
    parser.add_argument(
        "--format", choices=("onnx",), default="onnx", help="onnx: latents to images (default: onnx)"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="file to write (default: RUN/generator.onnx)"
    )
    return answer(_export, parser.parse_args(argv), prog=prog)


def _report(options):
    from kgan import experiments

    say(str(experiments.report(options.run, explorer=options.explorer)))
    return 0


def _export(options):
    Run.open(options.run).saved_model()  # what is missing is said at once, not after a framework is loaded
    check_installed("onnx", use="--format onnx")
    from kgan import experiments

    say(str(experiments.export(options.run, format=options.format, path=options.out)))
    return 0
