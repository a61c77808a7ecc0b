"""What the scripts do, from Python: a preset in, a run folder out."""

import dataclasses
import importlib
import platform
import time
from pathlib import Path

import keras

from kgan import callbacks, digits
from kgan.gan import architectures
from kgan.gan.model import GAN
from kgan.runs import Run, refuse_existing


@dataclasses.dataclass(frozen=True)
class Result:
    """What a training run left behind.

    Attributes:
        run: `Run`, its folder.
        model: The trained `GAN`.
        picture: Path of the last sample grid.
        num_images: Number of training images.
        seconds: Time that training took.
        interrupted: Whether Ctrl-C ended it early.
    """

    run: Run
    model: GAN
    picture: Path
    num_images: int
    seconds: float
    interrupted: bool


def build_gan(preset):
    """The compiled, untrained GAN of a preset.

    Seeds Python's, NumPy's and the backend's global generators, from which Keras's
    initialisers draw.

    Args:
        preset: `kgan.presets.GANPreset`.
    """
    keras.utils.set_random_seed(preset.seed)
    generator, discriminator = getattr(architectures, preset.architecture)(preset.latent_dim)
    gan = GAN(
        generator,
        discriminator,
        latent_dim=preset.latent_dim,
        loss=preset.loss,
        update_policy=preset.update_policy,
        seed=preset.seed,
    )
    gan.compile(preset.generator_optimizer.build(), preset.discriminator_optimizer.build())
    return gan


def train_gan(preset, *, name="custom", data_dir=None, run_dir=None, runs_dir="runs", progress=True):
    """Train the GAN of a preset and leave pictures, log and model in a new run folder.

    All that can be refused is refused before the folder is made. Ctrl-C finishes the step and
    saves what there is.

    Args:
        preset: `kgan.presets.GANPreset`.
        name: What the run folder is called after.
        data_dir: Folder of the data set's files, or None.
        run_dir: Folder to create for the run, or None for the next `runs_dir/gan-name-N`.
        runs_dir: Folder of the numbered runs.
        progress: Whether to show a progress bar.

    Returns:
        `Result`.

    Raises:
        ValueError: If settings and data do not fit.
        OSError: If files cannot be read or written.
    """
    if run_dir is not None:
        refuse_existing(run_dir)
    source = digits.find_digits(preset.data, data_dir=data_dir)
    images, _ = digits.load_split(source, "train")
    epochs = preset.num_epochs(len(images))
    gan = build_gan(preset)
    run = Run(run_dir) if run_dir is not None else Run.numbered(runs_dir, f"gan-{name}")
    run.write_config(_config(preset, name, source, num_images=len(images), epochs=epochs))
    digits.announce(source)
    return _fit(gan, images, preset, run, epochs=epochs, progress=progress)


def _fit(gan, images, preset, run, *, epochs, progress):
    grid = callbacks.SampleGrid(run.samples, every_steps=preset.sample_every)
    closing = [callbacks.EpochLog(run.log), *([callbacks.ProgressBar()] if progress else [])]
    start, interrupted = time.monotonic(), False
    try:
        with callbacks.FinishStepOnInterrupt() as interrupt:
            used = [interrupt, grid, *closing]
            gan.fit(images, batch_size=preset.batch_size, epochs=epochs, verbose=0, callbacks=used)
    except KeyboardInterrupt:
        if not interrupt.finished_step:  # torn apart in mid-step: there are no weights to save
            raise
        interrupted = True
    finally:
        for callback in closing:  # Keras ends its callbacks only where training ended by itself
            callback.close()
    grid.draw_last()
    run.save_model(gan)
    return Result(
        run=run,
        model=gan,
        picture=grid.last,
        num_images=len(images),
        seconds=time.monotonic() - start,
        interrupted=interrupted,
    )


def _config(preset, name, source, *, num_images, epochs):
    packages = [importlib.import_module(p) for p in ("kgan", "keras", keras.backend.backend(), "numpy")]
    return {
        "preset": name,
        "settings": preset.describe(),
        "epochs": epochs,
        "data": {
            "name": source.name,
            "source": source.description,
            "images": num_images,
            "sha256": source.checksums("train"),
        },
        "backend": keras.backend.backend(),
        "versions": {"python": platform.python_version()} | {p.__name__: p.__version__ for p in packages},
    }
