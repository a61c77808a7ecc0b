"""Print each dependency's lowest version in pyproject.toml, as constraints for pip."""

import os
import re
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
groups = [project["dependencies"], *project["optional-dependencies"].values()]
pins = [
    re.sub(r">=([\w.]+)[^;]*", r"==\1 ", requirement)
    for requirements in groups
    for requirement in requirements
]
if not os.environ.get("LOWEST_TORCH"):  # the lowest torch may be a download of several GB
    tested = Path("constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [pin for pin in pins if not pin.startswith("torch==")]
    pins += [pin for pin in tested if pin.startswith("torch==")]
print("\n".join(pin.strip() for pin in pins if "==" in pin and "[" not in pin))  # noqa: T201
