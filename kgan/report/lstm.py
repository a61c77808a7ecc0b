"""The page about a run of the palindrome task."""

import functools

from kgan import plots
from kgan.report import blocks, words
from kgan.report.files import read_json, read_rows

_NAMES = {"lstm": "LSTM", "rnn": "SimpleRNN"}


def page_of(run, config):
    """What page.html shows of a run.

    Args:
        run: `kgan.runs.Run`.
        config: Dict of its config.json.
    """
    found = read_json(run.results) or {}
    results = sorted(found.get("results", []), key=lambda result: result["length"])
    rows = [row for row in read_rows(run.log) if row["network"] in _NAMES]
    sections = [
        _accuracies(results, rows),
        _table(results, verdicts=found.get("verdicts", {})),
        *_curves(rows, curriculum="min_length" in config["settings"]),
        _settings(config),
    ]
    return {
        "title": run.path.absolute().name,
        "lead": [_trained(config, results), _came_to(run, results)],
        "sections": [section for section in sections if section],
    }


def _networks(config):
    names = str(config["settings"].get("networks", "lstm,rnn")).split(",")
    return words.listed([_NAMES.get(name, name) for name in names])


def _trained(config, results):
    settings = config["settings"]
    start = (
        f"Preset {config.get('preset', '–')}: {_networks(config)} of {settings.get('units', '–')} units, "
        "to recall a palindrome's first digit"
    )
    if not results:
        return f"{start}; nothing has come to its end yet."
    lengths = sorted({result["length"] for result in results})
    seconds = sum(result["seconds"] for result in results)
    numbers = words.listed([words.count(length) for length in lengths])
    return (
        f"{start} at length{'s' if len(lengths) > 1 else ''} {numbers}, trained in "
        f"{words.duration(seconds)}, with {config.get('backend')} on {config.get('device')}."
    )


def _came_to(run, results):
    if not results:
        held = words.listed(sorted(path.name for path in run.path.iterdir() if path.name[0] != "."))
        return f"Training goes on or was broken off. The folder holds {held}."
    return " ".join(
        f"{_NAMES[network]}: {_reached(network, results)}."
        for network in _NAMES
        if any(result["network"] == network for result in results)
    )


def _reached(network, results):
    own = [result for result in results if result["network"] == network]
    whole = [result["length"] for result in own if result["accuracy"] == 1]
    last = own[-1]
    ends = "" if last["length"] in whole else f", {last['measured']} at length {words.count(last['length'])}"
    if not whole:
        return f"100 % at no length{ends}"
    return f"100 % up to length {words.count(whole[-1])}{ends}"


def _accuracies(results, rows):
    measured, claimed = {}, {}
    for result in results:
        network, length = result["network"], result["length"]
        if result["accuracy"] is not None:
            measured.setdefault(network, {})[length] = result["accuracy"]
        if result["claimed_accuracy"] is not None:
            claimed.setdefault(network, {})[length] = result["claimed_accuracy"]
    if not measured:
        return (
            None
            if rows
            else blocks.section("accuracy", "Accuracy", blocks.missing("log.csv holds no row yet."))
        )
    numbers = [
        f"{_NAMES[network]}: "
        + ", ".join(
            f"{words.percent(share)} at {words.count(length)}" for length, share in accuracies.items()
        )
        for network, accuracies in measured.items()
    ]
    draw = functools.partial(plots.write_length_accuracy, measured=measured, claimed=claimed)
    caption = "Accuracy on validation palindromes at the end of training, over their length."
    label = f"{caption} {'; '.join(numbers)}."
    return blocks.section(
        "accuracy", "Accuracy by length", blocks.figure("accuracy-plot", draw, label=label, caption=caption)
    )


def _table(results, *, verdicts):
    if not results:
        return None
    head = ["length", "network", "claimed", "measured", "100 % at step (epoch)", "seconds"]
    rows = [
        [
            words.count(result["length"]),
            _NAMES[result["network"]],
            result["claimed"] or "–",
            result["measured"],
            _solved(result),
            f"{result['seconds']:.1f}",
        ]
        for result in results
    ]
    return blocks.section(
        "results",
        "Claimed and measured",
        blocks.table(head, rows, caption="What each network came to at each length.", numbers=(0, 4, 5)),
        *[
            blocks.prose(f"{_NAMES.get(network, network)}: {verdict}")
            for network, verdict in verdicts.items()
        ],
    )


def _solved(result):
    if result["solved_step"] is None:
        return "–"
    return f"{words.count(result['solved_step'])} ({result['solved_epoch']})"


def _curves(rows, *, curriculum):
    """Sections of the curves: of a curriculum one, else one with a figure a length."""
    if not rows:
        return []
    if curriculum:
        return [blocks.section("curriculum", "Curriculum", _curriculum(_by_network(rows)))]
    lengths = dict.fromkeys(row["length"] for row in rows)
    figures = [_length(length, [row for row in rows if row["length"] == length]) for length in lengths]
    return [blocks.section("curves", "Curves", *figures)]


def _by_network(rows):
    found = {}
    for row in rows:
        found.setdefault(row["network"], []).append(row)
    return found


def _length(length, rows):
    curves = _by_network(rows)
    title = f"Palindromes of {words.count(length)} digits"
    return blocks.figure(
        f"length-{length:.0f}",
        functools.partial(plots.write_curves, curves=curves, title=title),
        label=f"Accuracy and loss over the steps. {title}, at the end: {_ends(curves)}.",
        caption=f"{title}: accuracy and loss over the steps; faint, of training.",
    )


def _ends(curves):
    return "; ".join(
        f"{_NAMES[network]} {words.percent(own[-1]['val_accuracy'])}, "
        f"loss {words.number(own[-1]['val_loss'])}"
        for network, own in curves.items()
    )


def _curriculum(curves):
    reached = {network: max(row["length"] for row in own) for network, own in curves.items()}
    ends = "; ".join(f"{_NAMES[network]} {words.count(length)}" for network, length in reached.items())
    return blocks.figure(
        "curriculum-plot",
        functools.partial(plots.write_curriculum, curves=curves),
        label=f"The length and the loss at it over the steps. The longest tried: {ends}.",
        caption="The length that is trained, and the loss at it, over the steps; weights are carried over.",
    )


def _settings(config):
    return blocks.section(
        "settings",
        "Settings",
        blocks.prose(config.get("source")),
        blocks.facts(words.settings(config), title="Settings"),
        blocks.facts(words.machine(config), title="Machine"),
    )
