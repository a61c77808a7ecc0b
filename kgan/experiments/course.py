"""A curriculum of one network, written down round by round."""

from kgan.callbacks import DivergedError
from kgan.experiments.records import INTERRUPTED, OUT_OF_MEMORY, standing_by_the_last_checkpoint
from kgan.palindrome import CurriculumResult
from kgan.saving import NotFiniteError


class Course:
    """A curriculum that leaves its rounds, its stages and its model in the records of a run.

    The model is saved after each length, and a checkpoint written there and after rounds, so that nothing
    is lost if the run is killed.

    Args:
        model: `keras.Model` that is named as its network.
        curriculum: `kgan.palindrome.Curriculum`.
        records: `kgan.experiments.records.Records`.
    """

    def __init__(self, model, curriculum, *, records):
        self.model = model
        self.curriculum = curriculum
        self.records = records
        self._checkpoint = records.checkpoint(self._at)
        self._checkpoint.set_model(model)

    def follow(self, progress=None, *, is_written=False):
        """Run the curriculum; whatever ends it, what it reached is kept.

        Args:
            progress: `kgan.palindrome.Progress` of the model, or None for the start.
            is_written: Whether the last checkpoint is of that progress.
        """
        records = self.records
        records.interrupt.check()
        done = progress.stages if progress else ()
        records.take_up(self.model.name, lengths=[stage.length for stage in done])
        records.open(self.model)
        self._take_up(progress, is_written=is_written)
        hooks = {
            "on_round": self._keep_round,
            "on_stage": self._keep_stage,
            "on_progress": self._keep_progress,
        }
        try:
            self.curriculum.run(self.model, **hooks, callbacks=[records.interrupt], progress=progress)
        except KeyboardInterrupt:
            self._interrupt()
            raise
        except NotFiniteError as error:
            raise DivergedError(f"{self.model.name}: {error}", step=self._steps_before) from error
        self._conclude(interrupted=False)

    def _at(self):
        return {"network": self.model.name, "progress": self._progress and self._progress.described()}

    def _take_up(self, progress, *, is_written):
        self._progress, self._is_written = progress, is_written
        self._stages = list(progress.stages) if progress else []
        self._steps_before = sum(stage.steps for stage in self._stages)  # of the lengths before
        self._begin_stage()
        if progress and progress.stage:
            self._so_far, self._rounds = progress.stage, progress.rounds + 1
        if progress and not is_written:
            self._checkpoint.write()  # the model's file, of which it is, will soon be a later one
            self._is_written = True

    def _keep_progress(self, progress):
        """Write a checkpoint where a length has ended, or where the last is old enough."""
        self._progress, self._is_written = progress, False
        before = self._checkpoint.last
        if progress.stage is None:
            self._checkpoint.write()
        else:
            self._checkpoint.on_epoch_end(progress.rounds)
        self._is_written = self._checkpoint.last is not before

    def _interrupt(self):
        """Write a checkpoint first of all, for whoever sent the signal may not wait."""
        if self.records.interrupt.finished_step and not self._is_written:
            with standing_by_the_last_checkpoint():
                self._checkpoint.write()
        if self._so_far is not None:
            self._keep(self._so_far, note=INTERRUPTED)
        self._conclude(interrupted=True)

    def _conclude(self, *, interrupted):
        stages = [*self._stages, self._so_far] if self._so_far is not None else self._stages
        result = CurriculumResult(self.curriculum.lengths, tuple(stages), interrupted)
        progress = self._at()["progress"]
        self.records.conclude(self.model.name, result.verdict, progress=progress)

    def _begin_stage(self):
        self._so_far, self._rounds = None, 0
        for length in self.curriculum.lengths[len(self._stages) :][:1]:
            self.records.begin(self.model.name, length)

    def _keep_round(self, stage):
        new_steps = stage.steps - (self._so_far.steps if self._so_far else 0)
        self.records.add_round(
            {
                "epoch": self._rounds,  # 0 before any training at this length
                "step": self._steps_before + stage.steps,
                "val_loss": stage.loss,
                "val_accuracy": stage.accuracy,
                "learning_rate": stage.learning_rate,
            },
            new_steps=new_steps,
        )
        self._so_far = stage
        self._rounds += 1

    def _keep_stage(self, stage):
        self._stages.append(stage)
        self._keep(stage, note=OUT_OF_MEMORY if stage.out_of_memory else "")
        self._steps_before += stage.steps
        self._begin_stage()

    def _keep(self, stage, *, note):
        network = self.model.name
        self.records.run.save_model(self.model, network)
        self.records.add(
            network, stage.length, seconds=stage.seconds, first_step=self._steps_before, note=note
        )
