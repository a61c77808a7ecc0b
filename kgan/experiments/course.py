"""A curriculum of one network, written down round by round."""

from kgan.experiments.records import INTERRUPTED, OUT_OF_MEMORY
from kgan.palindrome import CurriculumResult


class Course:
    """A curriculum that leaves its rounds, its stages and its model in the records of a run.

    The model is saved after each length, so that nothing is lost if the run is killed.

    Args:
        model: `keras.Model` that is named as its network.
        curriculum: `kgan.palindrome.Curriculum`.
        records: `kgan.experiments.records.Records`.
    """

    def __init__(self, model, curriculum, *, records):
        self.model = model
        self.curriculum = curriculum
        self.records = records
        self._stages = []
        self._steps_before = 0  # of the lengths before

    def follow(self):
        """Run the curriculum; whatever ends it, what it reached is kept."""
        records = self.records
        records.open(self.model)
        self._begin_stage()
        try:
            self.curriculum.run(self.model, on_round=self._keep_round, on_stage=self._keep_stage)
        except KeyboardInterrupt:
            if self._so_far is not None:
                self._keep(self._so_far, note=INTERRUPTED)
            self._conclude(interrupted=True)
            raise
        self._conclude(interrupted=False)

    def _conclude(self, *, interrupted):
        stages = [*self._stages, self._so_far] if self._so_far is not None else self._stages
        result = CurriculumResult(self.curriculum.lengths, tuple(stages), interrupted)
        self.records.conclude(self.model.name, result.verdict)

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
