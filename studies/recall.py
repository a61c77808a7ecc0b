"""What an LSTM and a SimpleRNN recall of palindromes, over seeds: the presets, and what they leave open.

    python studies/recall.py

trains each network of each row below with each of its seeds, appends what came of it to
studies/recall.csv and prints medians and spreads as the tables of docs/palindromes.md. What is in the file is
not run again, so an interrupted study goes on where it was. On one core it takes some hours;
`--rows latch d` runs a part.
"""

import argparse
import csv
import dataclasses
import statistics
import sys
import tempfile
from pathlib import Path

from kgan.experiments import train_lstm
from kgan.optimizers import Adam
from kgan.presets import LSTM_PRESETS

RESULTS = Path(__file__).with_suffix(".csv")
COLUMNS = (
    "row",
    "network",
    "seed",
    "length",
    "accuracy",
    "best",
    "steps",
    "solved_epoch",
    "solved_step",
    "seconds",
)


@dataclasses.dataclass(frozen=True)
class Row:
    """Settings of a study: a preset with changes, for each of some networks and seeds."""

    preset: str
    seeds: int
    changes: dict = dataclasses.field(default_factory=dict)
    networks: tuple = ("lstm", "rnn")

    def settings(self, network, seed):
        """The preset of one run."""
        preset = LSTM_PRESETS[self.preset]
        return dataclasses.replace(preset, networks=(network,), seed=seed, basis={}, **self.changes)


DIRECT = {"lengths": (1000,), "prior": None, "steps": 300, "evaluate_every": 50, "batch_size": 32}
DIRECT |= {"lstm_optimizer": Adam(learning_rate=1e-2), "time_lag": 1000}
SCALAR = {"encoding": "scalar", "lstm_target_loss": 1e-2, "lstm_round_steps": 50, "max_steps": 1000}

ROWS = {
    "latch": Row("latch", seeds=10, networks=("lstm",)),
    "d": Row("d", seeds=3),
    "c": Row("c", seeds=1),
    "to 10,000": Row("curriculum", seeds=10, changes={"max_length": 10_000}, networks=("lstm",)),
    "curriculum": Row("curriculum", seeds=10),
    "curriculum, rounds of 20": Row(
        "curriculum", seeds=10, changes={"rnn_round_steps": 20}, networks=("rnn",)
    ),
    "d, Keras's initialisers": Row("d", seeds=2, changes={"initializer": "keras"}),
    "e": Row("e", seeds=1),
    "a": Row("a", seeds=1),
    "curriculum, scalar": Row("curriculum", seeds=5, changes=SCALAR),
    "direct, log": Row("latch", seeds=1, changes=DIRECT | {"forget_bias": "log"}, networks=("lstm",)),
    "direct, chrono": Row("latch", seeds=1, changes=DIRECT | {"forget_bias": "chrono"}, networks=("lstm",)),
}


def read():
    """The rows that there are, dicts of strings."""
    if not RESULTS.exists():
        return []
    with RESULTS.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(rows):
    """Append rows to the results."""
    new = not RESULTS.exists()
    with RESULTS.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if new:
            writer.writeheader()
        writer.writerows(rows)


def measure(name, network, seed):
    """The rows of one run: an item for each length."""
    with tempfile.TemporaryDirectory() as folder:
        result = train_lstm(ROWS[name].settings(network, seed), run_dir=Path(folder) / "run", progress=False)
    return [
        {
            "row": name,
            "network": network,
            "seed": seed,
            "length": outcome.length,
            "accuracy": outcome.accuracy,
            "best": outcome.best_accuracy,
            "steps": outcome.steps,
            "solved_epoch": outcome.solved_epoch,
            "solved_step": outcome.solved_step,
            "seconds": round(outcome.seconds, 1),
        }
        for outcome in result.outcomes
    ]


def run(names):
    """Run what is not in the results yet."""
    done = {(row["row"], row["network"], int(row["seed"])) for row in read()}
    for name in names:
        for seed in range(ROWS[name].seeds):
            for network in ROWS[name].networks:
                if (name, network, seed) not in done:
                    write(measure(name, network, seed))
                    say(f"{name}, {network}, seed {seed}")


def spread(values, form):
    """Median and range of numbers."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return form(middle) if low == high else f"{form(middle)} ({form(low)}–{form(high)})"


def table(rows):
    """Lines of Markdown: each length of a study over its seeds."""
    yield "| length | network | seeds | at 100 % | accuracy | first epoch at 100 % | steps |"
    yield "|---|---|---|---|---|---|---|"
    for length, network in sorted({(int(row["length"]), row["network"]) for row in rows}):
        these = [row for row in rows if (int(row["length"]), row["network"]) == (length, network)]
        accuracies = [float(row["accuracy"] or 0) for row in these]
        epochs = [int(row["solved_epoch"]) for row in these if row["solved_epoch"]]
        yield (
            f"| {length:,} | {network} | {len(these)} | {sum(a == 1 for a in accuracies)} "
            f"| {spread(accuracies, '{:.1%}'.format)} | {spread(epochs, '{:.0f}'.format) if epochs else '–'} "
            f"| {spread([int(row['steps']) for row in these], '{:,.0f}'.format)} |"
        )


def ends(rows):
    """Lines of Markdown: how far each network came in a curriculum, and at what cost."""
    yield "| network | seeds | reached | steps in all | seconds in all |"
    yield "|---|---|---|---|---|"
    for network in sorted({row["network"] for row in rows}):
        runs = {}
        for row in rows:
            if row["network"] == network:
                runs.setdefault(row["seed"], []).append(row)
        reached = [
            max((int(r["length"]) for r in run if float(r["accuracy"]) == 1), default=0)
            for run in runs.values()
        ]
        steps = [sum(int(r["steps"]) for r in run) for run in runs.values()]
        seconds = [sum(float(r["seconds"]) for r in run) for run in runs.values()]
        yield (
            f"| {network} | {len(runs)} | {', '.join(f'{r:,}' for r in sorted(reached))} "
            f"| {spread(steps, '{:,.0f}'.format)} | {spread(seconds, '{:.0f}'.format)} |"
        )


def say(line):
    """Print at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main():
    """Run the study and print its tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rows", nargs="*", choices=ROWS, default=list(ROWS), metavar="ROW", help=f"of {', '.join(ROWS)}"
    )
    names = parser.parse_args().rows
    run(names)
    for name in names:
        rows = [row for row in read() if row["row"] == name]
        form = ends if ROWS[name].preset == "curriculum" else table
        say("\n".join(["", f"**{name}**", "", *form(rows)]))


if __name__ == "__main__":
    main()
