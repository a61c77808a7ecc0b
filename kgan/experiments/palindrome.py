"""The palindrome task: a preset in, a run folder out."""

import copy
import dataclasses
import time

import keras

from kgan import backend
from kgan.batches import NumberedEpochs
from kgan.experiments.course import Course
from kgan.experiments.environment import described, environment
from kgan.experiments.records import Records
from kgan.experiments.report import report_on
from kgan.palindrome import (
    Curriculum,
    FixedPalindromes,
    PalindromeStream,
    compile_recaller,
    digit_recaller,
    lengths_between,
)
from kgan.presets import CurriculumPreset, RecallPreset
from kgan.runs import Run, refuse_existing


@dataclasses.dataclass(frozen=True)
class LSTMResult:
    """What a run of the palindrome task left behind.

    Attributes:
        run: `Run`, its folder.
        device: Name of the device that trained.
        outcomes: Tuple of `Outcome`s, one for each network and length that was tried.
        verdicts: Dict, network -> how its curriculum ended; empty without one.
        out_of_memory: Dict, network -> length at which memory did not suffice.
        seconds: Time that it took.
        interrupted: Whether Ctrl-C ended it early.
    """

    run: Run
    device: str
    outcomes: tuple
    verdicts: dict
    out_of_memory: dict
    seconds: float
    interrupted: bool


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


def train_lstm(preset, *, name="custom", run_dir=None, runs_dir="runs", progress=True):
    """Train the networks of a preset and leave results, log, curves, models and a report in a new run folder.

    What can be refused is refused before the folder is made. Ctrl-C finishes the step, or in a
    curriculum goes back to the best weights of its length, and keeps what there is; so does an error
    of short memory, which ends its network's training alone.

    Args:
        preset: `kgan.presets.RecallPreset`, or `CurriculumPreset`.
        name: What the run folder is called after.
        run_dir: Folder to create for the run, or None for the next `runs_dir/lstm-name-N`.
        runs_dir: Folder of the numbered runs.
        progress: Whether to show a progress bar.

    Returns:
        `LSTMResult`.

    Raises:
        ValueError: If settings do not fit.
        OSError: If files cannot be written.
    """
    if run_dir is not None:
        refuse_existing(run_dir)
    device = backend.device_name(build_recaller(preset, preset.networks[0]).weights[0].value)
    run = Run.create(run_dir) if run_dir is not None else Run.numbered(runs_dir, f"lstm-{name}")
    run.write_config(described(preset, name=name) | environment(device))
    train, total = _WAYS[type(preset)], _steps_of(preset)
    records = Records(run, preset, total=total, progress=progress)
    start, interrupted = time.monotonic(), False
    try:
        train(preset, records)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        seconds = time.monotonic() - start
        records.close()
        report_on(run)  # of what there is, however training ended
    return LSTMResult(
        run=run,
        device=device,
        outcomes=tuple(records.outcomes),
        verdicts=records.verdicts,
        out_of_memory=records.out_of_memory,
        seconds=seconds,
        interrupted=interrupted,
    )


def _train_each(preset, records):
    """Train each network at each length from the start."""
    data = {length: _palindromes(preset, length) for length in preset.lengths}
    for length in preset.lengths:
        try:
            for network in preset.networks:
                if network not in records.out_of_memory:
                    _train_at(length, build_recaller(preset, network), data[length], records=records)
        finally:
            records.draw_length(length)
            records.draw_accuracies()


def _train_at(length, model, data, *, records):
    training, validation = data
    preset = records.preset
    with records.training(model, length, save_as=f"{model.name}-{length:02d}") as callbacks:
        model.fit(
            _Rounds(training, preset.steps_per_evaluation),
            validation_data=validation,
            epochs=preset.num_evaluations,
            shuffle=False,  # the data shuffle themselves, by a seed
            verbose=0,
            callbacks=callbacks,
        )


def _palindromes(preset, length):
    """Training and validation palindromes of a length."""
    options = {"batch_size": preset.batch_size, "encoding": preset.encoding, "seed": preset.seed}
    validation = FixedPalindromes(preset.num_validation, length, part="validation", **options)
    if preset.num_palindromes is None:
        return PalindromeStream(length, steps=preset.evaluate_every, **options), validation
    return FixedPalindromes(preset.num_training, length, part="train", shuffle=True, **options), validation


class _Rounds(NumberedEpochs):
    """The batches of a data set from its start, so many an epoch, each going on where the last ended."""

    def __init__(self, data, steps):
        super().__init__()
        self.data, self.steps = copy.copy(data), steps  # of which others have not taken batches
        self._passes = 0

    def __len__(self):
        return self.steps

    def batch(self, index):
        passes, batch = divmod(self.epoch * self.steps + index, len(self.data))
        while self._passes <= passes:
            self.data.on_epoch_begin()
            self._passes += 1
        return self.data[batch]


def _steps_of(preset):
    """Training steps of a whole run, or None if that is not known beforehand."""
    if isinstance(preset, CurriculumPreset):
        return None
    trainings = len(preset.lengths) * len(preset.networks)
    return trainings * preset.num_evaluations * preset.steps_per_evaluation


def _train_curriculum(preset, records):
    """Take each network from length to length."""
    for network in preset.networks:
        model = build_recaller(preset, network)
        try:
            Course(model, _curriculum(preset, network), records=records).follow()
        finally:
            records.draw_curriculum()
            records.draw_accuracies()


def _curriculum(preset, network):
    return Curriculum(
        lengths=lengths_between(preset.min_length, preset.max_length),
        round_steps=preset.round_steps_of(network),
        target_loss=preset.target_loss_of(network),
        **{name: getattr(preset, name) for name in _CURRICULUM_SETTINGS},
    )


_WAYS = {RecallPreset: _train_each, CurriculumPreset: _train_curriculum}
_SETTINGS_PER_NETWORK = {"lengths", "round_steps", "target_loss"}
_CURRICULUM_SETTINGS = {field.name for field in dataclasses.fields(Curriculum)} - _SETTINGS_PER_NETWORK
