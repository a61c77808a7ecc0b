import matplotlib.axes
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from kgan import plots
from kgan.evaluation import Walk


@pytest.fixture
def curves(monkeypatch):
    """What is drawn: label -> (steps, values)."""
    drawn = {}
    plot = matplotlib.axes.Axes.plot

    def recorded(self, steps, values, **style):
        drawn[style["label"]] = (list(steps), list(values))
        return plot(self, steps, values, **style)

    monkeypatch.setattr(matplotlib.axes.Axes, "plot", recorded)
    return drawn


def log(path, steps):
    """A log whose values are functions of the step."""
    rows = [f"{s},{s / 10},{s / 20},{s / 1000},{s % 2}" for s in steps]
    path.write_text("\n".join(["step,d_loss,g_loss,p,d_updates", *rows]) + "\n")
    return path


def test_losses_are_drawn_over_the_steps(tmp_path, curves):
    plots.write_losses(tmp_path / "plots" / "losses.png", log(tmp_path / "log.csv", [50, 100, 150]))
    assert curves["L(D), discriminator"] == ([50, 100, 150], [5, 10, 15])
    assert curves["L(G), generator"] == ([50, 100, 150], [2.5, 5, 7.5])
    with Image.open(tmp_path / "plots" / "losses.png") as picture:
        assert picture.size == (960, 540)


def test_balance_shows_p_and_the_share_of_updates(tmp_path, curves):
    plots.write_balance(tmp_path / "balance.png", log(tmp_path / "log.csv", [1, 2, 3, 4]))
    assert curves["p, the probability to update D"] == ([1, 2, 3, 4], [0.001, 0.002, 0.003, 0.004])
    assert curves["steps that updated D"] == ([1, 2, 3, 4], [1, 0, 1, 0])


def test_a_long_log_is_drawn_as_means_of_as_many_rows_as_stay_readable(tmp_path, curves):
    steps = np.arange(1, 2001) * 50
    plots.write_losses(tmp_path / "losses.png", log(tmp_path / "log.csv", steps))
    drawn_steps, values = curves["L(D), discriminator"]
    assert drawn_steps == list(range(250, 100_001, 250))
    np.testing.assert_allclose(values, (np.array(drawn_steps) - 100) / 10)  # of five rows, the middle one


def test_a_short_last_window_is_drawn_with_the_one_before(tmp_path, curves):
    plots.write_losses(tmp_path / "losses.png", log(tmp_path / "log.csv", [50, 100, 104]))
    steps, values = curves["L(D), discriminator"]
    assert steps == [50, 104]
    assert values == pytest.approx([5, (50 * 10 + 4 * 10.4) / 54])


def test_a_single_row_is_a_point(tmp_path, curves):
    plots.write_losses(tmp_path / "losses.png", log(tmp_path / "log.csv", [63]))
    assert curves["L(D), discriminator"] == ([63], [6.3])


def test_a_log_without_rows_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"`path` must be a log with one row or more, got '.*log\.csv'"):
        plots.read_log(log(tmp_path / "log.csv", []))


