"""What a curriculum trains, keeps, undoes and says."""

import dataclasses
import json

import keras
import numpy as np
import pytest

from kgan.palindrome import (
    Curriculum,
    CurriculumResult,
    Progress,
    Stage,
    compile_recaller,
    digit_recaller,
    draw_palindromes,
    lengths_between,
)
from kgan.palindrome.memory import is_out_of_memory
from kgan.saving import NotFiniteError
from support.networks import same_bits, values

HELD_OUT = 50
LOSS_OF_ONES = -np.log(np.exp(2) / (np.exp(2) + 9))  # where every w_d is 1


class Recall(keras.layers.Layer):
    """Logits: 2 w_d for the first digit d, 0 for the others. So d is right where w_d > 0."""

    def build(self, input_shape):
        self.w = self.add_weight(shape=(10,), initializer="zeros")

    def call(self, inputs):
        return 2 * self.w * inputs[:, 0]


def recaller(right, *, learning_rate=1.0, momentum=0.0):
    """A compiled model that is right of the digits below `right`."""
    model = keras.Sequential([keras.Input((None, 10)), Recall()])
    compile_recaller(model, keras.optimizers.SGD(learning_rate, momentum=momentum))
    model.weights[0].assign(weights(right))
    return model


def weights(right, size=1.0):
    return np.where(np.arange(10) < right, size, -size).astype("float32")


def curriculum(*lengths, **settings):
    defaults = {"batch_size": 16, "round_steps": 5, "max_steps": 15, "target_loss": None}
    defaults |= {"num_validation": HELD_OUT, "chunk": 25}
    return Curriculum(lengths=lengths or (6,), **defaults | settings)


def share(right, length=6):
    """Share of the held-out palindromes that end in a digit below `right`."""
    return (draw_palindromes(HELD_OUT, length, part="validation", seed=0)[:, -1] < right).mean()


def script(model, *rounds):
    """Let each call of `fit` assign the next weights, or raise the next error."""
    rounds = iter(rounds)

    def fit(*_, **__):
        outcome = next(rounds)
        if isinstance(outcome, BaseException):
            model.weights[0].assign(weights(0))
            raise outcome
        model.weights[0].assign(outcome)

    model.fit = fit


def stage(length, accuracy, **settings):
    return Stage(length=length, accuracy=accuracy, learning_rate=0.1, **settings)


def test_what_is_right_already_is_not_trained():
    model = recaller(10)
    script(model)  # a round would raise StopIteration
    result = curriculum(4, 5, 100).run(model)
    assert [(s.length, s.accuracy_before, s.accuracy, s.steps) for s in result.stages] == [
        (4, 1, 1, 0),
        (5, 1, 1, 0),
        (100, 1, 1, 0),
    ]
    assert result.solved
    assert result.reached == 100
    assert result.verdict == "Solved every length up to 100: 100 % after 0 steps in all."


def test_a_length_is_evaluated_before_it_is_trained_and_trained_until_it_is_right():
    model, rounds = recaller(0), []
    result = curriculum(6, 7, max_steps=1000).run(model, on_round=rounds.append)
    assert result.solved
    assert rounds[0].accuracy_before == rounds[0].accuracy == share(0) == 0
    assert [s.steps for s in rounds if s.length == 6] == list(range(0, result.stages[0].steps + 1, 5))
    assert result.stages[0].steps > 0 == result.stages[1].steps
    assert all(s.accuracy < 1 for s in rounds if s.length == 6 and s.steps < result.stages[0].steps)
    assert np.all(values(model.weights)[0] > 0)


def test_held_out_palindromes_are_of_the_validation_part_and_evaluated_in_chunks():
    model, seen = recaller(10), []
    evaluate = model.evaluate
    model.evaluate = lambda data, **options: [seen.append(data), evaluate(data, **options)][1]
    curriculum(9, seed=3, chunk=20).run(model)
    np.testing.assert_array_equal(seen[0].digits, draw_palindromes(HELD_OUT, 9, part="validation", seed=3))
    assert [len(seen[0][i][1]) for i in range(len(seen[0]))] == [20, 20, 10]


