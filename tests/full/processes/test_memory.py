"""Peak memory of a long sequence."""

import keras
import pytest

from support.processes import run_python

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="checkpointing saves memory on torch"
)

GROWTH = """
import re, pathlib
import kgan, keras, numpy as np
layer = kgan.layers.LSTM(128, checkpoint="sqrt")
def peak():  # MiB; ru_maxrss would begin with that of the process which started this one
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\\s+(\\d+)", status)[1]) / 1024
digits = np.random.default_rng(0).integers(0, 10, (128, 1000))
layer(keras.ops.one_hot(digits[:, :10], 10)).sum().backward()
x = keras.ops.one_hot(digits, 10)
before = peak()
layer(x).sum().backward()
print(peak() - before)
"""


def test_checkpointed_training_at_a_thousand_steps_takes_little_memory():
    finished = run_python(GROWTH, backend="torch", OMP_NUM_THREADS="1")
    assert finished.returncode == 0, finished.stderr
    assert float(finished.stdout) < 80  # MiB: 128 sequences of 1,000 steps, 128 units
