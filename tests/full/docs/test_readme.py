"""The README's examples run as they stand."""

import re
import subprocess
import sys

import keras
import pytest

from support.processes import ROOT, run_python

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_python_examples_run(number, tmp_path):
    finished = run_python(
        f"import os; os.chdir({str(tmp_path)!r})\n{EXAMPLES[number]}", backend=keras.backend.backend()
    )
    assert finished.returncode == 0, finished.stderr


def test_there_are_examples_and_files_that_the_text_links_exist():
    assert EXAMPLES
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert target.startswith("https://") or (ROOT / target).exists(), target


@pytest.mark.parametrize(
    ("heading", "command"),
    [("Start", "pip install -c "), ("Long memory", "python train_lstm.py"), ("Test", "pip install -c ")],
)
def test_ci_finds_the_commands_under_their_headings(heading, command):
    script = [sys.executable, str(ROOT / ".ci" / "readme.py"), heading]
    assert subprocess.run(script, capture_output=True, text=True, check=True).stdout.startswith(command)
