import keras
import numpy as np

from kgan.callbacks import ProgressBar, SharedProgressBar
from support.networks import small_gan, small_images


def test_the_bar_counts_all_steps_and_shows_epoch_and_losses(capsys):
    gan = small_gan()
    gan.fit(small_images(20), batch_size=8, epochs=2, verbose=0, callbacks=[ProgressBar()])
    shown = capsys.readouterr().err
    last = shown.replace("\n", "").split("\r")[-1]
    assert last.startswith("epoch 2/2: 100%")
    assert " 6/6 " in last
    assert all(f"{name}=0." in shown for name in ("d_loss", "g_loss", "p"))
    assert shown.startswith(f"6 steps by {keras.backend.backend()} on {gan.device}\n")


def test_without_a_known_length_it_counts_without_a_total(capsys):
    bar = ProgressBar()
    bar.set_model(small_gan())
    bar.set_params({"steps": None, "epochs": 1})
    bar.on_train_begin()
    bar.on_epoch_begin(0)
    bar.on_train_batch_end(0, {"d_loss": 0.5})
    bar.close()
    shown = capsys.readouterr().err
    assert "1 steps" in shown
    assert "%" not in shown


def test_a_bar_that_was_never_shown_can_be_closed(capsys):
    ProgressBar().close()
    assert capsys.readouterr().err == ""


def test_one_bar_counts_several_fits_and_names_each(capsys):
    bar = SharedProgressBar(total=4)
    for name in ("first", "second"):
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        bar.name = name
        model.fit(np.zeros((4, 3)), np.zeros(4), batch_size=2, verbose=0, callbacks=[bar])
    bar.close()
    shown = capsys.readouterr().err
    assert shown.count("4 steps by") == 1
    assert "second: epoch 1/1: 100%" in shown
    assert " 4/4 " in shown


def test_a_bar_counts_steps_that_were_made_without_it(capsys):
    bar = SharedProgressBar()
    bar.set_model(keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]))
    bar.name = "lstm"
    bar.advance(20, "50 %")
    bar.close()
    shown = capsys.readouterr().err
    assert "as many steps as it takes by" in shown
    assert "lstm: 50 %" in shown
    assert " 20 steps " in shown