def test_a_log_that_is_empty_or_lacks_cells_is_read_or_named(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("")
    with pytest.raises(ValueError, match="`path` must be a log with one row or more"):
        plots.read_log(path)
    path.write_text("step,d_loss,val_d_loss\n1,0.5,\n2,0.25,0.75\n")
    columns = plots.read_log(path)
    assert columns["d_loss"].tolist() == [0.5, 0.25]
    np.testing.assert_array_equal(columns["val_d_loss"], [np.nan, 0.75])


def test_the_lines_of_equilibrium_are_at_ln_2_and_one_half(tmp_path, monkeypatch):
    levels = []
    monkeypatch.setattr(matplotlib.axes.Axes, "axhline", lambda self, y, **_: levels.append(y))
    plots.write_losses(tmp_path / "a.png", log(tmp_path / "log.csv", [1, 2]))
    plots.write_balance(tmp_path / "b.png", log(tmp_path / "log.csv", [1, 2]))
    assert levels == pytest.approx([0.693147, 0.5], abs=1e-6)


def test_a_short_last_stretch_of_a_long_log_is_drawn_with_the_one_before(tmp_path, curves):
    steps = np.arange(1, 803) * 50  # stretches of three rows, and one row over
    plots.write_losses(tmp_path / "losses.png", log(tmp_path / "log.csv", steps))
    drawn, values = curves["L(D), discriminator"]
    assert len(drawn) == 267
    assert drawn[-2:] == [50 * 798, 50 * 802]
    assert values[-1] == pytest.approx(np.mean(steps[-4:]) / 10)


@pytest.mark.parametrize("steps", [[17], [50, 100, 150]])
def test_the_steps_are_in_view_from_nought_to_the_last_with_whole_numbers(tmp_path, monkeypatch, steps):
    seen = {}

    def watched(self, path, **options):
        (axes,) = self.axes
        seen.update(view=axes.get_xlim(), ticks=axes.get_xticks())

    monkeypatch.setattr(Figure, "savefig", watched)
    with pytest.raises(FileNotFoundError):  # for nothing was saved
        plots.write_losses(tmp_path / "losses.png", log(tmp_path / "log.csv", steps))
    assert seen["view"][0] == 0
    assert steps[-1] <= seen["view"][1] < 2 * steps[-1]
    assert (seen["ticks"] == seen["ticks"].round()).all()


ROWS = [
    {"step": s, "length": 5 * s, "accuracy": s / 10, "val_accuracy": s / 20, "loss": 3 - s, "val_loss": 4 - s}
    for s in (1, 2, 3)
]


def test_curves_of_both_networks_are_drawn_side_by_side_over_the_steps(tmp_path, curves):
    plots.write_curves(tmp_path / "length-05.png", {"lstm": ROWS, "rnn": ROWS[:2]}, title="5 digits")
    assert set(curves) == {
        f"{n}, {part}" for n in ("LSTM", "SimpleRNN") for part in ("training", "validation")
    }
    assert curves["SimpleRNN, training"] == ([1, 2], [2, 1])  # the loss, drawn last
    assert curves["LSTM, validation"] == ([1, 2, 3], [3, 2, 1])
    with Image.open(tmp_path / "length-05.png") as picture:
        assert picture.size == (1320, 540)


def test_a_curriculum_is_drawn_as_the_length_and_the_loss_at_it(tmp_path, monkeypatch):
    drawn, plot = [], matplotlib.axes.Axes.plot

    def recorded(self, steps, values, **style):
        drawn.append((self.get_ylabel(), list(values)))
        return plot(self, steps, values, **style)

    monkeypatch.setattr(matplotlib.axes.Axes, "plot", recorded)
    plots.write_curriculum(tmp_path / "curriculum.png", {"lstm": ROWS})
    assert [values for _, values in drawn] == [[5, 10, 15], [3, 2, 1]]


def test_accuracies_are_drawn_over_the_length_and_claims_hollow(tmp_path, curves, monkeypatch):
    scales = []

    def watched(self, path, **options):
        scales.append(self.axes[0].get_xscale())

    monkeypatch.setattr(Figure, "savefig", watched)
    measured = {"lstm": {5: 1.0, 20: 0.9}, "rnn": {5: 1.0, 20: 0.2}}
    with pytest.raises(FileNotFoundError):  # for nothing was saved
        plots.write_length_accuracy(tmp_path / "a.png", measured, claimed={"rnn": {20: 0.12}})
    assert curves["LSTM"] == ([5, 20], [1.0, 0.9])
    assert curves["SimpleRNN, claimed"] == ([20], [0.12])
    assert "LSTM, claimed" not in curves
    with pytest.raises(FileNotFoundError):
        plots.write_length_accuracy(tmp_path / "b.png", {"lstm": {5: 1.0, 150: 1.0}}, claimed={})
    assert scales == ["linear", "log"]  # logarithmic where they span more than a decade


CLASSES = {
    "shares": [0.14, 0.06, *[0.1] * 8],
    "low": [0.13, 0.05, *[0.09] * 8],
    "high": [0.16, 0.08, *[0.12] * 8],
    "real": [0.098, 0.1135, *[0.0985] * 8],
    "over": [0],
    "under": [1],
    "sentence": "At 95 %, 0 is over-represented; 1 is under-represented. " * 3,
}


def test_shares_of_classes_are_bars_with_their_intervals_beside_the_real_ones(tmp_path, monkeypatch):
    drawn, bar = {}, matplotlib.axes.Axes.bar

    def recorded(self, x, height, width, *, label, yerr=None, **style):
        drawn[label] = (np.round(x, 1).tolist(), list(height), yerr)
        return bar(self, x, height, width, label=label, yerr=yerr, **style)

    monkeypatch.setattr(matplotlib.axes.Axes, "bar", recorded)
    plots.write_classes(tmp_path / "plots" / "classes.svg", CLASSES)
    x, heights, errors = drawn["generated more often than real"]
    assert (x, heights) == ([-0.2], [0.14])
    np.testing.assert_allclose(errors, [[0.01], [0.02]])
    assert drawn["generated less often than real"][1] == [0.06]
    assert drawn["generated, with its 95 % interval"][0] == [1.8, 2.8, 3.8, 4.8, 5.8, 6.8, 7.8, 8.8]
    assert drawn["real test digits"][1] == CLASSES["real"]
    assert "<svg" in (tmp_path / "plots" / "classes.svg").read_text()


def test_evaluations_show_both_measures_the_lowest_and_the_floor(tmp_path, curves, monkeypatch):
    levels = []
    monkeypatch.setattr(matplotlib.axes.Axes, "axhline", lambda self, y, **_: levels.append(y))
    path = tmp_path / "evaluations.csv"
    path.write_text(
        "step,frechet,frechet_floor,total_variation\n500,30,0.1,0.5\n1000,,,\n1500,4,0.1,0.2\n2000,5,0.1,0.25\n"
    )
    plots.write_evaluations(tmp_path / "evaluations.png", path)
    assert curves["lowest: 4 at step 1,500"] == ([1500], [4])
    assert curves["Fréchet distance"][0] == [500, 1000, 1500, 2000]
    assert curves["total variation"][1][2:] == [0.2, 0.25]
    assert levels == [0.1]
    path.write_text("step,frechet,total_variation\n500,,\n")
    with pytest.raises(ValueError, match="`log` must be one of finite samples"):
        plots.write_evaluations(tmp_path / "evaluations.png", path)


def walk_between(begin, end):
    share = np.linspace(0, 1, 5)
    return Walk(
        latents=np.zeros((5, 3)),
        images=np.linspace(-1, 1, 5 * 28 * 28).reshape(5, 28, 28, 1),
        classes=(begin, end),
        confidence=np.stack([1 - share, share], axis=1),
        shown=np.array([begin, begin, 8, end, end]),
        shown_confidence=np.array([1, 0.75, 0.6, 0.75, 1]),
    )


@pytest.fixture
def texts(monkeypatch):
    """What is written into the axes."""
    written, text = [], matplotlib.axes.Axes.text

    def recorded(self, x, y, words, **style):
        written.append(words)
        return text(self, x, y, words, **style)

    monkeypatch.setattr(matplotlib.axes.Axes, "text", recorded)
    return written


def test_a_strip_says_what_each_image_is_taken_for_with_the_probability_of_both_ends(tmp_path, texts):
    plots.write_strip(tmp_path / "strip.png", walk_between(4, 1), title="From 4 to 1")
    assert texts[:10] == [
        *["1.00", "0.75", "0.50", "0.25", "0.00"],
        *["0.00", "0.25", "0.50", "0.75", "1.00"],
    ]
    assert texts[10] == "0.60"  # of the 8, which is neither end
    assert texts[12:] == ["4", "4", "8", "1", "1"]
    with Image.open(tmp_path / "strip.png") as picture:
        assert 1.9 < picture.width / picture.height < 2.1


def test_pairs_are_strips_with_their_names(tmp_path, texts):
    plots.write_pairs(tmp_path / "pairs.svg", [walk_between(0, k) for k in (1, 2, 3, 4)])
    assert texts == ["0 → 1", "0 → 2", "0 → 3", "0 → 4"]
    assert "<svg" in (tmp_path / "pairs.svg").read_text()
