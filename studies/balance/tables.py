"""The tables and plots of the study."""

import textwrap
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from kgan.gan.update_policies import Always, KSteps
from studies.balance import analysis
from studies.balance.arms import ARMS, CONFIRMATORY, EXPLORATORY
from studies.pages import head, line
from studies.table import spread

MARKS = {"steps": "After as many updates of G", "cpu": "After as much CPU time"}
_SAME = {"steps": "updates of G", "cpu": "CPU time"}
_PHASES = {"confirm": CONFIRMATORY, "explore": EXPLORATORY}
_TIMES = {"first twentieth": 0, "middle": 10, "last twentieth": -1}  # of the parts of a trace


def parts(rows):
    """The tables, as Markdown by the name of their place on the page."""
    found = {
        "confirmatory": [*_phase(rows, "confirm"), *comparisons(rows)],
        "exploratory": [*_phase(rows, "explore"), *_beside_always(rows), "", *_missing(rows)],
        "probability": [*_probabilities(rows)],
        "rates": [*_rates(rows)],
    }
    return {name: "\n".join(lines).rstrip() for name, lines in found.items()}


def _phase(rows, phase):
    for mark, words in MARKS.items():
        found = {name: analysis.chosen(rows, phase=phase, arm=name, mark=mark) for name in _PHASES[phase]}
        yield from [f"{words}:", "", *_figures({k: v for k, v in found.items() if v}), ""]


def _figures(found):
    judged = "Fréchet distance", "recall", "duplicates", "total variation", "collapsed"
    reached = "D's updates for one of G", "L(D), L(G) at the end", "G's updates", "CPU-seconds"
    yield from head("arm", "seeds", "learning rate", *judged, *reached)
    names = "frechet", "recall", "duplicates", "total_variation"
    for name, rows in found.items():
        columns = {key: [float(row[key]) for row in rows] for key in names}
        yield line(
            ARMS[name].title,
            len(rows),
            f"{float(rows[0]['learning_rate']):g}",
            spread(columns["frechet"], "{:.3g}".format),
            spread(columns["recall"], "{:.2f}".format),
            spread(columns["duplicates"], "{:.2f}".format),
            spread(columns["total_variation"], "{:.2f}".format),
            f"{analysis.collapsed(rows)} of {len(rows)}",
            spread([_steps_for_one_of_g(name) * float(row["d_rate"]) for row in rows]),
            _last_losses(rows),
            f"{np.median([int(row['g_steps']) for row in rows]):,.0f}",
            f"{np.median([float(row['cpu_seconds']) for row in rows]):,.0f}",
        )


def _steps_for_one_of_g(name):
    policy = ARMS[name].policy
    return policy.k if isinstance(policy, KSteps) else 1


def _beside_always(rows):
    """The exploratory arms, and the rule, beside `Always` with the same networks, optimiser and seeds."""
    explored = {int(row["seed"]) for row in analysis.chosen(rows, phase="explore")}
    yield from head("arm", "beside", "at the same", "seeds", "quotients of the Fréchet distances")
    for name in ("balanced", *EXPLORATORY):
        other = _always_of(name)
        for mark, same in _SAME.items():
            ours, theirs = (_distances(rows, each, mark) for each in (name, other))
            seeds = sorted(explored & set(ours) & set(theirs))
            if seeds and name != other:
                quotients = [ours[seed] / theirs[seed] for seed in seeds]
                yield line(ARMS[name].title, ARMS[other].title, same, len(seeds), spread(quotients))


def _missing(rows):
    """The exploratory arms that were not trained yet, in a sentence, if there are any."""
    titles = [ARMS[name].title for name in EXPLORATORY if not _distances(rows, name, "steps")]
    if titles:
        yield f"Not trained yet: {'; '.join(titles)}."


def _always_of(name):
    """Name of the arm that updates D in every step and is alike otherwise."""
    alike = ARMS[name].pair, ARMS[name].optimizer
    return next(
        other
        for other, arm in ARMS.items()
        if (arm.pair, arm.optimizer, arm.policy, arm.d_rate) == (*alike, Always(), 1.0)
    )


def _distances(rows, name, mark):
    return analysis.by_seed(_trained(rows, name, mark))


def _trained(rows, name, mark):
    """The rows of an arm that was tuned already."""
    phase = "confirm" if name in CONFIRMATORY else "explore"
    return analysis.chosen(rows, phase=phase, arm=name, mark=mark)


