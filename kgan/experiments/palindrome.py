"""The palindrome task: a preset in, a run folder out."""

import dataclasses

import keras

from kgan import backend
from kgan.backend import ranks
from kgan.batches import check_divisible
from kgan.callbacks import DivergedError
from kgan.experiments import together
from kgan.experiments.course import Course
from kgan.experiments.ended import changed_settings, check_lengths, check_trainings
from kgan.experiments.environment import described, environment
from kgan.experiments.recall import Recall
from kgan.experiments.records import Records
from kgan.experiments.report import report_on
from kgan.experiments.resuming import check_minutes, naming_the_way_on, opened, take_over, write_changes
from kgan.palindrome import (
    Curriculum,
    FixedPalindromes,
    PalindromeStream,
    Progress,
    compile_recaller,
    digit_recaller,
    lengths_between,
)
from kgan.presets import CurriculumPreset, RecallPreset
from kgan.runs import Run
from kgan.saving import NotFiniteError, load


@dataclasses.dataclass(frozen=True)
class LSTMResult:
    """What a run of the palindrome task left behind.

    Attributes:
        run: `Run`, its folder.
        device: Name of the device that trained.
        outcomes: Tuple of `Outcome`s, one for each network and length that was tried.
        verdicts: Dict, network -> how its curriculum ended; empty without one.
        out_of_memory: Dict, network -> length at which memory did not suffice.
        seconds: Time that it took, interruptions left out.
        interrupted: Whether a signal ended it early, or came before plots and report were there.
        signal: Number of the signal, or None.
        is_of_first: Whether this process wrote it, the first of those that train together.
    """

    run: Run
    device: str
    outcomes: tuple
    verdicts: dict
    out_of_memory: dict
    seconds: float
    interrupted: bool
    signal: int | None = None
    is_of_first: bool = True


def build_recaller(preset, network):
    """The compiled, untrained network of a preset.

    Seeds Python's, NumPy's and the backend's global generators, from which Keras's
    initialisers draw.

    Args:
        preset: `kgan.presets.RecallPreset` or `CurriculumPreset`.
        network: One of its networks.

    Returns:
        `keras.Sequential` of that name.
    """
    keras.utils.set_random_seed(preset.seed)
    options = {name: getattr(preset, name) for name in ("forget_bias", "time_lag", "checkpoint", "prior")}
    model = digit_recaller(
        network,
        units=preset.units_of(network),
        encoding=preset.encoding,
        initializer=preset.initializer,
        **(options if network == "lstm" else {}),
    )
    compile_recaller(model, preset.optimizer_of(network).build(global_clipnorm=preset.clip_norm))
    return model


def train_lstm(preset, *, name="custom", run_dir=None, runs_dir="runs", progress=True, checkpoint_every=1.0):
    """Train the networks of a preset and leave results, log, curves, models and a report in a new run folder.

    What can be refused is refused before the folder is made. SIGINT (Ctrl-C) and SIGTERM finish the step, or
    in a curriculum go back to the best weights of its length, and keep what there is; `resume` goes on,
    after a kill, too. Short memory ends its network's training alone.

    Args:
        preset: `kgan.presets.RecallPreset`, or `CurriculumPreset`.
        name: What the run folder is called after.
        run_dir: Folder to create for the run, or None for the next `runs_dir/lstm-name-N`.
        runs_dir: Folder of the numbered runs.
        progress: Whether to show a progress bar.
        checkpoint_every: Minutes between two checkpoints; evaluations have one, too, if ten seconds have
            passed, and so has the end of each length of a curriculum.

    Returns:
        `LSTMResult`.

    Raises:
        ValueError: If settings do not fit.
        DivergedError: If numbers are no longer finite.
        OSError: If files cannot be written.
    """
    check_minutes(checkpoint_every)
    together.from_first(lambda: _check_batches(preset))
    device = _device_of(preset)

    def config():
        return described(preset, name=name) | environment(device)

    run = together.begun(config, run_dir=run_dir, runs_dir=runs_dir, prefix=f"lstm-{name}")
    with together.held(run), together.own_folder(run) as own:
        options = {"device": device, "progress": progress, "checkpoint_every": checkpoint_every}
        return _follow(own, preset, **options)


