"""The training of one network at one length, from the start or from a checkpoint."""

import copy

from kgan.backend import ranks
from kgan.batches import NumberedEpochs
from kgan.callbacks import DivergedError, StopOnNotFinite
from kgan.experiments.records import standing_by_the_last_checkpoint
from kgan.experiments.resuming import lower_rates, rolled_back
from kgan.saving import NotFiniteError, fit_from


class Recall:
    """A training that leaves its evaluations, its checkpoints and its model in the records of a run.

    Args:
        model: `keras.Model` that is named as its network, as it is at `saved`.
        length: Digits of a palindrome.
        data: Training and validation palindromes.
        records: `kgan.experiments.records.Records`.
        saved: `kgan.saving.Saved` of this training, or None for its start.
    """

    def __init__(self, model, length, data, *, records, saved=None):
        self.model, self.length, self.data = model, length, data
        self.records = records
        self._saved = saved
        at = saved.state["own"]["at"] if saved else {}
        self._before, self._has_rolled_back = at.get("seconds", 0.0), at.get("rolled_back", False)

    def follow(self):
        """Train to the end, or until short memory or an interrupt ends it."""
        save_as = f"{self.model.name}-{self.length:02d}"
        recorded = self.records.training(self.model, self.length, save_as=save_as, seconds=self._before)
        with recorded as self._elapsed:
            while not self._has_ended():
                pass

    def _has_ended(self):
        """Train; False if numbers were no longer finite and it is to go on from an earlier checkpoint."""
        self._checkpoint = self.records.checkpoint(self._at)
        try:
            self._fit()
        except KeyboardInterrupt:
            if self.records.interrupt.finished_step:
                with standing_by_the_last_checkpoint():
                    self._checkpoint.write_last()  # before anything that takes time
            raise
        except (DivergedError, NotFiniteError) as error:
            if ranks.number > 1 and isinstance(error, NotFiniteError):
                raise  # out of a checkpoint of the first: the others have gone on
            self._go_back(error)
            return False
        return True

    def _at(self):
        where = {"network": self.model.name, "length": self.length}
        return where | {"seconds": self._elapsed(), "rolled_back": self._has_rolled_back}

    def _fit(self):
        ranks.share_steps(self.model)
        preset, records, saved = self.records.preset, self.records, self._saved
        training, validation = self.data
        first = saved.fit_epoch if saved else 0
        # Rather than the optimiser's count, which begins anew where another takes its place.
        step = first * preset.steps_per_evaluation + (saved.batch if saved else 0)
        records.begin(self.model.name, self.length, step=step)
        rounds = Rounds(training, preset.steps_per_evaluation, first_epoch=first)
        used = [StopOnNotFinite(), records.log, *records.bars, self._checkpoint, records.interrupt]
        options = {"callbacks": used, "epochs": preset.num_evaluations, "verbose": 0}
        # The data shuffle themselves, by a seed.
        options |= {"validation_data": validation, "shuffle": False}
        if saved is None:
            self.model.fit(rounds, **options)
        else:
            fit_from(saved, self.model.fit, rounds, model=self.model, **options)

    def _go_back(self, error):
        """To the last checkpoint, with a lower rate, if that was asked for."""
        records, step = self.records, getattr(error, "step", None)
        named = DivergedError(f"{self.model.name}, length {self.length:,}: {error}", step=step)
        allowed = records.preset.on_nan == "rollback" and not self._has_rolled_back
        self._saved = rolled_back(records.run, named, allowed=allowed)
        _assign(self.model, self._saved.load())  # which stays until all processes have come to `fit`
        lower_rates(self.model.optimizer)
        records.restore(self._saved.state["own"]["records"])
        self._has_rolled_back = True


def _assign(model, other):
    """Give a model and its optimiser the numbers of another of the same kind."""
    pairs = zip(model.weights, other.weights, strict=True)
    slots = zip(model.optimizer.variables, other.optimizer.variables, strict=True)
    for variable, value in (*pairs, *slots):
        variable.assign(value)


class Rounds(NumberedEpochs):
    """The batches of a data set from its start, so many an epoch, each going on where the last ended.

    Args:
        data: `NumberedEpochs`, whose batches are functions of its epoch and their index.
        steps: Batches an epoch.
        first_epoch: Number of the epoch that `fit` begins with.
    """

    def __init__(self, data, steps, *, first_epoch=0):
        super().__init__(first_epoch=first_epoch)
        self.data, self.steps = copy.copy(data), steps  # whose epoch is set here

    def __len__(self):
        return self.steps

    def batch(self, index):
        """What the data set has at this index, counted over all epochs."""
        self.data.epoch, batch = divmod(self.epoch * self.steps + index, len(self.data))
        return self.data.batch(batch)
