"""Rows of jobs that are done side by side and never twice."""

import csv
import dataclasses
import time

import pytest

from studies.table import Table, do


@dataclasses.dataclass(frozen=True)
class Job:
    name: str
    seed: int


def squared(job):
    if job.seed == 13:
        raise ArithmeticError
    if job.name == "slow":
        time.sleep(0.05)
    return [{"name": job.name, "seed": job.seed, "square": job.seed**2}]


@pytest.fixture
def table(tmp_path):
    return Table(tmp_path / "study" / "rows.csv", ("name", "seed"))


@pytest.mark.parametrize("cores", [1, 2])
def test_jobs_are_done_once_each(table, cores):
    jobs = [Job("a, b", seed) for seed in range(3)]
    do(table, jobs[:2], squared, cores=cores)
    do(table, jobs, squared, cores=cores)
    rows = sorted((row["name"], row["seed"], row["square"]) for row in table.rows())
    assert rows == [("a, b", "0", "0"), ("a, b", "1", "1"), ("a, b", "2", "4")]
    assert table.left([*jobs, Job("c", 0)]) == [Job("c", 0)]


def test_many_jobs_come_to_an_end(table):
    do(table, [Job("a", seed) for seed in range(20, 60)], squared, cores=2)
    assert len(table.rows()) == 40


def test_what_was_done_before_a_job_failed_is_kept(table):
    with pytest.raises(ArithmeticError):
        do(table, [Job("a", 2), Job("a", 13), Job("a", 3)], squared, cores=1)
    assert [row["seed"] for row in table.rows()] == ["2"]


def test_what_goes_on_beside_a_job_that_failed_is_kept(table):
    jobs = [Job("a", 13), *(Job("slow", seed) for seed in range(100, 200))]
    with pytest.raises(ArithmeticError):
        do(table, jobs, squared, cores=2)
    assert 1 <= len(table.rows()) < 100
    assert set(table.left(jobs)) | {Job("slow", int(row["seed"])) for row in table.rows()} == set(jobs)


def test_a_disk_that_is_full_leaves_the_rows_that_there_were(table, monkeypatch):
    table.append([{"name": "a", "seed": 1, "square": 1}])
    monkeypatch.setattr(csv.DictWriter, "writerows", failing)
    with pytest.raises(OSError, match="No space"):
        table.append([{"name": "a", "seed": 2, "square": 4}])
    assert [row["seed"] for row in table.rows()] == ["1"]


def failing(*_):
    raise OSError(28, "No space left on device")
