"""Files across backends and processes."""

import keras
import numpy as np
import pytest

import kgan
from kgan.gan.update_policies import KSteps
from kgan.layers import SpectralNormalization
from kgan.saving import Checkpoints
from support.networks import same_bits, small_gan, small_images, small_pair, values
from support.processes import BACKENDS, run_python, start_python

SEQUENCE = (5, 3)

# Run in another interpreter: load a model, train and save another, and keep what both hold.
EXCHANGE = """
import sys, kgan, numpy as np
from support.networks import small_gan, small_images, values
from kgan.gan.update_policies import KSteps
loaded = kgan.load_model(sys.argv[1])
trained = small_gan(batch_norm=True, dropout=0.3, seed=7, update_policy=KSteps(3))
trained.fit(small_images(20), batch_size=8, epochs=2, verbose=0)
trained.save(sys.argv[2])
for gan, path in ((loaded, sys.argv[3]), (trained, sys.argv[4])):
    np.savez(path, *values([*gan.weights, *gan.optimizer.variables]), samples=gan.sample(4, seed=2))
"""


def trained_gan(epochs=2):
    gan = small_gan(batch_norm=True, dropout=0.3, seed=7, update_policy=KSteps(3))
    gan.fit(small_images(20), batch_size=8, epochs=epochs, verbose=0)
    return gan


def arrays(file):
    with np.load(file) as stored:
        samples = stored["samples"]
        return [stored[key] for key in stored.files if key != "samples"], samples


def state(gan):
    return values([*gan.weights, *gan.optimizer.variables])


@pytest.mark.parametrize("other", BACKENDS)
def test_files_move_between_backends(other, tmp_path):
    if other == keras.backend.backend():
        pytest.skip("tests/gan/test_saving.py moves files within one backend")
    here, there = (tmp_path / f"{name}.keras" for name in ("here", "there"))
    trained_gan().save(here)
    paths = here, there, here.with_suffix(".npz"), there.with_suffix(".npz")
    finished = run_python(EXCHANGE, *paths, backend=other)
    assert finished.returncode == 0, finished.stderr
    for file in (here, there):
        loaded = kgan.load_model(file)
        stored, samples = arrays(file.with_suffix(".npz"))
        assert same_bits(
            [np.asarray(a, b.dtype) for a, b in zip(stored, state(loaded), strict=True)], state(loaded)
        )
        np.testing.assert_allclose(samples, loaded.sample(4, seed=2), atol=1e-5)


def test_another_backend_reads_spectral_normalization(tmp_path):
    other = next((name for name in BACKENDS if name != keras.backend.backend()), None)
    if other is None:
        pytest.skip("only one backend is installed")
    generator, discriminator = small_pair()
    discriminator = keras.Sequential(
        [SpectralNormalization(layer) if layer.weights else layer for layer in discriminator.layers]
    )
    gan = kgan.GAN(generator, discriminator, latent_dim=3)
    gan.compile("adam", "adam")
    gan.fit(small_images(16), batch_size=8, verbose=0)
    gan.save(tmp_path / "gan.keras")
    code = (
        "import sys, kgan; from keras import ops; from support.networks import small_images\n"
        "logits = kgan.load_model(sys.argv[1]).discriminator(small_images(4))\n"
        "print(*ops.convert_to_numpy(logits).ravel())"
    )
    finished = run_python(code, tmp_path / "gan.keras", backend=other)
    assert finished.returncode == 0, finished.stderr
    logits = keras.ops.convert_to_numpy(gan.discriminator(small_images(4)))
    np.testing.assert_allclose([float(x) for x in finished.stdout.split()], logits.ravel(), atol=1e-5)


@pytest.mark.parametrize("package", ["kgan.saving", "kgan"])
def test_a_process_that_has_imported_nothing_else_loads_a_gan_and_an_lstm(package, tmp_path):
    small_gan().save(tmp_path / "gan.keras")
    keras.Sequential([keras.Input(SEQUENCE), kgan.layers.LSTM(3)]).save(tmp_path / "lstm.keras")
    code = f"""
import sys, {package}
from kgan.saving import load
print([type(load(path)).__name__ for path in sys.argv[1:]])
"""
    paths = tmp_path / "gan.keras", tmp_path / "lstm.keras"
    finished = run_python(code, *paths, backend=keras.backend.backend())
    assert finished.stdout.strip() == "['GAN', 'Sequential']", finished.stderr


HOLD = """
import sys
from kgan.saving import Checkpoints
for line in sys.stdin:
    try:
        Checkpoints(sys.argv[1]).hold()
        print("held", flush=True)
    except BlockingIOError as error:
        print(error, flush=True)
"""


def test_two_processes_cannot_write_one_folder(tmp_path):
    store = Checkpoints(tmp_path)
    store.hold()
    with start_python("-c", HOLD, store.folder) as process:

        def answer():
            print("hold", file=process.stdin, flush=True)
            return process.stdout.readline()

        assert answer().startswith("Another process is training what is in")
        store.release()
        assert answer() == "held\n"
        process.stdin.close()
