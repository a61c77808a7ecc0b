"""A short form of `python -m studies.balance`, and its arithmetic."""

import dataclasses

import keras
import numpy as np
import pytest
from scipy import stats

import kgan
from kgan.gan.update_policies import LossBalanced
from studies.balance import __main__ as study
from studies.balance import analysis, arms, tables, training

pytestmark = pytest.mark.skipif(keras.backend.backend() != "torch", reason="the study is of torch")


def job(**changes):
    settings = {
        "phase": "tune",
        "arm": "balanced",
        "seed": 1,
        "learning_rate": 2e-4,
        "policy": LossBalanced(),
    }
    size = {"steps": 24, "cpu_seconds": None, "samples": 500, "data": "mnist-5k"}
    return training.Job(**settings | size | changes)


def test_coins_are_replayed_step_by_step():
    (row,) = training.train(job())
    coins = arms.unpacked(row["coins"])
    assert len(coins) == 24
    assert 0 < coins.sum() < 24
    assert row["d_rate"] == pytest.approx(coins.mean(), abs=1e-5)
    policy = arms.Replayed(row["coins"])
    assert [float(policy(keras.ops.convert_to_tensor(k), 0, 0.0, 0.0)[0]) for k in range(30)] == [
        *coins,
        *coins[:6],
    ]
    (other,) = training.train(job(arm="replayed", seed=2, policy=policy))
    assert other["d_rate"] == row["d_rate"]
    assert other["frechet"] != row["frechet"]


def test_a_training_is_judged_at_equal_updates_of_g_and_at_equal_time():
    rows = training.train(job(arm="k-steps", policy=arms.ARMS["k-steps"].policy, steps=8, cpu_seconds=1e-4))
    assert [(row["mark"], row["g_steps"]) for row in rows] == [("cpu", 0), ("steps", 8)]
    assert all(row["d_rate"] == 1 for row in rows)


def test_a_trace_has_as_many_parts_whenever_a_training_is_judged():
    log = {name: [1.0, 2.0, 3.0, 9.0] for name in ("p", "d_updates", "d_loss", "g_loss")}
    log["step"] = [5, 10, 15, 20]
    whole, first = (training._trace(log, length)["p_over_time"].split() for length in (20, 12))
    assert [float(value) for value in whole] == [1] * 5 + [2] * 5 + [3] * 5 + [9] * 5
    assert [float(value) for value in first] == [1] * 10 + [2] * 10


def test_a_training_that_diverges_is_the_worst_of_its_arm(monkeypatch):
    monkeypatch.setattr(kgan.GAN, "sample", lambda gan, n, seed: np.full((n, 28, 28, 1), np.nan))
    (row,) = training.train(job(steps=2))
    assert (row["frechet"], row["classes"], row["total_variation"]) == (np.inf, 0, 1)
    found = analysis.compared({0: np.inf, 1: np.inf, 2: 5.0}, {0: 1.0, 1: np.inf, 2: 1.0})
    assert found.ratio == pytest.approx(5)
    assert found.high == pytest.approx(analysis.WORST)


def test_the_policies_of_the_study_are_their_formulas():
    d_loss, g_loss = 0.6, 0.9
    expected = np.exp(1.2) / (np.exp(1.2) + np.exp(0.9))
    assert float(arms.SumBalanced()(0, 0, d_loss, g_loss)[0]) == pytest.approx(expected, rel=1e-5)
    threshold = arms.Threshold(limit=0.9)
    assert [float(threshold(0, 0, 0.0, loss)[0]) for loss in (0.89, 0.91)] == [1, 0]


def test_comparisons_by_hand():
    ours, others = {0: 2.0, 1: 3.0, 2: 8.0, 9: 1.0}, {0: 1.0, 1: 2.0, 2: 2.0, 5: 1.0}
    found = analysis.compared(ours, others)  # quotients 2, 1.5 and 4
    assert found.ratio == pytest.approx(2)
    assert (found.low, found.high) == pytest.approx((1.5, 4))
    assert found.p_value == pytest.approx(0.25)  # 2 of the 8 signs of three ranks are as extreme
    assert found.seeds == 3
    assert analysis.compared(ours, ours).p_value == 1
    with pytest.raises(ValueError, match=r"two seeds in common to be compared, got \[0\]"):
        analysis.compared(ours, {0: 1.0})


