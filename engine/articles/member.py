"""A file of articles, on disk or inside an archive, opened only to be read."""

import io
import os
import stat
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from engine.articles.encodings import Transcoded
from engine.core.errors import ArticlesError, sentence

# What an archive may hold before it is called hostile. The PubMed release (880 MB) unpacks to about four times its size.
MOST_MEMBERS = 200_000
MOST_RATIO = 100  # of a member, or of all together, above RATIO_BYTES
RATIO_BYTES = 10 << 20
MOST_UNPACKED_BYTES = 256 << 30
# Read, or passed over on the way to an offset, at once. zipfile takes so many packed bytes of bzip2 and LZMA and unpacks
# them all, which may be a hundred times as much.
_STEP_BYTES = 1 << 18


def shown(name: str) -> str:
    """A file's name as text that every encoding holds; what is not UTF-8 in it is replaced."""
    return os.fsencode(name).decode("utf-8", "replace")


@dataclass
class Member:
    """One file of a source.

    Attributes:
        name: as messages show it: the file's name, behind its archive's where it lies in one.
        split_name: the path by which its split is recognised, with forward slashes.
        size: bytes, unpacked.
        opener: gives the bytes of one that lies neither on the disk nor in a zip.
        encoding: in which its text is written; it is read as UTF-8, and offsets count that. "" = UTF-8, or no text.
        tick: called whenever bytes have been read or passed over, so that whoever waits knows that reading goes on.
    """

    name: str
    split_name: str
    size: int
    path: Path
    archive: zipfile.ZipFile | None = field(default=None, repr=False)
    inner: zipfile.ZipInfo | None = field(default=None, repr=False)
    opener: Callable[[], BinaryIO] | None = field(default=None, repr=False)
    encoding: str = ""
    tick: Callable[[], None] = field(default=lambda: None, repr=False)
    _raw: "_Ticking | None" = field(default=None, repr=False)

    def open(self, offset: int = 0) -> BinaryIO:
        """The bytes from `offset` on. A packed member is unpacked as it is read, never to the disk.

        Raises:
            ArticlesError: it cannot be opened.
        """
        try:
            if self.archive is not None and self.inner is not None:
                bytes_: BinaryIO = self.archive.open(self.inner)  # type: ignore[assignment]
            elif self.opener is not None:
                bytes_ = self.opener()
            else:
                bytes_ = open(self.path, "rb", buffering=0)  # type: ignore[assignment]  # noqa: SIM115
            self._raw = _Ticking(bytes_, self.size, self.tick)
            raw = Transcoded(self._raw, self.encoding) if self.encoding else self._raw  # type: ignore[arg-type]
            stream = io.BufferedReader(raw, _STEP_BYTES)
            stream.seek(offset)
        except DAMAGED as error:
            raise self.damaged(error) from error
        return stream

    @property
    def stem(self) -> str:
        """Its file's name without folders and ending."""
        return self.split_name.rsplit("/", 1)[-1].rsplit(".", 1)[0]

    def done_bytes(self) -> int:
        """How far it has been read."""
        return self._raw.position if self._raw is not None and not self._raw.closed else 0

    def damaged(self, error: BaseException) -> ArticlesError:
        """That its bytes cannot be had, as one sentence."""
        return ArticlesError("{path} is damaged or cut off: {reason}.", path=self.name, reason=str(error) or "no data")


BOMB = sentence("{path} unpacks to more than a hundred times its size, as a zip bomb does; it was not read.")


class _Ticking(io.RawIOBase):
    """The bytes of a member, for a buffer around them; it ticks as they pass, also on the long way to an offset.

    A packed member has no other way to an offset than through all that stands before it.
    """

    def __init__(self, stream: BinaryIO, size: int, tick: Callable[[], None]) -> None:
        self.position = 0
        self._stream, self._size, self._tick = stream, size, tick

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.position

    def readinto(self, buffer: Any) -> int:  # collections.abc.Buffer is of Python 3.12
        content = self._stream.read(min(len(buffer), _STEP_BYTES))
        buffer[: len(content)] = content
        self.position += len(content)
        self._tick()
        return len(content)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        target = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self.position, os.SEEK_END: self._size}[whence])
        if target < self.position:
            self.position = self._stream.seek(0)
        while self.position != target:
            wanted = min(target, self.position + _STEP_BYTES)
            self.position = self._stream.seek(wanted)
            self._tick()
            if self.position < wanted:  # shorter than its directory says
                break
        return self.position

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


