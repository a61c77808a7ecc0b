"""What the rows of both kinds of experiment have in common."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, get_args, get_origin, get_type_hints

from kgan.spec import check, is_count

CHOSEN = "chosen"
STATED = "stated"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Preset:
    """A row of settings: the annotated fields of a subclass, in the order of the command line.

    `source` says where the values come from, `basis` for each setting whether its source states it
    or it was chosen here, and `shows` what to expect of the run.

    Raises:
        ValueError: If a value breaks its rule.
    """

    source: str
    shows: str
    basis: Mapping = dataclasses.field(default_factory=dict, hash=False)

    def __post_init__(self):
        """Check that `basis` speaks of settings."""
        unknown = sorted(set(self.basis) - set(self.describe()))
        check("basis", "a mapping whose keys are settings", unknown, holds=not unknown)
        object.__setattr__(self, "basis", MappingProxyType(dict(self.basis)))  # frozen as the rest

    def _check_counts(self, *names):
        """Raise ValueError unless each of these settings is a positive integer, or None where it may be."""
        for name in names:
            value, optional = getattr(self, name), _is_optional(type(self), name)
            holds = is_count(value) or (optional and value is None)
            check(name, "a positive integer", value, holds=holds)

    def _check_length(self):
        """Raise ValueError unless the run's length is given in either epochs or steps."""
        self._check_counts("epochs", "steps")
        if (self.epochs is None) == (self.steps is None):
            raise ValueError(f"Give one of `epochs` and `steps`, got {self.epochs!r} and {self.steps!r}.")

    def describe(self):
        """The settings by name, as the command line would accept them."""
        return {name: _shown(getattr(self, name)) for name in _settings(type(self))}

    def basis_of(self, name):
        """Whether a setting is "stated" by the source, "chosen", or which part of it is which."""
        return self.basis.get(name, CHOSEN)


def _settings(row):
    """The annotations of a row's settings by name."""
    hints = get_type_hints(row, include_extras=True)
    return {name: hint for name, hint in hints.items() if get_origin(hint) is Annotated}


def _is_optional(row, name):
    return type(None) in get_args(get_args(_settings(row)[name])[0])


def _shown(value):
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return value if value is None or isinstance(value, int | float | str) else repr(value)