def test_a_difference_in_each_of_sixteen_seeds_is_sure():
    rng = np.random.default_rng(0)
    others = dict(enumerate(rng.uniform(1, 2, 16)))
    ours = {seed: value * rng.uniform(0.7, 0.9) for seed, value in others.items()}
    found = analysis.compared(ours, others)
    assert 0.7 < found.low < found.ratio < found.high < 0.9
    assert found.p_value == pytest.approx(2 / 2**16)


def test_holm_corrects_as_by_hand():
    np.testing.assert_allclose(analysis.holm([0.01, 0.04, 0.03, 0.5]), [0.04, 0.09, 0.09, 0.5])
    assert analysis.holm([0.9, 0.8]) == [1, 1]
    assert (stats.false_discovery_control([0.01, 0.04]) <= analysis.holm([0.01, 0.04])).all()


def row(arm, seed, frechet, *, rate=2e-4, phase="confirm", mark="steps", **figures):
    told = {"phase": phase, "arm": arm, "seed": seed, "learning_rate": rate, "mark": mark}
    measured = {"frechet": frechet, "recall": 0.5, "duplicates": 0.25, "total_variation": 0.1}
    measured |= {"classes": 10, "d_rate": 0.5}
    traces = {f"{name}_over_time": "0.5 " * 20 for name in ("p", "d_loss", "g_loss")}
    reached = {"g_steps": 5000, "cpu_seconds": 100.0} | traces
    return {name: str(value) for name, value in (told | measured | reached | figures).items()}


def test_the_best_rate_is_that_of_the_least_median():
    found = {1e-4: (5, 5, 90), 2e-4: (6, 7, 8), 4e-4: (4, 6, 99)}
    rows = [
        row("always", k, f, rate=rate, phase="tune") for rate, of in found.items() for k, f in enumerate(of)
    ]
    assert analysis.best_rate(rows, "always") == 1e-4


def test_tables_tell_medians_ranges_and_collapses():
    rows = [row("balanced", seed, frechet) for seed, frechet in enumerate((1.0, 2.0, 6.0))]
    rows += [row("always", seed, 2.0, classes=7) for seed in range(3)]
    text = tables.parts(rows)["confirmatory"]
    assert "| `LossBalanced` | 3 | 0.0002 | 2 [1, 6] | 0.50 | 0.25 | 0.10 | 0 of 3 |" in text
    assert "| 3 of 3 | 0.50 | 0.50, 0.50 | 5,000 | 100 |" in text
    assert "| `Always` | updates of G | 3 | 1.00 | 0.50 to 3.00 | 1 | 1 |" in text


def test_exploratory_arms_stand_beside_always_with_their_own_networks():
    rows = [row("always", seed, 2.0) for seed in range(8)]
    rows += [row("balanced", seed, 5.0 if seed < 2 else 50.0) for seed in range(8)]
    rows += [row("every-2", seed, 3.0 + seed, phase="explore") for seed in range(2)]
    rows += [row("k-steps", 0, 2.0, phase="explore", d_rate=1.0)]
    rows += [row("RMSprop, always", seed, 1.0, phase="explore") for seed in range(2)]
    rows += [row("RMSprop, balanced", seed, 4.0, phase="explore") for seed in range(2)]
    text = tables.parts(rows)["exploratory"]
    assert "| `KSteps(2)` | 1 | 0.0002 | 2 | 0.50 | 0.25 | 0.10 | 0 of 1 | 2.00 |" in text
    assert "| `LossBalanced` | `Always` | updates of G | 2 | 2.50 |" in text  # of the seeds that others have
    assert "| `EveryK(2)` | `Always` | updates of G | 2 | 1.75 [1.50, 2.00] |" in text
    assert "| RMSprop, `LossBalanced` | RMSprop, `Always` | updates of G | 2 | 4.00 |" in text


