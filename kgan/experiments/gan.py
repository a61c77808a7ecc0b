"""GANs: a preset in, a run folder out; a run folder in, pictures out."""

import dataclasses
import math

import keras

from kgan import digits
from kgan.backend import ranks
from kgan.batches import check_divisible
from kgan.callbacks.learning_rates import held_factor, multiply_rates, with_factor
from kgan.experiments import together
from kgan.experiments.environment import described, environment
from kgan.experiments.resuming import assign, check_minutes, opened, take_over, write_changes
from kgan.experiments.training import Training, say
from kgan.extras import check_installed
from kgan.gan import architectures
from kgan.gan.conditional import ConditionalGAN
from kgan.gan.model import GAN
from kgan.presets import stored_preset
from kgan.runs import refuse_existing
from kgan.spec import check


def build_gan(preset, image_shape=architectures.IMAGE_SHAPE, *, num_classes=0):
    """The compiled, untrained GAN of a preset.

    Seeds Python's, NumPy's and the backend's global generators, from which Keras's
    initialisers draw.

    Args:
        preset: `kgan.presets.GANPreset`.
        image_shape: Shape of an image of its data.
        num_classes: Number of the classes of its data, or 0. They condition the networks of a `conditional`
            preset, where there are two or more.

    Raises:
        ValueError: If its architecture draws no images of this shape.
    """
    keras.utils.set_random_seed(preset.seed)
    architecture, of_labels = getattr(architectures, preset.architecture), {}
    if _is_conditional(preset, num_classes):
        networks = _built(architecture, preset.latent_dim + num_classes, image_shape, num_classes)
        of_labels = {"num_classes": num_classes, "classification": preset.classification}
        kind = ConditionalGAN
    else:
        kind, networks = GAN, _built(architecture, preset.latent_dim, image_shape)
    gan = kind(
        *networks,
        **of_labels,
        latent_dim=preset.latent_dim,
        loss=preset.loss,
        update_policy=preset.update_policy,
        regularizers=preset.regularizers,
        augmentations=preset.augmentations,
        average=preset.average,
        seed=preset.seed,
    )
    gan.compile(preset.generator_optimizer.build(), preset.discriminator_optimizer.build())
    return gan


def _built(architecture, *arguments):
    try:
        return architecture(*arguments)
    except ValueError as error:
        raise ValueError(
            f"{error} Images are scaled to another size by `image_size` (--image-size)."
        ) from None


def _is_conditional(preset, num_classes):
    return preset.conditional and num_classes > 1


