"""The archive that a `.keras` file is: three members, and nothing that a program could be fooled with.

Each function raises `RefusedError` with what is wrong, as the rest of a sentence that begins with the path.
"""

import stat
import zipfile
import zlib

METADATA, CONFIG, WEIGHTS = "metadata.json", "config.json", "model.weights.h5"
MEMBERS = (METADATA, CONFIG, WEIGHTS)  # what Keras writes; assets are vocabularies of layers that are refused

_MOST_EXPANSION = 20  # Keras packs nothing; one who packs such a file anew gains little on weights
_MOST_TEXT = {METADATA: 1 << 16, CONFIG: 1 << 23}
_HEADER, _END_SIZE = b"PK\x03\x04", 22


class RefusedError(ValueError):
    """Why a file is not loaded: the rest of a sentence whose subject is its path."""


def read_members(path, *, limit):
    """The members of a `.keras` file, each read once and its CRC checked.

    Args:
        path: `pathlib.Path` of a regular file.
        limit: Bytes that all members may have together, unpacked.

    Returns:
        Dict of the names in `MEMBERS` to bytes.

    Raises:
        RefusedError: If the file is truncated, damaged, no `.keras` file, holds other members than Keras
            writes, or declares more than it holds or than `limit`.
        OSError: If it cannot be read.
    """
    with path.open("rb") as file:
        size = _check_ends(file)
        try:
            with zipfile.ZipFile(file) as archive:
                _check_members(archive, size, limit=limit)
                return {name: _read(archive, name) for name in MEMBERS}
        except EOFError:
            raise RefusedError(f"is truncated: its members run beyond its end at {size:,} bytes.") from None
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
            raise RefusedError(f"is damaged: {error}.") from None


def _check_ends(file):
    """The size of a file that begins and ends as an archive does."""
    head = file.read(4)
    size = file.seek(0, 2)
    file.seek(max(0, size - _END_SIZE))
    tail = file.read()
    if not size:
        raise RefusedError("is truncated: it is empty.")
    if not _HEADER.startswith(head):
        raise RefusedError("is no .keras file: it does not begin as one.")
    if tail[:4] != b"PK\x05\x06":
        raise RefusedError(
            f"is truncated: it breaks off after {size:,} bytes, without the end that such a file has."
        )
    file.seek(0)
    return size


def _check_members(archive, size, *, limit):
    members = archive.infolist()
    names = [member.filename for member in members]
    if sorted(names) != sorted(MEMBERS):
        raise RefusedError(
            f"is refused: it must hold {', '.join(MEMBERS)} and nothing else, and holds "
            f"{', '.join(map(repr, names[:9]))}{', …' if len(names) > 9 else ''}."
        )
    for member in members:
        _check_member(member, size)
    declared = sum(member.file_size for member in members)
    if declared > limit:
        raise RefusedError(
            f"is refused: its members have {declared:,} bytes, more than the limit of {limit:,}."
        )


def _check_member(member, size):
    name, packed, whole = member.filename, member.compress_size, member.file_size
    if stat.S_ISLNK(member.external_attr >> 16):
        raise RefusedError(f"is refused: its {name} is a link.")
    if member.header_offset + packed > size:
        raise RefusedError(f"is truncated: its {name} runs beyond its end at {size:,} bytes.")
    if whole > _MOST_EXPANSION * packed or (member.compress_type == zipfile.ZIP_STORED and whole != packed):
        raise RefusedError(f"is refused: its {name} declares {whole:,} bytes, and {packed:,} are stored.")
    if whole > _MOST_TEXT.get(name, whole):
        raise RefusedError(f"is refused: its {name} has {whole:,} bytes, more than {_MOST_TEXT[name]:,}.")


def _read(archive, name):
    with archive.open(name) as member:
        return member.read(archive.getinfo(name).file_size + 1)  # to its end, where the CRC is checked
