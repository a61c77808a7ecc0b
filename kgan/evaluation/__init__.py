"""What generated images show. Names are loaded on first use."""

import importlib

# Public name -> the module of this package that holds it.
_LAZY = {
    "ClassShares": "classes",
    "DigitClassifier": "classifier",
    "Drawn": "endpoints",
    "Embedding": "classifier",
    "Endpoints": "endpoints",
    "Judgement": "judgement",
    "ManifoldScores": "manifold",
    "Metric": "metric",
    "NUM_CLASSES": "classifier",
    "NUM_FEATURES": "classifier",
    "NearestNeighbours": "neighbours",
    "READ_DATA": "classifier",
    "NoEndpointsError": "endpoints",
    "Reference": "reference",
    "Walk": "endpoints",
    "best_latents": "endpoints",
    "class_shares": "classes",
    "find_endpoints": "endpoints",
    "frechet_distance": "frechet",
    "judge": "judgement",
    "kernel_distance": "kernel",
    "load_judge": "judgement",
    "manifold_scores": "manifold",
    "quick_judge": "judgement",
    "surest_pair": "endpoints",
    "total_variation": "classes",
    "walk": "endpoints",
    "way": "endpoints",
}

__all__ = list(_LAZY)


def __getattr__(name):
    if name not in _LAZY:
        raise AttributeError(f"module 'kgan.evaluation' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"kgan.evaluation.{_LAZY[name]}"), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *_LAZY})
