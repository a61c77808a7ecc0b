"""Mutation study: 40 seeded faults, tested one at a time.

    python -m studies.mutants --full --cores 2

copies the project and applies one mutant at a time. It runs the tests of the mutant's area, then the others,
and appends a row to studies/mutants.csv. The tests must first pass on the unchanged code. A mutant with a row
is skipped: delete the CSV after a change of the code. The study ends with a table by area and the survivors.
`--plan` prints the mutants and runs nothing.
"""

import argparse
import collections
import contextlib
import dataclasses
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from studies.table import Table, do

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).with_suffix(".csv")
KEY = ("mutant", "tier")
OWN_TEST = (
    "tests/full/studies/test_mutants_study.py"  # fails in every mutated copy, because the old text is gone
)
STEP, POLICIES, LOSSES = "training step", "update policies", "losses and penalties"
RECURRENT, SAVING, RESUMING = "LSTM", "saving", "resuming"
AREAS = {  # with the folders of tests/ and tests/full/ that run first
    STEP: ("gan", "backend"),
    POLICIES: ("gan",),
    LOSSES: ("gan",),
    RECURRENT: ("layers", "palindrome"),
    SAVING: ("saving", "gan"),
    RESUMING: ("gan", "experiments", "runs"),
}
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S.*?)(?: - .*)?$", re.MULTILINE)  # in pytest's short summary
_NOT_RUN = (3, 4)  # pytest's exit codes for an error of its own and for wrong arguments


@dataclasses.dataclass(frozen=True)
class Mutant:
    """A seeded fault.

    Attributes:
        name: Unique name.
        area: One of `AREAS`.
        file: Path from the project's root.
        old: Text that occurs once in the file.
        new: Text in its place.
        wrong: The wrong behavior, in a few words.
    """

    name: str
    area: str
    file: str
    old: str
    new: str
    wrong: str

    def changed(self, text):
        """Insert the fault into the file's text.

        Raises:
            ValueError: If the old text does not occur exactly once.
        """
        if text.count(self.old) != 1:
            raise ValueError(f"{self.file} must hold {self.old!r} once, got {text.count(self.old)} times.")
        return text.replace(self.old, self.new)


_MODEL, _REGULARIZERS = "kgan/gan/model.py", "kgan/gan/regularizers.py"
_POLICIES, _LOSSES = "kgan/gan/update_policies.py", "kgan/gan/losses.py"
_LAYER, _SEQUENCE = "kgan/layers/lstm.py", "kgan/backend/torch/lstm_sequence.py"
_CHECKPOINTS, _RESUMPTION = "kgan/saving/checkpoints.py", "kgan/saving/resumption.py"

