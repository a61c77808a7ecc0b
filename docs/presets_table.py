"""Print the tables of docs/presets.md from the presets: python docs/presets_table.py."""

import sys

from kgan.presets import CHOSEN, GAN_PRESETS, LSTM_PRESETS, STATED

MARKS = {STATED: "●", CHOSEN: "○"}  # anything else, ◐, has a note


def mark(basis):
    """The sign of a basis."""
    return MARKS.get(basis, "◐")


def cell(preset, name):
    """The value of a setting and its mark; nothing where a kind of preset has no such setting."""
    settings = preset.describe()
    if name not in settings:
        return ""
    value = settings[name]
    return "–" if value is None else f"`{value}` {mark(preset.basis_of(name))}"


def table(presets):
    """All settings of all presets, a row each."""
    settings = dict.fromkeys(name for preset in presets.values() for name in preset.describe())
    rows = [["", *presets], ["---"] * (len(presets) + 1)]
    rows += [[name, *(cell(preset, name) for preset in presets.values())] for name in settings]
    return markdown(rows)


def claims(presets):
    """What the reports say of a network at which lengths, a row each."""
    lengths = {}
    for name, preset in presets.items():
        for claim in preset.claims:
            lengths.setdefault((name, claim.network, claim.text), []).append(f"{claim.length}")
    rows = [["preset", "network", "lengths", "claimed"], ["---"] * 4]
    rows += [[name, network, ", ".join(found), text] for (name, network, text), found in lengths.items()]
    return markdown(rows)


def markdown(rows):
    """Rows of cells as a table."""
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def notes(presets):
    """For each preset its source, what it shows, and the settings that are partly stated."""
    paragraphs = []
    for name, preset in presets.items():
        partly = [f"- {key}: {basis}" for key, basis in preset.basis.items() if mark(basis) == "◐"]
        paragraphs += ["\n".join([f"**{name}**: {preset.source} {preset.shows}", "", *partly]).strip()]
    return "\n\n".join(paragraphs)


if __name__ == "__main__":
    sys.stdout.write(f"{table(GAN_PRESETS)}\n\n{notes(GAN_PRESETS)}\n\n")
    sys.stdout.write("## The palindrome task\n\n")
    sys.stdout.write(f"{table(LSTM_PRESETS)}\n\n{notes(LSTM_PRESETS)}\n\n{claims(LSTM_PRESETS)}\n")
