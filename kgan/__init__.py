"""GANs and long memory for Keras 3, written once for PyTorch, JAX and TensorFlow.

Importing kgan imports no framework and seeds nothing. It only makes PyTorch the
backend of a Keras that is still to be imported, unless `KERAS_BACKEND` names
another; a Keras that is already imported stays as it is. The `backend` entry of
`keras.json` is not asked: Keras writes "tensorflow" there by itself.
"""

import importlib
import os
import sys

if "keras" not in sys.modules:
    os.environ.setdefault("KERAS_BACKEND", "torch")

__version__ = "0.1.0"

# Public name -> the module that holds it, or the module itself. Loaded on first use.
_LAZY = {
    "ConditionalGAN": "kgan.gan.conditional",
    "GAN": "kgan.gan.model",
    "GeneratorAverage": "kgan.gan.averaging",
    "LinearDecay": "kgan.optimizers",
    "load_digits": "kgan.digits",
    "load_images": "kgan.digits",
    "load_model": "kgan.gan.model",
    "augmentations": "kgan.gan.augmentations",
    "architectures": "kgan.gan.architectures",
    "callbacks": "kgan.callbacks",
    "digits": "kgan.digits",
    "evaluation": "kgan.evaluation",
    "experiments": "kgan.experiments",
    "latent": "kgan.gan.latent",
    "layers": "kgan.layers",
    "losses": "kgan.gan.losses",
    "palindrome": "kgan.palindrome",
    "pictures": "kgan.pictures",
    "plots": "kgan.plots",
    "presets": "kgan.presets",
    "regularizers": "kgan.gan.regularizers",
    "saving": "kgan.saving",
    "stream_images": "kgan.digits",
    "update_policies": "kgan.gan.update_policies",
}

__all__ = list(_LAZY)


def __getattr__(name):
    if name not in _LAZY:
        raise AttributeError(f"module 'kgan' has no attribute {name!r}")
    module = importlib.import_module(_LAZY[name])
    value = getattr(module, name, module)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*filter(_is_dunder, globals()), *_LAZY})


def _is_dunder(name):
    return name.startswith("__")
