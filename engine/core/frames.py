"""The messages between a process that reads strangers' files and the one that asks: lengths, a JSON header, bytes."""

import json
import struct
from typing import Any, BinaryIO

_LENGTHS = struct.Struct("<II")
_LARGEST_HEADER = 16 << 20
_LARGEST_BODY = 64 << 20


def write(stream: BinaryIO, header: dict[str, Any], body: bytes = b"") -> None:
    """Writes one message."""
    encoded = json.dumps(header).encode()
    stream.write(_LENGTHS.pack(len(encoded), len(body)) + encoded + body)


def read(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """The next message, or None where the stream ended."""
    lengths = stream.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    header_bytes, body_bytes = _LENGTHS.unpack(lengths)
    if header_bytes > _LARGEST_HEADER or body_bytes > _LARGEST_BODY:
        raise ValueError("a message of the reading process is too long")
    header = stream.read(header_bytes)
    body = stream.read(body_bytes)
    if len(header) < header_bytes or len(body) < body_bytes:
        return None
    return json.loads(header), body
