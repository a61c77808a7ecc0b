"""Two of JAX's devices, and two of its processes, each with half of every batch, against one."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from test_trainings import difference

from kgan.backend import ranks
from support.processes import ROOT, run_python
from trainings import CASES, train

SCRIPT = Path(__file__).parent / "trainings.py"
ON_JAX = pytest.mark.skipif(keras.backend.backend() != "jax", reason="these are JAX's")
DIVIDED = ("float32", "batch-norm", "own-draws", "LossBalanced")
TWO_DEVICES = "--xla_force_host_platform_device_count=2"


def begun(folder, *arguments, script=SCRIPT, **environ):
    """A process that trains."""
    folder.mkdir(exist_ok=True)
    command = [sys.executable, script, *([folder] if script is SCRIPT else []), *arguments]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    environ = os.environ | environ | {"KERAS_BACKEND": "jax"}
    return subprocess.Popen(command, cwd=folder, env=environ, **streams)


def both_begun(folder, *arguments, **options):
    """Two processes that know of each other."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    several = {"KERAS_DISTRIBUTION_JOB_ADDRESSES": address, "KERAS_DISTRIBUTION_NUM_PROCESSES": "2"}
    numbers = ({"KERAS_DISTRIBUTION_PROCESS_ID": str(rank)} for rank in range(2))
    return [begun(folder, *arguments, **options, **several, **number) for number in numbers]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What was found, by the way in which it was trained, the case and the rank."""
    root = tmp_path_factory.mktemp("devices")
    processes = [
        begun(root / "one", "float64", JAX_ENABLE_X64="1"),
        begun(root / "devices", *DIVIDED, XLA_FLAGS=TWO_DEVICES),
        begun(root / "devices", "float64", XLA_FLAGS=TWO_DEVICES, JAX_ENABLE_X64="1"),
        *both_begun(root / "processes", *DIVIDED),
    ]
    for process in processes:
        output, _ = process.communicate(timeout=600)
        assert process.returncode == 0, output
    return lambda way, name, rank=0: json.loads((root / way / f"{name}-{rank}.json").read_text())


@ON_JAX
@pytest.mark.parametrize("way", ["devices", "processes"])
@pytest.mark.parametrize("name", DIVIDED)
def test_two_come_to_the_weights_of_one_and_to_its_schedule(found, way, name):
    alone, divided = train(**CASES[name]), found(way, name)
    assert difference(divided, alone) <= 1e-5
    assert [divided["d"], divided["g"]] == [alone["d"], alone["g"]]


@ON_JAX
def test_in_float64_two_devices_come_to_the_weights_of_one_after_a_hundred_steps(found):
    one, two = found("one", "float64"), found("devices", "float64")
    assert 0 < difference(one, two) <= 1e-9


@ON_JAX
@pytest.mark.parametrize("name", DIVIDED)
def test_both_processes_are_at_the_same_bits_after_every_epoch(found, name):
    first, second = (found("processes", name, rank) for rank in range(2))
    assert first == second


@ON_JAX
def test_two_processes_leave_one_run_with_an_explorer(tmp_path):
    options = ("--data", "mnist-5k", "--architecture", "compact", "--latent-dim", "8", "--steps", "63")
    options += ("--evaluate-every", "40", "--sample-every", "40", "--judged", "100", "--explorer")
    processes = both_begun(tmp_path, *options, script=ROOT / "train_gan.py")
    outputs = [process.communicate(timeout=600)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert [output.count("Trained after 63 steps") for output in outputs] == [1, 0]
    (run,) = (tmp_path / "runs").iterdir()
    names = {path.name for path in run.iterdir()}
    assert names >= {"model.keras", "best.keras", "evaluation.json", "checkpoints", "samples", "plots"}
    assert b'class="explorer"' in (run / "report.html").read_bytes()


@ON_JAX
def test_the_readout_of_a_recaller_is_divided_between_devices_and_learns_the_same():
    found = {}
    for way in ("none", "model"):
        finished = run_python(RECALL, way, backend="jax", XLA_FLAGS=TWO_DEVICES)
        assert finished.returncode == 0, finished.stderr
        found[way] = json.loads(finished.stdout)
    assert [found[way]["divided"] for way in found] == [False, True]
    for one, other in zip(found["none"]["weights"], found["model"]["weights"], strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)


RECALL = """
import json, sys
import kgan, keras
from kgan.backend import ranks
if sys.argv[1] == "model":
    ranks.distribute("model")
keras.utils.set_random_seed(0)
model = kgan.palindrome.digit_recaller("lstm", units=8, encoding="one-hot")
kgan.palindrome.compile_recaller(model, keras.optimizers.Adam(0.01))
data = kgan.palindrome.PalindromeStream(6, batch_size=16, steps=10, encoding="one-hot", seed=0)
model.fit(data, shuffle=False, verbose=0)
kernel = next(weight for weight in model.weights if weight.path.endswith("dense/kernel"))
divided = not kernel.value.sharding.is_fully_replicated
print(json.dumps({"divided": divided, "weights": [weight.tolist() for weight in model.get_weights()]}))
"""


def test_other_backends_say_what_divides_batches():
    if keras.backend.backend() == "jax":
        pytest.skip("JAX does")
    with pytest.raises(ValueError, match="--distribute divides data between JAX's devices, and KERAS"):
        ranks.distribute()
