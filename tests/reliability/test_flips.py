"""Bits turned over in checkpoints, and checkpoints cut off; the long form is studies/reliability.py."""

import numpy as np
import pytest

from faults import flips
from support.networks import small_gan


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """A folder of two checkpoints."""
    folder = tmp_path_factory.mktemp("run") / "checkpoints"
    flips.two_checkpoints(folder, small_gan())
    return folder


def test_no_damaged_checkpoint_loads_and_the_older_one_is_used_and_said(checkpoints):
    rows = [flips.trial(checkpoints, np.random.default_rng(seed)) for seed in range(200)]
    assert {(row["file"], row["damage"]) for row in rows} == {
        (file, damage) for file in ("model.keras", "checkpoint.json") for damage in ("bit", "truncation")
    }
    assert [
        row for row in rows if (row["silently"], row["older"], row["named"]) != ("no", "yes", "yes")
    ] == []


def test_every_byte_of_a_record_is_covered(checkpoints):
    path = max(checkpoints.glob("[0-9]*-step-*")) / "checkpoint.json"
    whole = path.read_bytes()
    silent = []
    for place in range(0, len(whole), max(1, len(whole) // 400)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with flips.heard():
            if flips.last_in(checkpoints) == path.parent:
                silent.append(place)
    path.write_bytes(whole)
    assert silent == []
    assert flips.last_in(checkpoints) == path.parent
