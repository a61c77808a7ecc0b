"""What is written of a GAN's run while it trains, and drawn of it afterwards."""

import contextlib

from kgan import callbacks, plots
from kgan.digits import some_rows
from kgan.evaluation import READ_DATA
from kgan.pictures import write_stages

_LOOKED_AT = 1000  # real images


class Following:
    """What a process has in the place of a `Recording` that writes nothing: the first of several writes.

    Args:
        preset: `kgan.presets.GANPreset`.

    Attributes:
        interrupt: `FinishStepOnInterrupt`.
        picture: None, as `best`; and no `alarms`.
    """

    picture = best = None
    alarms = ()

    def __init__(self, preset):
        self._decay = preset.decay
        self.interrupt = callbacks.FinishStepOnInterrupt()

    @contextlib.contextmanager
    def callbacks(self, *, steps):
        """See `Recording`."""
        with self.interrupt:
            yield [*_acting(self._decay, steps=steps), self.interrupt]

    def write_last(self):
        """Nothing."""

    def draw(self):
        """Nothing."""


class Recording:
    """The callbacks of a run.

    Args:
        run: `kgan.runs.Run`.
        preset: `kgan.presets.GANPreset`.
        images: Array of the real images that are trained on.
        labels: Array of their classes, or None.
        checkpoint: `Checkpoint`.
        data: Name of the data set.
        progress: Whether to show a progress bar.
        tensorboard: Whether to write TensorBoard's files as well.

    Attributes:
        grid: `SampleGrid`.
        evaluate: `Evaluate`, or None where the preset asks for none or nothing judges such images.
        alarm: `CollapseAlarm`.
        checkpoint: `Checkpoint`.
        interrupt: `FinishStepOnInterrupt`.
    """

    def __init__(self, run, preset, images, labels, *, checkpoint, data, progress, tensorboard):
        self.run, self.checkpoint, self._decay = run, checkpoint, preset.decay
        self.interrupt = callbacks.FinishStepOnInterrupt()
        self.grid = callbacks.SampleGrid(run.samples, every_steps=preset.sample_every)
        self.evaluate = None
        if preset.evaluate_every is not None and data in READ_DATA:
            every = preset.evaluate_every
            self.evaluate = callbacks.Evaluate(run.evaluations, every_steps=every, best_model=run.best_model)
        # Of all classes, by which a folder's are sorted.
        rows = some_rows(len(images), _LOOKED_AT)
        classes = labels[rows] if preset.conditional and labels is not None else None
        self.alarm = callbacks.CollapseAlarm(images[rows], classes, evaluate=self.evaluate)
        self._closing = [
            *([self.evaluate] if self.evaluate else []),  # before the logs, which hold its values
            callbacks.EpochLog(run.log),
            callbacks.StepLog(run.steps),
            *([callbacks.TensorBoard(run.tensorboard, self.grid)] if tensorboard else []),
            *([callbacks.ProgressBar()] if progress else []),
        ]

    @contextlib.contextmanager
    def callbacks(self, *, steps):
        """The callbacks in their order; those that hold files are closed however training ends.

        Args:
            steps: Steps of the whole training, counted over the model's life.
        """
        with contextlib.ExitStack() as stack:
            for callback in (self.checkpoint, *self._closing):  # Keras does so only where all went well
                stack.callback(callback.close)
            stack.enter_context(self.interrupt)
            acting = _acting(self._decay, steps=steps)
            yield [*acting, self.grid, *self._closing, self.alarm, self.checkpoint, self.interrupt]

    @property
    def picture(self):
        """Path of the last sample grid, or None."""
        return self.grid.last

    @property
    def best(self):
        """`kgan.callbacks.Best` of the evaluations in training, or None."""
        return self.evaluate and self.evaluate.best

    @property
    def alarms(self):
        """The alarms so far."""
        return self.alarm.alarms

    def write_last(self):
        """Write a checkpoint of this moment, unless that was done."""
        self.checkpoint.write_last()

    def draw(self):
        """Draw the plots and the movie."""
        self.grid.draw_last()
        if self.run.steps.is_file():  # else it was broken off before there was a row
            plots.write_losses(self.run.plots / "losses.png", self.run.steps)
            plots.write_balance(self.run.plots / "balance.png", self.run.steps)
        if self.grid.pictures:  # else the disk took none
            write_stages(self.run.plots / "progress.png", self.grid.pictures)
            callbacks.SampleMovie(self.run.samples / "samples.gif", self.grid).write()
        if self.evaluate and self.evaluate.best:  # which there is if any samples were finite
            plots.write_evaluations(self.run.plots / "evaluations.png", self.run.evaluations)


def _acting(decay, *, steps):
    """The callbacks by which a training goes another way, in every process."""
    falling = [callbacks.DecayLearningRates(decay, steps=steps)] if decay is not None else []
    return [callbacks.StopOnNotFinite(), *falling]
