"""The index of a TensorFlow checkpoint, checked before TensorFlow's own reader sees it: that one aborts on damaged ones.

The index is a table in LevelDB's format (leveldb/doc/table_format.md): a footer, a block that lists the other blocks, and
blocks of sorted entries, each block with a checksum. The entries are protocol buffers (tensor_bundle.proto): under the
empty key the number of data files, under each tensor's key its type, its shape, and where its bytes stand.
"""

import math
import struct
from collections.abc import Iterator
from pathlib import Path

from engine.core.errors import CheckpointError

_MAGIC = 0xDB4775248B80FB57
_FOOTER_BYTES = 48
_TRAILER_BYTES = 5  # of a block: its kind of compression, and a checksum
_LARGEST_INDEX_BYTES = 4 << 20
_MOST_SHARDS = 64
_LARGEST_DIMENSION = 1 << 40
# DataType in types.proto → bytes of an element; a string's are counted in its own way.
_STRING = 7
_ITEM_BYTES = {1: 4, 2: 8, 3: 4, 4: 1, 5: 2, 6: 1, 9: 8, 10: 1, 14: 2, 17: 2, 19: 2, 22: 4, 23: 8}


class _Damaged(Exception):
    """What is wrong, for the sentence."""


def check(prefix: Path) -> None:
    """Makes sure that an index is whole, and that what it declares is in the data files.

    Raises:
        CheckpointError: it is not.
    """
    index = prefix.with_name(prefix.name + ".index")
    if index.stat().st_size > _LARGEST_INDEX_BYTES:
        raise CheckpointError("The checkpoint's index is larger than that of any GPT-2.")
    try:
        _check(index.read_bytes(), prefix)
    except (_Damaged, IndexError, struct.error, UnicodeDecodeError) as error:
        raise CheckpointError("The checkpoint's index is damaged: {reason}.", reason=str(error)) from error


def _check(content: bytes, prefix: Path) -> None:
    if len(content) < _FOOTER_BYTES or struct.unpack("<Q", content[-8:])[0] != _MAGIC:
        raise _Damaged("it is no table")
    former: bytes | None = None
    sizes: list[int] = []
    for handle in data_blocks(content):
        for key, value in _entries(_block(content, *handle)):
            if former is not None and key <= former:
                raise _Damaged("its keys are not in order")
            if former is None:
                if key:
                    raise _Damaged("it has no header")
                sizes = _shards(value, prefix)
            else:
                key.decode()
                _check_tensor(key, value, sizes)
            former = key
    if former is None:
        raise _Damaged("it is empty")


def data_blocks(content: bytes) -> Iterator[tuple[int, int]]:
    """(start, length) of each block of entries, in order."""
    footer = content[-_FOOTER_BYTES:]
    _, at = _handle(footer, 0)
    (start, length), _ = _handle(footer, at)
    for _, value in _entries(_block(content, start, length)):
        yield _handle(value, 0)[0]


def _block(content: bytes, start: int, length: int) -> bytes:
    end = start + length
    if length < 4 or end + _TRAILER_BYTES > len(content) - _FOOTER_BYTES:
        raise _Damaged("a block lies outside of it")
    if content[end] != 0:
        raise _Damaged("a block is compressed")
    if struct.unpack("<I", content[end + 1 : end + _TRAILER_BYTES])[0] != checksum(content[start : end + 1]):
        raise _Damaged("a block's checksum is wrong")
    return content[start:end]


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    (restarts,) = struct.unpack("<I", block[-4:])
    end = len(block) - 4 * (restarts + 1)
    if restarts < 1 or end < 0:
        raise _Damaged("a block's restarts lie outside of it")
    starts = set(struct.unpack(f"<{restarts}I", block[end:-4]))
    seen, at, key = set(), 0, b""
    while at < end:
        begin = at
        shared, at = _varint(block, at)
        unshared, at = _varint(block, at)
        size, at = _varint(block, at)
        if shared > len(key) or at + unshared + size > end:
            raise _Damaged("an entry lies outside of its block")
        if begin in starts:
            seen.add(begin)
            if shared:
                raise _Damaged("a key is cut off")
        key = key[:shared] + block[at : at + unshared]
        at += unshared
        yield key, block[at : at + size]
        at += size
    if seen != starts - ({0} if end == 0 else set()):
        raise _Damaged("a block's restarts are not where entries begin")


def _shards(value: bytes, prefix: Path) -> list[int]:
    """The bytes of each data file."""
    header = dict(_fields(value))
    count, endianness = header.get(1, 0), header.get(2, 0)
    if not isinstance(count, int) or not 1 <= count <= _MOST_SHARDS or endianness != 0:
        raise _Damaged("its header says something else than little-endian files")
    files = [prefix.with_name(f"{prefix.name}.data-{number:05d}-of-{count:05d}") for number in range(count)]
    for file in files:
        if not file.is_file():
            raise _Damaged(f"{file.name} is missing")
    return [file.stat().st_size for file in files]


def _check_tensor(key: bytes, value: bytes, sizes: list[int]) -> None:
    name = key.decode()[:100]
    fields = dict(_fields(value))
    kind, shard, offset, size = (fields.get(number, 0) for number in (1, 3, 4, 5))
    numbers = (kind, shard, offset, size)
    if not all(isinstance(number, int) and number < 1 << 63 for number in numbers) or 7 in fields:
        raise _Damaged(f"{name} is not one whole tensor")
    assert isinstance(kind, int) and isinstance(shard, int) and isinstance(offset, int) and isinstance(size, int)
    if shard >= len(sizes) or offset + size > sizes[shard]:
        raise _Damaged(f"{name} lies outside of the data")
    shape = _shape(fields.get(2, b""), name)
    if kind == _STRING:
        if shape:
            raise _Damaged(f"{name} is a list of strings")
    elif kind not in _ITEM_BYTES:
        raise _Damaged(f"{name} has a type that checkpoints of weights do not have")
    elif math.prod(shape) * _ITEM_BYTES[kind] != size:
        raise _Damaged(f"{name} declares other sizes than it has")


def _shape(value: int | bytes, name: str) -> list[int]:
    found = []
    for number, field in _fields(value if isinstance(value, bytes) else b""):
        dimension = dict(_fields(field)).get(1, 0) if number == 2 and isinstance(field, bytes) else -1
        if not isinstance(dimension, int) or not 0 <= dimension <= _LARGEST_DIMENSION:
            raise _Damaged(f"{name} has no whole shape")
        found.append(dimension)
    return found


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protocol buffer: (number, value), a value being a number or bytes."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield number, value
        elif kind in (1, 2, 5):
            size, at = _varint(message, at) if kind == 2 else (8 if kind == 1 else 4, at)
            if at + size > len(message):
                raise _Damaged("a field is cut off")
            yield number, message[at : at + size]
            at += size
        else:
            raise _Damaged("a field is of no known kind")


def _handle(data: bytes, at: int) -> tuple[tuple[int, int], int]:
    start, at = _varint(data, at)
    length, at = _varint(data, at)
    return (start, length), at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value, shift, at = value | (byte & 0x7F) << shift, shift + 7, at + 1
        if not byte & 0x80:
            return value, at
        if shift > 63:
            raise _Damaged("a number is too long")


def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)  # Castagnoli's polynomial, reflected
        table.append(value)
    return table


_TABLE = _table()


def checksum(data: bytes) -> int:
    """CRC-32C, masked as LevelDB keeps it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
