"""A short form of `python -m studies.reports`, and its verdicts by hand."""

import functools
import types

import keras
import pytest

from kgan.presets import GAN_PRESETS, LSTM_PRESETS
from studies.reports import __main__ as study
from studies.reports import claims, gan_claims, page, recall_claims, trainings

pytestmark = pytest.mark.skipif(keras.backend.backend() != "torch", reason="the study is of torch")


def recalled(network, length, accuracies, *, epochs=None, preset="d", steps=None, curve=""):
    """A row a seed."""
    epochs, steps = epochs or [""] * len(accuracies), steps or [""] * len(accuracies)
    told = {"preset": preset, "network": network, "length": str(length), "size": "full", "seconds": "1"}
    told |= {"steps": "20", "val_accuracy": curve}
    return [
        told | {"seed": str(seed), "accuracy": str(accuracy), "solved_epoch": epoch, "solved_step": step}
        for seed, (accuracy, epoch, step) in enumerate(zip(accuracies, epochs, steps, strict=True))
    ]


def drawn(**columns):
    """A row of a GAN."""
    told = {"preset": "b", "seed": "0", "size": "full", "seconds": "1", "steps": "10"}
    told |= {"frechet": "2", "frechet_floor": "0.2"}
    return told | {name: str(value) for name, value in columns.items()}


@pytest.mark.parametrize(
    ("accuracies", "verdict"),
    [
        ((0.99, 0.985, 1.0), claims.REPRODUCED),
        ((0.99, 0.9, 1.0), claims.MOSTLY),
        ((0.99, 0.9, 0.5), claims.FEW),
        ((0.99, 0.9), claims.HALF),
        ((0.97, 0.1, 0.5), claims.NOT),
    ],
)
def test_an_accuracy_is_compared_with_what_is_claimed(accuracies, verdict):
    rows = recalled("lstm", 10, accuracies)
    answer = recall_claims.accuracy_is(rows, network="lstm", length=10, claimed=1.0)
    assert answer.verdict == verdict
    assert answer.measured.endswith("at 100 % in no seed")
    assert recall_claims.accuracy_is(rows, network="rnn", length=10, claimed=1.0) is None


def test_an_accuracy_above_the_claimed_one_is_another():
    rows = recalled("rnn", 15, (1.0, 0.95))
    assert recall_claims.accuracy_is(rows, network="rnn", length=15, claimed=0.12).verdict == claims.NOT


def test_a_network_has_converged_where_it_stays():
    touched = recalled("lstm", 10, (1.0,), curve="0.2 1 0.5 0.98 nan 0.99 1 1")
    judge = functools.partial(recall_claims.converges, network="lstm", length=10)
    words = "100 %; within two points to the end in 1 of 1 seeds, from epoch 6 on"
    assert judge(touched) == claims.Answer(words, claims.REPRODUCED)
    assert judge(touched, by=4).verdict == "partly: later"
    assert judge(touched, by=5).verdict == claims.REPRODUCED
    assert judge(touched, still_rising=True).verdict == "partly: sooner"
    always, never = (recalled("lstm", 10, (1.0,), curve=curve)[0] for curve in ("1 1", "1 0.97"))
    assert judge([always | {"seed": "1"}, never]).verdict == claims.HALF
    assert judge([always | {"seed": "1"}, always | {"seed": "2"}, never], by=0.5).verdict == (
        "partly: in most seeds, later"
    )
    rising = recalled("lstm", 10, (1.0,), curve=" ".join(["0.9"] * 90 + ["1"] * 10))
    assert judge(rising, still_rising=True).verdict == claims.REPRODUCED


def test_a_longer_length_takes_more_steps_seed_by_seed():
    rows = recalled("lstm", 50, (1.0, 1.0, 0.5), steps=["90", "40", ""])
    rows += recalled("lstm", 20, (1.0, 1.0, 1.0), steps=["50", "40", "60"])
    assert recall_claims.is_slower(rows, network="lstm", length=50, than=20).verdict == claims.MOSTLY