def test_the_loss_is_that_of_the_best_weights():
    model = recaller(10)
    (solved,) = curriculum().run(model).stages
    assert solved.loss == pytest.approx(LOSS_OF_ONES, rel=1e-5)


def test_a_worse_round_is_undone_and_lowers_the_rate():
    model = recaller(3, learning_rate=0.8)
    script(model, weights(5), weights(4), weights(2))
    result = curriculum().run(model)
    (last,) = result.stages
    assert (last.accuracy_before, last.accuracy) == (share(3), share(5))
    assert last.steps == 15
    assert same_bits(values(model.weights), [weights(5)])
    assert last.learning_rate == float(model.optimizer.learning_rate) == pytest.approx(0.2)
    assert result.verdict == (
        f"Stopped at length 6: {100 * share(5):g} % after 15 steps; no length was solved."
    )


def test_unsolved_rounds_are_compared_by_their_loss():
    model = recaller(5, learning_rate=0.8)
    script(model, weights(5, 0.5), weights(5, 0.8), weights(5, 0.1))  # the wrong ones cost less when small
    (last,) = curriculum().run(model).stages
    assert same_bits(values(model.weights), [weights(5, 0.1)])
    assert last.learning_rate == pytest.approx(0.4)


def test_a_round_that_ends_in_nan_is_undone():
    model = recaller(5)
    script(model, np.full(10, np.nan), weights(6), weights(10))
    assert curriculum().run(model).solved
    assert float(model.optimizer.learning_rate) == 0.5


def test_the_rate_is_not_lowered_below_its_least_share():
    model = recaller(5, learning_rate=0.4)
    script(model, *[weights(4)] * 3)
    (last,) = curriculum(least_rate=0.3).run(model).stages
    assert last.learning_rate == pytest.approx(0.12)


def test_training_that_has_begun_goes_on_until_the_loss_is_low_enough():
    model = recaller(9)
    script(model, weights(10, 0.5), weights(9, 3), weights(10))
    result = curriculum(target_loss=1.0).run(model)
    # After the second round fewer are right at a lower loss: what is solved stays solved.
    assert [s.steps for s in result.stages] == [15]
    assert result.stages[0].loss == pytest.approx(LOSS_OF_ONES, rel=1e-5)
    assert result.stages[0].learning_rate == 0.5


def test_what_is_right_before_training_is_not_trained_for_its_loss():
    model = recaller(10)
    script(model)
    assert curriculum(target_loss=0.1).run(model).solved


def test_a_length_that_ends_right_at_too_high_a_loss_is_solved_all_the_same():
    model = recaller(9)
    script(model, *[weights(10)] * 3)
    (last,) = curriculum(target_loss=0.1).run(model).stages
    assert last.solved
    assert last.steps == 15


def test_an_undone_round_leaves_no_trace_in_the_optimizer():
    model = recaller(10, momentum=0.9)
    model.weights[0].assign(weights(9))
    before = values(model.optimizer.variables)
    model.optimizer.learning_rate = before[1]
    evaluations = iter([{"accuracy": 0.5, "loss": 1.0}, {"accuracy": 0.4, "loss": 1.0}])
    model.evaluate = lambda *_, **__: next(evaluations)
    curriculum(max_steps=1).run(model)
    after = values(model.optimizer.variables)
    assert np.any(before[1] != after[1])  # the rate
    assert same_bits([before[0], *before[2:]], [after[0], *after[2:]][: len(before) - 1])
    assert not np.any(after[2])  # the momentum


def test_weights_and_rate_are_carried_over_to_the_next_length():
    model = recaller(5)
    script(model, weights(4), weights(10), weights(10))
    result = curriculum(6, 8).run(model)
    assert [s.accuracy_before for s in result.stages] == [share(5), 1]
    assert [s.learning_rate for s in result.stages] == [0.5, 0.5]