DAMAGED = (OSError, EOFError, zipfile.BadZipFile, zipfile.zlib.error, NotImplementedError, RuntimeError, ValueError)  # type: ignore[attr-defined]


def of_file(path: Path, relative: str = "") -> Member:
    """The member that a file on disk is."""
    return Member(shown(path.name), relative or shown(path.name), path.stat().st_size, path)


def of_archive(path: Path) -> tuple[list[Member], list[ArticlesError]]:
    """The members of a zip archive that may be read, and those that may not, with the reason.

    Raises:
        ArticlesError: it is no whole archive, or one made to exhaust this machine.
    """
    name = shown(path.name)
    _check_directory(path)
    try:
        archive = zipfile.ZipFile(path)
    except DAMAGED as error:
        raise ArticlesError(
            "{path} is a zip archive that is damaged or cut off ({reason}): copy or download it again.",
            path=name,
            reason=error,
        ) from error
    members, refused = [], []
    total = packed = 0
    for info in archive.infolist():
        if info.is_dir():
            continue
        member = Member(f"{name}: {info.filename}", info.filename, info.file_size, path, archive, info)
        reason = _reason_against(info)
        if reason:
            refused.append(ArticlesError(reason, path=member.name))
            continue
        total += info.file_size
        packed += info.compress_size
        members.append(member)
    if is_bomb(total, min(packed, path.stat().st_size)):  # members may share their packed bytes
        raise ArticlesError(BOMB, path=name)
    if total > MOST_UNPACKED_BYTES:
        raise ArticlesError("{path} would unpack to {size} GB: more than is read.", path=name, size=total >> 30)
    return members, refused


def _reason_against(info: zipfile.ZipInfo) -> str:
    if leads_out(info.filename):
        return sentence("{path}: its name leads out of the archive; it was not read.")
    if stat.S_ISLNK(info.external_attr >> 16):  # its content is the path that it leads to
        return sentence("{path} is a link, not a file; it was not read.")
    if info.flag_bits & 1:
        return sentence("{path} is locked with a password; it was not read.")
    return BOMB if is_bomb(info.file_size, info.compress_size) else ""


def leads_out(name: str) -> bool:
    """Whether a name in an archive is no path below the place where it is unpacked."""
    name = name.replace("\\", "/")
    return name.startswith("/") or ".." in name.split("/") or (len(name) > 1 and name[1] == ":")


def is_bomb(size: int, packed: int) -> bool:
    """Whether so many packed bytes give more than text can."""
    return size > RATIO_BYTES and size > MOST_RATIO * max(1, packed)


def _check_directory(path: Path) -> None:
    """Counts the entries before the standard library loads them all (the end record, APPNOTE 4.3.16)."""
    with open(path, "rb") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - 65_557))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0:
        raise ArticlesError(
            "{path} is a zip archive that is damaged or cut off ({reason}): copy or download it again.",
            path=shown(path.name),
            reason="no directory at its end",
        )
    directory_bytes = int.from_bytes(tail[at + 12 : at + 16], "little")
    # 0xFFFFFFFF says zip64, whose directory is larger than four gigabytes or holds more than 65,535 entries.
    zip64 = tail.rfind(b"PK\x06\x06", 0, at)
    if zip64 >= 0:
        directory_bytes = int.from_bytes(tail[zip64 + 40 : zip64 + 48], "little")
    if directory_bytes > MOST_MEMBERS * 256:
        raise ArticlesError(
            "{path} lists more files than are read from one archive ({most}).", path=shown(path.name), most=MOST_MEMBERS
        )
