"""Print the tables of docs/presets.md from the presets: python docs/presets_table.py."""

import sys

from kgan.presets import CHOSEN, GAN_PRESETS, STATED

MARKS = {STATED: "●", CHOSEN: "○"}  # anything else, ◐, has a note


def mark(basis):
    """The sign of a basis."""
    return MARKS.get(basis, "◐")


def cell(preset, name):
    """The value of a setting and its mark."""
    value = preset.describe()[name]
    return "–" if value is None else f"`{value}` {mark(preset.basis_of(name))}"


def table():
    """All settings of all presets, a row each."""
    settings = list(next(iter(GAN_PRESETS.values())).describe())
    rows = [["", *GAN_PRESETS], ["---"] * (len(GAN_PRESETS) + 1)]
    rows += [[name, *(cell(preset, name) for preset in GAN_PRESETS.values())] for name in settings]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def notes():
    """For each preset its source, what it shows, and the settings that are partly stated."""
    paragraphs = []
    for name, preset in GAN_PRESETS.items():
        partly = [f"- {key}: {basis}" for key, basis in preset.basis.items() if mark(basis) == "◐"]
        paragraphs += ["\n".join([f"**{name}**: {preset.source} {preset.shows}", "", *partly]).strip()]
    return "\n\n".join(paragraphs)


if __name__ == "__main__":
    sys.stdout.write(f"{table()}\n\n{notes()}\n")
