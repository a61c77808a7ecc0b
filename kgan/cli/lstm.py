"""The command about the palindrome task."""

from pathlib import Path

from kgan.cli.parser import (
    BAD_INPUT,
    Parser,
    add_distribute,
    add_dry_run,
    add_preset,
    add_resume,
    add_settings,
    add_version,
    answer,
    chosen_preset,
    experiments_for,
    planned_to_resume,
    resolved,
    run_to_resume,
    say,
    settings_table,
    status_of,
    to_resume,
)
from kgan.presets import DEFAULT_LSTM_PRESET, LSTM_PRESETS, stored_preset
from kgan.runs import refuse_existing


def train_lstm(argv=None, prog="train_lstm.py"):
    """Train LSTM and SimpleRNN to recall a palindrome's first digit; compare them by length.

    Args:
        argv: Arguments; those of the process if None.
        prog: Name of the command in messages.

    Returns:
        Exit status: 0, 2 for bad input, short memory or a disk that fails, 3 if training diverged, 130
        after Ctrl-C, 143 after SIGTERM.
    """
    chosen = chosen_preset(argv, prog=prog, add_preset=_add_preset)
    name = _kind_to_resume(argv, prog=prog, chosen=chosen) or chosen or DEFAULT_LSTM_PRESET
    return answer(_train_lstm, _parser(prog, name).parse_args(argv), prog=prog)


def _kind_to_resume(argv, *, prog, chosen):
    """The preset whose options are those of the run to go on with, or None if there is no such run.

    What is `chosen` says of what kind the run is, and nothing of its settings: the kind alone is checked.
    """
    parser = Parser(prog=prog, add_help=False)
    add_resume(parser)
    resumed = parser.parse_known_args(argv)[0].resume
    try:
        stored = stored_preset(run_to_resume(resumed, prefix="lstm").read_config()) if resumed else None
    except (OSError, ValueError):  # which the work itself says
        return None
    kind = next((name for name in _KINDS if type(stored) is type(LSTM_PRESETS[name])), None)
    if kind and chosen and type(LSTM_PRESETS[chosen]) is not type(stored):
        parser.error(f"--resume: the run is {_KINDS[kind]}, which --preset {chosen} is not: leave that out")
    return kind


_KINDS = {DEFAULT_LSTM_PRESET: "a training at each length from the start", "curriculum": "a curriculum"}


def _add_preset(parser):
    choice = parser.add_mutually_exclusive_group()
    add_preset(choice, presets=LSTM_PRESETS, default=DEFAULT_LSTM_PRESET)
    choice.add_argument(
        "--curriculum",
        action="store_const",
        const="curriculum",
        dest="preset",
        help="short for --preset curriculum: from length to length, the weights carried over",
    )


def _parser(prog, preset):
    parser = Parser(
        prog=prog,
        description="Train an LSTM and a SimpleRNN to name the last digit of a palindrome, which equals its "
        "first; leave a table, curves, a log and the models in a new folder.",
    )
    _add_preset(parser)
    add_version(parser)
    run = parser.add_argument_group("this run")
    run.add_argument(
        "--run-dir", type=Path, metavar="DIR", help="folder to create (default: runs/lstm-PRESET-N)"
    )
    add_resume(run)
    add_distribute(run, "model")
    add_dry_run(run)
    add_settings(parser, name=preset, row=LSTM_PRESETS[preset])
    return parser


def _train_lstm(options):
    if options.resume is not None:
        return _resume(options)
    name = options.preset or DEFAULT_LSTM_PRESET
    preset = resolved(LSTM_PRESETS[name], vars(options))
    if options.override:
        raise ValueError("--override is for --resume, which was not given.")
    if options.dry_run:
        say(_planned(options, name, preset))
        return 0
    run_dir, every = options.run_dir, {"checkpoint_every": options.checkpoint_every}
    with experiments_for(options) as experiments:
        begun = experiments.begun_before("runs", "lstm", run_dir=run_dir)
        if begun is not None:
            return _ended(experiments.resume(begun, **every))
        return _ended(experiments.train_lstm(preset, name=name, run_dir=run_dir, **every))


def _resume(options):
    options.preset = None  # the run's kind, by now: its settings are the run's
    run, changed = to_resume(options, prefix="lstm", presets=LSTM_PRESETS)
    if options.dry_run:
        say(planned_to_resume(run, changed))
        return 0
    shared = {"override": options.override, "checkpoint_every": options.checkpoint_every}
    with experiments_for(options) as experiments:
        return _ended(experiments.resume(run.path, **shared, **changed))


def _ended(result):
    if result.is_of_first:
        say(_summary(result))
    if result.interrupted:
        return status_of(result)
    return BAD_INPUT if result.out_of_memory else 0


def _planned(options, name, preset):
    """The settings of a run, once what can be refused without loading anything is refused."""
    if options.run_dir is not None:
        refuse_existing(options.run_dir)
    return settings_table(name, preset, further={})


def _summary(result):
    run, minutes, seconds = result.run, *divmod(round(result.seconds), 60)
    plots = sorted(path.name for path in run.plots.glob("*.png"))
    return "\n".join(
        [
            *_table(sorted(result.outcomes, key=lambda outcome: outcome.length)),
            *[f"{network}: {verdict}" for network, verdict in result.verdicts.items()],
            "",
            *[
                _advice(network, length)
                for network, length in result.out_of_memory.items()
                if network not in result.verdicts  # which say so themselves
            ],
            f"{'Interrupted' if result.interrupted else 'Done'} after {minutes} min {seconds:02d} s, "
            f"{result.device}.",
            f"  look at   {run.plots}  ({', '.join(plots)})",
            *([f"  report    {run.report}  (open it in a browser)"] if run.report.is_file() else []),
            f"  results   {run.results}",
            f"  log       {run.log}  (a row an evaluation)",
            f"  settings  {run.config}",
            f"  models    {run.models}",
            *([f"  go on     kgan train-lstm --resume {run.path}"] if result.interrupted else []),
        ]
    )


def _table(outcomes):
    """Lines of a table, claimed beside measured."""
    rows = [("length", "network", "claimed", "measured", "100 % at step (epoch)", "seconds")]
    rows += [
        (
            f"{outcome.length:,}",
            outcome.network,
            outcome.claimed,
            outcome.measured,
            _solved(outcome),
            f"{outcome.seconds:.1f}",
        )
        for outcome in outcomes
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _solved(outcome):
    if outcome.solved_step is None:
        return "–"
    return f"{outcome.solved_step:,} ({outcome.solved_epoch})"


def _advice(network, length):
    lower = "--checkpoint sqrt keeps fewer states, and " if network == "lstm" else ""
    return (
        f"Out of memory at length {length:,}, {network}: {lower}a lower --batch-size or --units takes less."
    )
