"""The page about a run."""

import logging

from kgan.backend import ranks
from kgan.evaluation import NUM_CLASSES, READ_DATA, DigitClassifier, best_latents
from kgan.experiments.saved import load
from kgan.report import write_report
from kgan.runs import Run

_DRAWS = 400


def report(run_dir, *, explorer=False):
    """Write report.html of a run, over an earlier one.

    Args:
        run_dir: Folder of the run, of a GAN or of the palindrome task.
        explorer: Whether the generator itself goes into the page, so that its latents can be
            walked there.

    Returns:
        Path of the page.

    Raises:
        FileNotFoundError: If there is no such run, or it holds no GAN and `explorer` asks for one.
        ValueError: If a file of the run is damaged, or the page cannot run the generator.
    """
    if not explorer:
        return write_report(Run.open(run_dir))
    with ranks.apart():  # of several processes the first alone comes here
        run, gan = load(run_dir)
        return write_report(run, explorer=gan, corners=_corners(gan, run.read_config().get("data", {})))


def _corners(gan, data):
    """Latents of four digits for the explorer's map to begin with, or None if not so many are drawn."""
    if data.get("name") not in READ_DATA:
        return None
    options = {"classes": range(NUM_CLASSES), "max_draws": _DRAWS}
    best = best_latents(gan, DigitClassifier.load(), **options)
    surest = sorted(best, key=lambda digit: -best[digit].confidence)[:4]
    return {digit: best[digit].latent for digit in sorted(surest)} if len(surest) == 4 else None


def _has_explorer(run):
    return run.report.is_file() and b'class="explorer"' in run.report.read_bytes()


def report_on(run, *, explorer=False):
    """Write report.html of a run whose files have changed, which is not lost where that fails.

    Args:
        run: `Run`.
        explorer: As for `report`; a page that has an explorer keeps it.

    Returns:
        Path of the page, or None if it could not be written; a warning says why.
    """
    try:
        return report(run.path, explorer=explorer or _has_explorer(run))
    except (OSError, ValueError) as error:
        logging.getLogger("kgan").warning(
            "kgan: no report was written: %s Once it is mended: kgan report %s", error, run.path
        )
        return None
