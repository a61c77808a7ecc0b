"""The arrays of a `.keras` file: nothing outside it, and no more than is stored."""

import io
import math

import h5py

from kgan.saving.archive import RefusedError

_MOST_ATTRIBUTE = 1 << 16  # bytes; Keras writes the names of dtypes and layers


def stored_bytes(raw):
    """The size of all arrays of a `model.weights.h5`, once it is seen to hold them itself.

    Args:
        raw: Bytes of the file.

    Returns:
        Bytes of its arrays, at most those of the file.

    Raises:
        RefusedError: If it has a link, an array in another file or of other arrays, one that is packed, one
            that declares more than is stored, or is no HDF5 file.
    """
    try:
        with h5py.File(io.BytesIO(raw), "r") as file:
            total = sum(map(_dataset_bytes, _datasets(file)))
    except RefusedError:
        raise
    except Exception as error:  # noqa: BLE001 (of HDF5, whatever a damaged file comes to in it)
        raise RefusedError(f"is damaged: its weights cannot be read ({_line(error)}).") from None
    if total > len(raw):
        raise RefusedError(f"is refused: its arrays declare {total:,} bytes in a file of {len(raw):,}.")
    return total


def _datasets(file):
    """Every array once, though links may lead to it from several groups or in a circle."""
    seen, groups = set(), [file]
    while groups:
        group = groups.pop()
        for name in group:
            child = _child(group, name)
            address = h5py.h5o.get_info(child.id).addr
            if address in seen:
                continue
            seen.add(address)
            _check_attributes(child)
            if isinstance(child, h5py.Group):
                groups.append(child)
            else:
                yield child


def _child(group, name):
    link = group.get(name, getlink=True)
    if not isinstance(link, h5py.HardLink):
        raise RefusedError(f"is refused: {group.name}/{name} of its weights is a link that leads elsewhere.")
    child = group[name]
    if not isinstance(child, h5py.Group | h5py.Dataset):
        raise RefusedError(f"is refused: {child.name} of its weights is neither a group nor an array.")
    return child


def _check_attributes(child):
    for name in child.attrs:
        if child.attrs.get_id(name).get_storage_size() > _MOST_ATTRIBUTE:
            raise RefusedError(
                f"is refused: the attribute {name!r} of {child.name} in its weights is too large."
            )


def _dataset_bytes(dataset):
    for holds, what in (
        (dataset.external, "lies in another file"),
        (dataset.is_virtual, "is made of other arrays"),
        (
            dataset.chunks or dataset.id.get_create_plist().get_nfilters(),
            "is packed, which Keras does not do",
        ),
        (dataset.dtype.hasobject or dataset.dtype.itemsize > 16, f"is no array of numbers ({dataset.dtype})"),
    ):
        if holds:
            raise RefusedError(f"is refused: {dataset.name} of its weights {what}.")
    declared, stored = math.prod(dataset.shape or ()) * dataset.dtype.itemsize, dataset.id.get_storage_size()
    if declared != stored:
        raise RefusedError(
            f"is refused: {dataset.name} of its weights declares {declared:,} bytes, and stores {stored:,}."
        )
    return declared


def _line(error):
    return " ".join(str(error).split())[:200]
