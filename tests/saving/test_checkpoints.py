"""Checkpoints are whole or not there, and the older one is used where the newer is damaged."""

import json
import os
import shutil

import keras
import numpy as np
import pytest

from kgan import saving
from kgan.saving import Checkpoints, NotFiniteError, check_finite
from support.networks import same_bits, small_gan, values


@pytest.fixture
def store(tmp_path):
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    yield checkpoints
    checkpoints.release()


def write(store, *, step=1, **state):
    return store.write(small_gan(), {"step": step, **state})


def names(store):
    return sorted(path.name for path in store.folder.iterdir() if path.name != ".lock")


def test_a_checkpoint_gives_back_the_model_and_the_state_to_the_last_bit(store):
    gan = small_gan()
    gan.step.assign(7)
    store.write(gan, {"step": 7, "mean": 0.1 + 0.2, "rows": [{"a": None}], "word": "ä"})
    saved = store.last()
    assert same_bits(values(saved.load().variables), values(gan.variables))
    assert {name: saved.state[name] for name in ("mean", "rows", "word")} == {
        "mean": 0.1 + 0.2,
        "rows": [{"a": None}],
        "word": "ä",
    }
    assert saved.step == 7


def test_the_last_two_are_kept_and_numbers_grow_where_steps_go_back(store):
    for step in (5, 9, 3):
        write(store, step=step)
    assert names(store) == ["000002-step-00000009", "000003-step-00000003"]
    assert store.last().step == 3


def test_no_checkpoint_is_none_and_not_an_error(tmp_path):
    assert Checkpoints(tmp_path / "none").last() is None


def test_what_killed_processes_left_half_written_is_swept_at_the_start(store):
    write(store)
    for leftover in (".writing-000002-step-00000002", ".removing-000000-step-00000000"):
        shutil.copytree(store.folder / "000001-step-00000001", store.folder / leftover)
    store.release()
    Checkpoints(store.folder).hold()
    assert names(store) == ["000001-step-00000001"]


def changed(path, at, value=None):
    data = bytearray(path.read_bytes())
    data[at] = data[at] ^ 0x20 if value is None else value
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("name", ["model.keras", "checkpoint.json"])
@pytest.mark.parametrize("at", [0, 0.5, -1])
def test_one_changed_byte_is_seen_and_the_older_checkpoint_is_used_and_said(name, at, store, caplog):
    write(store, step=1)
    newer = write(store, step=2).path
    size = (newer / name).stat().st_size
    changed(newer / name, at if at in (0, -1) else int(at * size))
    assert store.last().step == 1
    assert f"{newer} is damaged" in caplog.text
    assert "000001-step-00000001 is used instead" in caplog.text


def test_a_file_that_was_cut_short_is_called_truncated(store, caplog):
    write(store, step=1)
    newer = write(store, step=2).path
    size = (newer / "model.keras").stat().st_size
    os.truncate(newer / "model.keras", size - 1)
    assert store.last().step == 1
    assert f"is truncated: model.keras has {size - 1:,} of {size:,} bytes" in caplog.text


def test_a_file_that_is_missing_or_a_link_is_damage(store, caplog):
    write(store, step=1)
    newer = write(store, step=2).path
    shutil.move(newer / "model.keras", store.folder.parent / "elsewhere.keras")
    assert store.last().step == 1
    (newer / "model.keras").symlink_to(store.folder.parent / "elsewhere.keras")
    assert store.last().step == 1
    assert caplog.text.count("is damaged: model.keras is missing") == 2


def test_a_damaged_checkpoint_takes_no_whole_ones_place(store):
    for step in (1, 2):
        newest = write(store, step=step).path
    os.truncate(newest / "model.keras", 9)
    again = Checkpoints(store.folder)
    again.go_on_from(again.last())
    write(again, step=3)
    assert names(store) == ["000001-step-00000001", "000003-step-00000003"]


def test_a_file_that_cannot_be_read_is_damage(store, monkeypatch, caplog):
    write(store, step=1)
    newer = write(store, step=2).path
    read = type(newer).read_bytes

    def failing(path):
        if path.parent == newer:
            raise OSError(5, "Input/output error")
        return read(path)

    monkeypatch.setattr(type(newer), "read_bytes", failing)
    assert store.last().step == 1
    assert "cannot be read: checkpoint.json: Input/output error" in caplog.text


def test_damage_of_all_is_an_error_and_not_a_new_start(store):
    path = write(store).path
    (path / "checkpoint.json").write_text("{}")
    with pytest.raises(ValueError, match=r"No checkpoint is whole: .*truncated or was changed.*new run"):
        store.last()


def test_a_record_of_a_later_format_is_not_misread(store, monkeypatch):
    monkeypatch.setattr("kgan.saving.checkpoints._FORMAT", 2)
    write(store)
    monkeypatch.undo()
    with pytest.raises(ValueError, match="has format 2; this version of kgan reads 1"):
        store.last()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("part", ["generator", "discriminator", "slots"])
def test_numbers_that_are_not_finite_are_never_written(part, value, store):
    gan = small_gan()
    slots = [v for v in gan.discriminator_optimizer.variables if len(v.shape) == 2]
    variable = slots[0] if part == "slots" else getattr(gan, part).trainable_variables[0]
    array = np.zeros(variable.shape, "float32")
    array[-1, -1] = value
    variable.assign(array)
    with pytest.raises(NotFiniteError, match=r"holds values that are not finite"):
        store.write(gan, {"step": 1})
    with pytest.raises(NotFiniteError):
        saving.save(gan, store.folder.parent / "gan.keras")
    assert not list(store.folder.parent.rglob("*.keras"))


def test_finite_numbers_whose_sum_overflows_are_finite():
    layer = keras.layers.Dense(2)
    layer.build((2,))
    layer.kernel.assign(np.full((2, 2), 3e38, "float32"))
    model = keras.Sequential([layer])
    model.build((None, 2))
    check_finite(model)


def test_a_failed_write_leaves_the_earlier_ones_and_nothing_else(store, monkeypatch):
    write(store, step=1)
    monkeypatch.setattr(
        "kgan.saving.checkpoints.flush", lambda path: (_ for _ in ()).throw(OSError(28, "Full"))
    )
    with pytest.raises(OSError, match="Full") as caught:
        write(store, step=2)
    assert caught.value.filename == str(store.folder / "000002-step-00000002")
    assert names(store) == ["000001-step-00000001"]
    assert store.last().step == 1


def test_the_record_is_plain_json_that_names_the_checksums(store):
    path = write(store).path
    record = json.loads((path / "checkpoint.json").read_text())
    assert record["files"]["model.keras"]["bytes"] == (path / "model.keras").stat().st_size
    assert list(record)[-1] == "sha256"
