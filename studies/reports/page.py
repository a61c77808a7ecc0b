"""docs/reports.md, from the rows of the trainings."""

import re

from kgan.presets import GAN_PRESETS, LSTM_PRESETS
from studies.pages import head, line
from studies.reports import figures
from studies.reports.claims import FEW, HALF, NOT
from studies.reports.gan_claims import GAN_CLAIMS
from studies.reports.recall_claims import RECALL_CLAIMS

_HEAD = """# What five course reports claim, and what came of it

Written by `python -m studies.reports`, which trains the presets of the reports and asks of each claim
whether it holds. What a report states is set so; what it leaves open is chosen, as
[presets.md](presets.md) says setting by setting. So "reproduced" and "not reproduced" mean *with these
choices*, and where a training was shortened *in this length*, which stands beside it. Figures are medians
over the seeds; in brackets stand the least and the greatest.

- An accuracy counts as the one that is claimed if it is within two points of it at the end; "about 90 %"
  within five, and "12 %" up to 20 %, near what guessing gets. "Fails" and "very poor" are below 50 %.
  "Easy" is 100 % before step 1,500. A network is better if it is right more often, or as often and at
  100 % sooner; much better, if it is by 20 points. It has converged from the epoch on in which it comes
  within two points of 100 % for good; up to 1.25 times the claimed epoch still counts.
- Samples are readable if the mean confidence of the classifier that ships with kgan
  ([judge.md](judge.md)) is at least 0.9 of that in real digits, and close to handwriting with a Fréchet
  distance of ten times theirs at most. The first is generous, for the classifier is sure of scribbles, too.
- Of an interpolation the two ends are judged: the surest of their digits that were drawn, at 90 % or
  more, by a GAN whose Fréchet distance is at most 100 times that of real digits. That what lies between
  is on the line, and how many images there are, is what kgan's tests check; how it looks is to be seen in
  the pictures.
- The schedule of the rule is reproduced if D was updated as often as p says, within three standard
  errors.
"""

_RECALL_FIGURES = {
    "a-default": ("losses", "Loss of LSTM and RNN with the course's default optimiser (preset a-default)"),
    "a": ("a-lengths", "Trained directly, Adam (preset a)"),
    "curriculum": ("curriculum", "The curriculum: length in training over the steps, a line a seed"),
    "c": ("c-lengths", "Report C's lengths (preset c)"),
    "d": ("d-lengths", "Report D's table, epoch by epoch (preset d)"),
    "e": ("e-lengths", "Report E's lengths (preset e)"),
}
_RECALL_NOTES = """\
- Reports A and B: "fails at 20" and "to 150 by lengths" were not trained alike. Preset a reads raw
  digits, begins as PyTorch does and takes 1,000 steps, both networks at the same learning rate, which was
  not tuned; `curriculum` reads one-hot digits, and its LSTM begins with a forget gate open for 10,000
  steps. Preset d, on raw digits too, takes 1,300 steps.
- Report C: the LSTM begins with a forget gate open for as many steps as there are digits, and has ten
  times the RNN's learning rate. With Keras's initialisers it is the other way round
  ([palindromes.md](palindromes.md)).
- A network often solves a length or stays near where it began. Where a median lies between the two, look
  at the least and the greatest.
"""
_GAN_NOTES = """\
- The order of the two updates (C and D: G, then D; E: D first, with fresh noise for G) is not told apart:
  kgan takes both gradients at the weights before the step, from one batch of latents.
- Report C's 187,000 steps are 200 epochs. Shortened to an even number, preset c is judged at the end of
  an epoch in which D rested.
- "D learns faster" compares the losses, which are not of one kind: L(D) is the mean of its halves, L(G)
  the non-saturating one.
"""
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
    yield from ["", "## Long memory", "", *_answers(RECALL_CLAIMS, recalled, LSTM_PRESETS), ""]
    yield from [*_RECALL_NOTES.splitlines(), ""]
    yield from _recall_figures(recalled, pictures)
    yield from ["## GAN on MNIST", "", *_answers(GAN_CLAIMS, drawn, GAN_PRESETS), ""]
    yield from [*_GAN_NOTES.splitlines(), ""]
    yield from _gan_figures(drawn, pictures)
    yield from ["## How long was trained", "", *_lengths(recalled, drawn, trainings), ""]
    yield from _not_reproduced(recalled, drawn)


def _answers(claims, rows, presets):
    yield from head("report", "preset", "seeds", "claimed", "measured", "verdict")
    for claim, seeds, answer in answered(claims, rows):
        measured, verdict = "not trained yet", "–"
        if answer is not None:
            measured, verdict = answer.measured, _verdict(answer, _part(claim.preset, rows, presets))
        trained = _trained(claim.preset, rows, presets)
        yield line(claim.report, trained, seeds, claim.text, measured, f"**{verdict}**")


def _verdict(answer, part):
    """A verdict in words; one against a claim says in how much of the training."""
    return f"{answer.verdict} in {part}" if part and answer.verdict in (NOT, FEW, HALF) else answer.verdict


def _trained(preset, rows, presets):
    """A preset, and how much of its length was trained if it was not all."""
    part = _part(preset, rows, presets)
    return f"{preset}, {part}" if part else preset


def _part(preset, rows, presets):
    """How much of a preset's length was trained, or None if all of it was."""
    sizes = {row["size"] for row in rows if row["preset"] == preset} - {"full"}
    epochs = min(
        (int(number) for size in sizes for number in re.findall(r"epochs (\d+)", size)), default=None
    )
    of = getattr(presets[preset], "epochs", None)
    return None if None in (epochs, of) or epochs == of else f"{epochs} of {of} epochs"


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
                yield from _picture(path, f"Preset {_trained(preset, own, GAN_PRESETS)}: {words}")


def _picture(path, caption):
    return [f"![{caption}]({path.parent.name}/{path.name})", "", f"*{caption}.*", ""]


def _lengths(recalled, drawn, trainings):
    yield from head("task", "preset", "its length", "trained", "seeds", "hours in all")
    kinds = (("palindromes", recalled, LSTM_PRESETS), ("GAN", drawn, GAN_PRESETS))
    for task, rows, presets in kinds:
        for preset in sorted({job.preset for job in trainings if job.preset in presets}):
            own = [row for row in rows if row["preset"] == preset]
            if not own:
                continue
            sizes = ", ".join(dict.fromkeys(_size(row["size"], presets[preset]) for row in own))
            seconds = sum(float(row["seconds"]) for row in own)
            seeds = len({row["seed"] for row in own})
            yield line(task, preset, _asked(presets[preset]), sizes, seeds, f"{seconds / 3600:.2f}")


def _size(size, preset):
    """A size in words; "epochs 20" of a preset of 20 epochs is all of it."""
    return "full" if size == f"epochs {getattr(preset, 'epochs', None)}" else size


def _asked(preset):
    if getattr(preset, "epochs", None):
        return f"{preset.epochs} epochs"
    if getattr(preset, "steps", None):
        return f"{preset.steps:,} steps"
    return f"up to {preset.max_steps:,} steps a length"


def _not_reproduced(recalled, drawn):
    failed = [
        f"- Report {claim.report}, preset {_trained(claim.preset, rows, presets)}: {claim.text}."
        for claims, rows, presets in (
            (RECALL_CLAIMS, recalled, LSTM_PRESETS),
            (GAN_CLAIMS, drawn, GAN_PRESETS),
        )
        for claim, _, answer in answered(claims, rows)
        if answer and answer.verdict in (NOT, FEW)
    ]
    if failed:
        yield from ["## Not reproduced", "", *failed]
