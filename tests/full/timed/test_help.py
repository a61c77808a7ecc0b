"""`--help` takes less than a second: it imports no framework."""

import os

import pytest

from support.processes import run_python

HELP = """
import sys
from kgan import cli
try:
    getattr(cli, sys.argv[1])([*sys.argv[2:], "--help"])
except SystemExit:
    pass
assert not {"keras", "torch", "jax", "tensorflow"} & set(sys.modules)
"""


@pytest.mark.parametrize(
    "command", [("train_gan",), ("train_lstm",), ("train_lstm", "--preset", "curriculum")]
)
def test_help_takes_less_than_a_second_and_imports_no_framework(command):
    before = os.times()
    finished = run_python(HELP, *command)
    after = os.times()  # CPU seconds, which a busy machine does not lengthen
    assert finished.returncode == 0, finished.stderr
    seconds = after.children_user + after.children_system - before.children_user - before.children_system
    assert seconds < 1  # 0.2
