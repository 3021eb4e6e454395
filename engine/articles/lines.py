"""The lines of a file in bounded memory."""

from collections.abc import Iterator
from typing import BinaryIO

from engine.articles.member import DAMAGED, Member

_PIECE_BYTES = 1 << 20


def read(member: Member, file: BinaryIO, longest_bytes: int) -> Iterator[tuple[bytes | None, int]]:
    """Each line with its end, and its bytes in the file; of a longer line than may be, None and its bytes.

    Raises:
        ArticlesError: the file is damaged from here on.
    """
    try:
        while raw := file.readline(longest_bytes + 1):
            size = len(raw)
            if size <= longest_bytes:
                yield raw, size
                continue
            while raw and not raw.endswith(b"\n"):
                raw = file.readline(_PIECE_BYTES)
                size += len(raw)
            yield None, size
    except DAMAGED as error:
        raise member.damaged(error) from error
