import importlib.util

import pytest

from kgan.callbacks import SampleGrid, TensorBoard
from support.networks import small_gan, small_images

installed = pytest.mark.skipif(
    not importlib.util.find_spec("tensorboard"), reason="the extra tensorboard is not installed"
)


def read_back(tmp_path, **interval):
    """Train two epochs of three steps into a folder; what TensorBoard reads there, and the history."""
    event_accumulator = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    grid = SampleGrid(tmp_path / "samples", rows=2, **interval)
    callbacks = [grid, TensorBoard(tmp_path / "tensorboard", grid)]
    gan = small_gan(image_shape=(4, 4, 1))
    history = gan.fit(small_images(20, (4, 4, 1)), batch_size=8, epochs=2, verbose=0, callbacks=callbacks)
    events = event_accumulator.EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    return events, history.history


@installed
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # tensorboard's own
def test_tensorboard_reads_the_logs_by_step_and_the_pictures(tmp_path):
    events, history = read_back(tmp_path, every_steps=4)
    assert set(events.Tags()["scalars"]) == set(history)
    for name, values in history.items():
        read = events.Scalars(name)
        assert [event.step for event in read] == [3, 6]
        assert [event.value for event in read] == pytest.approx(values)
    assert [event.step for event in events.Images("samples")] == [0, 4, 6]


@installed
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_pictures_of_epochs_stand_at_their_steps_too(tmp_path):
    events, _ = read_back(tmp_path, every_epochs=1)
    assert [event.step for event in events.Images("samples")] == [0, 3, 6]


def test_without_the_package_the_way_out_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        ImportError, match=r"needs the package tensorboard: pip install 'kgan\[tensorboard\]'"
    ):
        TensorBoard(tmp_path)


def test_one_that_was_never_opened_can_be_closed(monkeypatch, tmp_path):
    monkeypatch.setattr("kgan.callbacks.tensorboard.check_installed", lambda *_, **__: None)
    TensorBoard(tmp_path).close()
    assert list(tmp_path.iterdir()) == []
