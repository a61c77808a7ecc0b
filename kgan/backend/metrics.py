"""The metrics of a model in this process."""


def model_metrics(model):
    """Return the results of a `keras.Model`'s metrics by name, as they are in this process."""
    found = {}
    for metric in model.metrics:
        result = metric.result()
        found |= result if isinstance(result, dict) else {metric.name: result}
    return found
