"""A run that was broken off and resumed ends in the same bits as one that never was."""

import shutil

import keras
import numpy as np
import pytest

import kgan
from kgan import saving
from kgan.batches import NumberedEpochs
from kgan.callbacks import Checkpoint, EpochLog, SampleGrid, StepLog
from kgan.gan.regularizers import R1, GradientPenalty
from kgan.gan.update_policies import Always, EveryK, EveryKEpochs, FixedProbability, KSteps, LossBalanced
from support.networks import same_bits, small_gan, small_images, values

POLICIES = [LossBalanced(), Always(), EveryK(2), EveryKEpochs(2), KSteps(3), FixedProbability(0.4)]
IMAGES = small_images(36, (4, 4, 1))  # five batches of eight, the last of four
EPOCHS = 3


class BreakOff(keras.callbacks.Callback):
    """Ends `fit` by an error after so many steps, as a kill would."""

    def __init__(self, step):
        super().__init__()
        self.step, self.seen = step, 0

    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1
        if self.seen == self.step:
            raise BrokenOffError


class BrokenOffError(Exception):
    pass


def new_gan(**options):
    average = kgan.GeneratorAverage(0.9)
    return small_gan(image_shape=(4, 4, 1), batch_norm=True, dropout=0.3, seed=3, average=average, **options)


def logs_in(folder):
    return [
        SampleGrid(folder / "samples", every_steps=4, rows=2),
        EpochLog(folder / "log.csv"),
        StepLog(folder / "steps.csv", every_steps=3),
    ]


def callbacks_in(folder, **options):
    return [*logs_in(folder), Checkpoint(folder / "checkpoints", **options)]


def train(gan, callbacks, **options):
    gan.fit(IMAGES, batch_size=8, epochs=EPOCHS, verbose=0, callbacks=callbacks, **options)
    return gan


def close(callbacks):
    for callback in callbacks[1:]:  # of a log, what is in no row yet is written: more than a kill leaves
        callback.close()


def broken_off(folder, *, after, policy=None, regularizers=(), **options):
    callbacks = callbacks_in(folder, **options)
    with pytest.raises(BrokenOffError):
        train(new_gan(update_policy=policy, regularizers=regularizers), [*callbacks, BreakOff(after)])
    close(callbacks)


@pytest.fixture(scope="module")
def broken_off_at_8(tmp_path_factory):
    """The folder of a run that ended after step 8, with a checkpoint of every second step."""
    folder = tmp_path_factory.mktemp("broken") / "off"
    broken_off(folder, after=8, every_steps=2)
    return folder


@pytest.fixture
def broken_run(broken_off_at_8, tmp_path):
    """A copy of it for one test."""
    return shutil.copytree(broken_off_at_8, tmp_path / "run")


def resumed(folder, **options):
    saved = saving.Checkpoints(folder / "checkpoints").last()
    return train(saved.load(), callbacks_in(folder, **options), resume=saved)


def left_in(folder):
    """The bytes of all that a run wrote, but for its checkpoints, by name."""
    files = [path for path in folder.rglob("*") if path.is_file() and "checkpoints" not in path.parts]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def state(gan):
    return values([*gan.weights, *gan.optimizer.variables])


def assert_same_run(gan, folder, whole, whole_folder):
    assert same_bits(state(gan), state(whole))
    assert left_in(folder) == left_in(whole_folder)


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_a_resumed_run_is_bit_identical_to_an_uninterrupted_one(policy, tmp_path):
    whole = train(new_gan(update_policy=policy), logs_in(tmp_path / "whole"))
    broken_off(tmp_path / "broken", after=8, policy=policy, every_steps=6)  # two steps after a checkpoint
    gan = resumed(tmp_path / "broken", every_steps=6)
    assert_same_run(gan, tmp_path / "broken", whole, tmp_path / "whole")


def test_a_resumed_run_with_regularisers_is_bit_identical_too(tmp_path):
    options = {"policy": FixedProbability(0.7), "regularizers": (R1(0.3, every=2), GradientPenalty(every=3))}
    gan = new_gan(update_policy=options["policy"], regularizers=options["regularizers"])
    whole = train(gan, logs_in(tmp_path / "whole"))
    broken_off(tmp_path / "broken", after=8, every_steps=6, **options)
    gan = resumed(tmp_path / "broken", every_steps=6)
    assert_same_run(gan, tmp_path / "broken", whole, tmp_path / "whole")
    assert "penalty" in (tmp_path / "broken" / "log.csv").read_text()


