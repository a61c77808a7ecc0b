"""The palindrome task: given all digits of a palindrome but the last, name the last.

It equals the first, so a network must carry one digit over the whole sequence. Names are
loaded on first use; importing this package imports no framework.
"""

import importlib

# Public name -> the module of this package that holds it.
_LAZY = {
    "Curriculum": "curriculum",
    "CurriculumResult": "curriculum",
    "DIGITS": "settings",
    "ENCODINGS": "settings",
    "FixedPalindromes": "data",
    "INITIALIZERS": "settings",
    "NETWORKS": "settings",
    "PARTS": "settings",
    "PRIORS": "settings",
    "PalindromeStream": "data",
    "Progress": "progress",
    "Stage": "progress",
    "compile_recaller": "models",
    "count_palindromes": "data",
    "digit_recaller": "models",
    "draw_palindromes": "data",
    "encode": "data",
    "lengths_between": "curriculum",
    "set_latch": "latch",
}

__all__ = list(_LAZY)


def __getattr__(name):
    if name not in _LAZY:
        raise AttributeError(f"module 'kgan.palindrome' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"kgan.palindrome.{_LAZY[name]}"), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *_LAZY})