def test_the_length_that_the_budget_does_not_solve_is_the_last():
    model = recaller(10)
    evaluate, lengths = model.evaluate, []

    def failing_at_8(data, **options):
        lengths.append(data.digits.shape[1])
        return evaluate(data, **options) | ({"accuracy": 0.93} if lengths[-1] == 8 else {})

    model.evaluate = failing_at_8
    result = curriculum(6, 8, 10, num_validation=1000).run(model)
    assert result.reached == 6
    assert not result.solved
    assert lengths == [6, 8, 8, 8, 8]
    assert result.verdict == "Stopped at length 8: 93 % after 15 steps; reached 6."


def test_running_out_of_memory_keeps_what_was_reached():
    model = recaller(2)
    error = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")
    script(model, weights(10))
    trained = curriculum(6).run(model)
    model.weights[0].assign(weights(7))
    script(model, weights(8), error)
    result = curriculum(8, 10).run(model)
    assert trained.solved
    assert [(s.length, s.steps, s.out_of_memory) for s in result.stages] == [(8, 5, True)]
    assert result.stages[0].accuracy == share(8, length=8)
    assert same_bits(values(model.weights), [weights(8)])
    assert result.verdict == (
        "Out of memory at length 8, after 5 steps there; no length was solved. "
        "Lower --batch-size or --chunk, or give an LSTM --checkpoint sqrt."
    )


def test_running_out_of_memory_beyond_100_percent_ends_the_curriculum_too():
    model = recaller(2)
    script(model, weights(10), MemoryError())
    result = curriculum(6, 8, target_loss=0.1).run(model)
    assert [(s.accuracy, s.out_of_memory) for s in result.stages] == [(1, True)]
    assert result.verdict.startswith("Out of memory at length 6, after 5 steps there; reached 6.")


def test_an_evaluation_that_runs_out_of_memory_ends_the_curriculum_too():
    model = recaller(10)
    evaluate = model.evaluate

    def limited(data, **options):
        if data.digits.shape[1] > 8:
            raise MemoryError
        return evaluate(data, **options)

    model.evaluate = limited
    result = curriculum(8, 16, 32).run(model)
    assert [(s.length, s.accuracy_before, s.accuracy) for s in result.stages] == [(8, 1, 1), (16, None, None)]
    assert result.reached == 8
    assert "Out of memory at length 16, after 0 steps there; reached 8." in result.verdict


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("shapes do not match")])
def test_other_errors_pass_once_the_best_weights_are_restored(error):
    model, stages = recaller(5), []
    script(model, weights(10), weights(10), error)
    evaluate = model.evaluate
    model.evaluate = lambda data, **options: (
        evaluate(data, **options) | ({"accuracy": 0.5} if data.digits.shape[1] == 8 else {})
    )
    with pytest.raises(type(error)):
        curriculum(6, 8).run(model, on_stage=stages.append)
    assert [s.length for s in stages] == [6]
    assert same_bits(values(model.weights), [weights(10)])
    assert CurriculumResult((6, 8), tuple(stages)).verdict == "Interrupted after 5 steps: reached 6."


def test_a_step_that_fails_leaves_a_model_that_can_be_used():
    model = recaller(5, momentum=0.9)

    def train_step(*_):
        raise MemoryError

    model.train_step = train_step
    (last,) = curriculum().run(model).stages
    assert last.out_of_memory
    assert same_bits(values(model.weights), [weights(5)])
    assert not np.any(values(model.optimizer.variables)[2])
    assert model.evaluate(np.eye(10)[:, None], np.arange(10), verbose=0)[1] == pytest.approx(0.5)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_weights_that_are_not_finite_before_training_are_named_and_not_trained(wrong):
    model = recaller(5)
    model.weights[0].assign(weights(10) * wrong)
    script(model)  # a round would raise StopIteration
    with pytest.raises(NotFiniteError) as raised:
        curriculum().run(model)
    assert str(raised.value).startswith(
        f"Before any training at length 6, after step 0, {model.weights[0].path} holds values"
    )


def test_a_loss_that_is_not_finite_before_training_is_named_and_not_trained():
    model = recaller(9)
    script(model, weights(10))
    evaluate = model.evaluate
    model.evaluate = lambda data, **options: (
        evaluate(data, **options) | ({"loss": np.nan} if data.digits.shape[1] == 8 else {})
    )
    with pytest.raises(NotFiniteError, match="at length 8, after step 5, the loss is nan"):
        curriculum(6, 8).run(model)
    assert same_bits(values(model.weights), [weights(10)])


