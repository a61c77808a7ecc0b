"""NaN in weights, slots, gradients and data of a run; the long form is studies/reliability.py."""

import keras
import numpy as np
import pytest

from faults import poison
from faults.poison import PLACES
from faults.poisons import spoil
from support.networks import small_gan

DIVERGED = 3
TRIED = [*((place, "stop") for place in PLACES[::2]), ("data", "rollback")]


@pytest.mark.parametrize(("place", "reaction"), TRIED)
def test_no_file_comes_to_hold_what_is_not_finite_and_the_message_says_when_and_what_is_left(
    place, reaction, tmp_path
):
    row = poison.trial(place, 10, reaction, tmp_path / "run")
    assert row["traceback"] == "no", row
    assert row["not_finite"] == 0, row
    assert row["status"] == (DIVERGED if reaction == "stop" else 0), row
    assert row["step_named"], row
    assert row["checkpoint_named"] == "yes", row


def test_what_is_not_finite_would_be_found(tmp_path):
    gan = small_gan()
    gan.save(tmp_path / "clean.keras")
    assert poison.not_finite(tmp_path) == 0
    spoil(gan.generator_optimizer.variables[-1])
    gan.save(tmp_path / "poisoned.keras")
    assert poison.not_finite(tmp_path) == 1
    assert np.isnan(keras.ops.convert_to_numpy(gan.generator_optimizer.variables[-1])).sum() == 1