TRACED = keras.backend.backend() != "torch"  # each model is compiled anew: a few cases of many there


@pytest.mark.parametrize("every", [1] if TRACED else [1, 5, None])
def test_it_may_be_broken_off_again_and_again_after_any_step(every, tmp_path):
    whole, folder = train(new_gan(), logs_in(tmp_path / "whole")), tmp_path / "broken"
    for after in (1, 5, 14) if TRACED else (1, 4, 5, 6, 14, 15):
        saved = saving.Checkpoints(folder / "checkpoints").last()
        gan, done = (saved.load(), saved.step) if saved else (new_gan(), 0)
        callbacks = callbacks_in(folder, every_steps=every)
        with pytest.raises(BrokenOffError):
            train(gan, [*callbacks, BreakOff(after - done)], resume=saved)
        close(callbacks)
    assert_same_run(resumed(folder, every_steps=every), folder, whole, tmp_path / "whole")


@pytest.mark.skipif(
    keras.backend.backend() == "jax",
    reason="where `fit` is broken off by an error, Keras averages weights that JAX has given away",
)
def test_averaged_weights_take_the_place_of_the_weights_at_the_very_end_alone(tmp_path):
    def averaging():
        gan = new_gan()
        gan.compile(*(keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.9) for _ in range(2)))
        return gan

    whole = train(averaging(), [])
    callbacks = callbacks_in(tmp_path / "broken", every_steps=2)
    with pytest.raises(BrokenOffError):
        train(averaging(), [*callbacks, BreakOff(8)])
    close(callbacks)
    assert same_bits(state(resumed(tmp_path / "broken", every_steps=2)), state(whole))


class StopAfter(keras.callbacks.Callback):
    """Asks `fit` to stop at the end of its first epoch."""

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = True


def test_training_that_a_callback_ends_in_the_resumed_epoch_has_ended(tmp_path):
    broken_off(tmp_path, after=3, every_steps=2)
    saved = saving.Checkpoints(tmp_path / "checkpoints").last()
    callbacks = [*callbacks_in(tmp_path, every_steps=2), StopAfter()]
    gan = train(saved.load(), callbacks, resume=saved)
    assert int(gan.step.value) == 5
    assert not callbacks[1].is_open


def test_a_finished_run_can_be_resumed_and_stays_what_it_is(tmp_path):
    whole = train(new_gan(), callbacks_in(tmp_path))
    before = left_in(tmp_path)
    assert same_bits(state(resumed(tmp_path)), state(whole))
    assert left_in(tmp_path) == before


def test_what_was_logged_after_the_checkpoint_is_not_there_twice(tmp_path):
    broken_off(tmp_path, after=14)  # the last checkpoint is of step 10; rows and pictures of 12 came after
    assert (tmp_path / "samples" / "step-000012.png").is_file()
    resumed(tmp_path)
    steps = [line.split(",")[0] for line in (tmp_path / "steps.csv").read_text().splitlines()]
    assert steps == ["step", "3", "6", "9", "12", "15"]


class Batches(keras.utils.PyDataset):
    """A user's own data set, whose batches depend on the index alone."""

    def __len__(self):
        return 5

    def __getitem__(self, index):
        return (IMAGES[8 * index : 8 * index + 8],)


def test_a_users_data_set_is_exact_at_an_epochs_end_and_said_not_to_be_elsewhere(tmp_path, caplog):
    fit = {"epochs": 2, "verbose": 0}
    whole = new_gan()
    whole.fit(Batches(), **fit)
    for folder, after, exact in ((tmp_path / "end", 6, True), (tmp_path / "midst", 7, False)):
        checkpoint = Checkpoint(folder, every_steps=None if exact else 7)
        with pytest.raises(BrokenOffError):
            new_gan().fit(Batches(), **fit, callbacks=[checkpoint, BreakOff(after)])
        saved = saving.Checkpoints(folder).last()
        gan = saved.load()
        gan.fit(Batches(), **fit, callbacks=[Checkpoint(folder)], resume=saved)
        assert same_bits(state(gan), state(whole)) == exact
        assert ("the epoch begins anew" in caplog.text) != exact


