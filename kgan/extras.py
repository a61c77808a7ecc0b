"""Packages that only some uses need."""

import importlib.util


def check_installed(package, *, use):
    """Raise ImportError, which says the way out, unless a package of an extra of the same name is there.

    Args:
        package: Name of the package and of kgan's extra.
        use: What needs it, for the message.
    """
    if importlib.util.find_spec(package) is None:
        raise ImportError(f"{use} needs the package {package}: pip install 'kgan[{package}]'.")
