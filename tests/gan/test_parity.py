"""The same GAN on every backend that is installed: the same losses, the same schedule."""

import keras
import numpy as np
import pytest

from support.processes import BACKENDS, run_python

CODE = (
    "import runpy, sys; sys.argv[0] = 'parity_run.py'; runpy.run_path(sys.argv.pop(1), run_name='__main__')"
)


@pytest.fixture(scope="module")
def results(request, tmp_path_factory):
    """What parity_run.py wrote for an architecture, on this backend and on each other."""
    script = request.path.with_name("parity_run.py")

    def of(architecture):
        found = {}
        for backend in BACKENDS:
            out = tmp_path_factory.mktemp("parity") / f"{backend}.npz"
            finished = run_python(CODE, script, architecture, out, backend=backend)
            assert finished.returncode == 0, finished.stderr
            with np.load(out) as stored:
                found[backend] = {name: stored[name] for name in stored.files}
        return found.pop(keras.backend.backend()), found

    return of


# Rounding grows in a GAN. On the compact pair torch's float32 is 2e-4 from its own float64 after
# twenty steps, so that there ten are compared; the template pair holds over all twenty.
@pytest.mark.parametrize(("architecture", "steps"), [("template", 20), ("compact", 10)])
def test_first_losses_later_losses_and_schedules_agree(architecture, steps, results):
    if len(BACKENDS) == 1:
        pytest.skip("only one backend is installed")
    if keras.backend.backend() != "torch":
        pytest.skip("compared from torch, on which .ci/run repeats this test with all backends")
    ours, others = results(architecture)
    for theirs in others.values():
        np.testing.assert_allclose(theirs["always"][0, :2], ours["always"][0, :2], atol=1e-6)
        np.testing.assert_allclose(theirs["always"][:steps, :2], ours["always"][:steps, :2], atol=1e-4)
        np.testing.assert_array_equal(theirs["balanced"][:, 2], ours["balanced"][:, 2])
    assert 0 < ours["balanced"][:, 2].sum() < 20
