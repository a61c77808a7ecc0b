"""SIGKILL and SIGTERM at random moments of real runs; the long form is studies/reliability.py."""

import itertools
import signal

import numpy as np
import pytest

from faults import kills, signals
from faults.jobs import Job
from faults.scripts import EVERY
from kgan.cli import train_gan

KILLS = 10
JOB = Job(  # coins, batch norm, pictures, an evaluation at the end; an epoch is 63 steps
    name="train_gan.py",
    work=train_gan,
    arguments=(
        *("--data", "mnist-5k", "--architecture", "compact", "--latent-dim", "8", "--batch-size", "64"),
        *("--steps", "126", "--sample-every", "30", "--evaluate-every", "126", "--judged", "none"),
        *("--num-intermediate", "1"),
    ),
    resuming=EVERY,
)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A run that nobody kills."""
    return kills.reference(JOB, tmp_path_factory.mktemp("undisturbed") / "run")


def endured(folder, undisturbed, number, **options):
    """Rows of so many kills at least, from one run after the other."""
    rows, serials = [], itertools.count()
    while len(rows) < number:
        serial = next(serials)
        rng = np.random.default_rng(serial)
        rows += kills.endure(JOB, folder / f"run-{serial}", against=undisturbed, rng=rng, most=5, **options)
    return rows


def test_killed_runs_always_go_on_and_end_in_the_same_bits(undisturbed, tmp_path):
    rows = endured(tmp_path, undisturbed, KILLS, check=kills.found)
    assert [row for row in rows if row["resumed"] != "yes" or row["identical"] != "yes"] == []
    assert [row for row in rows if row["loads"] == "no" or row["damaged"]] == []
    assert len({row["checkpoint"] for row in rows}) > 1  # not all before the first


def test_sigterm_leaves_a_checkpoint_within_two_seconds_and_the_run_goes_on_to_the_same_bits(
    undisturbed, tmp_path
):
    # What is late once only was late by the machine: the same moments are tried again.
    for attempt in ("once", "again"):
        rows = endured(tmp_path / attempt, undisturbed, 3, check=signals.found, signal=signal.SIGTERM)
        assert [row for row in rows if row["resumed"] != "yes" or row["identical"] != "yes"] == []
        waited = [signals.until_checkpoint(row) for row in rows if row["status"] == 128 + signal.SIGTERM]
        assert waited
        if max(waited) <= signals.WITHIN:
            return
    pytest.fail(f"seconds to a checkpoint, at the second attempt too: {waited}")
