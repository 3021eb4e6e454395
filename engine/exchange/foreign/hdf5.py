"""What an HDF5 file of weights declares, looked at without trusting it; and the clean file that is written from it.

Only groups, hard links and plain arrays inside the file are followed: HDF5 can also point at other files (external and
virtual datasets, external links), load code (filters) and declare far more than it holds.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from engine.core.errors import CheckpointError
from engine.core.progress import OnProgress, Phase, Progress
from engine.exchange.foreign import layout
from engine.exchange.foreign.layout import Sizes, Variable

MAGIC = b"\x89HDF\r\n\x1a\n"
_MOST_OBJECTS = 20_000  # GPT-2 XL with its optimizer has about 3,000
_DEEPEST = 12
_LARGEST_CHUNK_BYTES = 64 << 20
_SLICE_BYTES = 8 << 20
_FILTERS = (h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32)


class Array(NamedTuple):
    """An array that a file declares: its shape, whether it holds floats, and how its rows are read."""

    shape: tuple[int, ...]
    is_float: bool
    rows: Callable[[], Iterator[np.ndarray]]


def arrays(file: h5py.File) -> dict[str, Array]:
    """Every array of a file by its path; nothing of their content is read.

    Raises:
        CheckpointError: the file holds something that weights do not need.
    """
    found: dict[str, Array] = {}
    objects, groups = 0, {_address(file)}
    waiting = [("", file)]
    while waiting:
        path, group = waiting.pop()
        for name in group:
            objects += 1
            where = f"{path}/{name}" if path else name
            if objects > _MOST_OBJECTS or where.count("/") > _DEEPEST:
                raise CheckpointError(
                    "It holds more than {most} objects, or nests them too deeply.", most=_MOST_OBJECTS
                )
            kind = group.get(name, getlink=True)
            if not isinstance(kind, h5py.HardLink):
                raise CheckpointError(
                    "{name} is a link to another place or file ({kind}): only arrays in the file itself are read.",
                    name=where[:200],
                    kind=type(kind).__name__,
                )
            item = group[name]
            if isinstance(item, h5py.Group):
                if _address(item) in groups:
                    raise CheckpointError("{name} is a group that contains itself or stands twice.", name=where[:200])
                groups.add(_address(item))
                waiting.append((where, item))
            elif isinstance(item, h5py.Dataset) and layout.is_weight(where):
                found[where] = _array(where, item)
    return found


def _address(group: h5py.Group) -> int:
    address: int = h5py.h5o.get_info(group.id).addr
    return address


def _array(name: str, dataset: h5py.Dataset) -> Array:
    if dataset.is_virtual or dataset.external:
        raise CheckpointError("{name} lies in another file: only arrays in the file itself are read.", name=name[:200])
    is_float = dataset.dtype.kind == "f" and dataset.dtype.itemsize in (2, 4, 8)
    shape = tuple(dataset.shape or ())

    def rows() -> Iterator[np.ndarray]:
        _check_storage(name, dataset)
        for part in slices(shape, dataset.dtype.itemsize):
            yield dataset[part]

    return Array(shape, is_float, rows)


def slices(shape: tuple[int, ...], item_bytes: int) -> Iterator[slice]:
    """Ranges of rows of about 8 MB."""
    rows = max(1, _SLICE_BYTES // max(1, item_bytes * int(np.prod(shape[1:]))))
    for first in range(0, shape[0], rows):
        yield slice(first, first + rows)


def _check_storage(name: str, dataset: h5py.Dataset) -> None:
    properties = dataset.id.get_create_plist()
    filters = [properties.get_filter(number)[0] for number in range(properties.get_nfilters())]
    if any(code not in _FILTERS for code in filters):
        raise CheckpointError("{name} is packed with a filter that is not read here.", name=name[:200])
    if dataset.chunks and int(np.prod(dataset.chunks)) * dataset.dtype.itemsize > _LARGEST_CHUNK_BYTES:
        raise CheckpointError("{name} is stored in chunks larger than weights have.", name=name[:200])
    if dataset.size and not dataset.id.get_storage_size():
        raise CheckpointError("{name} declares numbers that the file does not hold.", name=name[:200])


def write(
    target: Path,
    s: Sizes,
    variables: Mapping[Variable, list[str]],
    found: Mapping[str, Array],
    on_progress: OnProgress,
) -> dict[str, float]:
    """A clean `.weights.h5` of a backbone, in float32, made from the arrays of a file, each looked through on its way.

    Args:
        variables: the names in `found` that hold each variable; several must hold the same numbers.

    Returns:
        largest: the largest absolute weight. zeros: the share of weights that are 0.

    Raises:
        CheckpointError: a number is not finite, or two copies of a variable differ.
    """
    done, largest, zeros, count = 0, 0.0, 0, 0
    with h5py.File(target, "w") as out:
        for variable, shape in layout.expected(s).items():
            dataset = out.create_dataset(layout.keras_path(variable), shape, "float32")
            first, *copies = variables[variable]
            position = 0
            for rows in found[first].rows():
                with np.errstate(over="ignore"):
                    values = rows.astype(np.float32)
                if not np.isfinite(values).all():
                    raise CheckpointError(
                        "{variable} holds {bad} numbers that are not finite (NaN, infinite, or too large for float32).",
                        variable=variable,
                        bad=int((~np.isfinite(values)).sum()),
                    )
                dataset[position : position + len(values)] = values
                position += len(values)
                largest = max(largest, float(np.abs(values).max(initial=0.0)))
                zeros += int((values == 0).sum())
                count += values.size
                done += values.nbytes
                on_progress(Progress(done, 0, Phase.CHECKING))
            for other in copies:
                _check_equal(variable, dataset, found[other])
        # Keras 3 looks for these in every file of weights.
        for name in ("dropout", "add", "input_layer", "input_layer_1"):
            out.create_group(f"layers/{name}/vars")
    return {"largest": largest, "zeros": zeros / count}


def _check_equal(variable: Variable, data_set: h5py.Dataset, other: Array) -> None:
    position = 0
    for rows in other.rows():
        if not np.array_equal(rows.astype(np.float32), data_set[position : position + len(rows)]):
            raise CheckpointError(
                "It holds {variable} twice, with different numbers: which is the right one is not known.",
                variable=variable,
            )
        position += len(rows)