MUTANTS = (
    Mutant(
        "step-not-counted",
        STEP,
        _MODEL,
        "self.step.assign_add(1)",
        "self.step.assign_add(0)",
        "every step draws the numbers of step 0",
    ),
    Mutant(
        "g-loss-of-cut-pass",
        STEP,
        _MODEL,
        "generator_loss(real_logits, g_logits)",
        "generator_loss(real_logits, fake_logits)",
        "G has no gradient where D has dropout or batch norm",
    ),
    Mutant(
        "dropout-in-one-pass",
        STEP,
        _MODEL,
        "for state in self.discriminator.non_trainable_variables)",
        "for state in self.discriminator.non_trainable_weights)",
        "both losses share one dropout mask of D",
    ),
    Mutant(
        "d-penalized-for-g",
        STEP,
        _MODEL,
        "(d_total, self.discriminator)",
        "(d_total, self.generator)",
        "weight penalties of D's layers are not trained on",
    ),
    Mutant(
        "average-follows-d",
        STEP,
        _MODEL,
        "self._average_if(update_g)",
        "self._average_if(update_d)",
        "the average of G moves where D was updated",
    ),
    Mutant(
        "warm-up-off-by-one",
        STEP,
        "kgan/gan/averaging.py",
        "9 / (10 + updates))  #",
        "9 / (9 + updates))  #",
        "the average moves too far in its warm-up, in the first update all the way",
    ),
    Mutant(
        "adam-epsilon-uncorrected",
        STEP,
        "kgan/backend/torch/adam.py",
        "eps=optimizer.epsilon / (1 - optimizer.beta_2**step) ** 0.5",
        "eps=optimizer.epsilon",
        "the fused Adam takes larger first steps than Keras's where gradients are small",
    ),
    Mutant(
        "seed-generators-alike",
        STEP,
        "kgan/gan/randomness.py",
        "stream + 2 * index + half",
        "stream + half",
        "latents and every dropout layer draw from the same seed",
    ),
    Mutant(
        "balance-reversed",
        POLICIES,
        _POLICIES,
        "ops.sigmoid((d_loss - g_loss)",
        "ops.sigmoid((g_loss - d_loss)",
        "D is updated more often the better it does",
    ),
    Mutant(
        "temperature-multiplies",
        POLICIES,
        _POLICIES,
        "(d_loss - g_loss) / self.temperature",
        "(d_loss - g_loss) * self.temperature",
        "a lower temperature makes the policy laxer",
    ),
    Mutant(
        "k-steps-first",
        POLICIES,
        _POLICIES,
        "step % self.k == self.k - 1",
        "step % self.k == 0",
        "G is updated on the first of k batches, not on the last",
    ),
    Mutant(
        "epochs-are-steps",
        POLICIES,
        _POLICIES,
        "epoch % self.k == 0",
        "step % self.k == 0",
        "EveryKEpochs counts steps",
    ),
    Mutant(
        "coins-without-seed",
        POLICIES,
        _MODEL,
        "randomness.coin(p_d, self.seed,",
        "randomness.coin(p_d, 0,",
        "D's coins are the same for every seed",
    ),
    Mutant(
        "coins-alike",
        POLICIES,
        _MODEL,
        "randomness.coin(p_g, self.seed, randomness.UPDATE_GENERATOR",
        "randomness.coin(p_g, self.seed, randomness.UPDATE_DISCRIMINATOR",
        "G's coin falls as D's does",
    ),
    Mutant(
        "smoothing-sharpens",
        LOSSES,
        _LOSSES,
        "of_real = of_real + self.label_smoothing",
        "of_real = of_real - self.label_smoothing",
        "label smoothing draws D to larger logits",
    ),
    Mutant(
        "least-squares-not-halved",
        LOSSES,
        _LOSSES,
        "(ops.mean(ops.square(real_logits - 1)) + ops.mean(ops.square(fake_logits))) / 2",
        "ops.mean(ops.square(real_logits - 1)) + ops.mean(ops.square(fake_logits))",
        "L(D) is twice as large",
    ),
    Mutant(
        "relativistic-mean-inside",
        LOSSES,
        _LOSSES,
        "ops.mean(ops.softplus(fake_logits - real_logits))",
        "ops.softplus(ops.mean(fake_logits - real_logits))",
        "L(D) compares the means, not the pairs",
    ),
    Mutant(
        "slope-mean-for-sum",
        LOSSES,
        _REGULARIZERS,
        "ops.sum(ops.square(slopes)",
        "ops.mean(ops.square(slopes)",
        "the norm of a slope is smaller by the root of the number of pixels",
    ),
    Mutant(
        "share-of-each-pixel",
        LOSSES,
        _REGULARIZERS,
        "share = uniform(_one_number_an_image(real))",
        "share = uniform(real.shape)",
        "WGAN-GP's points are not on the line between two images",
    ),
    Mutant(
        "one-sided-penalty",
        LOSSES,
        _REGULARIZERS,
        "ops.square(_norms(slopes) - 1)",
        "ops.square(ops.relu(_norms(slopes) - 1))",
        "slopes below 1 are not penalized",
    ),
    Mutant(
        "lazy-penalty-once",
        LOSSES,
        _MODEL,
        "scale_loss(group[0].every * penalty)",
        "scale_loss(penalty)",
        "a penalty of every k-th step is k times too small",
    ),
    Mutant(
        "forget-gate-of-new-cell",
        RECURRENT,
        _SEQUENCE,
        "torch.mul(dc, c[t], out=p)",
        "torch.mul(dc, c[t + 1], out=p)",
        "the forget gate's gradient is of the cell after the step",
    ),
    Mutant(
        "masked-cell-moves",
        RECURRENT,
        _SEQUENCE,
        "torch.where(mask, c[t + 1], c_before, out=c[t + 1])",
        "torch.where(mask, c[t + 1], c[t], out=c[t + 1])",
        "without a backward pass, or with `checkpoint`, c changes at masked steps",
    ),
    Mutant(
        "masked-gradient-lost",
        RECURRENT,
        _SEQUENCE,
        "            dc += kept[1]\n",
        "",
        "the gradient of c ends at a masked step",
    ),
    Mutant(
        "input-gradient-at-start",
        RECURRENT,
        _SEQUENCE,
        "out=self.x[start + t : start + until]",
        "out=self.x[t:until]",
        "from the 33rd step on, gradients of inputs are written in other steps' places",
    ),
    Mutant(
        "chrono-opens-inputs",
        RECURRENT,
        _LAYER,
        "            i = -f\n",
        "            i = f\n",
        "chrono initialization opens the input gate that it should close",
    ),
    Mutant(
        "state-shown-before-mask",
        RECURRENT,
        _LAYER,
        'ops.cumsum(ops.cast(mask, "int32"), axis=0) > 0',
        'ops.cumsum(ops.cast(mask, "int32"), axis=0) >= 0',
        "before the first step that counts, the output is the initial state instead of zeros",
    ),
    Mutant(
        "split-by-answer",
        RECURRENT,
        "kgan/palindrome/data.py",
        "half[:, 1:-1].sum(",
        "half[:, :-1].sum(",
        "the digit to recall decides between training and validation",
    ),
    Mutant(
        "checksum-not-compared",
        SAVING,
        _CHECKPOINTS,
        "if hashlib.sha256(data).hexdigest() != sha256:",
        "if len(data) > bytes:",
        "a flipped bit in a checkpoint's model is not seen by `last`",
    ),
    Mutant(
        "replaced-before-flush",
        SAVING,
        "kgan/files.py",
        "            flush(temporary)\n",
        "",
        "after a power cut, a file that was replaced may be empty",
    ),
    Mutant(
        "optimizer-not-finite",
        SAVING,
        "kgan/saving/models.py",
        "[*model.weights, *(optimizer.variables if optimizer else ())]",
        "model.weights",
        "NaN in the state of an optimizer is saved",
    ),
    Mutant(
        "one-more-kept",
        SAVING,
        _CHECKPOINTS,
        "whole[self.keep - 1 :]",
        "whole[self.keep :]",
        "one checkpoint too many is kept",
    ),
    Mutant(
        "optimizer-of-g-for-d",
        SAVING,
        _MODEL,
        "keras.optimizers.serialize(self.discriminator_optimizer)",
        "keras.optimizers.serialize(self.generator_optimizer)",
        "a loaded GAN trains D with the settings of G's optimizer",
    ),
    Mutant(
        "seed-not-saved",
        SAVING,
        _MODEL,
        '            "seed": self.seed,\n',
        "",
        "a loaded GAN draws by seed 0",
    ),
    Mutant(
        "order-begins-again",
        RESUMING,
        _MODEL,
        '"first_epoch": int(self.epoch.value)}',
        '"first_epoch": 0}',
        "the images of a resumed epoch have the order of the first",
    ),
    Mutant(
        "metrics-not-restored",
        RESUMING,
        _RESUMPTION,
        "            restore(self.model.metrics_variables, metrics)\n",
        "            self.model.reset_metrics()\n",
        "the logs of a resumed epoch are of its last steps alone",
    ),
    Mutant(
        "batches-left-out",
        RESUMING,
        _RESUMPTION,
        "data.begin_at(0)",
        "data.begin_at(saved.batch)",
        "every epoch after the resumed one lacks its first batches",
    ),
    Mutant(
        "decay-factor-not-restored",
        RESUMING,
        "kgan/callbacks/learning_rates.py",
        'self.factor = state["factor"]',
        "self.factor = 1.0",
        "learning rates that had fallen fall by that factor again",
    ),
    Mutant(
        "palindromes-again",
        RESUMING,
        "kgan/palindrome/curriculum.py",
        '{"first_epoch": self.stage.rounds}',
        '{"first_epoch": 0}',
        "a resumed length trains on its first palindromes again",
    ),
    Mutant(
        "batches-counted-twice",
        RESUMING,
        "kgan/experiments/training.py",
        "(saved.step - saved.batch, saved.fit_epoch)",
        "(saved.step, saved.fit_epoch)",
        "learning rates of a run that is resumed within an epoch fall too slowly",
    ),
)


