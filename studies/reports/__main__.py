"""The five reports, reproduced: every preset with several seeds, then each claim beside what came of it.

    python -m studies.reports --data-dir path/to/mnist --cores 2

writes docs/reports.md and its pictures. What is in the files of results is not trained again, so that an
interrupted study goes on where it was; the page is written anew from what there is each time. `--plan` says
what it costs, and runs nothing; `--quick` takes some minutes, in tiny trainings whose verdicts say nothing.
"""

import argparse
import dataclasses
import sys
from pathlib import Path

import kgan
from kgan.files import replacing
from kgan.presets import GAN_PRESETS
from studies.reports.page import page
from studies.reports.trainings import (
    GAN_PRESETS_OF_REPORTS,
    KEY,
    RECALL_KEY,
    RECALL_PRESETS,
    Adversarial,
    Recall,
    train_adversarial,
    train_recall,
)
from studies.table import Table, do

HERE, DOCS = Path(__file__).parent, Path(__file__).parents[2] / "docs"
STEPS_AN_EPOCH = 938  # of 60,000 digits in batches of 64
SHORTENED = {"c": 4, "d": 20, "e": 10}  # epochs, of 200, 200 and 50
SECONDS = {  # on a shared core of an EPYC (Zen 4): of a preset's network with one seed, and of a GAN's epoch
    "recall": {"a-default": 20, "a": 130, "curriculum": 45, "c": 300, "d": 170, "e": 950},
    "gan": {"a": 31, "b": 40, "c": 200, "d": 35, "e": 25},
}


@dataclasses.dataclass(frozen=True)
class Size:
    """How much is trained, and where it is kept.

    Attributes:
        folder: For the files of results.
        page: The page to write.
        recall_seeds: Seeds of the palindrome task.
        gan_seeds: Seeds of the GANs.
        recall_changes: Dict, preset -> its settings that differ.
        gan_changes: Likewise.
    """

    folder: Path
    page: Path
    recall_seeds: tuple
    gan_seeds: tuple
    recall_changes: dict
    gan_changes: dict


def _epochs(name):
    epochs = SHORTENED.get(name, GAN_PRESETS[name].epochs)
    return {"epochs": epochs, "evaluate_every": epochs * STEPS_AN_EPOCH // 2}


_FEW = {"lengths": (5, 10), "steps": 2, "evaluate_every": 1}
_FEW_DIGITS = {"data": "mnist-5k", "epochs": 2, "batch_size": 500, "evaluate_every": 8, "judged": 500}
FULL = Size(
    folder=HERE,
    page=DOCS / "reports.md",
    recall_seeds=tuple(range(5)),
    gan_seeds=tuple(range(3)),
    recall_changes={},
    gan_changes={name: _epochs(name) for name in GAN_PRESETS_OF_REPORTS},
)
QUICK = Size(
    folder=Path("runs", "reports-quick"),
    page=Path("runs", "reports-quick", "reports.md"),
    recall_seeds=(0,),
    gan_seeds=(0,),
    recall_changes={
        "a": _FEW,
        "c": _FEW,
        "e": _FEW,
        "a-default": {"steps": 2, "evaluate_every": 1},
        "curriculum": {"max_length": 20, "max_steps": 20},
        "d": {"lengths": (5,), "epochs": 2},
    },
    gan_changes=dict.fromkeys(GAN_PRESETS_OF_REPORTS, _FEW_DIGITS),
)


class Study:
    """The jobs of a size, and the page of their rows.

    Args:
        size: `Size`.
        data_dir: Folder of the data's files, or None.
        cores: Trainings side by side.
    """

    def __init__(self, size, *, data_dir, cores):
        self.size, self.data_dir, self.cores = size, data_dir, cores
        self.pictures = size.page.with_suffix("")
        self.recall = Table(size.folder / "recall.csv", RECALL_KEY)
        self.gan = Table(size.folder / "gan.csv", KEY)

    def recall_jobs(self):
        """Those of the palindrome task: every preset with one seed before any with the next."""
        for seed in self.size.recall_seeds:
            for preset in RECALL_PRESETS:
                changes = self.size.recall_changes.get(preset, {})
                for network in ("lstm", "rnn"):
                    yield Recall(preset, network, seed, size=_words(changes), changes=tuple(changes.items()))

    def gan_jobs(self):
        """Those of the GANs, likewise; the first seed's pictures are kept."""
        for seed in self.size.gan_seeds:
            for preset in GAN_PRESETS_OF_REPORTS:
                changes = self.size.gan_changes[preset]
                yield Adversarial(
                    preset,
                    seed,
                    size=_words(changes),
                    changes=tuple(changes.items()),
                    data_dir=self.data_dir,
                    pictures=str(self.pictures) if seed == self.size.gan_seeds[0] else None,
                )

    def run(self):
        """Do all that is left."""
        say("palindromes")
        do(self.recall, list(self.recall_jobs()), train_recall, cores=self.cores)
        say("GANs")
        do(self.gan, list(self.gan_jobs()), train_adversarial, cores=self.cores)

    def write_page(self):
        """Write the page from the rows that there are of these jobs."""
        recall, gan = list(self.recall_jobs()), list(self.gan_jobs())
        rows = self.recall.of(recall), self.gan.of(gan)
        lines = page(*rows, trainings=[*recall, *gan], pictures=self.pictures)
        with replacing(self.size.page) as path:
            path.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def _words(changes):
    """The length of a training, in words, by which rows of shorter ones are told apart."""
    told = ("epochs", "steps", "max_length", "lengths", "data")
    words = [f"{name.replace('_', ' ')} {changes[name]}" for name in told if name in changes]
    return "; ".join(words) or "full"


def plan(size):
    """What it costs, as lines of Markdown."""
    yield "| task | preset | trainings | CPU-minutes |"
    yield "|---|---|---|---|"
    total = 0.0
    for preset in RECALL_PRESETS:
        count = 2 * len(size.recall_seeds)
        minutes = count * SECONDS["recall"][preset] / 60
        total += minutes
        yield f"| palindromes | {preset} | {count} | {minutes:.0f} |"
    for preset in GAN_PRESETS_OF_REPORTS:
        epochs, count = size.gan_changes[preset]["epochs"], len(size.gan_seeds)
        minutes = count * epochs * SECONDS["gan"][preset] / 60
        total += minutes
        yield f"| GAN, {epochs} epochs of {GAN_PRESETS[preset].epochs} | {preset} | {count} | {minutes:.0f} |"
    yield f"| all | | | {total:.0f} |"


def say(line):
    """Print at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(argv=None):
    """Run the study and write its page; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m studies.reports",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data-dir", help="folder of MNIST's four files")
    parser.add_argument("--cores", type=int, default=2, help="trainings side by side (default: 2)")
    parser.add_argument("--quick", action="store_true", help="tiny trainings, to see that all of it runs")
    parser.add_argument("--plan", action="store_true", help="say what it costs, and end")
    parser.add_argument("--page", action="store_true", help="write the page from the rows that there are")
    options = parser.parse_args(argv)
    size = QUICK if options.quick else FULL
    if options.plan:
        say("\n".join(plan(size)))
        return 0
    study = Study(size, data_dir=options.data_dir, cores=options.cores)
    if not options.page:
        _check_data(parser, size, options.data_dir)
        study.run()
    study.write_page()
    say(f"page {size.page}")
    return 0


def _check_data(parser, size, data_dir):
    data = next(iter(size.gan_changes.values())).get("data", "mnist")
    try:
        kgan.load_digits(data, data_dir=data_dir)
    except (ValueError, OSError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    sys.exit(main())
