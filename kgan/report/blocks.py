"""What a page is made of: sections of blocks, plain values that page.html knows how to show."""

import re
import tempfile
from pathlib import Path

from markupsafe import Markup

from kgan import plots


def section(name, title, *blocks):
    """A section with a heading.

    Args:
        name: What links to it, one word.
        title: Its heading.
        *blocks: What the functions below return, or None for nothing.
    """
    return {"name": name, "title": title, "blocks": [block for block in blocks if block]}


def prose(text):
    """A paragraph, or nothing if there is no text."""
    return {"kind": "prose", "text": text} if text else None


def missing(text):
    """A line that says what is not there, and how it comes to be."""
    return {"kind": "missing", "text": text}


def facts(rows, *, title=""):
    """Terms and what they are.

    Args:
        rows: List of (term, value) or (term, value, remark).
        title: Heading of the list, or nothing.
    """
    return {"kind": "facts", "title": title, "rows": [(*row, "")[:3] for row in rows]}


def table(head, rows, *, caption, numbers=()):
    """A table that scrolls within itself where it is too wide.

    Args:
        head: List of column titles.
        rows: List of lists of cells; the first of a row is its heading.
        caption: What the table shows.
        numbers: Indices of the columns that are set flush right.
    """
    return {"kind": "table", "head": head, "rows": rows, "caption": caption, "numbers": numbers}


def figure(name, draw, *, label, caption):
    """A plot, drawn as a part of the page.

    Args:
        name: What its parts are called after, one word that no other figure has.
        draw: Function of a path that writes the plot, of `kgan.plots`.
        label: What it shows, in words, for those who do not see it.
        caption: A line below it.
    """
    with tempfile.TemporaryDirectory() as folder, plots.page_style():
        path = Path(folder) / "figure.svg"
        draw(path)
        svg = path.read_text(encoding="utf-8")
    return {"kind": "figure", "svg": Markup(_inlined(svg, name)), "label": label, "caption": caption}  # noqa: S704


def _inlined(svg, name):
    """The drawing alone, in the page's ink, its ids its own."""
    svg = svg[svg.index("<svg") :].replace(plots.INK, "currentColor")
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r'\1 aria-hidden="true" focusable="false"', svg, count=1)
    return re.sub(r'( id="|url\(#|href="#)', rf"\g<1>{name}-", svg)


def player(name, frames, *, alt):
    """A slider through pictures, with a button that plays them.

    Args:
        name: One word.
        frames: List of (label, data URI).
        alt: What the pictures show.
    """
    labels, uris = zip(*frames, strict=True)
    return {"kind": "player", "name": name, "labels": labels, "uris": uris, "alt": alt}


def strip(name, uri, frames, *, ends):
    """A slider through the frames of a strip, with two numbers of each.

    Args:
        name: One word.
        uri: The strip as a data URI, frames of one width side by side.
        frames: List of (what it is taken for, confidence that it is the one end, the other).
        ends: What both ends are taken for.
    """
    return {"kind": "strip", "name": name, "uri": uri, "frames": frames, "ends": ends}
