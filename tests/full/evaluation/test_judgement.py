import json

import numpy as np
import pytest

from kgan.digits import load_digits
from kgan.evaluation import DigitClassifier, Reference, class_shares, judge, quick_judge

NAMES = ["frechet_distance", "kernel_distance"]
NAMES += [f"{name}_k{k}" for k in (3, 5) for name in ("precision", "recall", "density", "coverage")]
NAMES += ["total_variation", "confidence", "duplicates", "memorised", "nearest_training_distance"]


@pytest.fixture(scope="module")
def digits(cache):
    """1,000 digits of MNIST's training set, 100 a class."""
    return load_digits("mnist-5k", "test")


@pytest.fixture(scope="module")
def judged(digits):
    """Judgements of digits as they are, of noise, of one digit again and again, and without 4s."""
    images, labels = digits
    noise = np.random.default_rng(0).uniform(-1, 1, images.shape).astype("float32")
    sets = {"real": images, "noise": noise, "repeated": np.repeat(images[7:8], 1000, 0)}
    return {name: judge(those) for name, those in (sets | {"no 4s": images[labels != 4]}).items()}


def figures(judgement):
    return {metric.name: metric.value for metric in judgement.metrics}


def floors(judgement):
    return {metric.name: metric.floor for metric in judgement.metrics}


def test_real_training_digits_lie_near_the_floor_in_every_figure(judged):
    values, floor = figures(judged["real"]), floors(judged["real"])
    assert 0.5 < values["frechet_distance"] / floor["frechet_distance"] < 2
    assert 0.3 < floor["frechet_distance"] < 1
    assert abs(values["kernel_distance"] - floor["kernel_distance"]) < 0.05
    for name in NAMES[2:12]:
        assert values[name] == pytest.approx(floor[name], abs=0.06), name
    assert values["duplicates"] == floor["duplicates"] == 0
    described = judged["real"].described()["classes"]
    assert described["over"] == described["under"] == []


def test_noise_lies_far_from_real_digits_and_among_none(judged):
    values, floor = figures(judged["noise"]), floors(judged["noise"])
    assert values["frechet_distance"] > 1000 * floor["frechet_distance"]
    assert values["kernel_distance"] > 1000
    for name in NAMES[2:10]:
        assert values[name] == 0, name


def test_one_repeated_digit_is_precise_but_has_no_variety(judged):
    values, floor = figures(judged["repeated"]), floors(judged["repeated"])
    assert values["precision_k3"] == values["duplicates"] == 1
    assert values["recall_k5"] == 0
    assert values["coverage_k5"] < 0.01 < floor["coverage_k5"]
    assert values["frechet_distance"] > 100 * floor["frechet_distance"]
    real = class_shares(Reference.load().test_labels).shares
    assert values["total_variation"] == pytest.approx(1 - real[7])
    assert judged["repeated"].described()["classes"]["over"] == [7]


def test_a_set_without_4s_lacks_4s_and_recall_but_no_precision(judged):
    described = judged["no 4s"].described()["classes"]
    assert described["sentence"].startswith("At 95 %, 4 is under-represented; 0 and 1 are as frequent")
    assert described["under"] == [4]
    values, real = figures(judged["no 4s"]), figures(judged["real"])
    assert values["total_variation"] == pytest.approx(described["real"][4], abs=0.01)
    assert values["recall_k3"] < real["recall_k3"] - 0.05
    assert values["precision_k3"] == pytest.approx(real["precision_k3"], abs=0.02)
    assert values["frechet_distance"] > 4 * real["frechet_distance"]


def test_a_judgement_is_described_in_plain_values(judged):
    described = judged["real"].described()
    assert json.loads(json.dumps(described, allow_nan=False)) == described
    assert [metric["name"] for metric in described["metrics"]] == NAMES
    assert {metric["better"] for metric in described["metrics"]} == {"lower", "higher", "floor"}
    assert {metric["unit"] for metric in described["metrics"]} == {"%", ""}
    assert described["samples"] == 1000
    assert sum(described["classes"]["counts"]) == 1000
    assert sum(described["classes"]["real"]) == pytest.approx(1)
    assert described["classifier"]["accuracy"] == DigitClassifier.load().accuracy
    assert described["notes"] == [
        "Memorising was not measured: the images that the generator was trained on are not at hand."
    ]


def test_the_quick_figures_are_those_of_the_judgement(digits, judged):
    values, shares = figures(judged["real"]), judged["real"].shares.shares
    quick = quick_judge(digits[0])
    assert quick == {
        "frechet": pytest.approx(values["frechet_distance"], rel=1e-9),
        "frechet_floor": pytest.approx(floors(judged["real"])["frechet_distance"], rel=1e-9),
        **{name: pytest.approx(values[name]) for name in ("total_variation", "confidence", "duplicates")},
        **{f"share_{digit}": shares[digit] for digit in range(10)},
    }
    assert all(type(value) is float for value in quick.values())


def test_copies_of_training_images_are_memorised_and_other_real_digits_are_not(digits):
    training = load_digits("mnist-5k")[0]
    copied = judge(np.clip(training[:100] + 0.01, -1, 1), training=training)
    assert figures(copied)["memorised"] == 1
    assert figures(copied)["nearest_training_distance"] < 0.3
    assert floors(copied)["memorised"] == 0.01
    assert copied.notes == ()
    fresh = judge(digits[0], training=training)
    assert figures(fresh)["memorised"] < 0.03
    assert figures(fresh)["nearest_training_distance"] == pytest.approx(
        floors(fresh)["nearest_training_distance"], rel=0.1
    )


def test_of_training_images_that_are_not_known_no_floor_is_told(digits):
    judgement = judge(digits[0][:64], training=digits[0][64:])
    assert figures(judgement)["memorised"] is floors(judgement)["memorised"] is None
    assert figures(judgement)["nearest_training_distance"] > 5
    assert floors(judgement)["nearest_training_distance"] is None
    assert len(judgement.notes) == 1


@pytest.mark.parametrize("judged_by", [judge, quick_judge])
def test_fewer_images_than_features_and_images_that_are_none_are_refused(judged_by, digits):
    images = digits[0][:63]
    with pytest.raises(ValueError, match="`images` must be at least 64, the number of features, got 63"):
        judged_by(images)
    with pytest.raises(ValueError, match="`images` must be finite, got 63 of 63 with NaN or infinity"):
        judged_by(images * np.nan)
    with pytest.raises(ValueError, match=r"`images` must be in \[−1, 1\], not in \[0, 1\]: 2 \* images - 1"):
        judged_by((digits[0][:64] + 1) / 2)
