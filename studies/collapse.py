"""Which settings of the reports' networks give digits, and which collapse.

    KERAS_BACKEND=jax python studies/collapse.py --data-dir path/to/mnist

trains each setting for a few epochs on the full MNIST, appends a row to studies/collapse.csv and a
picture to studies/collapse/, prints the rows as the table of docs/presets.md and draws its docs/collapse.png.
A setting that has its row is not run again, so an interrupted study goes on where it was. On one core a
fully connected setting takes about 100 s for five epochs on JAX.
"""

import argparse
import csv
import dataclasses
import re
import sys
import time
from pathlib import Path

import kgan  # before Keras, for it chooses the backend

# isort: split
import keras
import numpy as np
from keras import layers
from matplotlib.figure import Figure
from PIL import Image

from kgan.callbacks import ProgressBar
from kgan.evaluation import NearestNeighbours
from kgan.experiments import build_gan
from kgan.optimizers import Adam, RMSprop
from kgan.pictures import write_grid
from kgan.presets import GAN_PRESETS

RESULTS = Path(__file__).with_suffix(".csv")
NUM_SAMPLES = 1000
SHOWN = ("setting", "epochs", "p", "d_loss", "g_loss", "classes", "agreed", "spread")


def leaky(initializer):
    """A's generator with LeakyReLU 0.2 and an initialiser of Keras, or "torch" for PyTorch's."""

    def dense(fan_in, units):
        if initializer != "torch":
            return layers.Dense(units, kernel_initializer=initializer)
        uniform = keras.initializers.RandomUniform(-(fan_in**-0.5), fan_in**-0.5)
        return layers.Dense(units, kernel_initializer=uniform, bias_initializer=uniform)

    stack = [layers.Input((100,))]
    for fan_in, units in ((100, 256), (256, 512), (512, 1024)):
        stack += [dense(fan_in, units), layers.LeakyReLU(negative_slope=0.2)]
    stack += [dense(1024, 784), layers.Activation("sigmoid"), layers.Rescaling(2, offset=-1)]
    return keras.Sequential([*stack, layers.Reshape((28, 28, 1))])


@dataclasses.dataclass(frozen=True)
class Setting:
    """A preset, both optimisers, and the initialiser of a LeakyReLU generator in place of SELU's."""

    preset: str
    optimizers: tuple
    initializer: str | None = None

    def name(self):
        """What the row is called, which is how it is known to be done."""
        pair = " / ".join(str(settings) for settings in dict.fromkeys(self.optimizers))
        hidden = f", G LeakyReLU, {self.initializer} initialisers" if self.initializer else ""
        return f"{self.preset}{hidden}: {pair}"

    def build(self):
        """The compiled GAN."""
        generator, discriminator = self.optimizers
        row = dataclasses.replace(
            GAN_PRESETS[self.preset], generator_optimizer=generator, discriminator_optimizer=discriminator
        )
        gan = build_gan(row)
        if self.initializer:
            keras.utils.set_random_seed(row.seed)
            networks = leaky(self.initializer), gan.discriminator
            gan = kgan.GAN(*networks, update_policy=row.update_policy, loss=row.loss, seed=row.seed)
            gan.compile(generator.build(), discriminator.build())
        return gan


ADAM, SLOW_START = Adam(2e-4), Adam(2e-4, beta_1=0.5)
SETTINGS = [
    Setting("a", (ADAM, ADAM), "torch"),
    Setting("a", (SLOW_START, SLOW_START), "torch"),
    Setting("b", (RMSprop(2e-4),) * 2, "torch"),
    Setting("b", (RMSprop(5e-5),) * 2, "torch"),
    Setting("a", (ADAM, ADAM), "glorot_uniform"),
    Setting("a", (SLOW_START, SLOW_START), "glorot_uniform"),
    Setting("a", (Adam(1e-4, beta_1=0.5), Adam(4e-4, beta_1=0.5)), "glorot_uniform"),
    Setting("b", (RMSprop(1e-4),) * 2, "glorot_uniform"),
    Setting("a", (ADAM, ADAM)),
    Setting("a", (SLOW_START, SLOW_START)),
    Setting("b", (RMSprop(2e-4),) * 2),
    Setting("d", (ADAM, ADAM)),
    Setting("d", (SLOW_START, SLOW_START)),
    Setting("e", (GAN_PRESETS["e"].generator_optimizer,) * 2),
    Setting("c", (SLOW_START, SLOW_START)),
    Setting("c", (Adam(2e-5, beta_1=0.5), SLOW_START)),
]  # new ones at the end: pictures are numbered


