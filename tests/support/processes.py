"""Python subprocesses for tests; installed backends; the path of MNIST."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
MNIST = ROOT.parent / "shared" / "mnist"
BACKENDS = [name for name in ("torch", "jax", "tensorflow") if importlib.util.find_spec(name)]


def start_python(*arguments, backend=None, **environment):
    """Start a Python subprocess that can import kgan and the tests."""
    env = {key: value for key, value in os.environ.items() if key != "KERAS_BACKEND"} | environment
    if backend is not None:
        env["KERAS_BACKEND"] = backend
    env["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    command = [sys.executable, *map(str, arguments)]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen(command, env=env, text=True, **pipes)


def run_python(code, *arguments, **options):
    """Run code in a Python subprocess. Return the `CompletedProcess`."""
    with start_python("-c", code, *arguments, **options) as process:
        out, err = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)
