"""How good the digits are that a CPU-second buys: kgan's presets beside what one would pick instead.

    python studies/quality.py plain-dense --seeds 0 1 2 3 4 --data-dir path/to/mnist
    python studies/quality_table.py

`run` trains a recipe with each seed on one thread, stops the clock at the recipe's CPU-seconds and judges
10,000 samples against the 10,000 test digits; a row each goes to studies/quality.csv and a grid to
studies/quality/. A training whose rows are there is not run again; quality_table.py writes them into
studies/quality.md. Seconds are those of the process's CPU time within `fit`, judgements left out.
"""

import argparse
import sys
import time
import types
from pathlib import Path

import kgan  # before Keras, for it chooses the backend

# isort: split
import keras
from recipes import PLAIN, Kgan
from table import Table

from kgan.evaluation import DigitClassifier, judge
from kgan.pictures import write_grid

RESULTS = Path(__file__).with_suffix(".csv")
PICTURES = Path(__file__).with_suffix("")
NUM_SAMPLES = 10_000
SAMPLE_SEED = 20_000  # of no training
_MANIFOLD = ("precision", "recall", "density", "coverage")
RECIPES = PLAIN | {
    "best": Kgan("best", cpu_seconds=(100, 200, 400)),
    "best-short": Kgan("best", cpu_seconds=(), steps=9000),  # within 400 CPU-seconds
    "fast": Kgan("fast", cpu_seconds=()),
}


class Clock(keras.callbacks.Callback):
    """Judges samples when the CPU time of training reaches each of some marks, and at the end.

    Args:
        marks: CPU-seconds, rising.
        report: Function `(model, seconds, mark)`, whose time does not count.
        steps: Length of the training, or None: until the last mark.
    """

    def __init__(self, marks, report, *, steps=None):
        super().__init__()
        self.left, self.report, self.steps, self.uncounted = list(marks), report, steps, 0.0

    def on_train_begin(self, logs=None):
        """Start the clock."""
        self.start = time.process_time()

    def on_train_batch_end(self, batch, logs=None):
        """Judge where a mark is reached."""
        now = time.process_time()
        seconds = now - self.start - self.uncounted
        is_end = int(self.model.step.value) == self.steps
        if (self.left and seconds >= self.left[0]) or is_end:
            self.report(self.model, seconds, "end" if is_end else self.left.pop(0))
            self.uncounted += time.process_time() - now
        if is_end or not (self.left or self.steps):
            self.model.stop_training = True


def measured(gan, recipe, seed, mark, seconds, num_images):
    """The row of a model, as a dict."""
    samples, agreement = drawn(gan)
    judgement = judge(samples)
    figures = {metric.name: metric for metric in judgement.metrics}
    write_grid(PICTURES / f"{recipe}-{num_images}-{seed}-{mark}.png", samples[:100], columns=10, scale=2)
    return {
        "recipe": recipe,
        "seed": seed,
        "mark": mark,
        "cpu_seconds": round(seconds, 1),
        "step": int(gan.step.value),
        "images": num_images,
        "frechet": round(figures["frechet_distance"].value, 4),
        "frechet_floor": round(figures["frechet_distance"].floor, 4),
        **{name: round(figures[f"{name}_k5"].value, 4) for name in _MANIFOLD},
        "total_variation": round(figures["total_variation"].value, 4),
        "least_share": round(float(judgement.shares.shares.min()), 4),
        "duplicates": round(figures["duplicates"].value, 4),
        "agreement": agreement,
        "backend": keras.backend.backend(),
    }


def drawn(gan):
    """Samples, and how often the classifier sees the class asked for (None where none was asked for)."""
    latents = gan.sample_latents(NUM_SAMPLES, seed=SAMPLE_SEED)
    samples = gan.generate(latents)
    if not isinstance(gan, kgan.ConditionalGAN):
        return samples, None
    asked = latents[:, gan.latent_dim :].argmax(axis=1)
    seen = DigitClassifier.load().embed(samples).classes
    return samples, round(float((asked == seen).mean()), 4)


def table():
    """The file of the results, to which the rows of a whole training are added."""
    return Table(RESULTS, ("recipe", "seed", "images"))


def run(name, seed, data):
    """Train one recipe with one seed up to its last mark; a row a mark."""
    recipe, (images, labels) = RECIPES[name], data
    gan = recipe.build(seed)
    labels = labels if isinstance(gan, kgan.ConditionalGAN) else None
    rows = []

    def report(model, seconds, mark):
        rows.append(measured(model, name, seed, mark, seconds, len(images)))
        print(rows[-1], flush=True)  # noqa: T201

    clock = Clock(recipe.cpu_seconds, report, steps=recipe.steps)
    used = [*recipe.callbacks(), clock]
    gan.fit(images, labels, batch_size=recipe.batch_size, epochs=10_000, verbose=0, callbacks=used)
    return rows


def main(argv=None):
    """Run what was asked for, unless its rows are there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("recipe", choices=list(RECIPES))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--data-dir")
    options = parser.parse_args(argv)
    PICTURES.mkdir(exist_ok=True)
    data = kgan.load_digits(options.data, data_dir=options.data_dir)
    for seed in options.seeds:
        job = types.SimpleNamespace(recipe=options.recipe, seed=seed, images=len(data[0]))
        if table().left([job]):
            table().append(run(options.recipe, seed, data))


if __name__ == "__main__":
    sys.exit(main())
