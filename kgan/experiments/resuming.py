"""What going on with a run takes, for both halves."""

import contextlib
import logging
import shlex

import keras

from kgan import files, presets
from kgan.callbacks import DivergedError
from kgan.callbacks.learning_rates import multiply_rates
from kgan.experiments.environment import environment
from kgan.saving import Checkpoints
from kgan.spec import check, is_number

_LOWER = 0.5  # of the learning rates, after a rollback
_SPACING = 10.0


def opened(run, *, override, changes):
    """A run's preset with its changes, and its last checkpoint, once both are seen to be usable here.

    The run must be held. What killed processes left half-written in it is removed.

    Args:
        run: `Run`.
        override: Whether settings and backend may differ from the run's.
        changes: Dict of settings by name.

    Returns:
        Preset, and `kgan.saving.Saved` or None if none was written yet.

    Raises:
        ValueError: If settings or the backend differ and may not, or no checkpoint is whole.
    """
    config = run.read_config()
    stored = presets.stored_preset(config)
    changed = presets.changes(stored, stored.replace(**changes), override=override)
    _check_backend(config, override=override)
    files.sweep(run.path)
    preset = stored.replace(**changed, basis=stored.basis | dict.fromkeys(changed, "given"))
    return preset, Checkpoints(run.checkpoints).last()


def _check_backend(config, *, override):
    here = keras.backend.backend()
    if config["backend"] != here and not override:
        raise ValueError(
            f"`KERAS_BACKEND` is {here}, and the run was begun on {config['backend']}: set it to that, or go "
            "on, to other bits, by --override (override=True)."
        )
    began, now = config["versions"], environment(config["device"])["versions"]
    other = [f"{name} {began[name]}" for name in began if name in now and now[name] != began[name]]
    if other and config["backend"] == here:
        logging.getLogger("kgan").warning(
            "kgan: the run began with %s, here are others: it goes on, perhaps not to the same bits.",
            ", ".join(other),
        )


def write_changes(run, preset, saved, **others):
    """Write into a run's config.json what differs from now on, and since when; just before it goes on.

    Args:
        run: `Run`.
        preset: Its preset from now on.
        saved: `kgan.saving.Saved` from which it goes on, or None.
        **others: Further entries of config.json that follow from the settings.
    """
    config, here = run.read_config(), keras.backend.backend()
    changed = presets.changes(presets.stored_preset(config), preset, override=True)
    if not changed and config["backend"] == here:
        return
    settings = preset.describe()
    entry = {"step": saved.step if saved else 0, "backend": here}
    history = [*config.get("changes", ()), entry | {name: settings[name] for name in changed}]
    basis = {name: preset.basis_of(name) for name in settings}
    new = {"settings": settings, "basis": basis, "changes": history} | others
    run.write_config(config | new | environment(config["device"]))


def check_minutes(checkpoint_every):
    """Raise ValueError unless it is a time between two checkpoints."""
    holds = is_number(checkpoint_every) and checkpoint_every > 0
    check("checkpoint_every", "a positive number of minutes", checkpoint_every, holds=holds)


def spacing_of(minutes):
    """Seconds that pass between the checkpoints of short epochs, where so many minutes lie between others."""
    return min(_SPACING, 60 * minutes)


@contextlib.contextmanager
def naming_the_way_on(run):
    """Let whatever ends a training before its time say how to go on."""
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        with contextlib.suppress(OSError, ValueError):
            saved = Checkpoints(run.checkpoints).last()
            # One that diverged says so itself: just to go on would end the same way.
            way = "" if isinstance(error, DivergedError) else f" Go on with: {way_on(run)}"
            last = (
                f"The last checkpoint is {saved.path}." if saved else f"{run.known_as} has no checkpoint yet."
            )
            error.add_note(last + way)
        raise


def way_on(run):
    """The command that goes on with a run that is not finished."""
    script = "train-lstm" if run.is_of_palindromes else "train-gan"
    backend = keras.backend.backend()
    environ = "" if backend == "torch" else f"KERAS_BACKEND={backend} "
    return f"{environ}kgan {script} --resume {shlex.quote(str(run.known_as))}"


def rolled_back(run, error, *, allowed):
    """The last checkpoint of a run whose numbers are no longer finite.

    Args:
        run: `Run`.
        error: What was raised.
        allowed: Whether going back may help: not without being asked to, and not twice.

    Returns:
        `kgan.saving.Saved`; its optimisers are still at the rates that led here, see `lower_rates`.

    Raises:
        DivergedError: If it is not allowed, or there is nothing to go back to.
    """
    saved = Checkpoints(run.checkpoints).last()
    if not allowed or saved is None:
        raise DivergedError(
            f"{str(error).rstrip('.')}: training has diverged, and would again unless something is changed, "
            f"as by lower learning rates: {way_on(run)} --override --on-nan rollback",
            step=getattr(error, "step", None),
        ) from error
    logging.getLogger("kgan").warning(
        "kgan: %s: back to step %s, at half the learning rates.",
        *(str(error).rstrip("."), f"{saved.step:,}"),
    )
    return saved


def lower_rates(*optimizers):
    """Halve the learning rates of `keras.optimizers.Optimizer`s."""
    multiply_rates(optimizers, _LOWER)


def take_over(optimizer, other, *, rate=None):
    """Give an optimiser the state of another, or say that it begins anew where they have not the same.

    Args:
        optimizer: `keras.optimizers.Optimizer`, built.
        other: The one that trained so far.
        rate: The learning rate from now on, or None for that of the other.
    """
    if type(optimizer) is not type(other) or _slots(optimizer) != _slots(other):
        logging.getLogger("kgan").warning("kgan: %s has other slots and begins anew.", optimizer.name)
        return
    assign(optimizer.variables, other.variables)
    if rate is not None:
        optimizer.learning_rate = rate


def _slots(optimizer):
    # By the last word of their names, such as momentum: before it stand those of layers, which are numbered.
    return [(variable.name.rpartition("_")[2], tuple(variable.shape)) for variable in optimizer.variables]


def assign(variables, others):
    """Give variables the values of others, one by one."""
    for variable, other in zip(variables, others, strict=True):
        variable.assign(other)
