"""The preset of a run that is there, out of its config.json."""

import dataclasses
import typing

from kgan.presets.base import settings_of
from kgan.presets.gan import GAN_PRESETS, GANClaim, GANPreset
from kgan.presets.palindrome import LSTM_PRESETS, CurriculumPreset, RecallPreset
from kgan.presets.reading import reader


def stored_preset(config):
    """The preset that a run was begun with.

    Args:
        config: Dict of the run's config.json.

    Returns:
        `GANPreset`, `RecallPreset` or `CurriculumPreset`.

    Raises:
        ValueError: If the settings are not those of one, or a value breaks its rule.
    """
    settings = config["settings"]
    kinds = (GANPreset, RecallPreset, CurriculumPreset)
    kind = max(kinds, key=lambda kind: len(set(settings) & set(settings_of(kind))))
    unknown = sorted(set(settings) - set(settings_of(kind)))
    if unknown:
        raise ValueError(f"config.json has settings that this version of kgan has not: {', '.join(unknown)}.")
    # A setting that is newer than the run is as it was without it, whatever its row has now.
    values = _defaults(kind)
    values |= {name: _read(settings_of(kind)[name], name, value) for name, value in settings.items()}
    kept = {name: config.get(name, default) for name, default in (("source", ""), ("basis", {}))}
    row = (GAN_PRESETS | LSTM_PRESETS).get(config.get("preset"))
    if type(row) is kind:  # its claims, which say what is expected, are kept
        return dataclasses.replace(row, **values, **kept)
    claims = tuple(GANClaim(**claim) for claim in config.get("claims", ())) if kind is GANPreset else ()
    return kind(**values, **kept, claims=claims, shows="Not known: settings of its own.")


def _defaults(kind):
    fields = {field.name: field.default for field in dataclasses.fields(kind)}
    return {name: fields[name] for name in settings_of(kind) if fields[name] is not dataclasses.MISSING}


def _read(hint, name, value):
    if not isinstance(value, str):
        return value
    annotated = typing.get_args(hint)[0]
    try:
        return reader(annotated)(value)
    except ValueError:
        raise ValueError(f"config.json is damaged: its setting `{name}` cannot be {value!r}.") from None


def changes(stored, wanted, *, override):
    """The settings in which a run that goes on is to differ from what it was, by name, with their new values.

    Args:
        stored: The run's preset.
        wanted: A preset.
        override: Whether it may differ.

    Raises:
        ValueError: If it differs and may not, or in what its weights depend on; each setting is named.
    """
    if type(wanted) is not type(stored):
        raise ValueError("The run and the preset that was given are of different kinds: begin a new run.")
    before, after = stored.describe(), wanted.describe()
    changed = [name for name in before if before[name] != after[name]]
    words = "; ".join(f"`{name}` is {before[name]} in the run, {after[name]} was given" for name in changed)
    if fixed := [name for name in changed if name in stored.fixed]:
        raise ValueError(f"{words}. {' and '.join(fixed)} cannot change in a run: begin a new one.")
    if changed and not override:
        raise ValueError(f"{words}. Leave it out, or go on otherwise by --override (override=True).")
    return {name: getattr(wanted, name) for name in changed}
