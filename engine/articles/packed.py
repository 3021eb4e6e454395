"""Files in a .gz or a .tar(.gz): read where they lie, forwards through one stream an archive, never unpacked to the disk."""

import gzip
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from engine.articles.member import BOMB, DAMAGED, MOST_MEMBERS, Member, is_bomb, leads_out, shown
from engine.core.errors import ArticlesError, sentence

GZIP = b"\x1f\x8b"
_STEP_BYTES = 1 << 18
_CACHED_BYTES = 8 << 20  # of the file that was opened last
_TAR_DAMAGED = (*DAMAGED, tarfile.TarError)


class Bomb(OSError):
    """More came out of an archive than text can give."""


class _Unpacked(io.RawIOBase):
    """What a file holds, unpacked where it is gzip; the way to an offset goes through all that stands before, and ticks."""

    def __init__(self, path: Path, tick: Callable[[], None], packed: bool = True) -> None:
        self._packed_bytes, self._tick = path.stat().st_size, tick
        self._stream: BinaryIO = gzip.open(path, "rb") if packed else open(path, "rb")  # type: ignore[assignment]  # noqa: SIM115

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._stream.tell()

    def readinto(self, buffer: Any) -> int:  # collections.abc.Buffer is of Python 3.12
        content = self._stream.read(min(len(buffer), _STEP_BYTES))
        buffer[: len(content)] = content
        if is_bomb(self._stream.tell(), self._packed_bytes):
            raise Bomb("it unpacks to more than a hundred times its size")
        self._tick()
        return len(content)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_END:
            while self.read(_STEP_BYTES):
                pass
            return self._stream.tell()
        target = offset + (self._stream.tell() if whence == os.SEEK_CUR else 0)
        if target < self._stream.tell():
            self._stream.seek(0)
        while (at := self._stream.tell()) < target and self.read(min(_STEP_BYTES, target - at)):
            pass
        return self._stream.tell()

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


def members(path: Path, relative: str, tick: Callable[[], None]) -> tuple[list[Member], list[ArticlesError]]:
    """The files in a .gz or .tar archive that may be read, and those that may not, with the reason.

    Raises:
        ArticlesError: it is damaged, or made to exhaust this machine.
    """
    name = shown(path.name)
    try:
        with open(path, "rb") as file:
            packed = file.read(2) == GZIP
        if not packed or _holds_tar(path, tick):
            return _of_tar(path, name, packed, tick)
        return [_of_gzip(path, name, relative, tick)], []
    except Bomb as error:
        raise ArticlesError(BOMB, path=name) from error
    except _TAR_DAMAGED as error:
        template = sentence("{path} is an archive that is damaged or cut off ({reason}): copy or download it again.")
        raise ArticlesError(template, path=name, reason=str(error) or "no data") from error


def is_tar(head: bytes) -> bool:
    """Whether so many first bytes (512 or more) begin a tar archive."""
    return head[257:262] == b"ustar"


def _holds_tar(path: Path, tick: Callable[[], None]) -> bool:
    with io.BufferedReader(_Unpacked(path, tick)) as stream:
        return is_tar(stream.read(512))


def _of_gzip(path: Path, name: str, relative: str, tick: Callable[[], None]) -> Member:
    with open(path, "rb") as file:
        file.seek(-4, os.SEEK_END)
        size = int.from_bytes(file.read(4), "little")  # modulo 4 GB, and of the last part: enough to say how far it is
    inner = relative.rpartition(".")[0] if relative.lower().endswith(".gz") else relative
    if inner.lower().endswith(".gz") or not inner:
        inner = relative
    size = max(size, 1)
    return Member(name, inner, size, path, opener=lambda: _Unpacked(path, tick))  # type: ignore[return-value,arg-type]


def _of_tar(path: Path, name: str, packed: bool, tick: Callable[[], None]) -> tuple[list[Member], list[ArticlesError]]:
    archive = tarfile.open(fileobj=_Unpacked(path, tick, packed), mode="r:")  # type: ignore[arg-type]  # noqa: SIM115
    last = _Last()
    found: list[Member] = []
    refused: list[ArticlesError] = []
    while (info := archive.next()) is not None:
        tick()
        archive.members.clear()  # type: ignore[attr-defined]
        if info.isdir():
            continue
        inside = shown(info.name)
        if leads_out(inside):
            refused.append(
                ArticlesError("{path}: its name leads out of the archive; it was not read.", path=f"{name}: {inside}")
            )
        elif not info.isfile() or info.issparse():
            template = sentence("{path} is a link or a device in an archive, no file; it was not read.")
            refused.append(ArticlesError(template, path=f"{name}: {inside}"))
        else:
            found.append(_inside(archive, info, f"{name}: {inside}", inside, path, last))
        if len(found) + len(refused) > MOST_MEMBERS:
            raise ArticlesError(
                "{path} lists more files than are read from one archive ({most}).", path=name, most=MOST_MEMBERS
            )
    return found, refused


class _Last:
    """The file of an archive that was opened last, which is often opened again: there is no way back but from the start.

    Attributes:
        offset: where its bytes begin in the archive.
    """

    def __init__(self) -> None:
        self.offset, self.content = -1, b""


def _inside(
    archive: tarfile.TarFile, info: tarfile.TarInfo, name: str, split_name: str, path: Path, last: _Last
) -> Member:
    def open_() -> BinaryIO:
        if info.size > _CACHED_BYTES:
            stream = archive.extractfile(info)
            assert stream is not None
            return stream  # type: ignore[return-value]
        if last.offset != info.offset_data:
            with archive.extractfile(info) as stream:  # type: ignore[union-attr]
                last.content = stream.read()
            last.offset = info.offset_data
        return io.BytesIO(last.content)

    return Member(name, split_name, info.size, path, opener=open_)
