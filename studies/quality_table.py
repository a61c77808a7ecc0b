"""Write the tables of studies/quality.md from studies/quality.csv: python studies/quality_table.py.

Each takes the place of what stands between `<!-- NAME -->` and `<!-- end -->`.
"""

import sys
from pathlib import Path
from statistics import median

from pages import fill, head, line
from quality import PICTURES, RECIPES, table

from kgan.evaluation import Reference, class_shares, manifold_scores, total_variation

PAGE = Path(__file__).with_name("quality.md")
FIGURES = {  # name in a row -> heading, digits
    "frechet": ("Fréchet distance", 2),
    "precision": ("precision", 3),
    "recall": ("recall", 3),
    "density": ("density", 3),
    "coverage": ("coverage", 3),
    "total_variation": ("total variation", 3),
    "least_share": ("least class", 3),
    "duplicates": ("duplicates", 4),
    "agreement": ("agreement", 4),
}


def floors():
    """The same figures of 10,000 real training digits against the 10,000 test digits."""
    reference = Reference.load()
    scores = manifold_scores(reference.test_features, reference.train_features, k=5)
    labels = reference.train.classes, reference.test_labels
    shares, real = (class_shares(classes).shares for classes in labels)
    names = ("precision", "recall", "density", "coverage")
    return {
        "frechet": float(table().rows()[0]["frechet_floor"]),
        **{name: getattr(scores, name) for name in names},
        "total_variation": total_variation(shares, real),
        "least_share": shares.min(),
    }


def values(found, name):
    """A figure of each of some rows, those that lack it left out."""
    return [float(row[name]) for row in found if row[name]]


def spread(found, name):
    """Median, least and greatest value of a figure."""
    digits, numbers = FIGURES[name][1], values(found, name)
    if not numbers:
        return "–"
    middle, least, most = (f"{value:.{digits}f}" for value in (median(numbers), min(numbers), max(numbers)))
    return middle if len(numbers) == 1 else f"**{middle}** [{least}, {most}]"


def groups():
    """Rows by (recipe, data, mark), in the order of the recipes and of the marks."""
    found = {}
    for row in table().rows():
        found.setdefault((row["recipe"], row["images"], row["mark"]), []).append(row)
    return dict(sorted(found.items(), key=lambda item: _place(*item[0])))


def _place(recipe, images, mark):
    return list(RECIPES).index(recipe), -int(images), float("inf") if mark == "end" else float(mark)


_HEAD = ("recipe", "digits")
_COUNTED = ("CPU-seconds", "steps")


def _table(third):
    return head(*_HEAD, third, *_COUNTED, *(heading for heading, _ in FIGURES.values()))


def summary():
    """A row for each recipe and mark: medians over the seeds, with the least and the greatest."""
    floor = floors()
    lines = _table("seeds")
    real = [f"{floor[name]:.{digits}f}" if name in floor else "–" for name, (_, digits) in FIGURES.items()]
    lines += [line("real digits, the floor", "", "", "", "", *real)]
    for (recipe, images, _), found in groups().items():
        seconds, steps = (f"{median(values(found, name)):,.0f}" for name in ("cpu_seconds", "step"))
        told = RECIPES[recipe].title, f"{int(images):,}", len(found), seconds, steps
        lines += [line(*told, *(spread(found, name) for name in FIGURES))]
    return "\n".join(lines)


def by_seed():
    """A row for each model."""
    lines = _table("seed")
    for (recipe, images, _), found in groups().items():
        for row in sorted(found, key=lambda row: int(row["seed"])):
            names = ("seed", "cpu_seconds", "step", *FIGURES)
            lines += [line(recipe, images, *(row[name] for name in names))]
    return "\n".join(lines)


def pictures():
    """The grids that are kept."""
    kept = sorted(PICTURES.glob("*.png"))
    return "\n\n".join(f"![{path.stem}]({PICTURES.name}/{path.name})\n\n*{path.stem}*" for path in kept)


def main():
    """Write the page anew."""
    fill(PAGE, {"summary": summary(), "models": by_seed(), "pictures": pictures()})


if __name__ == "__main__":
    sys.exit(main())
