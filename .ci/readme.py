"""Print the shell commands under a heading of README.md: python .ci/readme.py "Start"."""

import re
import sys
from pathlib import Path


def commands(text, heading):
    """Return the first ```sh block under `## heading`."""
    section = re.search(rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    block = section and re.search(r"^```sh\n(.*?)^```", section[1], re.MULTILINE | re.DOTALL)
    if not block:
        raise SystemExit(f"README.md has no shell commands under '## {heading}'.")
    return block[1]


if __name__ == "__main__":
    readme = Path(__file__).parent.parent / "README.md"
    sys.stdout.write(commands(readme.read_text(encoding="utf-8"), sys.argv[1]))