def test_p_is_told_at_the_beginning_in_the_middle_and_at_the_end():
    traces = {"p_over_time": " ".join(str(0.6 - k / 100) for k in range(20))}
    traces |= {"d_loss_over_time": "0.5 " * 20, "g_loss_over_time": "0.8 " * 20}
    rows = [row("balanced", 0, 1.0, **traces), row("always", 0, 1.0, **traces)]
    found = tables.parts(rows)
    lines = found["probability"].splitlines()
    assert lines[2:] == ["| `LossBalanced` | 1 | 0.600 | 0.500 | 0.410 | 0.41 to 0.60 |"]
    assert "| 0.50 | 0.50, 0.80 | 5,000 | 100 |" in found["confirmatory"]


def test_the_rates_that_were_tried_are_told():
    rows = [
        row("always", k, f, rate=rate, phase="tune")
        for rate in (1e-4, 2e-4)
        for k, f in enumerate((8e3 * rate, 1))
    ]
    lines = tables.parts(rows)["rates"].splitlines()
    assert lines[0] == "| arm | 0.0001 | 0.0002 |"
    assert lines[2] == "| `Always` | **0.8, 1** | 1.6, 1 |"


def test_the_page_of_the_study_is_written_from_what_there_is(tmp_path, monkeypatch, capsys):
    page, places = tmp_path / "page.md", ("confirmatory", "exploratory", "probability", "rates")
    page.write_text("\n".join(f"Words.\n<!-- {name} -->\n<!-- end -->" for name in places))
    size = dataclasses.replace(study.QUICK, results=tmp_path / "rows.csv", page=page)
    monkeypatch.setattr(study, "QUICK", size)
    rows = [row("always", seed, 2.0, size=size.words) for seed in range(2)]
    study.Table(size.results, study.KEY).append(rows)
    assert study.main(["--quick", "--page"]) == 0
    text = page.read_text()
    assert "| `Always` | 2 | 0.0002 | 2 |" in text
    assert text.count("Words.") == 4
    assert {path.name for path in (tmp_path / "page").iterdir()} == {"p.png", "arms.png"}
    page.write_text("<!-- confirmatory -->")
    with pytest.raises(SystemExit):
        study.main(["--quick", "--page"])
    assert "must have one place <!-- confirmatory --> … <!-- end -->, got 0" in capsys.readouterr().err


def test_the_whole_study_goes_on_where_it_was(tmp_path, monkeypatch, capsys):
    few = {"every-2": arms.EXPLORATORY["every-2"]}
    for module in (study, tables):
        monkeypatch.setattr(module, "EXPLORATORY", few)
    monkeypatch.setattr(study, "ARMS", arms.CONFIRMATORY | few)
    monkeypatch.setattr(study, "QUICK", dataclasses.replace(study.QUICK, tuned=(100,), rates=(2e-4,)))
    options = ["--quick", "--cores", "1", "--results", str(tmp_path / "rows.csv")]
    assert study.main(options) == 0
    shown = capsys.readouterr().out
    assert f"plot {tmp_path / 'p.png'}" in shown
    rows = study.Table(tmp_path / "rows.csv", study.KEY).rows()
    assert len(rows) == 5 + 2 * (4 * 2 + 1)
    by = {(r["phase"], r["arm"], r["seed"]): r for r in rows if r["mark"] == "steps"}
    for seed, other in (("0", "1"), ("1", "0")):  # with the coins of the other seed
        assert by["confirm", "replayed", seed]["policy"] == repr(
            arms.Replayed(by["confirm", "balanced", other]["coins"])
        )
    monkeypatch.setattr(study, "train", None)
    with pytest.raises(SystemExit):
        study.main(options[1:])
    assert "must be a file of trainings of 5000 updates of G" in capsys.readouterr().err
    assert study.main(options) == 0
    assert study.Table(tmp_path / "rows.csv", study.KEY).rows() == rows


def test_the_plan_says_what_each_arm_costs_and_runs_nothing(capsys):
    assert study.main(["--plan", "--cores", "2"]) == 0
    seconds = 6 * (22 * 2.5 + 13) + 16 * (110 + 2 * 13)
    assert f"| `Always` | 6 + 16 | {seconds / 60:.1f} |" in capsys.readouterr().out
