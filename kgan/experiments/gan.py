"""GANs: a preset in, a run folder out; a run folder in, pictures out."""

import contextlib
import dataclasses
import logging
import time
from pathlib import Path

import keras

from kgan import callbacks, digits
from kgan.evaluation import READ_DATA
from kgan.experiments.environment import described, environment
from kgan.experiments.evaluation import Evaluation, judge_run
from kgan.experiments.interpolation import draw_interpolation
from kgan.experiments.recording import Recording
from kgan.experiments.report import report_on
from kgan.extras import check_installed
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
        evaluation: `Evaluation` of its samples, or None.
        best: `kgan.callbacks.Best` of the evaluations in training, whose model is best.keras, or None.
        alarms: The `kgan.callbacks.Alarm`s of the training.
    """

    run: Run
    model: GAN
    picture: Path
    num_images: int
    seconds: float
    interrupted: bool
    evaluation: Evaluation | None = None
    best: callbacks.Best | None = None
    alarms: tuple = ()


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
    preset,
    *,
    name="custom",
    data_dir=None,
    run_dir=None,
    runs_dir="runs",
    progress=True,
    tensorboard=False,
    explorer=False,
):
    """Train the GAN of a preset and leave pictures, log, model and report in a new run folder.

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
        explorer: Whether the generator itself goes into the report, so that its latents can be walked
            there.

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
    images = digits.load_split(source, "train")[0]
    epochs = preset.num_epochs(len(images))
    gan = build_gan(preset)
    run = Run.create(run_dir) if run_dir is not None else Run.numbered(runs_dir, f"gan-{name}")
    run.write_config(_config(preset, source, name=name, num_images=len(images), epochs=epochs, gan=gan))
    digits.announce(source)
    options = {"data": source.name, "progress": progress, "tensorboard": tensorboard}
    recording = Recording(run, preset, images, **options)
    result = _trained(run, gan, images, preset=preset, epochs=epochs, recording=recording)
    try:
        result = _concluded(result, preset=preset, images=images, recording=recording, progress=progress)
    except KeyboardInterrupt:  # by now all that took time to train is saved
        _say(f"interrupted; kgan evaluate {run.path} and kgan interpolate {run.path} do the rest.")
        result = dataclasses.replace(result, interrupted=True)
    result = dataclasses.replace(result, picture=recording.grid.pictures[-1])  # one may have come just now
    report_on(run, explorer=explorer)
    return result


def _trained(run, gan, images, *, preset, epochs, recording):
    """Train and save; the result without what is drawn and judged afterwards."""
    start = time.monotonic()
    interrupted = _fit(gan, images, preset=preset, epochs=epochs, recording=recording)
    seconds = time.monotonic() - start
    run.save_model(gan)
    alarms = recording.alarm.alarms
    described_alarms = [alarm.described() for alarm in alarms]
    run.write_results({"seconds": seconds, "interrupted": interrupted, "alarms": described_alarms})
    return Result(
        run=run,
        model=gan,
        picture=recording.grid.pictures[-1],
        num_images=len(images),
        seconds=seconds,
        interrupted=interrupted,
        best=recording.evaluate and recording.evaluate.best,
        alarms=tuple(alarms),
    )


def _fit(gan, images, *, preset, epochs, recording):
    """Train; return whether Ctrl-C ended it."""
    try:
        with recording.callbacks() as recorded, callbacks.FinishStepOnInterrupt() as interrupt:
            used = [*recorded, interrupt]  # the others see the step that it waited for
            gan.fit(images, batch_size=preset.batch_size, epochs=epochs, verbose=0, callbacks=used)
    except KeyboardInterrupt:
        if not interrupt.finished_step:  # torn apart in mid-step: there are no weights to save
            raise
        return True
    return False


def _concluded(result, *, preset, images, recording, progress):
    """The result of a training, once pictures are drawn and samples judged; what fails is said."""
    run, gan, evaluation = result.run, result.model, None
    with _surviving(run, "a picture could not be drawn"):
        recording.draw()
    with _surviving(run, "the interpolation could not be drawn"):
        draw_interpolation(run, gan, preset=preset)
    if preset.judged is not None:
        with _surviving(run, "the samples were not judged"):
            evaluation = _judged(run, gan, preset=preset, images=images, progress=progress)
    return dataclasses.replace(result, evaluation=evaluation)


@contextlib.contextmanager
def _surviving(run, what):
    """Say what went wrong, by when the model is saved, and go on."""
    try:
        yield
    except (ValueError, OSError, MemoryError, RuntimeError) as error:
        _say(f"{what}: {error} (the model is saved in {run.path})")


def _judged(run, gan, *, preset, images, progress):
    """The judgement on the samples; None, with a line that says why, where there is none."""
    data = run.read_config()["data"]["name"]
    if data not in READ_DATA:
        known = " and ".join(READ_DATA)
        _say(f"the samples are not judged: there is a judge for {known} only, not for {data}.")
        return None
    if progress:
        _say(f"judging {preset.judged:,} samples… (Ctrl-C leaves that out)")
    options = {"seed": preset.seed, "model": run.model.name, "training": images}
    return judge_run(run, gan, n=preset.judged, **options)


def _say(text):
    logging.getLogger("kgan").warning("kgan: %s", text)


def _config(preset, source, *, name, num_images, epochs, gan):
    data = {
        "name": source.name,
        "source": source.description,
        "dir": None if source.folder is None else str(source.folder.absolute()),
        "images": num_images,
        "sha256": source.checksums("train"),
    }
    claims = [dataclasses.asdict(claim) for claim in preset.claims]
    settings = described(preset, name=name) | {"claims": claims}
    return settings | {"epochs": epochs, "data": data} | environment(gan.device)
