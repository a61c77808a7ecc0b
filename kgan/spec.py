"""Settings as frozen dataclasses: shown, parsed, saved and restored by their fields.

A `Spec` imports no framework, so presets, `--dry-run` and `--help` need none. Its `repr`,
such as `EveryK(k=2)`, is what the command line accepts and what a run's config.json holds.
"""

import ast
import dataclasses
import math
import numbers


@dataclasses.dataclass(frozen=True)
class Spec:
    """Base of the losses, update policies and optimiser settings."""

    def get_config(self):
        """The fields by name, for Keras's serialisation."""
        return dataclasses.asdict(self)

    @classmethod
    def from_config(cls, config):
        """The spec that `get_config` described."""
        return cls(**config)

    @classmethod
    def parse(cls, text):
        """The spec that `text` writes, such as `EveryK(k=2)`, `EveryK(2)` or `Always`.

        Args:
            text: Name of a subclass, with literal arguments in brackets if it takes any.

        Raises:
            ValueError: If no subclass has that name or its arguments do not fit.
        """
        choices = cls.choices()
        name, arguments, keywords = cls._parse_call(text)
        if name not in choices:
            raise ValueError(f"{text!r} is not one of {', '.join(choices)}.")
        try:
            return choices[name](*arguments, **keywords)
        except ValueError as error:
            raise ValueError(f"{text!r}: {error}") from None
        except TypeError:
            fields = ", ".join(f"{f.name}={f.default!r}" for f in dataclasses.fields(choices[name]))
            raise ValueError(f"{text!r} does not fit {name}({fields}).") from None

    @classmethod
    def parse_all(cls, text):
        """A tuple of specs of a text with commas between them, such as `EveryK(k=2),Always`; "none" is none.

        Args:
            text: As for `parse`, any number.

        Raises:
            ValueError: As `parse`.
        """
        if text.strip() in ("", "none"):
            return ()
        try:
            nodes = ast.parse(f"[{text}]", mode="eval").body.elts
        except (SyntaxError, ValueError, AttributeError):
            raise ValueError(f"{text!r} is not of the form Name(argument=number),Name.") from None
        return tuple(cls.parse(ast.unparse(node)) for node in nodes)

    @classmethod
    def _parse_call(cls, text):
        # Literals only: nothing that a user types is evaluated.
        try:
            node = ast.parse(text.strip(), mode="eval").body
            if isinstance(node, ast.Name):
                return node.id, [], {}
            arguments = [ast.literal_eval(argument) for argument in node.args]
            keywords = {keyword.arg: ast.literal_eval(keyword.value) for keyword in node.keywords}
            return node.func.id, arguments, keywords
        except (SyntaxError, ValueError, AttributeError):
            example = next(iter(cls.choices()))
            raise ValueError(
                f"{text!r} is not of the form Name or Name(argument=number), such as {example}()."
            ) from None

    @classmethod
    def choices(cls):
        """Every concrete subclass by name."""
        found = {}
        for subclass in cls.__subclasses__():
            found |= {subclass.__name__: subclass} | subclass.choices()
        return {name: spec for name, spec in found.items() if not name.startswith("_")}


def check(name, rule, value, *, holds):
    """Raise a ValueError that names the argument, its rule and its value, unless `holds`."""
    if not holds:
        raise ValueError(f"`{name}` must be {rule}, got {value!r}.")


def is_count(value):
    """Whether `value` is a positive integer (and not a bool)."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool) and value > 0


def is_number(value):
    """Whether `value` is a finite real number (and not a bool)."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)


def is_seed(value):
    """Whether `value` is an integer that int32 arithmetic on every backend holds (and not a bool)."""
    is_integer = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    return is_integer and 0 <= value < 2**31