@dataclasses.dataclass(frozen=True)
class Suite:
    """The tests of a project and their options.

    Attributes:
        root: Folder of the project, a git repository.
        copies: Folder for one copy of the project per worker.
        tests: Arguments of pytest. They replace the area's tests and the others.
        full: True to pass `--full`.
        limit: Time limit of one run of pytest, in seconds.
    """

    root: Path
    copies: Path
    tests: tuple = ()
    full: bool = False
    limit: float = 600.0

    def runs(self, area):
        """Return pytest's arguments, one list for each run: the area's tests, then the others.

        Raises:
            FileNotFoundError: If a folder of the area is neither in tests/ nor in tests/full/.
        """
        tops, names = ("tests", "tests/full"), AREAS.get(area, ())
        found = [(top, name) for top in tops for name in names if (self.root / top / name).is_dir()]
        for name in set(names) - {name for _, name in found}:
            raise FileNotFoundError(f"tests/{name} must be a folder, got none. Correct `AREAS`.")
        first = [f"{top}/{name}" for top, name in found if self.full or top == "tests"]
        others = [f"--ignore={folder}" for folder in first]
        runs = [self.tests] if self.tests else [first, others] if first else [()]
        options = [f"--ignore={OWN_TEST}", *(["--full"] if self.full else [])]
        return [[*arguments, *options] for arguments in runs]

    def copied(self):
        """Return this worker's copy of the tracked files. Make it on the first call."""
        copy = self.copies / str(os.getpid())
        if not copy.exists():
            files = subprocess.check_output(["git", "ls-files", "-z"], cwd=self.root, text=True)  # noqa: S607
            for name in files.split("\0")[:-1]:
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(self.root / name, copy / name)
        return copy

    def run(self, arguments, copy):
        """Run pytest in a copy. Return "yes", "no" or "time-out", and the id of the failed test.

        Raises:
            RuntimeError: If pytest could not run the tests or was killed.
        """
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *arguments]
        # Without the path, programs that tests start would import an editable installation.
        environment = {"KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(copy)}
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
            code = _exit_code(command, copy, environment, output, limit=self.limit)
            output.seek(0)
            text = output.read()
        if code in _NOT_RUN:
            raise RuntimeError(f"pytest did not run {' '.join(arguments)}: {text[-2000:]}")
        if code is not None and code < 0:  # such as out of memory: no test failed
            raise RuntimeError(f"pytest must end by itself, got signal {-code}. Pass a lower --cores.")
        if code in (0, 5):  # 5: no tests collected
            return "no", ""
        found = _FAILED.search(text.rpartition("short test summary info")[2])
        return "time-out" if code is None else "yes", found[1] if found else ""


def _exit_code(command, folder, environment, output, *, limit):
    """Return a program's exit code, or None after the time limit. Kill its remaining processes."""
    options = {"cwd": folder, "env": os.environ | environment, "start_new_session": True}
    with subprocess.Popen(command, **options, stdout=output, stderr=output) as process:  # noqa: S603
        try:
            return process.wait(limit)
        except subprocess.TimeoutExpired:
            return None
        finally:
            with contextlib.suppress(ProcessLookupError):  # the group is empty
                os.killpg(process.pid, signal.SIGKILL)


@dataclasses.dataclass(frozen=True)
class Job:
    """A mutant, or None for the unchanged code, and its tests. `mutant` and `tier` are the row's key."""

    mutant: str
    tier: str
    change: Mutant | None
    suite: Suite


def tested(job):
    """Run the tests on a mutant until one fails. Return its row in a list.

    Raises:
        RuntimeError: If a test fails on the unchanged code.
    """
    began, copy, area = time.monotonic(), job.suite.copied(), job.change.area if job.change else ""
    with _applied(job.change, copy) if job.change else contextlib.nullcontext():
        for arguments in job.suite.runs(area):
            caught, test = job.suite.run(arguments, copy)
            if caught != "no":
                break
    if job.change is None and caught != "no":  # every mutant would seem to be caught
        what = test if caught == "yes" else f"a time-out at {job.suite.limit:g} s: pass --limit"
        raise RuntimeError(f"The tests must pass on the unchanged code, got {what}.")
    row = {"mutant": job.mutant, "area": area, "tier": job.tier, "caught": caught, "test": test}
    return [row | {"seconds": round(time.monotonic() - began)}]


@contextlib.contextmanager
def _applied(mutant, copy):
    """Insert a fault into a copy; restore the file at the end."""
    path = copy / mutant.file
    text = path.read_text(encoding="utf-8")
    try:
        _write(path, mutant.changed(text))
        yield
    finally:
        _write(path, text)


def _write(path, text):
    path.write_text(text, encoding="utf-8")
    # Both texts may share size and second, so Python would not see that the bytecode is outdated.
    Path(importlib.util.cache_from_source(path)).unlink(missing_ok=True)


def study(mutants, suite, results, *, cores=1):
    """Test the unchanged code and the mutants without a row. Return the mutants' rows.

    Args:
        mutants: Sequence of `Mutant`.
        suite: `Suite`.
        results: `pathlib.Path` of the CSV file.
        cores: Number of workers.
    """
    tier = ": ".join(["full" if suite.full else "fast", *filter(None, [" ".join(suite.tests)])])
    unchanged, *jobs = [Job(each.name if each else "none", tier, each, suite) for each in (None, *mutants)]
    with contextlib.suppress(FileExistsError):
        (suite.copies / "shared").symlink_to(suite.root.parent / "shared")  # some tests read data there
    table = Table(results, KEY)
    do(table, [unchanged], tested, cores=1)
    do(table, jobs, tested, cores=cores)
    return table.of(jobs)


def plan(mutants):
    """Return a Markdown table of the mutants."""
    lines = ["| area | mutant | file | wrong behavior |", "|---|---|---|---|"]
    lines += [f"| {each.area} | {each.name} | {each.file} | {each.wrong} |" for each in mutants]
    return "\n".join([*lines, ""])


def report(rows, mutants):
    """Return a Markdown table by area and a list of the survivors."""
    lines = ["| area | mutants | caught | time-out | survived |", "|---|---|---|---|---|"]
    for area in AREAS:
        found = collections.Counter(row["caught"] for row in rows if row["area"] == area)
        lines += [f"| {area} | {found.total()} | {found['yes']} | {found['time-out']} | {found['no']} |"]
    survived = {row["mutant"] for row in rows if row["caught"] == "no"}
    lines += ["", f"Survivors: {len(survived)}"]
    lines += [f"- {each.name} ({each.file}): {each.wrong}" for each in mutants if each.name in survived]
    return "\n".join([*lines, ""])


def main(arguments=None):
    """Run the study, or print its plan."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    names = [mutant.name for mutant in MUTANTS]
    parser.add_argument("--names", nargs="+", choices=names, default=names, metavar="NAME", help="mutants")
    parser.add_argument("--tests", nargs="+", default=(), metavar="ARG", help="run pytest with these alone")
    parser.add_argument("--full", action="store_true", help="pass --full to pytest")
    parser.add_argument("--limit", type=float, default=Suite.limit, help="seconds of one run of pytest")
    parser.add_argument("--cores", type=int, default=1, help="mutants side by side")
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--plan", action="store_true", help="print the mutants and run nothing")
    options = parser.parse_args(arguments)
    chosen = [mutant for mutant in MUTANTS if mutant.name in options.names]
    if options.plan:
        sys.stdout.write(plan(chosen))
        return
    with tempfile.TemporaryDirectory(prefix="mutants-", ignore_cleanup_errors=True) as copies:
        suite = Suite(ROOT, Path(copies), tuple(options.tests), options.full, options.limit)
        rows = study(chosen, suite, options.output, cores=options.cores)
    sys.stdout.write(report(rows, chosen))


if __name__ == "__main__":
    main()
