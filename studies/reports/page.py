"""docs/reports.md, from the rows of the trainings."""

import re

from kgan.presets import GAN_PRESETS, LSTM_PRESETS
from studies.pages import head, line
from studies.reports import figures
from studies.reports.claims import FEW, GAN_CLAIMS, NOT, RECALL_CLAIMS

_HEAD = """# What five course reports claim, and what came of it

Written by `python -m studies.reports`, which trains the presets of the reports and asks of each claim whether
it holds. What a report states is set so; what it leaves open is chosen, as [presets.md](presets.md) says
setting by setting. So "not reproduced" means *not with these choices*. Figures are medians over the seeds; in
brackets stand the least and the greatest.

An accuracy counts as the one that is claimed if it is within two points of it. "Fails" is below 50 %. "Easy"
is 100 % before step 1,500. Readable is what the classifier that ships with kgan ([judge.md](judge.md)) is
nine tenths as sure of as of real digits; close to handwriting, a Fréchet distance of ten times theirs at
most.
"""

_RECALL_FIGURES = {
    "a-default": ("losses", "Loss of LSTM and RNN with the course's default optimiser (preset a-default)"),
    "a": ("a-lengths", "Trained directly, Adam (preset a)"),
    "curriculum": ("curriculum", "The curriculum: length reached over the steps, a line a seed"),
    "c": ("c-lengths", "Report C's lengths (preset c)"),
    "d": ("d-lengths", "Report D's table, epoch by epoch (preset d)"),
    "e": ("e-lengths", "Report E's lengths (preset e)"),
}
_STAGES = "noise, half way and the end; seed 0"
_STRIP = "interpolation; seed 0"


def page(recalled, drawn, *, trainings, pictures):
    """The page's lines of Markdown; its figures are drawn into a folder beside it.

    Args:
        recalled: Rows of the palindrome task.
        drawn: Rows of the GANs.
        trainings: The jobs of the study, of both kinds, in whose names lengths are told.
        pictures: `pathlib.Path` of the folder, within which pictures of samples may lie already.
    """
    pictures.mkdir(parents=True, exist_ok=True)
    yield from _HEAD.splitlines()
    yield from ["", "## Long memory", "", *_answers(RECALL_CLAIMS, recalled), ""]
    yield from _recall_figures(recalled, pictures)
    yield from ["## GAN on MNIST", "", *_answers(GAN_CLAIMS, drawn), ""]
    yield from _gan_figures(drawn, pictures)
    yield from ["## How long was trained", "", *_lengths(recalled, drawn, trainings), ""]
    yield from _not_reproduced(recalled, drawn)


def _answers(claims, rows):
    yield from head("report", "preset", "seeds", "claimed", "measured", "verdict")
    for claim, seeds, answer in answered(claims, rows):
        measured, verdict = (answer.measured, answer.verdict) if answer else ("not trained yet", "–")
        yield line(claim.report, _trained(claim.preset, rows), seeds, claim.text, measured, f"**{verdict}**")


def _trained(preset, rows):
    """A preset, and how much of its length was trained if it was not all."""
    sizes = {row["size"] for row in rows if row["preset"] == preset} - {"full"}
    epochs = min(
        (int(number) for size in sizes for number in re.findall(r"epochs (\d+)", size)), default=None
    )
    of = getattr(GAN_PRESETS.get(preset), "epochs", None)
    return preset if None in (epochs, of) or epochs == of else f"{preset}, {epochs} of {of} epochs"


def answered(claims, rows):
    """Each claim with the number of its seeds and its answer, which is None where nothing was trained."""
    for claim in claims:
        own = [row for row in rows if row["preset"] == claim.preset]
        yield claim, len({row["seed"] for row in own}), claim.measure(own) if own else None


def _recall_figures(rows, pictures):
    draw = {"a-default": figures.draw_losses, "curriculum": figures.draw_curriculum}
    for preset, (name, caption) in _RECALL_FIGURES.items():
        own = [row for row in rows if row["preset"] == preset]
        if not own:
            continue
        path = pictures / f"{name}.png"
        if preset == "d":
            figures.draw_lengths(path, own, step_axis=False)
        else:
            draw.get(preset, figures.draw_lengths)(path, own)
        yield from _picture(path, caption)


def _gan_figures(rows, pictures):
    by_preset = {name: [row for row in rows if row["preset"] == name] for name in GAN_PRESETS}
    following = {name: by_preset[name] for name in ("a", "b") if by_preset[name]}
    if following:
        figures.draw_p(pictures / "p.png", following)
        yield from _picture(pictures / "p.png", "The probability p of the update rule (presets a and b)")
    if by_preset["b"]:
        figures.draw_shares(pictures / "shares.png", by_preset["b"])
        yield from _picture(pictures / "shares.png", "Which digits are drawn (preset b), a point a seed")
    for preset, own in by_preset.items():
        for name, words in (("progress", _STAGES), ("interpolation", _STRIP)):
            path = pictures / f"gan-{preset}-{name}.png"
            if own and path.is_file():
                yield from _picture(path, f"Preset {preset}: {words}")


def _picture(path, caption):
    return [f"![{caption}]({path.parent.name}/{path.name})", "", f"*{caption}.*", ""]


def _lengths(recalled, drawn, trainings):
    yield from head("task", "preset", "asked", "trained", "seeds", "hours")
    kinds = (("palindromes", recalled, LSTM_PRESETS), ("GAN", drawn, GAN_PRESETS))
    for task, rows, presets in kinds:
        for preset in dict.fromkeys(job.preset for job in trainings if job.preset in presets):
            own = [row for row in rows if row["preset"] == preset]
            if not own:
                continue
            sizes = ", ".join(dict.fromkeys(row["size"] for row in own))
            seconds = sum(float(row["seconds"]) for row in own)
            seeds = len({row["seed"] for row in own})
            yield line(task, preset, _asked(presets[preset]), sizes, seeds, f"{seconds / 3600:.2f}")


def _asked(preset):
    if getattr(preset, "epochs", None):
        return f"{preset.epochs} epochs"
    if getattr(preset, "steps", None):
        return f"{preset.steps:,} steps"
    return f"up to {preset.max_steps:,} steps a length"


def _not_reproduced(recalled, drawn):
    answers = [*answered(RECALL_CLAIMS, recalled), *answered(GAN_CLAIMS, drawn)]
    failed = [claim for claim, _, answer in answers if answer and answer.verdict in (NOT, FEW)]
    if failed:
        yield from ["## Not reproduced", ""]
        yield from [f"- Report {claim.report}, preset {claim.preset}: {claim.text}." for claim in failed]
