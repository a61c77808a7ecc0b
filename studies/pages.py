"""Markdown: rows of tables, and pages with parts that are written anew."""

import re

from kgan.files import replacing


def line(*cells):
    """A row of a table."""
    return f"| {' | '.join(map(str, cells))} |"


def head(*names):
    """The two lines above the rows of a table."""
    return [line(*names), line(*["---"] * len(names))]


def fill(page, parts):
    """Put each part of a page in the place of what stands between `<!-- NAME -->` and `<!-- end -->`.

    Args:
        page: `pathlib.Path` of the page.
        parts: Dict, name -> text.

    Raises:
        ValueError: If the page has no such place.
    """
    text = page.read_text(encoding="utf-8")
    for name, part in parts.items():
        begin, end = f"<!-- {name} -->", "<!-- end -->"
        pattern = f"{re.escape(begin)}.*?{re.escape(end)}"
        new, count = re.subn(pattern, lambda _, new=f"{begin}\n\n{part}\n\n{end}": new, text, flags=re.DOTALL)
        if count != 1:
            raise ValueError(f"{page} must have one place {begin} … {end}, got {count}.")
        text = new
    with replacing(page) as path:
        path.write_text(text, encoding="utf-8")
