"""Whether a run survives what can happen to it: kills, damaged files, failing disks, NaN, signals.

    python studies/reliability.py kills --backend torch --number 300

kills so many times and adds a row for each to studies/reliability/kills.csv. A part goes on where it was, so
it can be stopped. `summary` prints the tables of docs/reliability.md from the rows.
"""

import argparse
import importlib
import os
import sys

PARTS = {
    "kills": "faults.kills",
    "flips": "faults.flips",
    "writes": "faults.writes",
    "nan": "faults.poison",
    "sigterm": "faults.signals",
    "compare": "faults.compare",
}


def main():
    """Do one part, or print what there is."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=[*PARTS, "summary"])
    parser.add_argument("--backend", choices=("torch", "jax", "tensorflow"), default="torch")
    parser.add_argument(
        "--number", type=int, help="rows that there are to be in the end (default: the part's)"
    )
    options = parser.parse_args()
    os.environ |= {"KERAS_BACKEND": options.backend, "KGAN_OFFLINE": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    if options.part == "summary":
        for part in PARTS.values():
            sys.stdout.write("\n".join([*importlib.import_module(part).summary(), "", ""]))
    else:
        importlib.import_module(PARTS[options.part]).run(backend=options.backend, number=options.number)


if __name__ == "__main__":
    main()
