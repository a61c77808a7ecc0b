import csv
import math

import keras
import numpy as np
import pytest

import kgan
from kgan.callbacks import Best, EpochLog, Evaluate
from kgan.evaluation import quick_judge
from support.networks import same_bits, small_gan, small_images, values

IMAGES = small_images(20, (4, 4, 1))
COLUMNS = [
    "step",
    "frechet",
    "frechet_floor",
    "total_variation",
    "confidence",
    "duplicates",
    *(f"share_{k}" for k in range(10)),
]


class Judge:
    """Gives these distances, one after the other, and keeps what it was asked about."""

    def __init__(self, *distances):
        self.distances, self.asked = list(distances), []

    def __call__(self, images):
        self.asked.append(images)
        return {"frechet": self.distances.pop(0), "total_variation": 0.25, "share_7": 1}


def trained(evaluate, *, epochs=2, behind=(), gan=None):
    gan = small_gan(image_shape=(4, 4, 1), dropout=0.5) if gan is None else gan
    return gan, gan.fit(IMAGES, batch_size=8, epochs=epochs, verbose=0, callbacks=[evaluate, *behind])


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_every_n_steps_and_after_the_last_with_what_the_judge_says(tmp_path):
    judge = Judge(3, 2.5)
    evaluate = Evaluate(tmp_path / "new" / "e.csv", every_steps=4, samples=5, seed=3, judge=judge)
    gan, _ = trained(evaluate)  # 6 steps
    rows = rows_of(evaluate.path)
    assert list(rows[0]) == COLUMNS
    assert [(row["step"], row["frechet"], row["share_7"], row["share_0"]) for row in rows] == [
        ("4", "3.0", "1.0", ""),
        ("6", "2.5", "1.0", ""),
    ]
    np.testing.assert_array_equal(judge.asked[-1], gan.sample(5, seed=3))


def test_an_evaluation_at_an_epochs_end_is_not_made_twice(tmp_path):
    for interval, steps in (({"every_epochs": 1}, [3, 6]), ({"every_steps": 3}, [3, 6]), ({}, [3, 6])):
        evaluate = Evaluate(tmp_path / "e.csv", samples=2, judge=Judge(3, 2), **interval)
        trained(evaluate)
        assert [row["step"] for row in evaluate.rows] == steps


def test_the_model_of_the_lowest_distance_is_kept(tmp_path):
    best = tmp_path / "best.keras"
    judge = Judge(3, 1, 1, 2, 2)
    evaluate = Evaluate(tmp_path / "e.csv", every_steps=2, samples=5, best_model=best, judge=judge)
    gan, _ = trained(evaluate, epochs=3)  # 9 steps, evaluated after 2, 4, 6, 8 and 9
    assert evaluate.best == Best(step=4, value=1.0)
    kept = kgan.load_model(best)
    assert int(kept.step.value) == 4
    np.testing.assert_allclose(kept.sample(5, seed=0), judge.asked[1], atol=1e-6)
    assert int(gan.step.value) == 9


def test_logs_of_each_epoch_hold_the_last_values_and_nan_before_the_first(tmp_path):
    log = EpochLog(tmp_path / "log.csv")
    evaluate = Evaluate(tmp_path / "e.csv", every_steps=4, samples=2, judge=Judge(3, 2))
    _, fitted = trained(evaluate, behind=[log])
    assert math.isnan(fitted.history["frechet"][0])
    assert (fitted.history["frechet"][1], fitted.history["total_variation"][1]) == (2, 0.25)
    rows = rows_of(log.path)
    assert [row["frechet"] for row in rows] == ["nan", "2.0"]
    assert rows[1]["total_variation"] == "0.25"


def test_evaluations_with_the_shipped_judge_do_not_change_the_training(tmp_path):
    def weights(callbacks):
        gan = small_gan(image_shape=(28, 28, 1), dropout=0.5, batch_norm=True)
        gan.fit(small_images(16, (28, 28, 1)), batch_size=8, epochs=2, verbose=0, callbacks=callbacks)
        return gan, values([*gan.weights, *gan.optimizer.variables])

    evaluate = Evaluate(tmp_path / "e.csv", every_steps=1, samples=64, best_model=tmp_path / "best.keras")
    gan, watched = weights([evaluate])
    assert same_bits(watched, weights([])[1])
    assert [row["step"] for row in evaluate.rows] == [1, 2, 3, 4]
    expected = quick_judge(gan.sample(64, seed=0))
    assert list(evaluate.rows[-1]) == COLUMNS
    assert evaluate.rows[-1] == pytest.approx({"step": 4} | expected)