def resume_lstm(run, *, override=False, changes=None, progress=True, checkpoint_every=1.0):
    """Go on with a run of the palindrome task; see `kgan.experiments.resume`.

    Args:
        run: `Run`.
        override: Whether settings and backend may differ from the run's.
        changes: Dict of settings by name that are to differ.
        progress: As for `train_lstm`.
        checkpoint_every: As for `train_lstm`.
    """
    check_minutes(checkpoint_every)
    preset, saved = opened(run, override=override, changes=changes or {})
    options = {"device": _device_of(preset), "progress": progress, "checkpoint_every": checkpoint_every}
    together.from_first(lambda: _check_batches(preset))
    if saved is not None:
        _CHECKS[type(preset)](preset, saved)
    write_changes(run, preset, saved)
    return _follow(run, preset, saved, **options)


def _check_batches(preset):
    """Raise ValueError unless batches can be divided between processes, and between JAX's devices."""
    in_epochs = getattr(preset, "num_palindromes", None)
    check_divisible(preset.batch_size, preset.num_training % preset.batch_size if in_epochs else 0)
    name = "chunk" if isinstance(preset, CurriculumPreset) else "batch_size"
    size, devices = getattr(preset, name), ranks.shares // ranks.number
    # Each process evaluates the whole.
    check_divisible(size, preset.num_validation % size, name=name, shares=devices)


def _device_of(preset):
    return backend.device_name(build_recaller(preset, preset.networks[0]).weights[0].value)


def _follow(run, preset, saved=None, *, device, progress, checkpoint_every):
    """Train to the end, or until a signal, and leave everything behind."""
    options = {"progress": progress and together.leads(), "checkpoint_every": checkpoint_every}
    records = Records(run, preset, total=_steps_of(preset), **options)
    # A signal that comes while plots and report are made waits for these; the second does not.
    with naming_the_way_on(run), records.interrupt:
        try:
            _train(preset, records, saved)
        except KeyboardInterrupt:
            if not records.interrupt.finished_step:  # the second: whoever sent it does not want to wait
                raise
        finally:
            seconds = records.seconds
            records.close()
            report_on(run)  # of what there is, however training ended
    return LSTMResult(
        run=run,
        device=device,
        outcomes=tuple(records.outcomes),
        verdicts=records.verdicts,
        out_of_memory=records.out_of_memory,
        seconds=seconds,
        interrupted=records.interrupt.signal is not None,
        signal=records.interrupt.signal,
        is_of_first=together.leads(),
    )


def _train(preset, records, saved):
    if saved is not None:
        records.restore(saved.state["own"]["records"])
    try:
        _WAYS[type(preset)](preset, records, saved)
    except NotFiniteError as error:
        raise DivergedError(str(error), step=None) from error


def _train_each(preset, records, saved):
    """Train each network at each length from the start."""
    data = {length: _palindromes(preset, length) for length in preset.lengths}
    at = saved.state["own"]["at"] if saved else {}
    for length in preset.lengths:
        try:
            for network in preset.networks:
                if not records.is_done(network, length):
                    records.interrupt.check()
                    is_begun = (at.get("network"), at.get("length")) == (network, length)
                    model, begun = _model_at(saved if is_begun else None, preset, network)
                    Recall(model, length, data[length], records=records, saved=begun).follow()
        finally:
            records.draw_length(length)
            records.draw_accuracies()


def _model_at(saved, preset, network):
    """The network of a checkpoint with the settings of a preset, and the checkpoint as it is to be taken."""
    if saved is None:
        return build_recaller(preset, network), None
    changed = changed_settings(preset, saved)
    model = _with_settings(preset, saved.load(), changed=changed)
    if changed & {"batch_size", "seed", "num_palindromes"}:  # its epoch begins anew
        saved = dataclasses.replace(saved, state=saved.state | {"batch": 0, "batches": None})
    return model, saved