def test_two_networks_are_compared_seed_by_seed():
    rows = recalled("lstm", 5, (1.0, 1.0, 0.5), steps=["30", "50", ""])
    rows += recalled("rnn", 5, (1.0, 0.9, 0.6), steps=["40", "", ""])
    answer = recall_claims.lstm_is_better(rows, lengths=(5,))
    assert answer.verdict == claims.MOSTLY
    assert recall_claims.lstm_is_better(rows, lengths=(5,), margin=0.2).verdict == claims.NOT
    assert answer.measured == "5: LSTM 100 % [50 %, 100 %], RNN 90 % [60 %, 100 %], LSTM ahead in 2 of 3"
    assert recall_claims.lstm_is_better(rows, lengths=(5, 10)) is None
    rows += recalled("lstm", 10, (0.5, 0.9, 0.4)) + recalled("rnn", 10, (0.5, 0.9, 0.6))
    assert recall_claims.lstm_is_better(rows, lengths=(5, 10)).verdict == "partly: at 5"
    assert recall_claims.fails(rows, networks=("rnn",), length=5).verdict == claims.NOT


def test_nearly_all_is_not_all():
    assert claims.share(0.9996) == "99.9 %"
    assert claims.share(1.0) == "100 %"


def test_a_curriculum_ends_where_it_was_last_at_100_percent():
    rows = recalled("rnn", 10, (1.0, 1.0)) + recalled("rnn", 20, (1.0, 0.999))
    answer = recall_claims.curriculum_reaches(rows, network="rnn", length=20)
    assert (answer.verdict, answer.measured) == (
        claims.HALF,
        "1 of 2 seeds at 100 % up to 20, the furthest of each 15 [10, 20]; steps at 10 digits 20, "
        "at all other lengths together 20",
    )


def test_what_gans_claim():
    even = " ".join(["0.1"] * 10)
    lead = drawn(shares="0.2 0.2 0.1 0.1 0.05 0.05 0.1 0.1 0.05 0.05", real_shares=even)
    words = "0 20 %, 1 20 %, 4 5 % of the samples; times their share of real digits: 0 2.00, 1 2.00, 4 0.50"
    assert gan_claims.zeros_and_ones_lead([lead]).measured == words
    assert gan_claims.zeros_and_ones_lead([lead]).verdict == claims.REPRODUCED
    behind = drawn(shares=even, real_shares="0.1 0.2 0.1 0.1 0.1 0.1 0.1 0.1 0.05 0.05")
    assert gan_claims.zeros_and_ones_lead([lead, behind]).verdict == claims.HALF
    faster = gan_claims.d_learns_faster
    assert faster([drawn(d_loss="0.5 0.7", g_loss="0.9 0.5")]).verdict.startswith(claims.PARTLY)
    assert faster([drawn(d_loss="0.2 0.4", g_loss="0.9 0.5")]).verdict == claims.REPRODUCED
    assert faster([drawn(d_loss="0.9 0.7", g_loss="0.9 0.5")]).verdict == claims.NOT
    rule = gan_claims.d_is_drawn_by_the_rule
    assert rule([drawn(p="0.4 0.5", d_updates="0.46 0.42", steps=10_000)]).verdict == claims.REPRODUCED
    assert rule([drawn(p="0.4 0.5", d_updates="0.5 0.5", steps=10_000)]).verdict == claims.NOT
    assert rule([drawn(p="1 1", d_updates="1 1", steps=10_000)]).verdict == claims.NOT
    strip = drawn(interpolated="1 4", surest="0.99 0.95")
    assert gan_claims.interpolates([strip], classes=[4, 1]).verdict == claims.REPRODUCED
    assert gan_claims.interpolates([strip], classes=[4, 2]).verdict == claims.NOT
    assert gan_claims.interpolates([drawn(interpolated="", surest="")]).verdict == claims.NOT
    assert gan_claims.interpolates([strip | {"frechet": "20.1"}]).verdict == claims.NOT  # scribbles
    turns = gan_claims.d_rests_in_every_second_epoch
    assert turns([drawn(d_updates="1 0 1 0")]).verdict == claims.REPRODUCED
    assert turns([drawn(d_updates="1 0 0 1")]).verdict == claims.NOT
    assert turns([drawn(d_updates="1")]).verdict == claims.NOT
    good = {"confidence_half_way": 0.95, "confidence": 0.97, "confidence_floor": 0.99}
    handwriting = gan_claims.become_handwriting
    assert handwriting([drawn(frechet=1.9, frechet_floor=0.2, **good)]).verdict == claims.REPRODUCED
    assert handwriting([drawn(frechet=2.1, frechet_floor=0.2, **good)]).verdict == claims.NOT


