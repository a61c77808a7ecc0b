"""What every run's config.json says of its settings and of the machine."""

import importlib
import platform

import keras


def described(preset, *, name):
    """The settings of a preset and on what each is based, as a dict for config.json."""
    settings = preset.describe()
    return {
        "preset": name,
        "source": preset.source,
        "settings": settings,
        "basis": {setting: preset.basis_of(setting) for setting in settings},
    }


def environment(device):
    """The backend, its device and the versions, as a dict for config.json."""
    packages = [importlib.import_module(p) for p in ("kgan", "keras", keras.backend.backend(), "numpy")]
    return {
        "backend": keras.backend.backend(),
        "device": device,
        "versions": {"python": platform.python_version()} | {p.__name__: p.__version__ for p in packages},
    }