def _with_settings(preset, model, *, changed):
    """A network with the settings of a preset, and with its optimiser's state where that is of one kind."""
    if not changed & {f"{model.name}_optimizer", "clip_norm", "checkpoint"}:
        return model
    other = build_recaller(preset, model.name)
    other.set_weights(model.get_weights())
    other.optimizer.build(other.trainable_variables)
    rate = float(keras.ops.convert_to_numpy(other.optimizer.learning_rate))
    take_over(other.optimizer, model.optimizer, rate=rate)
    return other


def _palindromes(preset, length):
    """Training and validation palindromes of a length."""
    options = {"batch_size": preset.batch_size, "encoding": preset.encoding, "seed": preset.seed}
    validation = FixedPalindromes(preset.num_validation, length, part="validation", **options)
    if preset.num_palindromes is None:
        return PalindromeStream(length, steps=preset.evaluate_every, **options), validation
    return FixedPalindromes(preset.num_training, length, part="train", shuffle=True, **options), validation


def _steps_of(preset):
    """Training steps of a whole run, or None if that is not known beforehand."""
    if isinstance(preset, CurriculumPreset):
        return None
    trainings = len(preset.lengths) * len(preset.networks)
    return trainings * preset.num_evaluations * preset.steps_per_evaluation


def _train_curriculum(preset, records, saved):
    """Take each network from length to length; one that has ended, too, if there is now more to do."""
    told = _progress_of_each(saved)
    at = saved and saved.state["own"]["at"]["network"]
    # The checkpoint's first: its model lies there alone, and goes when others are written.
    for network in sorted(preset.networks, key=lambda network: network != at):
        curriculum, progress = _curriculum(preset, network), told.get(network)
        progress = progress and curriculum.taken_up(progress)
        if progress and network in records.verdicts and curriculum.is_over(progress):
            continue
        model = _model_of(records.run, saved if network == at or progress else None, preset, network)
        try:
            Course(model, curriculum, records=records).follow(progress, is_written=network == at)
        finally:
            records.draw_curriculum()
            records.draw_accuracies()
    records.put_in_order()


def _progress_of_each(saved):
    """How far each network had come in a checkpoint, by network; none of one without a first evaluation."""
    if saved is None:
        return {}
    own = saved.state["own"]
    told = own["records"]["progress"] | {own["at"]["network"]: own["at"]["progress"]}
    return {network: Progress.of(values) for network, values in told.items() if values}


def _model_of(run, saved, preset, network):
    """A network as a checkpoint has it, or as its curriculum had left it by then; a new one without."""
    if saved is None or saved.state["own"]["at"]["network"] == network:
        return _model_at(saved, preset, network)[0]
    model = load(run.models / f"{network}.keras")
    return _with_settings(preset, model, changed=changed_settings(preset, saved))


def _check_curriculum(preset, saved):
    """Raise ValueError if with the settings of a preset the curricula would not have been what they were."""
    for network, progress in _progress_of_each(saved).items():
        check_lengths(preset, network, progress, lengths=_lengths(preset))
        try:
            _curriculum(preset, network).taken_up(progress)
        except ValueError as error:
            raise ValueError(f"{network}: {error}") from None


def _lengths(preset):
    return lengths_between(preset.min_length, preset.max_length)


def _curriculum(preset, network):
    return Curriculum(
        lengths=_lengths(preset),
        round_steps=preset.round_steps_of(network),
        target_loss=preset.target_loss_of(network),
        **{name: getattr(preset, name) for name in _CURRICULUM_SETTINGS},
    )


_CHECKS = {RecallPreset: check_trainings, CurriculumPreset: _check_curriculum}
_WAYS = {RecallPreset: _train_each, CurriculumPreset: _train_curriculum}
_SETTINGS_PER_NETWORK = {"lengths", "round_steps", "target_loss"}
_CURRICULUM_SETTINGS = {field.name for field in dataclasses.fields(Curriculum)} - _SETTINGS_PER_NETWORK
