"""Two processes, each on its half of every batch, against one on the whole: torchrun on loopback."""

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from kgan import update_policies
from kgan.backend import ranks
from kgan.batches import check_divisible, own_part
from kgan.gan import randomness
from trainings import BATCH, CASES, LATENT, POLICIES, RECALLER, SHAPE, train, train_recaller

pytestmark = pytest.mark.skipif(keras.backend.backend() != "torch", reason="torchrun is PyTorch's")
HERE = Path(__file__).parent
G_WEIGHTS = LATENT * 12 + 12 + 12 * 36 + 36
D_WEIGHTS = 36 * 12 + 12 + 12 + 1
SCALARS = 4  # both losses, and what D gives for real and for generated images
assert (BATCH % 2, SHAPE) == (0, (6, 6, 1))


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """What both processes found of every case, as a function of its name."""
    folder = tmp_path_factory.mktemp("ranks")
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*launch, HERE / "trainings.py", folder, RECALLER, *CASES]
    finished = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert finished.returncode == 0, finished.stderr
    return lambda name: [json.loads((folder / f"{name}-{rank}.json").read_text()) for rank in range(2)]


def difference(one, other):
    """The largest between the weights of two trainings."""
    pairs = zip(one["weights"], other["weights"], strict=True)
    return max(np.abs(np.subtract(mine, its)).max() for mine, its in pairs)


@pytest.mark.parametrize(
    ("name", "bound"),
    [("float32", 1e-5), ("float64", 1e-9), ("batch-norm", 1e-5), ("batch-norm-float64", 1e-9)],
)
def test_two_processes_come_to_the_weights_of_one_with_the_whole_batch(together, name, bound):
    alone = train(**CASES[name])
    first, _ = together(name)
    assert 0 < difference(first, alone) <= bound  # the sums are taken in another order
    moved = difference(train(**CASES[name] | {"steps": 1}), alone)
    assert moved > 1e3 * bound  # so that it says something


def test_two_processes_train_a_recaller_as_one_does_and_log_the_same(together):
    alone, (first, second) = train_recaller(), together(RECALLER)
    assert 0 < difference(first, alone) <= 1e-5
    assert first == second
    assert first["loss"] == pytest.approx(alone["loss"], abs=1e-5)
    assert first["accuracy"] == pytest.approx(alone["accuracy"])


@pytest.mark.parametrize("name", CASES)
def test_all_processes_are_at_the_same_bits_after_every_epoch(together, name):
    first, second = together(name)
    assert len(first["hashes"]) == -(-CASES[name]["steps"] // 4)
    assert first["hashes"] == second["hashes"]
    assert len(set(first["hashes"])) == len(first["hashes"])


@pytest.mark.parametrize("name", CASES)
def test_all_processes_see_the_same_p_and_throw_the_same_coins(together, name):
    first, second = together(name)
    assert [first[key] for key in ("p", "d", "g")] == [second[key] for key in ("p", "d", "g")]


def test_there_is_a_case_of_every_policy():
    kinds = update_policies.UpdatePolicy.choices().values()
    assert set(POLICIES) == {kind.__name__ for kind in kinds if kind.__module__.startswith("kgan.")}


@pytest.mark.parametrize("name", POLICIES)
def test_the_schedule_of_updates_is_that_of_one_process(together, name):
    alone = train(**CASES[name])
    first, _ = together(name)
    assert [first["d"], first["g"]] == [alone["d"], alone["g"]]
    assert first["p"] == pytest.approx(alone["p"], abs=1e-5)


@pytest.mark.parametrize("name", ["LossBalanced", "EveryK", "KSteps"])
def test_nothing_of_an_update_that_is_skipped_is_sent(together, name):
    first, _ = together(name)
    updates = np.diff([[0, 0], *zip(first["g"], first["d"], strict=True)], axis=0)
    assert {0, 1} <= set(updates.ravel())  # some are skipped, and some are not
    # Of each gradient one message; beside them the scalars, and after each step whether a signal came.
    expected = [
        SCALARS + sum(np.multiply((g, d), (G_WEIGHTS, D_WEIGHTS))).item() for g, d in updates.tolist()
    ]
    assert [sum(sent) for sent in first["sent"]] == expected


def test_what_a_process_draws_is_its_own(together):
    first, _ = together("own-draws")
    alone = train(**CASES["own-draws"])
    assert difference(first, alone) > 1e-3  # of a batch whose second half has other latents
    seeds = [randomness.seed_of_part(3, part) for part in range(100)]
    assert seeds[0] == 3
    assert len(set(seeds)) == 100
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_labels_of_all_parts_are_counted(together):
    first, _ = together("classes")
    alone = train(**CASES["classes"])
    counts = [found["label_counts"] for found in (first, alone)]
    assert counts[0] == counts[1]
    assert sum(counts[0]) == 12 * BATCH


def test_batches_that_cannot_be_divided_are_refused(monkeypatch):
    monkeypatch.setattr(type(ranks), "shares", 3)
    with pytest.raises(ValueError, match="`batch_size` must be such that each batch is divided evenly by 3"):
        check_divisible(BATCH)
    with pytest.raises(ValueError, match="got '15, with a batch of 4'"):
        check_divisible(15, 4)


def test_parts_of_a_batch_are_the_batch(monkeypatch):
    monkeypatch.setattr(type(ranks), "number", 4)
    parts = []
    for rank in range(4):
        monkeypatch.setattr(type(ranks), "rank", rank)
        parts.append(own_part(np.arange(8)))
    np.testing.assert_array_equal(np.concatenate(parts), np.arange(8))