def train_gan(  # noqa: PLR0913  each is an option of the command
    preset,
    *,
    name="custom",
    data_dir=None,
    run_dir=None,
    runs_dir="runs",
    progress=True,
    tensorboard=False,
    explorer=False,
    checkpoint_every=1.0,
    stream=None,
):
    """Train the GAN of a preset and leave pictures, log, model and report in a new run folder.

    All that can be refused is refused before the folder is made. SIGINT (Ctrl-C) and SIGTERM finish
    the step and save what there is; `resume` goes on, after a kill, too.

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
        checkpoint_every: Minutes between two checkpoints; the ends of epochs have one, too, if ten
            seconds have passed.
        stream: Whether to read images when they are wanted, to the same bits; None to do so where an array
            of them would take more than a quarter of the memory that is free.

    Returns:
        `Result`.

    Raises:
        ValueError: If settings and data do not fit.
        DivergedError: If numbers are no longer finite.
        OSError: If files cannot be read or written.
        ImportError: If `tensorboard` is asked for and not installed.
    """
    _check_options(tensorboard=tensorboard, checkpoint_every=checkpoint_every)
    if run_dir is not None:
        together.from_first(lambda: refuse_existing(run_dir))
    size = {"image_size": preset.image_size, "channels": preset.channels}
    source = together.in_turn(lambda: digits.find_source(preset.data, data_dir=data_dir, **size))
    images, labels = together.in_turn(lambda: digits.split_for_training(source, stream=stream))
    if isinstance(images, digits.LazyImages):  # of an array all are read by now
        images.keep_at_most(len(images) // ranks.number)
        together.from_first(images.check)
    epochs = preset.num_epochs(len(images))
    last = len(images) % preset.batch_size
    together.from_first(lambda: check_divisible(preset.batch_size, last))
    gan = build_gan(preset, images.shape[1:], num_classes=source.num_classes)

    def config():
        found = _config(preset, source, name=name, num_images=len(images), epochs=epochs, gan=gan)
        return found | {"explorer": explorer}

    run = together.begun(config, run_dir=run_dir, runs_dir=runs_dir, prefix=f"gan-{name}")
    _announce(source, preset, gan)
    training = Training(
        run=run,
        preset=preset,
        images=images,
        labels=labels,
        data=source.name,
        epochs=epochs,
        progress=progress and together.leads(),
        tensorboard=tensorboard,
        explorer=explorer,
        checkpoint_every=checkpoint_every,
    )
    with together.held(run), together.own_folder(run) as training.run:
        return training.follow(gan)


def _announce(source, preset, gan):
    digits.announce(source)
    if preset.conditional and not gan.num_classes:
        say("these images are not of several classes: the GAN is trained without labels.")


def resume_gan(  # noqa: PLR0913  likewise
    run,
    *,
    override=False,
    changes=None,
    data_dir=None,
    progress=True,
    tensorboard=False,
    explorer=False,
    checkpoint_every=1.0,
    stream=None,
):
    """Go on with a run of a GAN; see `kgan.experiments.resume`.

    Args:
        run: `Run`.
        override: Whether settings and backend may differ from the run's.
        changes: Dict of settings by name that are to differ.
        data_dir: Folder of the data set's files, or None for where they were.
        progress: As for `train_gan`.
        tensorboard: As for `train_gan`; True if the run has such files.
        explorer: As for `train_gan`; True if the run was begun with it.
        checkpoint_every: As for `train_gan`.
        stream: As for `train_gan`.
    """
    _check_options(tensorboard=tensorboard, checkpoint_every=checkpoint_every)
    preset, saved = opened(run, override=override, changes=changes or {})
    config = run.read_config()
    source, images, labels = together.in_turn(
        lambda: _same_data(config["data"], preset, data_dir=data_dir, stream=stream)
    )
    last = len(images) % preset.batch_size
    together.from_first(lambda: check_divisible(preset.batch_size, last))
    if saved is None:  # it begins anew
        for picture in run.samples.glob("step-*.png"):
            picture.unlink()
    gan, saved = _model_at(saved, preset, image_shape=images.shape[1:], num_classes=source.num_classes)
    epochs = _epochs_in_all(preset, saved, len(images))
    training = Training(
        run=run,
        preset=preset,
        images=images,
        labels=labels,
        data=source.name,
        epochs=epochs,
        progress=progress and together.leads(),
        tensorboard=tensorboard or run.tensorboard.is_dir(),
        explorer=explorer or config.get("explorer", False),
        checkpoint_every=checkpoint_every,
    )
    write_changes(run, preset, saved, epochs=epochs)
    return training.follow(gan, saved)


def _check_options(*, tensorboard, checkpoint_every):
    """Raise unless the options of a run, which are no settings, can be used."""
    check_minutes(checkpoint_every)
    if tensorboard:
        check_installed("tensorboard", use="`tensorboard`")


def _same_data(data, preset, *, data_dir, stream):
    """The source of a run's data, images and labels, once they are seen to be those it was begun with."""
    source = digits.find_source(
        data["name"],
        data_dir=data["dir"] if data_dir is None else data_dir,
        image_size=preset.image_size,
        channels=preset.channels,
    )
    if source.checksums("train") != data["sha256"]:
        raise ValueError(
            f"The run was begun on other data than {source.description}: name theirs by `data_dir` "
            "(--data-dir)."
        )
    return source, *digits.split_for_training(source, stream=stream)


def _model_at(saved, preset, *, image_shape, num_classes):
    """The GAN of a checkpoint with the settings of a preset, and the checkpoint as `fit` is to take it."""
    if saved is None:
        return build_gan(preset, image_shape, num_classes=num_classes), None
    before = stored_preset({"settings": saved.state["own"]["settings"]})
    settings = before.describe()
    changed = {name for name, value in preset.describe().items() if value != settings[name]}
    if changed & {"batch_size", "seed"}:  # other batches: its epoch begins anew
        saved = dataclasses.replace(saved, state=saved.state | {"batch": 0, "batches": None})
    gan, fallen = saved.load(), held_factor(saved)
    if changed & _OF_THE_GAN:
        gan = _with_settings(preset, gan, before=before, fallen=fallen)
    if "decay" in changed and None in (before.decay, preset.decay):  # off or on: from whole rates
        multiply_rates(gan.optimizer.optimizers, 1 / fallen)
        saved = with_factor(saved, 1.0)
    return gan, saved


_OPTIMIZERS = ("generator_optimizer", "discriminator_optimizer")
_OF_THE_GAN = {
    *("loss", "classification", "update_policy", "regularizers", "augmentations", "average", "seed"),
    *_OPTIMIZERS,
}


def _with_settings(preset, gan, *, before, fallen):
    """The GAN of a preset with the weights of another, and its optimisers where they have the same slots.

    Args:
        preset: `GANPreset`.
        gan: The other.
        before: The other's `GANPreset`.
        fallen: What its learning rates are multiplied by, as they fall over the run.
    """
    changed = build_gan(preset, gan.image_shape, num_classes=gan.num_classes)
    for name in ("generator", "discriminator"):
        assign(getattr(changed, name).weights, getattr(gan, name).weights)
    assign([changed.step, changed.epoch], [gan.step, gan.epoch])
    if gan.num_classes:
        assign([changed.label_counts], [gan.label_counts])
    if changed.average and gan.average:  # one that is new begins at these weights
        assign(changed.average_generator.weights, gan.average_generator.weights)
        assign([changed.average_updates], [gan.average_updates])
    for name in _OPTIMIZERS:
        rate = getattr(preset, name).learning_rate
        keeps_rate = rate == getattr(before, name).learning_rate  # halved after a rollback, perhaps
        multiply_rates([getattr(changed, name)], fallen)
        take_over(getattr(changed, name), getattr(gan, name), rate=None if keeps_rate else fallen * rate)
    return changed


def _epochs_in_all(preset, saved, num_images):
    """Epochs of the whole run, those before a checkpoint included, whatever their batches were."""
    epochs = preset.num_epochs(num_images)
    if saved is None:
        return epochs
    before = stored_preset({"settings": saved.state["own"]["settings"]})
    if (preset.steps, preset.epochs) != (before.steps, before.epochs):
        done = {"steps": saved.step, "epochs": saved.fit_epoch + bool(saved.batch)}
        unit = "steps" if preset.steps else "epochs"
        rule, length = f"at least {done[unit]}, those that were trained already", getattr(preset, unit)
        check(unit, rule, length, holds=length >= done[unit])
    if preset.steps is None:
        return epochs
    left = preset.steps - (saved.step - saved.batch)
    return saved.fit_epoch + max(0, math.ceil(left / math.ceil(num_images / preset.batch_size)))


def _config(preset, source, *, name, num_images, epochs, gan):
    data = {
        "name": source.name,
        "source": source.description,
        "dir": None if source.folder is None else str(source.folder.absolute()),
        "images": num_images,
        "shape": list(gan.image_shape),
        "classes": list(getattr(source, "classes", ())),
        "num_classes": source.num_classes,
        "sha256": source.checksums("train"),
    }
    claims = [dataclasses.asdict(claim) for claim in preset.claims]
    settings = described(preset, name=name) | {"claims": claims}
    return settings | {"epochs": epochs, "data": data} | environment(gan.device)
