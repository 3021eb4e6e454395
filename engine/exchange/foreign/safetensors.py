"""What a safetensors file declares, and its numbers: a header of JSON in bounds, then plain arrays (the format's README).

Read here and not by the library, so that nothing is mapped into memory or made before every size has been looked at.
"""

import json
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from engine.core.errors import CheckpointError
from engine.exchange.foreign.hdf5 import Array, slices

_LARGEST_HEADER_BYTES = 4 << 20  # GPT-2 XL's has about 60 kB
_MOST_TENSORS = 20_000
_MOST_SHARDS = 64
_MOST_DIMENSIONS = 8
_SHARD = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.safetensors")
_FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
_ITEM_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "U64": 8, "I32": 4, "U32": 4, "I16": 2, "U16": 2,
               "I8": 1, "U8": 1, "BOOL": 1}  # fmt: skip


def files(folder: Path) -> list[Path]:
    """The safetensors files of a folder that together are one model: one alone, or all shards.

    Raises:
        CheckpointError: a shard is missing, or there are several models.
    """
    found = sorted(path for path in folder.glob("*.safetensors") if path.is_file())
    whole = [path for path in found if path.name == "model.safetensors"]
    if whole or len(found) == 1:
        found = whole or found
    shards = [match for path in found if (match := _SHARD.fullmatch(path.name))]
    if not shards and len(found) == 1:
        return found
    if len(shards) != len(found) or len({(match[1], match[3]) for match in shards}) != 1:
        names = ", ".join(path.name for path in found[:5])[:300]
        raise CheckpointError("The folder holds more than one safetensors model: {names}.", names=names)
    count = int(shards[0][3])
    if count > _MOST_SHARDS or [int(match[2]) for match in shards] != list(range(1, count + 1)):
        raise CheckpointError(
            "The model is kept in {count} safetensors files, and {found} of them are there.",
            count=count,
            found=len(shards),
        )
    return found


def arrays(paths: list[Path]) -> dict[str, Array]:
    """Every array of the files by its name; nothing of their content is read.

    Raises:
        CheckpointError: a header is not what the format says.
    """
    found: dict[str, Array] = {}
    for path in paths:
        for name, array in _arrays(path).items():
            if name in found:
                raise CheckpointError("{name} stands in two of the files.", name=name[:200])
            found[name] = array
    return found


def _arrays(path: Path) -> dict[str, Array]:
    size = path.stat().st_size
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or not 2 <= length <= min(_LARGEST_HEADER_BYTES, size - 8):
            raise _damaged("its header's length")
        text = file.read(length)
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged("its header is no JSON") from error
    if not isinstance(header, dict) or len(header) > _MOST_TENSORS:
        raise _damaged("its header")
    header.pop("__metadata__", None)
    start, found, ends = 8 + length, {}, []
    for name, entry in header.items():
        array, first, last = _array(path, name, entry, start)
        if start + last > size:
            raise _damaged(f"{name[:100]} lies outside of it")
        found[name] = array
        ends.append((first, last))
    at = 0
    for first, last in sorted(ends):  # the format allows no gaps, and no byte twice
        if first != at:
            raise _damaged("its arrays do not lie one behind the other")
        at = last
    return found


def _array(path: Path, name: str, entry: Any, start: int) -> tuple[Array, int, int]:
    if not isinstance(entry, dict):
        raise _damaged(name[:100])
    kind, shape, offsets = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if not (_numbers(shape) and len(shape) <= _MOST_DIMENSIONS and _numbers(offsets) and len(offsets) == 2):
        raise _damaged(f"{name[:100]} has no whole shape or place")
    if not isinstance(kind, str) or kind not in _ITEM_BYTES:
        raise CheckpointError(
            "{name} is of a type that is not read here: {kind}.", name=name[:200], kind=str(kind)[:40]
        )
    if offsets[1] - offsets[0] != math.prod(shape) * _ITEM_BYTES[kind]:
        raise _damaged(f"{name[:100]} declares another size than it has")
    whole = tuple(shape)
    return Array(whole, kind in _FLOATS, _rows(path, kind, whole, start + offsets[0])), offsets[0], offsets[1]


def _numbers(value: Any) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(type(number) is int and 0 <= number < 1 << 40 for number in value)


def _rows(path: Path, kind: str, shape: tuple[int, ...], start: int) -> Callable[[], Iterator[np.ndarray]]:
    def rows() -> Iterator[np.ndarray]:
        stored = np.dtype(_FLOATS[kind])
        width = math.prod(shape[1:])
        with open(path, "rb") as file:
            file.seek(start)
            for part in slices(shape, stored.itemsize):
                count = min(part.stop, shape[0]) - part.start
                content = file.read(count * width * stored.itemsize)
                if len(content) < count * width * stored.itemsize:
                    raise _damaged("it is cut off")
                values = np.frombuffer(content, stored).reshape(count, *shape[1:])
                if kind == "BF16":  # the upper half of a float32
                    values = (values.astype("<u4") << 16).view("<f4")
                yield values

    return rows


def _damaged(reason: str) -> CheckpointError:
    return CheckpointError("The safetensors file is damaged: {reason}.", reason=reason)