def test_samples_that_are_not_finite_are_an_empty_row(tmp_path):
    gan = small_gan(image_shape=(4, 4, 1))
    gan.generator.trainable_variables[0].assign(np.full((3, 8), np.nan))
    evaluate = Evaluate(tmp_path / "e.csv", samples=2, best_model=tmp_path / "best.keras", judge=Judge())
    _, fitted = trained(evaluate, epochs=1, gan=gan)
    assert [list(row.values()) for row in rows_of(evaluate.path)] == [["3", *[""] * 15]]
    assert evaluate.best is None
    assert math.isnan(fitted.history["frechet"][0])
    assert not evaluate.best_model.exists()


def test_a_judge_or_a_disk_that_fails_costs_a_row_or_a_file_but_not_the_training(tmp_path, caplog):
    def failing(images):
        if len(judged) == 1:
            raise RuntimeError("out of memory")
        return {"frechet": 2.0}

    judged = []
    (tmp_path / "taken").write_text("")
    evaluate = Evaluate(
        tmp_path / "e.csv",
        every_steps=3,
        samples=2,
        best_model=tmp_path / "taken" / "best.keras",
        judge=lambda images: judged.append(1) or failing(images),
    )
    gan, _ = trained(evaluate)  # 6 steps, the first evaluation fails
    assert int(gan.step.value) == 6
    assert [row["frechet"] for row in rows_of(evaluate.path)] == ["", "2.0"]
    first, second = (record.message for record in caplog.records)
    assert first == "kgan: the samples were not judged: out of memory"
    assert second.startswith("kgan: the best model so far was not saved:")


class Interrupting(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 2:
            raise KeyboardInterrupt


def test_rows_are_on_the_disk_where_training_is_interrupted_and_a_second_fit_adds_to_them(tmp_path):
    evaluate = Evaluate(tmp_path / "e.csv", every_steps=2, samples=2, judge=Judge(3, 2, 1))
    gan = small_gan(image_shape=(4, 4, 1))
    with pytest.raises(KeyboardInterrupt):
        trained(evaluate, gan=gan, behind=[Interrupting()])
    evaluate.close()
    assert [row["step"] for row in rows_of(evaluate.path)] == ["2"]
    trained(evaluate, gan=gan, epochs=1)  # steps 4, 5, 6
    assert [row["step"] for row in rows_of(evaluate.path)] == ["2", "4", "6"]


def test_there_is_no_file_before_the_first_row(tmp_path):
    evaluate = Evaluate(tmp_path / "e.csv", every_steps=4, samples=2, judge=Judge())
    with pytest.raises(KeyboardInterrupt):
        trained(evaluate, behind=[Interrupting()])
    evaluate.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every_steps": 0}, "`every_steps` must be a positive integer, got 0"),
        ({"every_steps": 1, "every_epochs": 1}, "Give one of `every_steps` and `every_epochs`, got 1 and 1"),
        ({"samples": 0}, "`samples` must be a positive integer, got 0"),
        ({"samples": 63}, "`samples` must be at least 64, the number of features, .* got 63"),
        ({"seed": -1}, r"`seed` must be an integer in \[0, 2\*\*31\), got -1"),
        ({"judge": "frechet"}, "`judge` must be a function of images, or None, got 'frechet'"),
    ],
)
def test_bad_options_are_named(options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        Evaluate(tmp_path / "e.csv", **options)


def test_images_that_the_shipped_judge_cannot_read_are_refused_before_training(tmp_path):
    with pytest.raises(
        ValueError, match=r"`image_shape` must be \(28, 28, 1\), .* give `judge`, got \(4, 4, 1\)"
    ):
        trained(Evaluate(tmp_path / "e.csv"))