def test_the_study_goes_on_where_it_was_and_writes_its_page(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for module, name, value in (
        (study, "RECALL_PRESETS", ("a-default", "curriculum")),
        (study, "GAN_PRESETS_OF_REPORTS", ("b",)),
    ):
        monkeypatch.setattr(module, name, value)
    assert study.main(["--quick", "--cores", "1"]) == 0
    text = study.QUICK.page.read_text(encoding="utf-8")
    for picture in ("losses", "curriculum", "shares", "p", "gan-b-progress"):
        assert f"(reports/{picture}.png)" in text
        assert (study.QUICK.page.with_suffix("") / f"{picture}.png").is_file()
    assert "| A, B | a-default | 1 | The loss of both over the first 1,000 steps, a figure | training" in text
    assert "| GAN | b | 20 epochs | epochs 2; data mnist-5k | 1 |" in text
    assert "not trained yet" in text  # the other presets
    for work in ("train_recall", "train_adversarial"):
        monkeypatch.setattr(study, work, None)
    assert study.main(["--quick", "--cores", "1"]) == 0
    assert study.QUICK.page.read_text(encoding="utf-8") == text
    assert "page runs/reports-quick/reports.md" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("script", "train", "job"),
    [
        ("train_lstm", trainings.train_recall, trainings.Recall("d", "lstm", 0)),
        ("train_gan", trainings.train_adversarial, trainings.Adversarial("a", 0)),
    ],
)
def test_a_training_that_a_signal_ended_is_no_row(script, train, job, monkeypatch):
    ended = types.SimpleNamespace(interrupted=True, signal=15)
    monkeypatch.setattr(trainings, script, lambda *_, **__: ended)
    with pytest.raises(KeyboardInterrupt):
        train(job)


def test_every_claim_is_of_a_preset_that_is_trained():
    recall = {claim.preset for claim in recall_claims.RECALL_CLAIMS}
    assert recall == set(trainings.RECALL_PRESETS)
    assert {claim.preset for claim in gan_claims.GAN_CLAIMS} == set(trainings.GAN_PRESETS_OF_REPORTS)


def test_claims_that_were_not_trained_say_so():
    answers = list(page.answered(gan_claims.GAN_CLAIMS, []))
    assert [answer for _, _, answer in answers] == [None] * len(gan_claims.GAN_CLAIMS)


def test_what_was_shortened_stands_beside_the_verdict():
    rows = [drawn(preset="d", size="epochs 20"), drawn(preset="a", size="epochs 20")]
    assert page._trained("d", rows, GAN_PRESETS) == "d, 20 of 200 epochs"
    assert page._trained("a", rows, GAN_PRESETS) == "a"
    assert page._trained("d", recalled("lstm", 5, (1.0,)), LSTM_PRESETS) == "d"
    short = [row | {"size": "epochs 2; lengths (5,)"} for row in recalled("lstm", 5, (1.0,))]
    assert page._trained("d", short, LSTM_PRESETS) == "d, 2 of 100 epochs"
    row = drawn(preset="c", size="epochs 20", interpolated="", surest="", d_updates="1 0")
    lines = list(page._answers(gan_claims.GAN_CLAIMS, [row], GAN_PRESETS))
    assert any(line.endswith("| **not reproduced in 20 of 200 epochs** |") for line in lines)
    assert list(page._not_reproduced([], [row]))[-1].endswith(
        "preset c, 20 of 200 epochs: From a 4 to a 1 through eight images."
    )


def test_the_plan_runs_nothing(capsys):
    assert study.main(["--plan"]) == 0
    assert "| GAN, 4 epochs of 200 | c | 3 | 40 |" in capsys.readouterr().out
