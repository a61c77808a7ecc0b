import subprocess
import sys

from support.processes import ROOT


def test_the_tables_of_the_presets_are_up_to_date():
    command = [sys.executable, ROOT / "docs" / "presets_table.py"]
    tables = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert (
        "| update_policy | `Always()` ○ | `Always()` ○ | `Always()` ○ | `LossBalanced(temperature=1.0)` ● |"
        in tables
    )
    assert "| lengths | `5,10,15,20` ○ |  |" in tables
    assert "| d | rnn | 15 | 12 % |" in tables
    assert tables in (ROOT / "docs" / "presets.md").read_text(encoding="utf-8")
