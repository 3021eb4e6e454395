"""What form a file has, by its first bytes; its ending decides only where the content leaves it open."""

from collections.abc import Iterator
from typing import Protocol

from engine.articles import csv_table, jats, jsonl, parquet, text
from engine.articles.article import Article
from engine.articles.member import DAMAGED, Member
from engine.articles.options import Options, Place
from engine.errors import ArticlesError, sentence

_HEAD_BYTES = 4096
ZIP = b"PK\x03\x04"
EMPTY_ZIP = b"PK\x05\x06"
_KNOWN_OTHERS = (
    (b"%PDF", "PDF"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"Rar!", "RAR"),
    (b"\xd0\xcf\x11\xe0", "Word or Excel"),
    (b"\x89HDF", "HDF5"),
    (b"{\\rtf", "RTF"),
)
_XML = (b"<?xml", b"<!doctype article", b"<!doctype pmc-articleset", b"<article", b"<pmc-articleset")
_TEXT_ENDINGS = ("txt", "text", "md", "")


class Reader(Protocol):
    """What a module of this package that reads one form offers."""

    def read(
        self, member: Member, options: Options, start: Place = ()
    ) -> Iterator[tuple[Place, Article | ArticlesError]]:
        """Each item from `start` on, with the place behind it."""


READERS: dict[str, Reader] = {
    "jsonl": jsonl,
    "csv": csv_table,
    "parquet": parquet,
    "text": text,
    "jats": jats,
}  # type: ignore[dict-item]


def form(member: Member) -> str | ArticlesError:
    """The key of the reader for a file, or why there is none."""
    try:
        with member.open() as file:
            head = file.read(_HEAD_BYTES)
    except ArticlesError as error:
        return error
    except DAMAGED as error:
        return member.damaged(error)
    return _of_head(member, head)


def _of_head(member: Member, head: bytes) -> str | ArticlesError:
    def no(template: str, **values: object) -> ArticlesError:
        return ArticlesError(template, path=member.name, **values)

    if not head.strip():
        return no(sentence("{path} is empty."))
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith((ZIP, EMPTY_ZIP)):
        return no(sentence("{path} is an archive or a document inside an archive: unpack it first."))
    for magic, name in _KNOWN_OTHERS:
        if head.startswith(magic):
            return no(
                sentence("{path} is a {kind} file, which is not read: use JSON lines, CSV, Parquet, text or JATS XML."),
                kind=name,
            )
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or _every_other_is_nul(head[:256]):
        return no(sentence("{path} is UTF-16: save it as UTF-8 and try again."))
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    ending = member.split_name.rsplit("/", 1)[-1].rpartition(".")[2].lower() if "." in member.split_name else ""
    if start.startswith(b"<"):
        lowered = _behind_comments(start)[:200].lower()
        if lowered.startswith((b"<!doctype html", b"<html")):
            return no(
                sentence("{path} is a {kind} file, which is not read: use JSON lines, CSV, Parquet, text or JATS XML."),
                kind="HTML",
            )
        if ending in ("xml", "nxml") or lowered.startswith(_XML):
            return "jats"
    if start.startswith(b"[") and ending in ("json", "jsonl"):
        return no(sentence("{path} is one JSON array: write one article a line (JSON lines)."))
    if start.startswith(b"{") or ending == "jsonl":
        return "jsonl"
    if ending in ("csv", "tsv") or _looks_like_csv(start):
        return "csv"
    if ending in _TEXT_ENDINGS or _is_text(head):
        return "text" if b"\0" not in head else no(sentence("{path} holds NUL bytes: it is no text."))
    return no(sentence("{path} is no text and no form that is read (JSON lines, CSV, Parquet, text, JATS XML)."))


def _behind_comments(start: bytes) -> bytes:
    while start.startswith(b"<!--"):
        start = start.partition(b"-->")[2].lstrip()
    return start


def _looks_like_csv(start: bytes) -> bool:
    """A first line of two or more short names, one of which usually holds text."""
    line = start.partition(b"\n")[0].decode("utf-8", "replace").strip().lower()
    for delimiter in (",", ";", "\t"):
        names = [name.strip().strip('"') for name in line.split(delimiter)]
        if 2 <= len(names) <= 200 and all(0 < len(name) <= 40 for name in names):
            return bool({"article", "article_text", "text", "abstract", "full_text", "body"} & set(names))
    return False


def _every_other_is_nul(head: bytes) -> bool:
    """UTF-16 without its mark: of Latin letters every other byte is NUL."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    return max(even, odd) > len(head) // 4 and min(even, odd) == 0


def _is_text(head: bytes) -> bool:
    return b"\0" not in head and sum(byte < 9 or 13 < byte < 32 for byte in head) <= len(head) // 100
