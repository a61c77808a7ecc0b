"""The tables and plots of the study."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from studies.balance import analysis
from studies.balance.arms import ARMS, CONFIRMATORY, EXPLORATORY
from studies.pages import head, line
from studies.table import spread

MARKS = {"steps": "after as many updates of G", "cpu": "after as much CPU time"}


def tables(rows):
    """All tables, as lines of Markdown."""
    for phase, arms in (("confirm", CONFIRMATORY), ("explore", EXPLORATORY)):
        for mark, words in MARKS.items():
            found = {name: analysis.chosen(rows, phase=phase, arm=name, mark=mark) for name in arms}
            yield from [f"**{phase}, {words}**", "", *_figures({k: v for k, v in found.items() if v}), ""]
    yield from ["**Confirmatory comparisons**", "", *comparisons(rows)]


def _figures(found):
    judged = "Fréchet distance", "recall", "total variation", "collapsed"
    yield from head("arm", "seeds", "rate", *judged, "D was updated in", "G's updates", "CPU-seconds")
    for name, rows in found.items():
        columns = {key: [float(row[key]) for row in rows] for key in ("frechet", "recall", "total_variation")}
        yield line(
            ARMS[name].title,
            len(rows),
            f"{float(rows[0]['learning_rate']):g}",
            spread(columns["frechet"]),
            spread(columns["recall"], "{:.3f}".format),
            spread(columns["total_variation"], "{:.3f}".format),
            f"{analysis.collapsed(rows)} of {len(rows)}",
            spread([100 * float(row["d_rate"]) for row in rows], "{:.0f} %".format),
            f"{np.median([int(row['g_steps']) for row in rows]):,.0f}",
            f"{np.median([float(row['cpu_seconds']) for row in rows]):,.0f}",
        )


def comparisons(rows):
    """`LossBalanced` beside each other confirmatory arm, p-values corrected for their number."""
    found = {}
    for mark in MARKS:
        ours = analysis.by_seed(analysis.chosen(rows, phase="confirm", arm="balanced", mark=mark))
        for name in CONFIRMATORY:
            theirs = analysis.by_seed(analysis.chosen(rows, phase="confirm", arm=name, mark=mark))
            if name != "balanced" and len(set(ours) & set(theirs)) > 1:
                found[name, mark] = analysis.compared(ours, theirs)
    compared = "`LossBalanced` against", "at the same", "seeds", "quotient of the Fréchet distances"
    yield from head(*compared, "95 % interval", "p", "p, corrected")
    corrected = analysis.holm([each.p_value for each in found.values()])
    for ((name, mark), each), p_value in zip(found.items(), corrected, strict=True):
        interval = f"{each.low:.2f} to {each.high:.2f}"
        same = {"steps": "updates of G", "cpu": "CPU time"}[mark]
        figures = [each.seeds, f"{each.ratio:.2f}", interval, f"{each.p_value:.2g}", f"{p_value:.2g}"]
        yield line(ARMS[name].title, same, *figures)


def write_plots(folder, rows):
    """Draw p over the training, and the Fréchet distances of the arms; the paths of the pictures."""
    confirmed = {
        name: analysis.chosen(rows, phase="confirm", arm=name, mark="steps") for name in CONFIRMATORY
    }
    confirmed = {name: found for name, found in confirmed.items() if found}
    return [_draw_p(Path(folder) / "p.png", confirmed), _draw_arms(Path(folder) / "arms.png", confirmed)]


def _draw_p(path, found):
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for name in ("balanced", "matched"):
        if name not in found:
            continue
        shares = analysis.over_time(found[name], "p")
        done = (np.arange(shares.shape[1]) + 0.5) / shares.shape[1]
        (line,) = axes.plot(done, np.median(shares, axis=0), label=ARMS[name].title.replace("`", ""))
        axes.fill_between(done, shares.min(axis=0), shares.max(axis=0), color=line.get_color(), alpha=0.2)
    axes.set(xlabel="share of the training", ylabel="p, probability to update D", ylim=(0, 1))
    axes.axhline(0.5, color="grey", linestyle=":", label="½, both at equilibrium")
    axes.legend()
    return _save(figure, path)


def _draw_arms(path, found):
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for place, rows in enumerate(found.values()):
        distances = sorted(analysis.by_seed(rows).values())
        axes.plot(np.linspace(place - 0.15, place + 0.15, len(distances)), distances, "o", alpha=0.6)
        axes.hlines(np.median(distances), place - 0.3, place + 0.3, color="black")
    axes.set(ylabel="Fréchet distance", yscale="log")
    names = [ARMS[name].title.replace("`", "") for name in found]
    axes.set_xticks(range(len(found)), names, rotation=15, ha="right")
    return _save(figure, path)


def _save(figure, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    return path
