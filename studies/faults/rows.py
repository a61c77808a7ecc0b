"""Results as rows of CSV files, so that a study can be stopped and goes on where it was."""

import csv
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "reliability"


class Rows:
    """The rows of one part of the study.

    Args:
        name: Of the part; its file is `folder`/name.csv.
        folder: Where the files lie.
    """

    def __init__(self, name, *, folder=FOLDER):
        self.path = Path(folder) / f"{name}.csv"

    def read(self, **chosen):
        """Dicts of strings, the rows whose columns have these values."""
        if not self.path.exists():
            return []
        with self.path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return [row for row in rows if all(row[name] == str(value) for name, value in chosen.items())]

    def append(self, rows):
        """Add dicts of the same keys, with a heading if they are the first."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            if file.tell() == 0:
                writer.writeheader()
            writer.writerows(rows)


def count(rows, column, *, value="yes"):
    """Number of rows that hold a value."""
    return sum(row[column] == value for row in rows)


def yes(truth):
    """A truth as it stands in a row."""
    return "yes" if truth else "no"