def test_a_round_that_leaves_the_optimizer_not_finite_is_undone():
    model = recaller(5, momentum=0.9)

    def fit(*_, **__):
        model.weights[0].assign(weights(10))
        model.optimizer.variables[2].assign(np.full(10, np.inf))

    model.fit = fit
    (last,) = curriculum(max_steps=1).run(model).stages
    assert last.accuracy == share(5)
    assert same_bits(values(model.weights), [weights(5)])
    assert not np.any(values(model.optimizer.variables)[2])


class PressCtrlC(keras.callbacks.Callback):
    """Raises KeyboardInterrupt in the n-th training step that it sees."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def on_train_batch_end(self, batch, logs=None):
        self.step -= 1
        if self.step == 0:
            raise KeyboardInterrupt


class Course:
    """A small curriculum whose last rounds at length 4 are undone, and what it tells of itself."""

    lengths = (4, 7)
    max_steps = 60

    def __init__(self):
        keras.utils.set_random_seed(0)
        self.model = digit_recaller("lstm", units=16, encoding="one-hot")
        compile_recaller(self.model, keras.optimizers.Adam(0.1))
        rng = np.random.default_rng(0)  # the same on every backend
        for variable in self.model.trainable_variables:
            variable.assign(rng.normal(0, 0.5, variable.shape))
        self.model.optimizer.build(self.model.trainable_variables)
        self.rounds, self.boundaries = [], []

    def variables(self):
        return [*self.model.variables, *self.model.optimizer.variables]

    def put(self, state):
        for variable, value in zip(self.variables(), state, strict=True):
            variable.assign(value)

    def run(self, **options):
        """The result without the seconds, which are never the same."""
        settings = {"batch_size": 32, "round_steps": 10, "max_steps": self.max_steps, "num_validation": 40}
        course = curriculum(*self.lengths, **settings, target_loss=0.1)
        hooks = {"on_round": self.rounds.append, "on_progress": self._keep}
        return [timeless(stage) for stage in course.run(self.model, **hooks, **options).stages]

    def _keep(self, progress):
        self.boundaries.append((json.dumps(progress.described()), values(self.variables())))


def timeless(stage):
    return dataclasses.replace(stage, seconds=0.0)


@pytest.fixture(scope="module")
def whole():
    """A course that nothing interrupted, and its result."""
    course = Course()
    return course, course.run()


def test_the_course_of_these_tests_undoes_a_round_and_trains_at_two_lengths(whole):
    course, (at_4, at_7) = whole
    assert (at_4.steps, at_4.solved, at_7.solved) == (60, True, True)
    assert at_4.learning_rate < 0.1
    assert at_7.steps > 10
    assert len(course.boundaries) == 2 * 2 + at_4.steps // 10 + at_7.steps // 10


def test_progress_as_plain_values_is_the_same_progress(whole):
    for text, _ in whole[0].boundaries:
        assert json.dumps(Progress.of(json.loads(text)).described()) == text
    done, at_7 = (Progress.of(json.loads(whole[0].boundaries[k][0])) for k in (-1, -2))
    assert (done.stage, done.rounds, [stage.length for stage in done.stages]) == (None, 0, [4, 7])
    assert done.steps == at_7.steps == 10 * at_7.rounds + 60


def test_a_curriculum_goes_on_from_its_boundaries_to_the_same_bits(whole):
    course, expected = whole
    before_training, undone, end_of_length, first_of_length = 0, 5, 7, 8
    for text, state in (
        course.boundaries[k] for k in (before_training, undone, end_of_length, first_of_length)
    ):
        later = Course()
        later.put(state)
        progress = Progress.of(json.loads(text))
        assert later.run(progress=progress) == expected
        assert same_bits(values(later.variables()), values(course.variables()))
        told = [timeless(stage) for stage in later.rounds]
        assert told == [timeless(stage) for stage in course.rounds][len(course.rounds) - len(told) :]


@pytest.mark.parametrize("step", [35, 61])
def test_an_interrupt_in_a_round_leaves_the_boundary_before_it_and_goes_on_to_the_same_bits(whole, step):
    course, expected = whole
    torn = Course()
    with pytest.raises(KeyboardInterrupt):
        torn.run(callbacks=[PressCtrlC(step)])
    text, state = torn.boundaries[-1]
    assert same_bits(values(torn.variables()), state)
    later = Course()
    later.put(values(torn.variables()))
    assert later.run(progress=Progress.of(json.loads(text))) == expected
    assert same_bits(values(later.variables()), values(course.variables()))


def test_a_finished_curriculum_goes_on_to_lengths_that_were_added(whole):
    course, expected = whole
    text, state = course.boundaries[-1]
    later = Course()
    later.put(state)
    later.lengths = (4, 7, 8)
    stages = later.run(progress=Progress.of(json.loads(text)))
    assert stages[:2] == expected
    assert {stage.length for stage in later.rounds} == {8}


def test_a_length_that_ended_unsolved_goes_on_with_more_steps_to_the_same_bits(whole):
    course, expected = whole
    short = Course()
    short.max_steps = max(s.steps for s in course.rounds if s.length == 4 and not s.solved)
    (stopped,) = short.run()
    assert (stopped.solved, stopped.steps) == (False, short.max_steps)
    text, state = short.boundaries[-1]
    later = Course()
    later.put(state)
    assert later.run(progress=Progress.of(json.loads(text))) == expected
    assert same_bits(values(later.variables()), values(course.variables()))
    told = [timeless(stage) for stage in (*short.rounds, *later.rounds)]
    assert told == [timeless(stage) for stage in course.rounds]


def test_a_length_without_memory_for_it_is_not_in_hand_again():
    progress = Progress(stages=(stage(6, 0.5, steps=5, out_of_memory=True),), least_rate=1.0)
    assert curriculum(6, 8, max_steps=10).taken_up(progress) is progress


@pytest.mark.parametrize(("in_hand", "max_steps"), [(None, 10), (stage(10, 0.5, steps=5), 15)])
def test_a_length_before_the_last_that_would_have_been_trained_on_is_refused(in_hand, max_steps):
    stages = (stage(6, 1.0, steps=5, loss=0.8), stage(8, 1.0, loss=0.8))
    progress = Progress(stages=stages, stage=in_hand, least_rate=1.0)
    settings = {"target_loss": 0.1}
    assert curriculum(6, 8, 10, max_steps=5, **settings).taken_up(progress) is progress
    with pytest.raises(ValueError, match="Length 6 has ended after 5 steps, and with these settings"):
        curriculum(6, 8, 10, max_steps=max_steps, **settings).taken_up(progress)


def test_callbacks_see_the_steps_and_the_evaluations():
    class Seeing(keras.callbacks.Callback):
        trained = tested = 0

        def on_train_batch_end(self, batch, logs=None):
            self.trained += 1

        def on_test_batch_end(self, batch, logs=None):
            self.tested += 1

    seeing = Seeing()
    curriculum(max_steps=5).run(recaller(5, learning_rate=1e-6), callbacks=[seeing])
    assert (seeing.trained, seeing.tested) == (5, 2 * 2)


def test_where_memory_ran_out_is_no_place_to_go_on_from():
    model, told = recaller(2), []
    script(model, MemoryError())
    curriculum(6, 8).run(model, on_progress=told.append)
    assert [(len(progress.stages), progress.stage.steps) for progress in told] == [(0, 0)]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 8"),
            True,
        ),
        (type("OutOfMemoryError", (RuntimeError,), {})("CUDA: tried to allocate 2 GiB"), True),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 8 bytes"), True),
        (type("ResourceExhaustedError", (Exception,), {})("OOM when allocating tensor"), True),
        (RuntimeError("a shape of (2, 3) does not fit"), False),
        (KeyboardInterrupt("out of memory"), False),
    ],
)
def test_each_backends_way_to_say_that_memory_ran_out_is_known(error, expected):
    assert is_out_of_memory(error) is expected


def test_a_small_network_learns_short_palindromes():
    keras.utils.set_random_seed(0)
    model = digit_recaller("lstm", units=16, encoding="one-hot")
    compile_recaller(model, keras.optimizers.Adam(0.02))
    stages = (
        curriculum(5, 6, batch_size=64, round_steps=25, max_steps=400, num_validation=200).run(model).stages
    )
    assert [s.accuracy for s in stages] == [1, 1]
    assert stages[0].accuracy_before < 0.5 < stages[1].accuracy_before
    assert stages[0].steps > 0


@pytest.mark.parametrize(
    ("stages", "verdict"),
    [
        ([], "Interrupted after 0 steps: no length was solved."),
        ([stage(10, 1.0, steps=20)], "Interrupted after 20 steps: reached 10."),
        ([stage(10, 1.0), stage(2000, 0.9999)], "Stopped at length 2,000: 99.9 % after 0 steps; reached 10."),
        (
            [stage(10, 1.0, steps=1200), stage(2000, 1.0)],
            "Solved every length up to 2,000: 100 % after 1,200",
        ),
    ],
)
def test_the_verdict_says_where_it_ended(stages, verdict):
    assert CurriculumResult((10, 2000), tuple(stages)).verdict.startswith(verdict)


def test_lengths_grow_by_steps_then_by_a_factor_that_ends_at_the_last():
    tens = tuple(range(10, 151, 10))
    assert lengths_between(10, 150) == tens
    assert lengths_between(10, 10_000) == (*tens, 273, 498, 907, 1653, 3012, 5488, 10_000)
    assert lengths_between(10, 25) == (10, 20, 25)
    assert lengths_between(10, 10) == (10,)
    assert lengths_between(200, 500, factor=1.5) == (200, 271, 368, 500)
    assert lengths_between(2, 6, step=1, until=3, factor=1.01) == (2, 3, 4, 5, 6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: curriculum(10, 10), r"`lengths` must be increasing, got \(10, 10\)."),
        (lambda: curriculum(20, 10), r"`lengths` must be increasing, got \(20, 10\)."),
        (lambda: curriculum(1, 10), r"`lengths` must be integers of at least 2, got \(1, 10\)."),
        (lambda: curriculum(2.5, 10), r"`lengths` must be integers of at least 2, got \(2.5, 10\)."),
        (lambda: Curriculum(lengths=()), r"`lengths` must be integers of at least 2, got \(\)."),
        (lambda: curriculum(chunk=0), "`chunk` must be a positive integer, got 0."),
        (lambda: curriculum(encoding="x"), "`encoding` must be one of one-hot, scalar, got 'x'."),
        (lambda: curriculum(decay=1), r"`decay` must be a number in \(0, 1\), got 1."),
        (lambda: curriculum(least_rate=0), r"`least_rate` must be a number in \(0, 1\], got 0."),
        (lambda: curriculum(target_loss=0), "`target_loss` must be a positive number or None, got 0."),
        (lambda: curriculum(seed=-1), r"`seed` must be an integer in \[0, 2\*\*31\), got -1."),
        (
            lambda: curriculum().run(keras.Sequential(name="m")),
            "`model` must be compiled, as by .*, got 'm'.",
        ),
        (
            lambda: curriculum(6).run(
                recaller(5), progress=Progress(stages=(stage(5, 1.0),), least_rate=1.0)
            ),
            r"`progress` must be of lengths that begin as \(6,\), got \(5,\).",
        ),
        (lambda: lengths_between(1, 9), "`first` must be an integer of at least 2, got 1."),
        (lambda: lengths_between(10, 9), "`last` must be an integer of at least `first`, 10, got 9."),
        (lambda: lengths_between(2, 9, step=0), "`step` must be a positive integer, got 0."),
        (lambda: lengths_between(2, 9, factor=1.0), "`factor` must be a number above 1, got 1.0."),
    ],
)
def test_what_breaks_a_rule_is_named_with_its_value(make, message):
    with pytest.raises(ValueError, match=message):
        make()
