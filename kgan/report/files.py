"""What a run folder holds, read; what is not there is None."""

import base64
import csv
import math

from kgan import files
from kgan.pictures import small_png
from kgan.spec import check


def read_json(path):
    """The dict in a JSON file, or None if there is no such file.

    Raises:
        ValueError: If the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        return dict(files.read_json(path))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is damaged: {error}.") from None


def read_rows(path):
    """The rows of a log as dicts, numbers as floats and empty cells as NaN; none if there is no such file.

    Raises:
        ValueError: If a row is longer than the first, or the file is no log.
    """
    if not path.is_file():
        return []
    try:
        files.check_size(path)
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (ValueError, csv.Error) as error:
        raise ValueError(f"{path} is damaged: {error}.") from None
    check("path", "a log whose rows have its columns", str(path), holds=all(None not in row for row in rows))
    return [{column: _cell(text) for column, text in row.items()} for row in rows]


def _cell(text):
    try:
        return float(text or "nan")
    except ValueError:
        return text


def picture_uri(path):
    """A picture as a data URI, small."""
    return _uri(small_png(path))


def _uri(png):
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def frame_uris(paths, *, max_frames, max_bytes):
    """Some of many pictures as data URIs: the first, the last, and evenly chosen ones between them.

    Args:
        paths: List of paths of pictures, in their order.
        max_frames: Number of them at most.
        max_bytes: Of all URIs together, about; two are always given.

    Returns:
        List of (path, URI).
    """
    if not paths:
        return []
    last = picture_uri(paths[-1])  # of a trained network, the largest
    count = max(2, min(max_frames, len(paths), max_bytes // len(last)))
    chosen = dict.fromkeys(paths[k] for k in _evenly(len(paths), count))
    return [(path, last if path == paths[-1] else picture_uri(path)) for path in chosen]


def _evenly(length, count):
    return [math.floor(k * (length - 1) / (count - 1) + 0.5) for k in range(count)]
