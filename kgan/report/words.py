"""Numbers and settings in words."""

import math


def number(value):
    """A number to three digits, or a dash for none."""
    if value is None or not math.isfinite(value):
        return "–"
    if value and abs(value) < 1e-3:
        return f"{value:.2g}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def percent(share):
    """A share in per cent, to a tenth, or a dash for none."""
    return "–" if share is None or not math.isfinite(share) else f"{100 * share:.1f} %"


def count(value):
    """An integer with its thousands apart."""
    return f"{int(value):,}"


def duration(seconds):
    """Seconds as `2 h 05 min`, `3 min 07 s` or `8 s`."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"


def listed(words):
    """Words as `a`, `a and b` or `a, b and c`."""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def settings(config):
    """The settings of a config.json that are set, each with its basis."""
    basis = config.get("basis", {})
    return [
        (name.replace("_", " "), value, basis.get(name, ""))
        for name, value in config["settings"].items()
        if value is not None
    ]


def machine(config):
    """The backend, the device and the versions of a config.json."""
    versions = ", ".join(f"{name} {version}" for name, version in config.get("versions", {}).items())
    return [
        ("backend", config.get("backend", "–")),
        ("device", config.get("device", "–")),
        ("versions", versions or "–"),
    ]
