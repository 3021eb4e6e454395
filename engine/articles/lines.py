"""The lines of a file in bounded memory, whether a line feed ends them, a carriage return, or both."""

from collections.abc import Iterator
from typing import BinaryIO

from engine.articles.member import DAMAGED, Member

_PIECE_BYTES = 1 << 20


def read(member: Member, file: BinaryIO, longest_bytes: int) -> Iterator[tuple[bytes | None, int]]:
    """Each line with its end, and its bytes in the file; of a longer line than may be, None and its bytes.

    Raises:
        ArticlesError: the file is damaged from here on.
    """
    begun, size = b"", 0  # of a line whose end has not come: what stands of it while it is short enough, and its bytes
    try:
        while raw := file.readline(_PIECE_BYTES if size > longest_bytes else longest_bytes + 1):
            if not begun and not size and raw.endswith(b"\n") and raw.find(b"\r", 0, -2) < 0:
                yield (raw if len(raw) <= longest_bytes else None), len(raw)
                continue
            *ended, last = (begun + raw).splitlines(keepends=True)
            if last.endswith(b"\n"):  # a carriage return at the end may yet be followed by its line feed
                ended, last = [*ended, last], b""
            for part in ended:
                size += len(part) - len(begun)
                yield (part if size <= longest_bytes else None), size
                begun, size = b"", 0
            size += len(last) - len(begun)
            begun = last
            if size > longest_bytes:
                begun = begun[-1:] if begun.endswith(b"\r") else b""
    except DAMAGED as error:
        raise member.damaged(error) from error
    if size:
        yield (begun if size <= longest_bytes else None), size