def measured(setting, images, *, classifier, epochs):
    """A row: how the last epoch went and what a thousand samples show."""
    gan, start = setting.build(), time.monotonic()
    history = gan.fit(images, batch_size=64, epochs=epochs, verbose=0, callbacks=[ProgressBar()]).history
    seconds = time.monotonic() - start
    samples = gan.sample(NUM_SAMPLES, seed=1)
    write_grid(picture(setting), samples[:64], columns=8, scale=2)
    classes, agreement = classifier.classify(samples)
    shares = np.bincount(classes, minlength=10) / len(samples)
    return {
        "setting": setting.name(),
        "epochs": epochs,
        "images": len(images),
        **{name: f"{history[name][-1]:.3f}" for name in ("p", "d_updates", "d_loss", "g_loss")},
        "classes": int((shares >= 0.01).sum()),
        "agreed": f"{(agreement == 1).mean():.3f}",
        "spread": f"{samples.std(axis=0).mean():.3f}",
        "seconds": f"{seconds:.0f}",
        "backend": keras.backend.backend(),
    }


def picture(setting):
    """Where the samples of a setting are drawn."""
    return RESULTS.with_suffix("") / f"{1 + SETTINGS.index(setting):02d}.png"


def write_sheet(path):
    """Draw the samples of all settings beside each other, numbered as the rows of the table."""
    done = [setting for setting in SETTINGS if picture(setting).exists()]
    figure = Figure(figsize=(12.5, 2.7 * -(-len(done) // 5)), dpi=100, layout="constrained")
    for place, setting in enumerate(done, start=1):
        axes = figure.add_subplot(-(-len(done) // 5), 5, place)
        with Image.open(picture(setting)) as samples:
            axes.imshow(samples, cmap="gray")
        axes.set_title(f"{1 + SETTINGS.index(setting)}: {setting.preset}")
        axes.set_axis_off()
    figure.savefig(path)
    with Image.open(path) as sheet:
        shades = sheet.convert("L").quantize(16)  # a sixth of the bytes
    shades.save(path, optimize=True)


def read():
    """The rows that are there."""
    if not RESULTS.exists():
        return []
    with RESULTS.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def known(row):
    """What a row is a measurement of; if that is there, it is not measured again."""
    return row["setting"], row["epochs"], row["images"]


def append(row):
    """Add a row to the file, with the heading if it is the first."""
    new = not RESULTS.exists()
    with RESULTS.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)


def table(rows):
    """Rows as a table in Markdown, optimisers without what is PyTorch's default."""
    numbers = {setting.name(): str(1 + number) for number, setting in enumerate(SETTINGS)}
    lines = [["", *SHOWN], ["---"] * (len(SHOWN) + 1)]
    for row in rows:
        brief = re.sub("(learning_rate=|, (beta_2|rho|epsilon)=[^,)]*|, momentum=0.0)", "", row["setting"])
        lines.append([numbers[row["setting"]], brief, *(row[column] for column in SHOWN[1:])])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def main():
    """Run the settings that have no row yet and print all rows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", help="folder with MNIST's four IDX files (default: 4,000 digits)")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--presets", default="abde", help="presets whose settings are run (default: abde)")
    options = parser.parse_args()
    images, labels = kgan.load_digits(data_dir=options.data_dir)
    classifier = NearestNeighbours(images, labels)
    for setting in SETTINGS:
        run = (setting.name(), str(options.epochs), str(len(images)))
        if setting.preset in options.presets and run not in [known(row) for row in read()]:
            append(measured(setting, images, classifier=classifier, epochs=options.epochs))
    sys.stdout.write(table(read()))
    write_sheet(RESULTS.parent.parent / "docs" / "collapse.png")


if __name__ == "__main__":
    main()