class Numbered(NumberedEpochs):
    """Data of kgan's kind, which can begin within an epoch."""

    def __len__(self):
        return 5

    def batch(self, index):
        return (IMAGES[8 * index : 8 * index + 8],)


def test_data_are_whole_again_after_a_resumed_fit_was_broken_off(tmp_path):
    data, options = Numbered(), {"epochs": 2, "verbose": 0}
    with pytest.raises(BrokenOffError):
        new_gan().fit(data, **options, callbacks=[Checkpoint(tmp_path, every_steps=2), BreakOff(3)])
    saved = saving.Checkpoints(tmp_path).last()
    with pytest.raises(BrokenOffError):
        saved.load().fit(data, **options, callbacks=[Checkpoint(tmp_path), BreakOff(1)], resume=saved)
    assert (saved.batch, data.num_batches) == (2, 5)


def test_a_model_that_is_not_the_checkpoints_is_refused(broken_run):
    saved = saving.Checkpoints(broken_run / "checkpoints").last()
    message = r"`resume` must be a checkpoint of this model, which is at step 0: train `resume.load\(\)`"
    with pytest.raises(ValueError, match=message):
        train(new_gan(), callbacks_in(broken_run), resume=saved)


def test_a_data_loader_that_shuffles_is_exact_at_an_epochs_end(tmp_path):
    def loader():
        images = torch.utils.data.TensorDataset(torch.from_numpy(IMAGES))
        return torch.utils.data.DataLoader(images, batch_size=8, shuffle=True)

    torch = pytest.importorskip("torch")
    fit = {"epochs": 3, "verbose": 0}
    torch.manual_seed(5)
    whole = new_gan()
    whole.fit(loader(), **fit)
    torch.manual_seed(5)
    with pytest.raises(BrokenOffError):
        new_gan().fit(loader(), **fit, callbacks=[Checkpoint(tmp_path), BreakOff(7)])
    torch.manual_seed(6)
    saved = saving.Checkpoints(tmp_path).last()
    gan = saved.load()
    gan.fit(loader(), **fit, callbacks=[Checkpoint(tmp_path)], resume=saved)
    assert same_bits(state(gan), state(whole))


def test_a_training_that_would_replace_anothers_checkpoints_is_refused(broken_run):
    before = sorted((broken_run / "checkpoints").iterdir())
    with pytest.raises(
        ValueError, match=r"holds a checkpoint of step 8: go on from it by `fit` with resume="
    ):
        train(new_gan(), callbacks_in(broken_run, every_steps=2)[-1:])
    assert sorted((broken_run / "checkpoints").iterdir()) == before


def test_fewer_epochs_than_were_begun_are_refused(broken_run):
    saved = saving.Checkpoints(broken_run / "checkpoints").last()
    with pytest.raises(ValueError, match="`epochs` must be at least 2, those that were begun, got 1"):
        saved.load().fit(IMAGES, batch_size=8, epochs=1, resume=saved)


def test_a_metric_that_is_not_finite_is_in_no_checkpoint(tmp_path):
    checkpoint = Checkpoint(tmp_path)
    gan = new_gan()
    gan.fit(IMAGES, batch_size=8, verbose=0, callbacks=[checkpoint])
    gan.metrics_variables[0].assign(np.nan)
    with pytest.raises(
        saving.NotFiniteError, match=r"metric .* not finite at step 5; the last checkpoint is"
    ):
        checkpoint.write()


def test_what_is_no_checkpoint_and_other_batches_are_refused(broken_run):
    with pytest.raises(ValueError, match=r"`resume` must be a kgan.saving.Saved, .* got 'last'"):
        train(new_gan(), [], resume="last")
    saved = saving.Checkpoints(broken_run / "checkpoints").last()
    with pytest.raises(ValueError, match=r"`x` must be of 5 batches, as before.*batch_size, got '9'"):
        saved.load().fit(IMAGES, batch_size=4, epochs=EPOCHS, resume=saved)


def test_the_state_of_training_is_in_the_record(broken_run):
    saved = saving.Checkpoints(broken_run / "checkpoints").last()
    assert (saved.step, saved.epoch, saved.fit_epoch, saved.batch) == (8, 1, 1, 3)
    assert saved.state["seed"] == 3
    assert saved.state["backend"] == keras.backend.backend()
    np.testing.assert_equal(np.shape(saved.state["metrics"]), (12,))  # a total and a count of each of six
    assert kgan.load_model(saved.path / "model.keras").seed == 3
