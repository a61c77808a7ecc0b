"""Print the tables: `python -m benchmarks`, or `python -m benchmarks gan lstm --backend torch jax`.

Each benchmark runs in a process of its own for each backend, and alone: leave the machine to it. The tables
are Markdown. A ratio is our time over that of what a user would pick instead, the median of turns taken one
after the other; beside it the lowest and the highest of them, and the target that was set before. The floor
is what the arithmetic alone takes at the rate of one product. `--quick` takes a few turns of small sizes, to
see that all of them run.
"""

import argparse
import importlib.util
import json
import os
import platform
import subprocess
import sys

# A benchmark, the backends it has something to say about.
BENCHMARKS = {
    "lstm": ("torch", "jax"),
    "lengths": ("torch",),
    "gan": ("torch", "jax", "tensorflow"),
    "everyday": ("torch",),
}


def main(arguments=None):
    """Run what was asked for and print its tables; returns the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"NAME must be one of {', '.join(BENCHMARKS)}, got {', '.join(unknown)}.")
    say(f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    failed = False
    for name in options.names or BENCHMARKS:
        for backend in BENCHMARKS[name]:
            if backend not in options.backend:
                continue
            if importlib.util.find_spec(backend) is None:
                say(f"{name}, {backend}: not installed.\n")
                continue
            failed |= not run(name, backend, _flags(name, options))
    return int(failed)


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    backends = sorted({backend for backends in BENCHMARKS.values() for backend in backends})
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"some of {', '.join(BENCHMARKS)}; all without"
    )
    parser.add_argument("--backend", nargs="+", choices=backends, default=backends)
    parser.add_argument(
        "--quick", action="store_true", help="few turns of small sizes: their ratios say little"
    )
    parser.add_argument(
        "--data-dir", help="folder with MNIST's four files, to time how long they take to read"
    )
    return parser


def _flags(name, options):
    quick = ["--quick"] if options.quick else []
    return [*quick, "--data-dir", options.data_dir] if name == "everyday" and options.data_dir else quick


def run(name, backend, flags):
    """Run one benchmark on one backend and print its rows as they come; returns whether it succeeded."""
    command = [sys.executable, "-m", f"benchmarks.{name}", *flags]
    environment = os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    say(f"### {name}, {backend}\n")
    columns = None
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        for line in process.stdout:
            if not line.startswith('{"columns"'):
                continue
            row = json.loads(line)
            if row["columns"] != columns:
                columns = row["columns"]
                say(*header(columns))
            say(as_row(row["cells"]))
    say("" if process.returncode == 0 else f"\n{' '.join(command)} failed with {process.returncode}.\n")
    return process.returncode == 0


def header(columns):
    """The two lines above a table's rows."""
    return as_row(columns), as_row(["---"] * len(columns))


def as_row(cells):
    """Cells as a row in Markdown."""
    return f"| {' | '.join(cells)} |"


def processor():
    """The processor's name, where the system tells it."""
    try:
        with open("/proc/cpuinfo") as lines:  # noqa: PTH123 (a file of the kernel)
            return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def say(*lines):
    """Print at once."""
    for line in lines:
        sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
