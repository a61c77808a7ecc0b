"""Files that attack whoever loads them run nothing, read nothing, make nothing and take no memory."""

import json
import socket
import threading

import keras
import pytest

from malicious_models import FILES, REASONS, SECRET, World, honest, write, write_all
from support.processes import BACKENDS, run_python

# Loads an honest file, then each of a JSON object of names to paths; prints what came of each, the most
# memory it took, and the files below a folder before and after.
LOAD_ALL = """
import json, pathlib, sys, time
from kgan import saving
paths, root = json.loads(sys.argv[1]), pathlib.Path(sys.argv[2])
def most_memory():
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
def tree():
    return sorted(map(str, root.rglob("*")))
saving.load(root / "models" / "honest.keras")
found, before, at_first = {}, tree(), most_memory()
for name, path in paths.items():
    start = time.perf_counter()
    try:
        came = ["loaded", type(saving.load(path)).__name__]
    except Exception as error:
        came = [type(error).__name__, str(error)]
    found[name] = [*came, (root / "canary").exists(), time.perf_counter() - start]
print(json.dumps([found, before, tree(), [at_first, most_memory()]]))
"""
# Loads a file as Keras does where it is told to trust it, and prints the words that its layers know.
TRUST = """
import sys, keras
for layer in keras.saving.load_model(sys.argv[1], safe_mode=False).layers:
    print(getattr(layer, "get_vocabulary", str)())
"""


@pytest.fixture(scope="module")
def listener():
    """A port on loopback and the list of those who connected to it."""
    callers = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_answer, args=(server, callers), daemon=True).start()
        yield server.getsockname()[1], callers


def _answer(server, callers):
    while True:
        try:
            connection, caller = server.accept()
        except OSError:  # the test is over
            return
        callers.append(caller)
        connection.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory, listener):
    root = tmp_path_factory.mktemp("world")
    (root / "models").mkdir()
    return World(root / "models", root / "canary", root / "secret", listener[0])


@pytest.fixture(scope="module")
def corpus(world):
    write(world.folder / "honest.keras", honest())
    return write_all(world)


def run(code, world, *arguments):
    """Run code in an interpreter whose home and temporary files lie in the world."""
    home = str(world.folder.parent)
    return run_python(
        code, *arguments, backend=keras.backend.backend(), HOME=home, TMPDIR=home, XDG_CACHE_HOME=home
    )


@pytest.fixture(scope="module")
def outcome(world, corpus):
    """What came of each file, the files before and after, the most memory before and after, and stderr."""
    names = {name: str(path) for name, path in corpus.items()}
    finished = run(LOAD_ALL, world, json.dumps(names), world.folder.parent)
    assert finished.returncode == 0, finished.stderr
    return *json.loads(finished.stdout.splitlines()[-1]), finished.stderr


@pytest.mark.parametrize("name", FILES)
def test_a_malicious_file_is_refused_in_one_line_that_says_why(name, corpus, outcome):
    kind, message, canary, seconds = outcome[0][name]
    assert kind == "ValueError", message
    assert message.startswith(f"{corpus[name]} ")
    assert REASONS[name] in message
    assert message.count("\n") == 0
    assert len(message) < 600
    assert not canary
    assert seconds < 30  # of layers_by_the_thousand, on a busy machine, 2


def test_no_file_runs_makes_or_connects_to_anything(world, outcome, listener):
    _, before, after, _, errors = outcome
    assert after == before
    assert str(world.folder / "honest.keras") in before
    assert listener[1] == []
    assert "Traceback" not in errors


def test_the_whole_corpus_takes_less_than_a_gigabyte(outcome):
    before, after = outcome[3]  # of a backend alone, hundreds of megabytes
    assert 100e6 < before < 1e9
    assert after - before < 300e6
    assert after < 1e9 or keras.backend.backend() == "tensorflow", after  # which alone takes up to 0.8 GB


def test_the_traps_work_where_keras_is_told_to_trust_the_file(world, outcome, corpus):
    for name in ("cve_2024_3660_lambda", "cve_2025_9905_legacy"):
        assert not world.canary.exists()
        run(TRUST, world, corpus[name])
        assert world.canary.exists(), name
        world.canary.unlink()
    if "tensorflow" in BACKENDS:  # which Keras's vocabularies need
        assert SECRET.decode() in run(TRUST, world, corpus["cve_2025_12058_vocabulary"]).stdout


def test_the_listener_hears_who_connects(listener):
    with socket.create_connection(("127.0.0.1", listener[0])) as caller:
        caller.recv(1)  # until it is closed
    assert listener[1].pop()
