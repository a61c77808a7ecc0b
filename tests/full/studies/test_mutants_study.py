"""Mutation study: its table, and its runner on a project of one function."""

import collections
import subprocess

import pytest

from studies.mutants.runner import OWN_TEST, Suite, main, report, study
from studies.mutants.table import AREAS, MUTANTS, POLICIES, Mutant
from support.processes import ROOT

NUMBERS = dict(zip(AREAS, (8, 6, 7, 7, 6, 6), strict=True))


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    (root / "tests" / "gan").mkdir(parents=True)
    (root / "sums.py").write_text("def add(a, b):\n    return a + b\n")
    (root / "tests" / "gan" / "test_sums.py").write_text(
        "from sums import add\n\n\ndef test_two():\n    assert add(2, 3) == 5\n"
    )
    for command in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *command], cwd=root, check=True)  # noqa: S607
    (tmp_path / "copies").mkdir()
    return root


def test_there_are_40_mutants_by_name_in_six_areas():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) == 40
    assert collections.Counter(mutant.area for mutant in MUTANTS) == NUMBERS


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_a_mutant_changes_one_place_into_other_code_that_compiles(mutant):
    text = (ROOT / mutant.file).read_text(encoding="utf-8")
    changed = mutant.changed(text)
    assert changed != text
    compile(changed, mutant.file, "exec")


def test_a_mutant_is_caught_once_and_the_project_stays_as_it_is(project, tmp_path):
    wrong = Mutant("minus", POLICIES, "sums.py", "a + b", "a - b", "differences")
    suite, results = Suite(project, tmp_path / "copies", limit=120.0), tmp_path / "rows.csv"
    (row,) = study([wrong], suite, results)
    assert (row["mutant"], row["area"], row["tier"], row["caught"]) == ("minus", POLICIES, "fast", "yes")
    assert row["test"] == "tests/gan/test_sums.py::test_two"
    assert [line.split(",")[3] for line in results.read_text().splitlines()[1:]] == ["no", "yes"]
    assert "a + b" in (project / "sums.py").read_text()
    assert study([wrong], Suite(project / "gone", tmp_path), results) == [row]  # nor run again


def test_survivors_are_listed_with_the_behavior_that_no_test_saw():
    row = {"area": MUTANTS[0].area, "mutant": MUTANTS[0].name, "caught": "no"}
    text = report([row, row | {"mutant": MUTANTS[1].name, "caught": "time-out"}], MUTANTS)
    assert f"| {MUTANTS[0].area} | 2 | 0 | 1 | 1 |" in text
    assert f"Survivors: 1\n- {MUTANTS[0].name} ({MUTANTS[0].file}): {MUTANTS[0].wrong}\n" in text


def test_the_area_comes_first_and_then_the_others(project, tmp_path):
    ignored = "--ignore=tests/full/studies/test_mutants_study.py"
    fast, full = Suite(project, tmp_path), Suite(project, tmp_path, full=True)
    assert fast.runs(POLICIES) == [["tests/gan", ignored], ["--ignore=tests/gan", ignored]]
    assert full.runs("")[0] == [ignored, "--full"]
    assert Suite(project, tmp_path, tests=("tests/gan",)).runs(POLICIES) == [["tests/gan", ignored]]


def test_an_area_without_its_folder_is_an_error(project, tmp_path):
    (project / "tests" / "gan").rename(project / "tests" / "gans")
    with pytest.raises(FileNotFoundError, match=r"^tests/gan must be a folder, got none\."):
        Suite(project, tmp_path).runs(POLICIES)


def test_a_folder_of_the_full_tier_alone_runs_there_only(project, tmp_path):
    (project / "tests" / "full").mkdir()
    (project / "tests" / "gan").rename(project / "tests" / "full" / "gan")
    assert Suite(project, tmp_path).runs(POLICIES) == [["--ignore=" + OWN_TEST]]
    assert Suite(project, tmp_path, full=True).runs(POLICIES)[0][0] == "tests/full/gan"


def test_a_killed_pytest_does_not_count_as_caught(project, tmp_path):
    (project / "tests" / "gan" / "test_sums.py").write_text(
        "import os\n\n\ndef test_two():\n    os.kill(os.getpid(), 9)\n"
    )
    with pytest.raises(RuntimeError, match=r"^pytest must end by itself, got signal 9\..*$"):
        Suite(project, tmp_path, limit=120.0).run(["tests/gan"], project)


def test_the_plan_names_every_mutant_and_runs_nothing(capsys):
    main(["--plan"])
    assert len(capsys.readouterr().out.splitlines()) == 2 + len(MUTANTS)
