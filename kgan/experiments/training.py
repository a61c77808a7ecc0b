"""The training of a GAN's run, from its start or from a checkpoint to all that is left behind."""

import contextlib
import dataclasses
import logging
import math
import signal
import time
from pathlib import Path

from kgan import callbacks
from kgan.backend import ranks
from kgan.callbacks import Checkpoint, DivergedError
from kgan.digits import LazyImages
from kgan.digits.streaming import StreamedImages
from kgan.evaluation import READ_DATA
from kgan.experiments import together
from kgan.experiments.evaluation import Evaluation, embedded_samples, judge_run
from kgan.experiments.interpolation import draw_interpolation, num_classes
from kgan.experiments.recording import Following, Recording
from kgan.experiments.report import report_on
from kgan.experiments.resuming import lower_rates, naming_the_way_on, rolled_back, spacing_of
from kgan.gan.model import GAN
from kgan.presets import GANPreset
from kgan.runs import Run
from kgan.saving import NotFiniteError


@dataclasses.dataclass(frozen=True)
class Result:
    """What a training run left behind.

    Attributes:
        run: `Run`, its folder.
        model: The trained `GAN`.
        picture: Path of the last sample grid, or None where the disk took none.
        num_images: Number of training images.
        num_classes: Number of their classes.
        seconds: Time that training took, interruptions left out.
        interrupted: Whether a signal ended it early.
        signal: Number of the signal, or None.
        evaluation: `Evaluation` of its samples, or None.
        best: `kgan.callbacks.Best` of the evaluations in training, whose model is best.keras, or None.
        alarms: The `kgan.callbacks.Alarm`s of the training.
        is_of_first: Whether this process wrote it, the first of those that train together.
    """

    run: Run
    model: GAN
    picture: Path | None
    num_images: int
    num_classes: int
    seconds: float
    interrupted: bool
    signal: int | None = None
    evaluation: Evaluation | None = None
    best: callbacks.Best | None = None
    alarms: tuple = ()
    is_of_first: bool = True


