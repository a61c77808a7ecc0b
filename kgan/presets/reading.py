"""Settings out of text: what the command line is given, and what a run's config.json holds."""

import inspect
import typing

from kgan.spec import Spec


def spec_of(annotated):
    """The `Spec` that a setting's type names, alone, or None, or any number of; or None."""
    kind = (typing.get_args(annotated) or (annotated,))[0]
    return kind if inspect.isclass(kind) and issubclass(kind, Spec) else None


def reader(annotated):
    """What reads a setting of an annotated type: a number or name, a `Spec`, a list of such.

    Its `__name__` says what it reads. It raises ValueError for other texts.
    """
    is_list = typing.get_origin(annotated) is tuple
    if spec_of(annotated):
        spec = spec_of(annotated)
        read = spec.parse_all if is_list else spec.parse
        is_optional = type(None) in typing.get_args(annotated)
        return _or_none(read) if is_optional else read
    if is_list:
        return _listed(typing.get_args(annotated)[0])
    kinds = typing.get_args(annotated) or (annotated,)
    if kinds == (bool,):
        return truth
    return kinds[0] if len(kinds) == 1 else _any_of(kinds)


def truth(text):
    """True or False, as words."""
    if text.lower() not in ("true", "false"):
        raise ValueError(f"{text!r} is not one of true, false.")
    return text.lower() == "true"


def _or_none(read):
    def read_or_none(text):
        return None if text.strip() == "none" else read(text)

    return read_or_none


def _listed(kind):
    def read(text):
        return tuple(kind(item) for item in text.split(","))

    read.__name__ = f"comma-separated {kind.__name__}"
    return read


def _any_of(kinds):
    """Reads the first of the types that fits a text; "none" is None where None is among them."""
    by_value = [kind for kind in kinds if kind is not type(None)]

    def read(text):
        if text == "none" and len(by_value) < len(kinds):
            return None
        for kind in by_value[:-1]:
            try:
                return kind(text)
            except ValueError:
                continue
        return by_value[-1](text)

    read.__name__ = " or ".join(kind.__name__ for kind in by_value)
    return read
