"""What a user waits for besides training, what memory it takes, and whether either grows.

python -m benchmarks.everyday [--quick] [--data-dir FOLDER]
"""

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.tables import Limit, show

ROOT = Path(__file__).parents[1]


def main():
    """Show one row after the other."""
    options = _parser().parse_args()
    if options.part:
        json.dump(PARTS[options.part](options), sys.stdout)
        return
    turns = 1 if options.quick else 7
    seconds = tuple(_timed([sys.executable, "train_gan.py", "--help"]) for _ in range(turns))
    show(Limit("train_gan.py --help, s", seconds, 0.5))
    seconds = tuple(_fresh("import_seconds", options) for _ in range(turns))
    show(Limit("import of kgan after Keras's own, s", seconds, 0.1))
    found = [_fresh("digits_seconds", options) for _ in range(turns)]
    show(Limit(f"{found[0][1]:,} digits ready from the cache, s", tuple(value for value, _ in found), 1.0))
    for row in _growth(*_fresh("long_fit", options)):
        show(row)
    show(Limit("memory of train_gan.py at its peak, GiB", (_default_run(quick=options.quick) / 2**30,), 1.5))


def _parser():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="once each, and short")
    parser.add_argument(
        "--data-dir", help="folder with MNIST's four files; without one, 4,000 digits are read"
    )
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)  # what a fresh process does
    return parser


def import_seconds(_):
    """Seconds that the public face takes to import where Keras is imported already."""
    import keras  # noqa: F401

    start = time.perf_counter()
    import kgan

    _ = kgan.GAN, kgan.layers, kgan.losses, kgan.update_policies, kgan.callbacks
    return time.perf_counter() - start


def digits_seconds(options):
    """Seconds that digits take to read once they are in the cache, and how many there are."""
    import kgan

    source = {"name": "mnist-5k"} if options.data_dir is None else {"data_dir": options.data_dir}
    kgan.load_digits(**source)
    start = time.perf_counter()
    images, _ = kgan.load_digits(**source)
    return time.perf_counter() - start, len(images)


def long_fit(options):
    """Seconds of each epoch of one `fit`, and the bytes held at its end."""
    import keras
    import numpy as np

    import kgan

    ends, memory = [], []

    class Watch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            ends.append(time.perf_counter())
            memory.append(psutil.Process().memory_info().rss)

    keras.utils.set_random_seed(0)
    gan = kgan.GAN(*kgan.architectures.template())
    gan.compile(keras.optimizers.Adam(2e-4, beta_1=0.5), keras.optimizers.Adam(2e-4, beta_1=0.5))
    count, epochs = (128, 8) if options.quick else (1280, 100)
    images = np.random.default_rng(0).uniform(-1, 1, (count, *gan.image_shape)).astype("float32")
    gan.fit(images, batch_size=64, epochs=epochs, verbose=0, callbacks=[Watch()])
    return [end - start for start, end in itertools.pairwise(ends)], memory


PARTS = {part.__name__: part for part in (import_seconds, digits_seconds, long_fit)}


def _fresh(part, options):
    """What a part returns in a process of its own."""
    flags = [
        *(["--quick"] if options.quick else []),
        *(["--data-dir", options.data_dir] if options.data_dir else []),
    ]
    command = [sys.executable, "-m", "benchmarks.everyday", "--part", part, *flags]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=ROOT).stdout)


def _growth(seconds, memory):
    half = len(seconds) // 2
    late = statistics.median(seconds[half:]) / statistics.median(seconds[:half])
    epochs = len(memory)
    return (
        Limit(f"memory after {epochs} epochs over that after the first", (memory[-1] / memory[0],), 1.01),
        Limit(f"an epoch of the later half of {epochs} over one of the earlier", (late,), 1.01),
    )


def _timed(command):
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    return time.perf_counter() - start


def _default_run(*, quick):
    """Bytes that the default run holds at most."""
    with tempfile.TemporaryDirectory() as folder:
        steps = ["--steps=5", "--judged=none", "--evaluate-every=none"] if quick else []
        command = ["train_gan.py", "--data", "mnist-5k", "--run-dir", str(Path(folder) / "run"), *steps]
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with subprocess.Popen([sys.executable, *command], cwd=ROOT, **silent) as process:
            peak = _peak(process)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed with {process.returncode}.")
    return peak


def _peak(process):
    watched, peak = psutil.Process(process.pid), 0
    while process.poll() is None:
        try:
            peak = max(peak, watched.memory_info().rss)
        except psutil.NoSuchProcess:  # it has ended since
            break
        time.sleep(0.05)
    return peak


if __name__ == "__main__":
    main()
