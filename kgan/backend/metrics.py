"""Metrics of one rank."""


def model_metrics(model):
    """Return a model's metric results by name, without a sum over ranks."""
    found = {}
    for metric in model.metrics:
        result = metric.result()
        found |= result if isinstance(result, dict) else {metric.name: result}
    return found