@dataclasses.dataclass(kw_only=True)
class Training:
    """What `train_gan` and `resume_gan` do once there is a run folder.

    Args:
        run: `Run`.
        preset: `GANPreset`.
        images: Array of training images, or `kgan.digits.LazyImages`.
        labels: Their classes, an integer array, or None.
        data: Name of the data set.
        epochs: Number of epochs of the whole run.
        progress: Whether to show a progress bar.
        tensorboard: Whether to write TensorBoard's files as well.
        explorer: Whether the generator goes into the report.
        checkpoint_every: Minutes between two checkpoints.
    """

    run: Run
    preset: GANPreset
    images: object
    labels: object
    data: str
    epochs: int
    progress: bool
    tensorboard: bool
    explorer: bool
    checkpoint_every: float
    _has_rolled_back: bool = False

    def follow(self, gan, saved=None):
        """Train to the end, or until a signal, and leave everything behind.

        Args:
            gan: The compiled `GAN`, as it is at `saved`.
            saved: `kgan.saving.Saved`, or None to begin at the start.

        Returns:
            `Result`.

        Raises:
            DivergedError: If numbers are no longer finite, and may not or did not help to roll back.
            OSError: If a log or a checkpoint cannot be written.
        """
        with callbacks.FinishStepOnInterrupt() as interrupt:  # outside of `fit` it comes at once
            with naming_the_way_on(self.run):
                result, recording = self._trained(gan, saved)
            if not together.leads():
                with surviving("its part of the samples was not judged"):
                    self._samples(result)
                return result
            try:
                result = self._concluded(result, recording, interrupt)
                report_on(self.run, explorer=self.explorer)
                interrupt.check(others=False)
            except KeyboardInterrupt as error:  # by now all that took time to train is saved
                path, (number, *_) = self.run.path, error.args or (signal.SIGINT,)
                say(f"interrupted; kgan evaluate {path} and kgan interpolate {path} do the rest.")
                result = dataclasses.replace(result, interrupted=True, signal=number)
        return dataclasses.replace(result, picture=recording.picture)  # one may have come just now

    def _trained(self, gan, saved):
        """Train and save; the result without what is drawn and judged afterwards."""
        while True:
            self._begin(saved)
            recording = self._recording()
            try:
                number = self._fit(gan, saved, recording)
                break
            except (DivergedError, NotFiniteError) as error:
                if ranks.number > 1 and isinstance(error, NotFiniteError):
                    raise  # out of a checkpoint of the first: the others have gone on
                number = ranks.largest(recording.interrupt.signal or 0) or None
                if number is not None:  # whoever sent it does not want to see a rollback
                    say(f"{error} The checkpoint before stands.")
                    break
                gan, saved = self._gone_back(error, recording)
        if number is None:
            self.run.save_model(gan)
        else:
            with surviving("model.keras was not saved"):
                self.run.save_model(gan)
        return self._result(gan, recording, number), recording

    def _begin(self, saved):
        own = saved.state["own"] if saved else {}
        self._before, self._start = own.get("seconds", 0.0), time.monotonic()
        self._had_ended = saved is not None and saved.fit_epoch >= self.epochs
        if self._had_ended:
            say(f"all {saved.step:,} steps are trained already; what comes after training is done again.")
        self._has_rolled_back |= own.get("rolled_back", False)

    def _recording(self):
        if not together.leads():
            return Following(self.preset)
        options = {"data": self.data, "progress": self.progress, "tensorboard": self.tensorboard}
        checkpoint = Checkpoint(
            self.run.checkpoints,
            every_minutes=self.checkpoint_every,
            spacing=spacing_of(self.checkpoint_every),
            own=self._own,
        )
        data = self.images, self.labels
        return Recording(self.run, self.preset, *data, checkpoint=checkpoint, **options)

    def _steps_in_all(self, saved):
        """Steps of the whole run, those before a checkpoint included, whatever their batches were."""
        begun, epoch = (saved.step - saved.batch, saved.fit_epoch) if saved else (0, 0)
        return begun + (self.epochs - epoch) * math.ceil(len(self.images) / self.preset.batch_size)

    def _own(self):
        """What a checkpoint holds of the run beside the state of `fit`."""
        return {
            "settings": self.preset.describe(),
            "seconds": self._elapsed(),
            "rolled_back": self._has_rolled_back,
        }

    def _elapsed(self):
        return self._before + (0.0 if self._had_ended else time.monotonic() - self._start)

    def _fit(self, gan, saved, recording):
        """Train; the number of the signal that ended it, or None."""
        with recording.callbacks(steps=self._steps_in_all(saved)) as used:
            try:
                data, options = self._batches(gan)
                gan.fit(data, callbacks=used, resume=saved, epochs=self.epochs, verbose=0, **options)
            except KeyboardInterrupt:
                if not recording.interrupt.finished_step:  # torn apart in mid-step: no weights to save
                    raise
                with surviving("no checkpoint was written, the one before stands"):
                    recording.write_last()  # before anything that takes time
        return recording.interrupt.signal

    def _batches(self, gan):
        """What `fit` is given: an array and its batch size, or batches that are read as they are wanted."""
        size = self.preset.batch_size
        if not isinstance(self.images, LazyImages):
            return self.images, {"y": self.labels, "batch_size": size}
        epoch = int(gan.epoch.value)
        return StreamedImages(self.images, batch_size=size, seed=gan.seed, first_epoch=epoch), {}

    def _gone_back(self, error, recording):
        """The model of the last checkpoint, with lower rates, and the checkpoint itself."""
        self._conclude_early(recording, diverged=str(error))
        allowed = self.preset.on_nan == "rollback" and not self._has_rolled_back
        saved = rolled_back(self.run, error, allowed=allowed)
        gan = saved.load()
        lower_rates(*gan.optimizer.optimizers)
        self._has_rolled_back = True
        return gan, saved

    def _conclude_early(self, recording, **results):
        with surviving("a picture could not be drawn"):
            recording.draw()
        self._write_results(recording, interrupted=False, **results)
        report_on(self.run)

    def _write_results(self, recording, **results):
        alarms = [alarm.described() for alarm in recording.alarms]
        self.run.write_results({"seconds": self._elapsed(), **results, "alarms": alarms})

    def _result(self, gan, recording, number):
        self._write_results(recording, interrupted=number is not None)
        return Result(
            run=self.run,
            model=gan,
            picture=recording.picture,
            num_images=len(self.images),
            num_classes=num_classes(self.run.read_config()["data"]),
            seconds=self._elapsed(),
            interrupted=number is not None,
            signal=number,
            best=recording.best,
            alarms=tuple(recording.alarms),
            is_of_first=together.leads(),
        )

    def _samples(self, result):
        """What is judged, where several processes compute a part of it each; None where one does it all."""
        is_judged = self.preset.judged is not None and self.data in READ_DATA
        if ranks.number == 1 or result.interrupted or not is_judged:
            return None
        return embedded_samples(result.model, n=self.preset.judged, seed=self.preset.seed)

    def _concluded(self, result, recording, interrupt):
        """The result, once pictures are drawn and samples judged; what fails is said.

        After a signal there are the pictures alone, for whoever sent it waits.
        """
        run, gan, evaluation = self.run, result.model, None
        with surviving("a picture could not be drawn", interrupt):
            recording.draw()
        if result.interrupted:
            return result
        with surviving("the interpolation could not be drawn", interrupt):
            draw_interpolation(run, gan, preset=self.preset)
        if self.preset.judged is not None:
            with surviving("the samples were not judged", interrupt):
                evaluation = self._judged(result)
        return dataclasses.replace(result, evaluation=evaluation)

    def _judged(self, result):
        """The judgement on the samples; None, with a line that says why, where there is none."""
        if self.data not in READ_DATA:
            known = " and ".join(READ_DATA)
            say(f"the samples are not judged: there is a judge for {known} only, not for {self.data}.")
            return None
        if self.progress:
            say(f"judging {self.preset.judged:,} samples… (Ctrl-C leaves that out)")
        options = {"seed": self.preset.seed, "model": self.run.model.name, "training": self.images}
        options["samples"] = self._samples(result)
        return judge_run(self.run, result.model, n=self.preset.judged, **options)


@contextlib.contextmanager
def surviving(what, interrupt=None):
    """Say what went wrong, by when what matters is saved, and go on.

    Matplotlib's C++ makes an error of its own of an interrupt, or nothing. One that came is raised again.

    Args:
        what: What did not come about, in words.
        interrupt: `FinishStepOnInterrupt`, or None where signals wait.
    """
    try:
        try:
            yield
        finally:
            if interrupt is not None:
                interrupt.check(others=False)
    except (ValueError, OSError, MemoryError, RuntimeError) as error:
        say(f"{what}: {error}")


def say(text):
    """A line on stderr, unless a program that uses kgan wants it elsewhere."""
    logging.getLogger("kgan").warning("kgan: %s", text)
