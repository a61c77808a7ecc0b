"""Measure two processes of this machine, and foretell more: python -m studies.scaling.

Three things are timed, in turns, each in processes of its own, one thread each:

- a step of one process on half a batch, while another does the same, neither sending anything;
- sums of tensors of several sizes over two processes, by gloo;
- a step of two processes on the whole batch, under torchrun.

From the first two the third is foretold. The tables of docs/scaling.md are written anew. `--quick` times few
steps, whose figures say nothing.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from studies.pages import fill, head, line
from studies.scaling.model import Link, MeasuredLink, step_seconds

HERE, PAGE = Path(__file__).parent, Path(__file__).parents[2] / "docs" / "scaling.md"
RESULTS = HERE / "results.json"
NETWORKS = ("fully_connected", "compact", "template")
BATCH = 128
SIZES = (4, 2**12, 2**14, 2**16, 2**20, 2**22, 2**24)  # bytes
RANKS = (1, 2, 8, 64, 1024)
# As their makers state them, each way and for each GPU: not measured here.
LINKS = {
    "NVLink 4, 450 GB/s": Link(latency=10e-6, bandwidth=450e9),
    "InfiniBand NDR, 50 GB/s": Link(latency=20e-6, bandwidth=50e9),
    "Ethernet, 10 Gbit/s": Link(latency=60e-6, bandwidth=1.25e9),
}


def measure(repeats, steps):
    """All times, medians over the repeats: a dict for JSON."""
    rows = {network: {"half": [], "two": []} for network in NETWORKS}
    sums = {str(size): [] for size in SIZES}
    for repeat in range(repeats):
        for network in NETWORKS:
            halves = [_begun("steps", network, BATCH // 2, steps) for _ in range(2)]
            rows[network]["half"].append(statistics.mean(_found(half)["seconds"] for half in halves))
            together = _found(_begun("steps", network, BATCH, steps, ranks=2))
            rows[network]["two"].append(together["seconds"])
            rows[network] |= {name: together[name] for name in ("bytes", "scalars")}
            say(f"{repeat + 1} of {repeats}: {network}")
        for size, seconds in _found(_begun("sums", *SIZES, ranks=2)).items():
            sums[size].append(seconds)
    return {"batch": BATCH, "networks": rows, "sums": sums}


def _begun(*arguments, ranks=1):
    launch = [sys.executable]
    if ranks > 1:
        launch += ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)]
    environ = os.environ | {"OMP_NUM_THREADS": "1", "KERAS_BACKEND": "torch"}
    out = Path(tempfile.mkdtemp(prefix="kgan-scaling-")) / "found.json"
    command = [*launch, str(HERE / "timed.py"), str(out), *map(str, arguments)]
    return subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL), out  # noqa: S603


def _found(begun):
    process, out = begun
    if process.wait() != 0:
        raise RuntimeError(f"{process.args} ended with status {process.returncode}.")
    found = json.loads(out.read_text())
    shutil.rmtree(out.parent)
    return found


def parts(results):
    """The tables of the page, by name."""
    sums = {int(size): statistics.median(seconds) for size, seconds in results["sums"].items()}
    link = MeasuredLink(sums)
    return {
        "link": "\n".join(_of_link(results)),
        "two": "\n".join(_of_two(results, link)),
        "many": "\n".join(_of_many(results)),
    }


def _of_link(results):
    yield from head("bytes", "ms, median", "least", "most")
    for size, seconds in results["sums"].items():
        times = (1e3 * of(seconds) for of in (statistics.median, min, max))
        yield line(f"{int(size):,}", *(f"{ms:.2f}" for ms in times))


def _messages(row):
    """Of a step in which both networks are updated."""
    return [*((1, size) for size in row["bytes"]), (row["scalars"], 4)]


def _of_two(results, link):
    yield from head("networks", "half a batch, ms", "foretold, ms", "measured, ms", "foretold / measured")
    for network, row in results["networks"].items():
        half, two = (statistics.median(row[name]) for name in ("half", "two"))
        foretold = step_seconds(half, _messages(row), link, ranks=2)
        spread = [foretold / seconds for seconds in row["two"]]
        yield line(
            f"`{network}`",
            *(f"{1e3 * seconds:.1f}" for seconds in (half, foretold, two)),
            f"{foretold / two:.2f} ({min(spread):.2f}–{max(spread):.2f})",
        )


def _of_many(results):
    yield from head("networks", "link", "MB a step", *(f"{ranks:,} ranks" for ranks in RANKS))
    for network, row in results["networks"].items():
        compute = statistics.median(row["half"])
        for name, link in LINKS.items():
            seconds = [step_seconds(compute, _messages(row), link, ranks=ranks) for ranks in RANKS]
            shares = (f"{100 * seconds[0] / each:.0f} %" for each in seconds)
            yield line(f"`{network}`", name, f"{sum(row['bytes']) / 1e6:.2f}", *shares)


def say(text):
    """Print at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main(argv=None):
    """Measure unless told not to, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m studies.scaling", description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="of each measurement (default: 3)")
    parser.add_argument("--quick", action="store_true", help="few steps, and print the tables alone")
    parser.add_argument("--page", action="store_true", help="write the page from the results that there are")
    options = parser.parse_args(argv)
    if options.page:
        fill(PAGE, parts(json.loads(RESULTS.read_text())))
        return 0
    results = measure(1 if options.quick else options.repeats, 3 if options.quick else 30)
    if options.quick:
        say("\n".join(parts(results).values()))
        return 0
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    fill(PAGE, parts(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
