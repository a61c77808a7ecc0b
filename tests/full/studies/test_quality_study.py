"""A short form of studies/quality.py."""

import pytest
import quality
import quality_table
from recipes import Kgan

from kgan.evaluation import judge

PLACES = "\n\n".join(f"<!-- {name} -->\n\nold\n\n<!-- end -->" for name in ("summary", "models", "pictures"))
PAGE = f"Before.\n\n{PLACES}\n\nBehind.\n"
RECIPE, TITLE = "fast", "| kgan `fast` with `--steps 3` | 4,000 | 3 |"


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.setattr(quality, "RESULTS", tmp_path / "quality.csv")
    monkeypatch.setattr(quality, "PICTURES", tmp_path / "quality")
    monkeypatch.setattr(quality, "NUM_SAMPLES", 600)
    monkeypatch.setitem(quality.RECIPES, RECIPE, Kgan(RECIPE, cpu_seconds=(1e-3,), steps=3))
    monkeypatch.setattr(quality_table, "PAGE", tmp_path / "quality.md")
    (tmp_path / "quality.md").write_text(PAGE, encoding="utf-8")
    return tmp_path


def run(seeds):
    quality.main([RECIPE, "--data", "mnist-5k", "--seeds", *map(str, seeds)])
    return quality.table().rows()


def test_a_row_a_mark_holds_what_the_judge_says_and_is_not_made_twice(study, monkeypatch):
    judged = []
    monkeypatch.setattr(quality, "judge", lambda samples: judged.append(judge(samples)) or judged[-1])
    rows = run([0])
    assert [(row["mark"], row["step"], row["images"]) for row in rows] == [
        ("0.001", "1", "4000"),
        ("end", "3", "4000"),
    ]
    for row, judgement in zip(rows, judged, strict=True):
        figures = {metric.name: metric.value for metric in judgement.metrics}
        assert float(row["frechet"]) == pytest.approx(figures["frechet_distance"], abs=1e-4)
        assert float(row["recall"]) == pytest.approx(figures["recall_k5"], abs=1e-4)
    assert run([0]) == rows  # nor trained again
    assert len(judged) == 2
    assert [path.name for path in sorted((study / "quality").iterdir())] == [
        f"{RECIPE}-4000-0-{mark}.png" for mark in ("0.001", "end")
    ]


def test_a_training_that_is_broken_off_leaves_no_row_and_is_done_again(study, monkeypatch):
    def judging(samples):
        judged.append(judge(samples))
        if len(judged) == 2:
            raise KeyboardInterrupt
        return judged[-1]

    judged = []
    monkeypatch.setattr(quality, "judge", judging)
    with pytest.raises(KeyboardInterrupt):
        run([0])
    assert quality.table().rows() == []
    assert [row["mark"] for row in run([0])] == ["0.001", "end"]


def test_the_page_shows_the_median_and_both_ends_over_the_seeds(study):
    (row, _) = run([0])
    for seed, frechet in ((1, 3.5), (2, 9.25)):
        quality.table().append([row | {"seed": seed, "frechet": frechet}])
    quality_table.main()
    page = (study / "quality.md").read_text(encoding="utf-8")
    assert page.startswith("Before.")
    assert page.endswith("Behind.\n")
    assert "old" not in page
    (line,) = (line for line in page.splitlines() if line.startswith(TITLE))
    assert f"| **9.25** [3.50, {float(row['frechet']):.2f}] |" in line
