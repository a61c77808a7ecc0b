"""Wrong use of both scripts and of the GAN: one line that names the argument and the way out."""

import json
import os
import shutil

import filelock
import pytest

from kgan import cli

GAN_RUN = ["--data=mnist-5k", "--architecture=slim", "--batch-size=2000", "--epochs=1"]


@pytest.fixture
def copied(trained_on_digits, whole_lstm_run, folder):
    """Return a function that puts a copy of a finished run into the current folder."""
    finished = {"gan": lambda: trained_on_digits, "lstm": lambda: whole_lstm_run("direct")}
    return lambda kind: shutil.copytree(finished[kind](), folder / kind)


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    """Change to an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said_by(script, arguments, capsys):
    """The one line with which a script refuses its arguments; nothing else may happen."""
    capsys.readouterr()
    try:
        status = script(arguments)
    except SystemExit as leaving:
        status = leaving.code
    out, err = capsys.readouterr()
    assert status == 2, err
    assert out == ""
    assert err.count("\n") == 1, err
    assert "Traceback" not in err
    return err


GAN_MISTAKES = [
    (["--batch-size=0"], ["batch_size", "positive integer", "0"]),
    (["--batch-size=many"], ["--batch-size", "many"]),
    (["--data=mnist-5k", "--batch-size=5000"], ["batch_size", "at most", "4000"]),
    (["--steps=0"], ["steps", "positive integer"]),
    (["--steps=5", "--epochs=5"], ["steps", "epochs"]),
    (["--latent-dim=-3"], ["latent_dim", "positive integer", "-3"]),
    (["--seed=-1"], ["seed", "[0, 2**31)", "-1"]),
    (["--architecture=resnet"], ["architecture", "compact", "resnet"]),
    (["--data=cifar"], ["data", "mnist", "cifar"]),
    (["--update-policy=FixedProbability(p=2)"], ["--update-policy", "p", "[0, 1]", "2"]),
    (["--update-policy=Sometimes"], ["--update-policy", "LossBalanced", "Sometimes"]),
    (["--generator-optimizer=Adam(rate=1)"], ["--generator-optimizer", "learning_rate="]),
    (["--discriminator-optimizer=Adam(-1)"], ["--discriminator-optimizer", "learning_rate", "positive"]),
    (["--batchsize=64"], ["--batchsize", "--help"]),
    (["--preset=f"], ["--preset", "quick"]),
    (["--on-nan=hope"], ["on_nan", "rollback", "hope"]),
    (["--checkpoint-every=-1"], ["--checkpoint-every", "positive", "-1"]),
    (["--checkpoint-every=nan"], ["--checkpoint-every", "positive", "nan"]),
    (["--data-dir=missing"], ["data_dir", "folder", "missing"]),
    (["--data-dir=."], [".gz"]),
    (["--run-dir=."], [". exists", "name another"]),
    (["--resume=missing"], ["run", "config.json", "missing"]),
    (["--resume=last"], ["runs"]),
    (["--override"], ["--override", "--resume"]),
]
LSTM_MISTAKES = [
    (["--lengths=1"], ["lengths", "at least 2", "1"]),
    (["--lengths=5;10"], ["--lengths", "comma"]),
    (["--networks=gru"], ["networks", "lstm", "gru"]),
    (["--units=0"], ["units", "positive integer"]),
    (["--encoding=words"], ["encoding", "one-hot", "words"]),
    (["--curriculum", "--preset=d"], ["--curriculum", "--preset"]),
    (["--curriculum", "--max-length=5"], ["max_length", "min_length"]),
    (["--resume=missing"], ["run", "config.json", "missing"]),
]


@pytest.mark.parametrize(("arguments", "phrases"), GAN_MISTAKES, ids=lambda value: " ".join(value)[:40])
def test_train_gan_refuses_a_wrong_argument_in_one_line(arguments, phrases, capsys, folder):
    said = said_by(cli.train_gan, arguments, capsys)
    assert [phrase for phrase in phrases if phrase not in said] == [], said
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("arguments", "phrases"), LSTM_MISTAKES, ids=lambda value: " ".join(value)[:40])
def test_train_lstm_refuses_a_wrong_argument_in_one_line(arguments, phrases, capsys, folder):
    said = said_by(cli.train_lstm, arguments, capsys)
    assert [phrase for phrase in phrases if phrase not in said] == [], said
    assert list(folder.iterdir()) == []


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def damage_all(run):
    for model in run.glob("checkpoints/*/model.keras"):
        model.write_bytes(model.read_bytes()[:-1])


def forget_source(run):
    config = json.loads((run / "config.json").read_text())
    edit(
        run / "config.json",
        data=config["data"] | {"sha256": dict.fromkeys(config["data"]["sha256"], "0" * 64)},
    )


RUN_MISTAKES = [  # which run, what happened to it, what is given beside --resume, what must be said
    ("gan", lambda run: run.joinpath("config.json").write_text("{"), [], ["config.json", "damaged"]),
    ("gan", lambda run: run.joinpath("config.json").unlink(), [], ["config.json"]),
    ("gan", lambda run: edit(run / "config.json", settings={"hue": 1}), [], ["config.json", "hue"]),
    ("gan", damage_all, [], ["checkpoint", "truncated", "new run"]),
    ("gan", forget_source, [], ["data", "--data-dir"]),
    (
        "gan",
        lambda run: edit(run / "config.json", backend="mxnet"),
        [],
        ["KERAS_BACKEND", "mxnet", "--override"],
    ),
    ("gan", lambda run: None, ["--latent-dim=9"], ["latent_dim", "100", "9"]),
    ("gan", lambda run: None, ["--seed=1"], ["seed", "--override"]),
    ("gan", lambda run: None, ["--epochs=2", "--batch-size=9"], ["epochs", "batch_size", "--override"]),
    ("gan", lambda run: None, ["--run-dir=other"], ["--resume", "--run-dir"]),
    ("lstm", lambda run: None, ["--units=5"], ["units", "8", "5"]),
    ("lstm", lambda run: run.joinpath("config.json").write_text("[]"), [], ["config.json", "damaged"]),
]


@pytest.mark.parametrize(("kind", "happen", "arguments", "phrases"), RUN_MISTAKES)
def test_a_run_that_cannot_go_on_says_why_in_one_line(kind, happen, arguments, phrases, copied, capsys):
    run = copied(kind)
    happen(run)
    script = {"gan": cli.train_gan, "lstm": cli.train_lstm}[kind]
    said = said_by(script, ["--resume", str(run), *arguments], capsys)
    assert [phrase for phrase in phrases if phrase not in said] == [], said


@pytest.mark.parametrize(("kind", "script"), [("lstm", cli.train_gan), ("gan", cli.train_lstm)])
def test_a_run_of_the_other_script_is_refused(kind, script, copied, capsys):
    said = said_by(script, ["--resume", str(copied(kind))], capsys)
    assert "--resume" in said
    assert "other" in said


def test_to_resume_a_file_says_that_a_folder_is_wanted(copied, capsys):
    said = said_by(cli.train_gan, ["--resume", str(copied("gan") / "model.keras")], capsys)
    assert "folder of a run" in said
    assert "model.keras" in said


def test_a_run_that_another_process_trains_is_left_to_it(copied, capsys):
    with filelock.FileLock(copied("gan") / "checkpoints" / ".lock"):
        said = said_by(cli.train_gan, ["--resume", "gan"], capsys)
    assert "nother process" in said
    assert "wait" in said


def test_a_run_folder_below_a_file_is_refused(capsys, folder):
    (folder / "file").write_text("")
    said = said_by(cli.train_gan, [*GAN_RUN, "--run-dir=file/run"], capsys)
    assert "file" in said


def test_there_are_thirty_mistakes_at_least_of_the_scripts():
    assert len(GAN_MISTAKES) + len(LSTM_MISTAKES) + len(RUN_MISTAKES) >= 30
    assert os.environ["KGAN_OFFLINE"] == "1"