def _probabilities(rows):
    """What p does over a training, of each arm that has one and it moves."""
    yield from head("arm", "seeds", *(f"p, {when}" for when in _TIMES), "least and greatest of twenty parts")
    for name, found in _moving(rows):
        p = analysis.over_time(found, "p")
        times = [spread(p[:, part], "{:.3f}".format) for part in _TIMES.values()]
        yield line(ARMS[name].title, len(found), *times, f"{p.min():.2f} to {p.max():.2f}")


def _last_losses(rows):
    """Medians of L(D) and L(G) in the last part of each training."""
    last = [analysis.over_time(rows, name)[:, -1] for name in ("d_loss", "g_loss")]
    return ", ".join(f"{np.median(losses):.2f}" for losses in last)


def _moving(rows):
    """The arms whose p follows the losses, each with its rows."""
    for name, arm in ARMS.items():
        found = _trained(rows, name, "steps")
        if found and getattr(arm.policy, "compares_losses", False):
            yield name, found


def _rates(rows):
    """The tuning: the Fréchet distances at each learning rate, the best in bold type."""
    tuned = analysis.chosen(rows, phase="tune", mark="steps")
    rates = sorted({float(row["learning_rate"]) for row in tuned})
    yield from head("arm", *(f"{rate:g}" for rate in rates))
    for name in dict.fromkeys(row["arm"] for row in tuned):
        best, cells = analysis.best_rate(rows, name), []
        for rate in rates:
            found = analysis.chosen(tuned, arm=name, learning_rate=rate)
            cell = ", ".join(f"{float(row['frechet']):.3g}" for row in found)
            cells.append(f"**{cell}**" if rate == best else cell)
        yield line(ARMS[name].title, *cells)


def comparisons(rows):
    """`LossBalanced` beside each other confirmatory arm, p-values corrected for their number."""
    found = {}
    for mark in MARKS:
        ours = _distances(rows, "balanced", mark)
        for name in CONFIRMATORY:
            theirs = _distances(rows, name, mark)
            if name != "balanced" and len(set(ours) & set(theirs)) > 1:
                found[name, mark] = analysis.compared(ours, theirs)
    compared = "`LossBalanced` against", "at the same", "seeds", "quotient of the Fréchet distances"
    yield from head(*compared, "95 % interval", "p", "p, corrected")
    corrected = analysis.holm([each.p_value for each in found.values()])
    for ((name, mark), each), p_value in zip(found.items(), corrected, strict=True):
        interval = f"{each.low:.2f} to {each.high:.2f}"
        figures = [each.seeds, f"{each.ratio:.2f}", interval, f"{each.p_value:.2g}", f"{p_value:.2g}"]
        yield line(ARMS[name].title, _SAME[mark], *figures)


def write_plots(folder, rows):
    """Draw p over the training, and the Fréchet distances of the arms; the paths of the pictures."""
    return [_draw_p(Path(folder) / "p.png", rows), _draw_arms(Path(folder) / "arms.png", rows)]


def _draw_p(path, rows):
    figure = Figure(figsize=(8, 5.5), layout="constrained")
    axes = figure.subplots()
    for name, found in _moving(rows):
        shares = analysis.over_time(found, "p")
        done = (np.arange(shares.shape[1]) + 0.5) * int(found[0]["g_steps"]) / shares.shape[1]
        (curve,) = axes.plot(done, np.median(shares, axis=0), label=_plain(name))
        axes.fill_between(done, shares.min(axis=0), shares.max(axis=0), color=curve.get_color(), alpha=0.15)
    axes.set(xlabel="updates of G", ylabel="p, the probability to update D")
    axes.axhline(0.5, color="grey", linestyle=":", label="½")
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    return _save(figure, path)


def _draw_arms(path, rows):
    figure = Figure(figsize=(9, 4), layout="constrained")
    for axes, (mark, words) in zip(figure.subplots(1, 2, sharey=True), MARKS.items(), strict=True):
        names = [name for name in CONFIRMATORY if _distances(rows, name, mark)]
        for place, name in enumerate(names):
            distances = sorted(_distances(rows, name, mark).values())
            axes.plot(np.linspace(place - 0.15, place + 0.15, len(distances)), distances, "o", alpha=0.6)
            axes.hlines(np.median(distances), place - 0.3, place + 0.3, color="black")
        axes.set(title=words, yscale="log")
        axes.set_xticks(range(len(names)), [textwrap.fill(_plain(name), 17) for name in names], fontsize=8)
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("{x:g}")
    figure.supylabel("Fréchet distance, a point a seed")
    return _save(figure, path)


def _plain(name):
    return ARMS[name].title.replace("`", "")


def _save(figure, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    return path
