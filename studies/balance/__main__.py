"""Does the update rule of the reports help? Trainings side by side, then what they say, as tables.

    python -m studies.balance --data-dir path/to/mnist --cores 2

What is in the file of results is not trained again, so that an interrupted study goes on where it was.
`--plan` says what each arm costs before it runs, and runs nothing; `--page` writes the page of what there is;
`--quick` takes some minutes, on few digits and in tiny trainings, whose figures say nothing.

First the learning rate of each confirmatory arm is tuned, with the same budget for each; then they are
trained with 16 paired seeds. After them come the exploratory arms, likewise, with four. At the end the
tables of docs/balance.md are written anew, and its pictures.
"""

import argparse
import dataclasses
import sys
from pathlib import Path
from statistics import mean

import kgan
from kgan.gan.update_policies import FixedProbability
from studies.balance import analysis
from studies.balance.arms import ARMS, CONFIRMATORY, EXPLORATORY, Replayed
from studies.balance.tables import parts, write_plots
from studies.balance.training import Job, train
from studies.pages import fill
from studies.table import Table, do

KEY = ("phase", "arm", "seed", "learning_rate")
JUDGING = 13.0  # CPU-seconds of 10,000 samples


@dataclasses.dataclass(frozen=True)
class Size:
    """How much is trained.

    Attributes:
        results: CSV file of the results.
        page: The page whose tables are written and beside which pictures are drawn, or None to draw them
            beside the results.
        steps: Updates of G of a training; half of them in the tuning.
        cpu_seconds: CPU time at which it is judged as well.
        samples: How many are judged.
        rates: Learning rates that are tried for each arm.
        tuned: Seeds of the tuning.
        confirmed: Seeds of the confirmatory arms.
        explored: Seeds of the exploratory arms.
        data: Name of the data set.
    """

    results: Path
    page: Path | None = None
    steps: int = 5000
    cpu_seconds: float = 100.0
    samples: int = 10_000
    rates: tuple = (1e-4, 2e-4, 4e-4)
    tuned: tuple = (100, 101)
    confirmed: tuple = tuple(range(16))
    explored: tuple = tuple(range(4))
    data: str = "mnist"

    @property
    def words(self):
        """What no two trainings of a file may differ in."""
        marks = f"{self.steps} updates of G or {self.cpu_seconds:g} CPU-seconds"
        return f"{marks} on {self.data}, judged by {self.samples} samples"


DOCS = Path(__file__).parents[2] / "docs"
FULL = Size(results=Path(__file__).with_name("results.csv"), page=DOCS / "balance.md")
QUICK = Size(
    results=Path("runs", "balance-quick.csv"),
    steps=16,
    cpu_seconds=0.01,
    samples=500,
    rates=(2e-4,),
    confirmed=(0, 1),
    explored=(0,),
    data="mnist-5k",
)


