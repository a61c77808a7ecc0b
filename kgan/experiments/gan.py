"""GANs: a preset in, a run folder out; a run folder in, pictures out."""

import contextlib
import dataclasses
import logging
import math
import time
from pathlib import Path

import keras
import numpy as np

from kgan import callbacks, digits, plots
from kgan.evaluation import NearestNeighbours, NoEndpointsError, find_endpoints
from kgan.experiments.environment import described, environment
from kgan.extras import check_installed
from kgan.files import replacing
from kgan.gan import architectures
from kgan.gan.latent import interpolate as interpolated
from kgan.gan.latent import lerp
from kgan.gan.model import GAN, load_model
from kgan.pictures import write_grid, write_stages
from kgan.presets import GANPreset
from kgan.runs import Run, refuse_existing
from kgan.spec import check, is_count, is_seed

_MOST_IN_A_PICTURE = 10_000


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


@dataclasses.dataclass(frozen=True)
class Interpolation:
    """A strip of images from one class to another.

    Attributes:
        picture: Path of the strip.
        classes: What the images at its two ends are taken for.
        latents: Array `(num_intermediate + 2, latent_dim)`.
    """

    picture: Path
    classes: tuple
    latents: np.ndarray


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


def train_gan(
    preset, *, name="custom", data_dir=None, run_dir=None, runs_dir="runs", progress=True, tensorboard=False
):
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
        tensorboard: Whether to write TensorBoard's files as well.

    Returns:
        `Result`.

    Raises:
        ValueError: If settings and data do not fit.
        OSError: If files cannot be read or written.
        ImportError: If `tensorboard` is asked for and not installed.
    """
    if run_dir is not None:
        refuse_existing(run_dir)
    if tensorboard:
        check_installed("tensorboard", use="`tensorboard`")
    source = digits.find_digits(preset.data, data_dir=data_dir)
    images, labels = digits.load_split(source, "train")
    epochs = preset.num_epochs(len(images))
    gan = build_gan(preset)
    run = Run.create(run_dir) if run_dir is not None else Run.numbered(runs_dir, f"gan-{name}")
    run.write_config(_config(preset, source, name=name, num_images=len(images), epochs=epochs, gan=gan))
    digits.announce(source)
    grid = callbacks.SampleGrid(run.samples, every_steps=preset.sample_every)
    closing = _closing_callbacks(run, grid, progress=progress, tensorboard=tensorboard)
    start = time.monotonic()
    interrupted = _fit(gan, images, preset=preset, epochs=epochs, grid=grid, closing=closing)
    seconds = time.monotonic() - start
    run.save_model(gan)
    _illustrate(run, gan, grid=grid, preset=preset, classifier=NearestNeighbours(images, labels))
    return Result(
        run=run,
        model=gan,
        picture=grid.pictures[-1],
        num_images=len(images),
        seconds=seconds,
        interrupted=interrupted,
    )


def _closing_callbacks(run, grid, *, progress, tensorboard):
    """The callbacks that must be closed where training ends early."""
    return [
        callbacks.EpochLog(run.log),
        callbacks.StepLog(run.steps),
        *([callbacks.TensorBoard(run.tensorboard, grid)] if tensorboard else []),
        *([callbacks.ProgressBar()] if progress else []),
    ]


def _fit(gan, images, *, preset, epochs, grid, closing):
    """Train; return whether Ctrl-C ended it."""
    with contextlib.ExitStack() as stack:
        for callback in closing:  # Keras ends its callbacks only where training ended by itself
            stack.callback(callback.close)
        try:
            with callbacks.FinishStepOnInterrupt() as interrupt:
                used = [grid, *closing, interrupt]  # the others see the step that it waited for
                gan.fit(images, batch_size=preset.batch_size, epochs=epochs, verbose=0, callbacks=used)
        except KeyboardInterrupt:
            if not interrupt.finished_step:  # torn apart in mid-step: there are no weights to save
                raise
            grid.draw_last()
            return True
    return False


def _illustrate(run, gan, *, grid, preset, classifier):
    """The plots and the movie of a run."""
    plots.write_losses(run.plots / "losses.png", run.steps)
    plots.write_balance(run.plots / "balance.png", run.steps)
    write_stages(run.plots / "progress.png", grid.pictures)
    callbacks.SampleMovie(run.samples / "samples.gif", grid).write()
    try:
        endpoints = find_endpoints(gan, classifier, seed=preset.seed)
    except NoEndpointsError as error:
        logging.getLogger("kgan").warning("kgan: no interpolation was drawn: %s", error)
    else:
        path = run.plots / "interpolation.png"
        _write_strip(path, gan, endpoints=endpoints, num_intermediate=preset.num_intermediate)


def _write_strip(path, gan, *, endpoints, num_intermediate, method=lerp):
    latents = interpolated(endpoints.begin, endpoints.end, num_intermediate, method)
    write_grid(path, gan.generate(latents), columns=len(latents))
    return Interpolation(picture=path, classes=endpoints.classes, latents=latents)


def load(run_dir):
    """The GAN that a run left behind.

    Args:
        run_dir: Folder of the run.

    Returns:
        `Run` and `GAN`.

    Raises:
        FileNotFoundError: If there is no such run, or it holds no model.
        ValueError: If the model's file is damaged.
    """
    run = Run.open(run_dir)
    return run, load_model(run.saved_model())


def sample(run_dir, n=64, *, seed=0, path=None):
    """Draw images with the GAN of a run.

    Args:
        run_dir: Folder of the run.
        n: Number of images.
        seed: Integer in [0, 2³¹): the same seed gives the same latents.
        path: File to write: a grid if it ends in .png, an array `(n, *image_shape)`, float32 in
            [−1, 1], if in .npy. The run's samples/n-64-seed-0.png if None.

    Returns:
        Path of the file.

    Raises:
        FileNotFoundError: If there is no such run, or it holds no model.
        ValueError: If a value breaks its rule.
    """
    check("seed", "an integer in [0, 2**31)", seed, holds=is_seed(seed))
    check("n", "a positive integer", n, holds=is_count(n))
    run = Run.open(run_dir)
    path = run.samples / f"n-{n}-seed-{seed}.png" if path is None else Path(path)
    check("path", "a file that ends in .png or .npy", str(path), holds=path.suffix in (".png", ".npy"))
    rule = f"at most {_MOST_IN_A_PICTURE:,} for a picture; write more to a .npy file"
    check("n", rule, n, holds=path.suffix == ".npy" or n <= _MOST_IN_A_PICTURE)
    images = load(run_dir)[1].sample(n, seed=seed)
    if path.suffix == ".png":
        write_grid(path, images, columns=math.ceil(math.sqrt(n)))
    else:
        with replacing(path) as temporary:
            np.save(temporary, images)
    return path


def interpolate(run_dir, *, seed=0, num_intermediate=None, method=lerp, data_dir=None, path=None):
    """Draw latents until the images of two are of different classes, and the way between them.

    Args:
        run_dir: Folder of the run.
        seed: Integer in [0, 2³¹) of the latents that are tried.
        num_intermediate: Images between the two; as many as the run's preset says if None.
        method: `kgan.latent.lerp`, `slerp` or any function like them.
        data_dir: Folder of the data set, by whose images the classes are told; as in training,
            or the one at hand, if None.
        path: PNG to write; the run's plots/interpolation-lerp-7-seed-0.png if None.

    Returns:
        `Interpolation`.

    Raises:
        FileNotFoundError: If there is no such run, or it holds no model.
        ValueError: If the GAN draws images of one class only, or a value breaks its rule.
    """
    check("seed", "an integer in [0, 2**31)", seed, holds=is_seed(seed))
    run, gan = load(run_dir)
    config = run.read_config()
    if num_intermediate is None:  # a run of before there was such a setting has none
        num_intermediate = config["settings"].get("num_intermediate", GANPreset.num_intermediate)
    name = f"interpolation-{getattr(method, '__name__', 'own')}-{num_intermediate}-seed-{seed}.png"
    path = run.plots / name if path is None else Path(path)
    check("path", "a file that ends in .png", str(path), holds=path.suffix == ".png")
    source = _source(config["data"], data_dir=data_dir)
    digits.announce(source)
    classifier = NearestNeighbours(*digits.load_split(source, "train"))
    endpoints = find_endpoints(gan, classifier, seed=seed)
    return _write_strip(path, gan, endpoints=endpoints, num_intermediate=num_intermediate, method=method)


def _source(data, *, data_dir):
    """The source that a run was trained from, or one that stands in for it."""
    name, recorded = data["name"], data.get("dir")
    if data_dir is not None and name == digits.EMBEDDED:
        name = "mnist"  # of which the embedded digits are a part
    elif data_dir is None and recorded is not None and Path(recorded).is_dir():
        data_dir = recorded
    return digits.find_digits(name, data_dir=data_dir)


def _config(preset, source, *, name, num_images, epochs, gan):
    data = {
        "name": source.name,
        "source": source.description,
        "dir": None if source.folder is None else str(source.folder.absolute()),
        "images": num_images,
        "sha256": source.checksums("train"),
    }
    return described(preset, name=name) | {"epochs": epochs, "data": data} | environment(gan.device)
