"""The deterministic switch on a CPU."""

import keras

from support.processes import run_python

# Trains with the switch, twice, and prints a checksum of each and what the switch has set.
TRAIN = """
import hashlib, os, kgan
from support.networks import small_gan, small_images, values
from kgan.backend.determinism import make_deterministic
make_deterministic()
for _ in range(2):
    gan = small_gan(batch_norm=True, dropout=0.3, seed=3)
    gan.fit(small_images(20), batch_size=8, epochs=2, verbose=0)
    print(hashlib.sha256(b"".join(array.tobytes() for array in values(gan.weights))).hexdigest())
"""
SHOW = {
    "torch": "import torch; print(torch.are_deterministic_algorithms_enabled())",
    "jax": "print('--xla_gpu_deterministic_ops=true' in os.environ['XLA_FLAGS'])",
    "tensorflow": "from tensorflow.python.framework import config; print(config.is_op_determinism_enabled())",
}


def test_the_switch_is_on_and_training_gives_the_same_bits_twice():
    backend = keras.backend.backend()
    finished = run_python(TRAIN + SHOW[backend], backend=backend)
    assert finished.returncode == 0, finished.stderr
    first, second, is_on = finished.stdout.split()
    assert first == second
    assert is_on == "True"