class Study:
    """The jobs of a size, in an order in which each finds what it needs.

    Args:
        size: `Size`.
        data_dir: Folder of the data's files, or None.
        cores: Processes side by side.
    """

    def __init__(self, size, *, data_dir, cores):
        self.size, self.data_dir, self.cores = size, data_dir, cores
        self.table = Table(size.results, KEY)

    def rows(self):
        """The rows that there are.

        Raises:
            ValueError: If they are of a study of another size.
        """
        rows = self.table.rows()
        sizes = sorted({row["size"] for row in rows} - {self.size.words})
        if sizes:
            raise ValueError(
                f"`--results` must be a file of trainings of {self.size.words}, got {self.table.path} "
                f"with {sizes[0]}: name another."
            )
        return rows

    def run(self):
        """Do all that is left."""
        size = self.size
        for phase, arms, seeds in (
            ("confirm", CONFIRMATORY, size.confirmed),
            ("explore", EXPLORATORY, size.explored),
        ):
            first = [name for name in arms if name == "balanced"]  # whose rate and coins others take
            others = [name for name in arms if name not in first]
            for some in (first, others):
                self._do("tune", some, size.tuned)
            for some in (first, others):
                self._do(phase, some, seeds)

    def _do(self, phase, arms, seeds):
        if not arms:
            return
        rows = self.rows()
        jobs = [
            self._job(phase, arm, seed, rate, rows)
            for seed in seeds
            for arm in arms
            for rate in (self.size.rates if phase == "tune" else [analysis.best_rate(rows, arm)])
        ]
        say(f"{phase}: {', '.join(arms)}")
        do(self.table, jobs, train, cores=self.cores)

    def _job(self, phase, arm, seed, rate, rows):
        size, is_tuned = self.size, phase == "tune"
        return Job(
            phase=phase,
            arm=arm,
            seed=seed,
            learning_rate=rate,
            policy=self._policy(phase, arm, seed, rows),
            steps=max(1, size.steps // 2) if is_tuned else size.steps,
            cpu_seconds=None if is_tuned else size.cpu_seconds,
            samples=size.samples,
            data=size.data,
            data_dir=self.data_dir,
            size=size.words,
        )

    def _policy(self, phase, arm, seed, rows):
        """The arm's policy; of those that follow `LossBalanced`, by what it did in the same phase."""
        if ARMS[arm].policy is not None:
            return ARMS[arm].policy
        rate = analysis.best_rate(rows, "balanced")
        found = analysis.chosen(rows, phase=phase, arm="balanced", mark="steps", learning_rate=rate)
        if arm == "matched":
            return FixedProbability(round(mean(float(row["d_rate"]) for row in found), 4))
        coins = {int(row["seed"]): row["coins"] for row in found}
        seeds = sorted(coins)
        return Replayed(coins[seeds[(seeds.index(seed) + 1) % len(seeds)]])


def plan(size, cores):
    """What each arm costs, as lines of Markdown; at a hundred percent of so many cores."""
    yield "| arm | trainings | CPU-minutes |"
    yield "|---|---|---|"
    total = 0.0
    for name, arm in ARMS.items():
        seeds = size.confirmed if name in CONFIRMATORY else size.explored
        tuning, count = len(size.rates) * len(size.tuned), len(seeds)
        step, judging = arm.milliseconds / 1000, JUDGING * size.samples / 10_000
        seconds = tuning * (step * size.steps / 2 + judging)
        seconds += count * (max(step * size.steps, size.cpu_seconds) + 2 * judging)
        total += seconds
        yield f"| {arm.title} | {tuning} + {count} | {seconds / 60:,.1f} |"
    yield f"| all, {total / cores / 3600:.1f} hours on {cores} cores | | {total / 60:,.0f} |"


def say(line):
    """Print at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def show(size, rows):
    """Print the tables, write them on the page of the study, and draw its pictures."""
    tables = parts(rows)
    say("\n".join(f"\n**{name}**\n\n{text}" for name, text in tables.items()))
    folder = size.results.parent
    if size.page is not None:
        folder = size.page.with_suffix("")
        fill(size.page, tables)
        say(f"\npage {size.page}")
    for path in write_plots(folder, rows):
        say(f"plot {path}")


def main(argv=None):
    """Run the study and print its tables; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m studies.balance",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data-dir", help="folder of MNIST's four files")
    parser.add_argument("--cores", type=int, default=2, help="trainings side by side (default: 2)")
    parser.add_argument("--quick", action="store_true", help="tiny trainings, to see that all of it runs")
    parser.add_argument("--page", action="store_true", help="write the page of what there is, and end")
    parser.add_argument("--plan", action="store_true", help="say what it costs, and end")
    parser.add_argument("--results", type=Path, help="CSV file to go on with (default: the study's own)")
    options = parser.parse_args(argv)
    size = QUICK if options.quick else FULL
    if options.results is not None:
        size = dataclasses.replace(size, results=options.results, page=None)
    say("\n".join([*plan(size, options.cores), ""]))
    if options.plan:
        return 0
    study = Study(size, data_dir=options.data_dir, cores=options.cores)
    try:
        rows = study.rows()
        if options.page:
            show(size, rows)
            return 0
        kgan.load_digits(size.data, data_dir=options.data_dir)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    study.run()
    show(size, study.rows())
    return 0


if __name__ == "__main__":
    sys.exit(main())
