"""Benchmarks: alternating turns, ratios, output, and a run of each."""

import itertools
import json
import time

import keras
import pytest

import benchmarks.__main__ as command
from benchmarks.tables import Limit, Row, show
from benchmarks.timing import Comparison, compare


@pytest.fixture
def clock(monkeypatch):
    """A clock that only moves when it is told to."""
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    return now


def test_turns_alternate_so_that_a_slow_minute_falls_on_both(clock):
    order = []
    speeds = itertools.chain(
        [1] * 4, itertools.repeat(10)
    )  # the machine is ten times slower from the third turn on

    def work(name, seconds):
        def run():
            order.append(name)
            clock[0] += seconds * next(speeds)

        return run

    found = compare(work("peer", 2), work("ours", 1), turns=4, warm_up=0)
    assert order == ["peer", "ours", "ours", "peer", "peer", "ours", "ours", "peer"]
    assert found.peer == [2, 2, 20, 20]
    assert found.ours == [1, 1, 10, 10]
    assert found.ratios == [0.5] * 4


def test_a_ratio_is_the_median_of_the_turns_and_not_of_the_times():
    found = Comparison(peer=[1.0, 10.0, 4.0], ours=[0.5, 9.0, 1.0])
    assert found.ratios == [0.25, 0.5, 0.9]
    assert found.ratio == 0.5


def test_warm_up_is_not_timed(clock):
    seconds = iter([100, 100, 1, 1])

    def run():
        clock[0] += next(seconds)

    assert compare(run, run, turns=1, warm_up=1) == Comparison(peer=[1], ours=[1])


def test_a_row_shows_milliseconds_a_step_and_the_spread(capsys):
    row = Row(
        what="step",
        against="plain loop",
        comparison=Comparison(peer=[1.0, 2.0, 1.0], ours=[0.5, 0.5, 0.75]),
        target=0.6,
        per=100,
        floor=0.002,
    )
    show(row)
    line = json.loads(capsys.readouterr().out)
    assert dict(zip(line["columns"], line["cells"], strict=True)) == {
        "what": "step",
        "against": "plain loop",
        "its ms": "10",
        "our ms": "5",
        "floor ms": "2",
        "ratio": "0.5",
        "lowest": "0.25",
        "highest": "0.75",
        "target": "≤ 0.6",
    }


def test_a_limit_shows_its_median_and_the_spread():
    assert Limit("import, s", (0.3, 0.1, 0.123456), 0.5).cells() == (
        "import, s",
        "0.123",
        "0.1",
        "0.3",
        "≤ 0.5",
    )


def test_a_failing_benchmark_is_named_and_fails_the_command(monkeypatch, capfd):
    monkeypatch.setattr(command, "BENCHMARKS", {"no_such_benchmark": (keras.backend.backend(),)})
    assert command.main([]) == 1
    assert "benchmarks.no_such_benchmark failed with 1" in capfd.readouterr().out


def test_a_name_that_is_none_is_said(capsys):
    with pytest.raises(SystemExit):
        command.main(["gna"])
    assert "must be one of lstm, lengths, gan, everyday, got gna." in capsys.readouterr().err


def test_flags_reach_the_benchmarks_that_take_them(monkeypatch):
    started = []
    monkeypatch.setattr(command, "run", lambda name, backend, flags: started.append((name, flags)) or True)
    backend = keras.backend.backend()
    assert command.main(["--quick", "--data-dir", "digits", "--backend", backend]) == 0
    assert [name for name, _ in started] == [n for n, known in command.BENCHMARKS.items() if backend in known]
    for name, flags in started:
        assert flags == ["--quick", *(["--data-dir", "digits"] if name == "everyday" else [])]


@pytest.mark.parametrize("name", command.BENCHMARKS)
def test_every_benchmark_runs(name, capsys):
    backend = keras.backend.backend()
    if backend not in command.BENCHMARKS[name]:
        pytest.skip(f"nothing to compare on {backend}")
    assert command.main([name, "--backend", backend, "--quick"]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert len(rows) >= 3  # the header, the rule under it, a row or more
