import csv

from conftest import small_gan, small_images
from kgan.callbacks import EpochLog


def test_each_epoch_is_a_row_with_its_number_last_step_and_logs(tmp_path):
    gan = small_gan()
    fit = {"batch_size": 8, "epochs": 2, "verbose": 0}
    gan.fit(small_images(20), **fit)
    history = gan.fit(small_images(20), **fit, callbacks=[EpochLog(tmp_path / "log.csv")]).history
    with (tmp_path / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["epoch"], row["step"]) for row in rows] == [("3", "9"), ("4", "12")]
    assert set(rows[0]) == {"epoch", "step", *history}
    for name, values in history.items():
        assert [float(row[name]) for row in rows] == values


def test_a_second_fit_adds_to_the_log(tmp_path):
    gan, log = small_gan(), EpochLog(tmp_path / "new" / "log.csv")
    for _ in range(2):
        gan.fit(small_images(8), batch_size=8, verbose=0, callbacks=[log])
    with log.path.open(newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2"]


def test_a_log_that_was_never_opened_can_be_closed(tmp_path):
    EpochLog(tmp_path / "log.csv").close()
    assert list(tmp_path.iterdir()) == []
