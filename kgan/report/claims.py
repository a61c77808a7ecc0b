"""What of a GAN's run answers a claim: a function of its contents for each measure."""

from kgan.report import words


def measured(measure, contents):
    """The words that answer a claim, or that say why there are none.

    Args:
        measure: One of `_MEASURES`.
        contents: `kgan.report.gan.Contents`.
    """
    answer = _MEASURES.get(measure)
    return (answer and answer(contents)) or "not measured"


def _classes(contents):
    return contents.evaluation and contents.evaluation["classes"]["sentence"]


def _p(contents):
    if not contents.epochs:
        return None
    last = contents.epochs[-1]
    return (
        f"p was {words.number(last['p'])} in the last epoch, on average; "
        f"{words.percent(last['d_updates'])} of its steps updated D."
    )


def _steps(contents):
    rows = contents.steps or contents.epochs
    if not rows:
        return None
    planned = contents.config.get("epochs")
    done = f"{words.count(rows[-1]['step'])} steps, {len(contents.epochs)}"
    return f"{done} of {planned} epochs." if planned else f"{done} epochs."


def _confidence(contents):
    metric = contents.metric("confidence")
    return metric and (
        f"The classifier is {words.percent(metric['value'])} sure of the samples, of real digits "
        f"{words.percent(metric['floor'])}. See the samples over time."
    )


def _interpolation(contents):
    record = contents.interpolation
    if record is None:
        return None
    begin, end = record["classes"]
    sure = words.percent(record["confidence"][0][0]), words.percent(record["confidence"][-1][1])
    return (
        f"A {begin} becomes a {end} in {record['num_frames']} images on this page; the classifier is "
        f"{sure[0]} sure of the first and {sure[1]} of the last."
    )


_MEASURES = {
    "classes": _classes,
    "p": _p,
    "steps": _steps,
    "confidence": _confidence,
    "interpolation": _interpolation,
}
