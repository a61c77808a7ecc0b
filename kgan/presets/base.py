"""What the rows of both kinds of experiment have in common."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar, get_args, get_origin, get_type_hints

from kgan.spec import check, is_count

CHOSEN = "chosen"
STATED = "stated"
ON_NAN = "stop, or rollback to the last checkpoint, once, at half the learning rates"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Preset:
    """A row of settings: the annotated fields of a subclass, in the order of the command line.

    `source` says where the values come from, `basis` for each setting whether its source states it
    or it was chosen here, and `shows` what to expect of the run.

    Raises:
        ValueError: If a value breaks its rule.
    """

    fixed: ClassVar[tuple] = ()  # settings on which the weights depend, so that a run keeps them

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

    def _check_on_nan(self):
        """Raise ValueError unless `on_nan` is one of its two values."""
        check("on_nan", "stop or rollback", self.on_nan, holds=self.on_nan in ("stop", "rollback"))

    def _check_length(self):
        """Raise ValueError unless the run's length is given in either epochs or steps."""
        self._check_counts("epochs", "steps")
        if (self.epochs is None) == (self.steps is None):
            raise ValueError(f"Give one of `epochs` and `steps`, got {self.epochs!r} and {self.steps!r}.")

    def describe(self):
        """The settings by name, as the command line would accept them."""
        return {name: _shown(getattr(self, name)) for name in settings_of(type(self))}

    def replace(self, **changes):
        """The row with other values; a length in one unit replaces one in the other.

        Raises:
            ValueError: If there is no such setting, or a value breaks its rule.
        """
        unknown = sorted(set(changes) - {field.name for field in dataclasses.fields(self)})
        check("changes", f"settings, {', '.join(self.describe())}", unknown, holds=not unknown)
        for length, other in (("epochs", "steps"), ("steps", "epochs")):
            if length in changes and length in self.describe():
                changes.setdefault(other, None)
        return dataclasses.replace(self, **changes)

    def basis_of(self, name):
        """Whether a setting is "stated" by the source, "chosen", or which part of it is which."""
        return self.basis.get(name, CHOSEN)


def settings_of(row):
    """The annotations of the settings of a class of rows by name."""
    hints = get_type_hints(row, include_extras=True)
    return {name: hint for name, hint in hints.items() if get_origin(hint) is Annotated}


def _is_optional(row, name):
    return type(None) in get_args(get_args(settings_of(row)[name])[0])


def _shown(value):
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "none"
    return value if value is None or isinstance(value, int | float | str) else repr(value)
