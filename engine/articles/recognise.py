"""What form a file has, by its first bytes; its ending decides only where the content leaves it open."""

import io
import json
import re
from collections.abc import Iterator
from typing import Protocol

from engine.articles import (
    code_pages,
    csv_table,
    encodings,
    in_zip,
    jats,
    json_document,
    json_shapes,
    jsonl,
    marked,
    medline,
    packed,
    parquet,
    pdf,
    pubmed_text,
    pubmed_xml,
    text,
    unread,
    word,
)
from engine.articles import names as names_of
from engine.articles.article import Article
from engine.articles.member import DAMAGED, Member
from engine.articles.options import Options, Place
from engine.core.errors import ArticlesError, sentence

_HEAD_BYTES = 16 << 10
_MARKS_BYTES = 1 << 20  # looked through for marks between articles
ZIP = b"PK\x03\x04"
EMPTY_ZIP = b"PK\x05\x06"
_XML = (b"<?xml", b"<!doctype", b"<article", b"<pmc-articleset", b"<pubmed")
_ROOT = re.compile(rb"<(?:[\w.-]+:)?([A-Za-z_][\w.-]*)")
_UNKNOWN_ENCODING = sentence(
    "{path} is not in UTF-8, and its bytes do not show in which other encoding it is: save it as UTF-8 (“CSV UTF-8” in Excel, "
    "“UTF-8” as the encoding in an editor), and use that."
)
_TEXT_ENDINGS = ("txt", "text", "md", "")
_LINES_ENDINGS = ("jsonl", "ndjson", "jl")


class Reader(Protocol):
    """What a module of this package that reads one form offers."""

    def read(
        self, member: Member, options: Options, start: Place = ()
    ) -> Iterator[tuple[Place, Article | ArticlesError]]:
        """Each item from `start` on, with the place behind it."""


READERS: dict[str, Reader] = {
    "jsonl": jsonl,
    "json": json_document,
    "csv": csv_table,
    "parquet": parquet,
    "text": text,
    "marked": marked,
    "jats": jats,
    "pubmed-text": pubmed_text,
    "pubmed-nbib": medline,
    "pubmed-xml": pubmed_xml,
    "docx": word,
    "pdf": pdf,
}  # type: ignore[dict-item]


def form(member: Member) -> str | ArticlesError:
    """The key of the reader for a file, or why there is none; notes the encoding of a text in the member."""
    name = member.split_name.rsplit("/", 1)[-1]
    if answer := next((answer for pattern, answer in unread.NAMES if pattern.fullmatch(name)), None):
        return _no(member, answer[0], **answer[1])
    try:
        with member.open() as file:
            head = file.read(_HEAD_BYTES)
        if not head.strip():
            return ArticlesError(sentence("{path} is empty."), path=member.name)
        known = _by_magic(member, head)
        if known is not None:
            return known
        member.encoding = encodings.of_start(head)
        if member.encoding:
            with member.open() as file:
                head = file.read(_HEAD_BYTES)
        elif (code_page := encodings.of_text(io.BytesIO(head))) not in (code_pages.UTF8, code_pages.UNKNOWN):
            head = head.decode(code_page, "replace").encode()  # whose names of columns are read here already
        found = _of_text(member, head)
        if found in ("csv", "text", "json", "jsonl", "marked", "pubmed-text", "pubmed-nbib") and not member.encoding:
            with member.open() as file:
                member.encoding = encodings.of_text(file, sure=found == "jsonl")
        if member.encoding == code_pages.UNKNOWN:
            return _no(member, _UNKNOWN_ENCODING)
        return _form_of_text(member) if found == "text" else found
    except ArticlesError as error:
        return error
    except DAMAGED as error:
        return member.damaged(error)


def _form_of_text(member: Member) -> str | ArticlesError:
    """Whether a text has marks between articles, or is none but a part of a page."""
    with member.open() as file:
        beginning = file.read(_MARKS_BYTES).decode("utf-8", "replace")
    if marked.is_form(beginning):
        return "marked"
    if answer := unread.of_markup(beginning):
        return _no(member, answer[0], **answer[1])
    return "text"


def _by_magic(member: Member, head: bytes) -> str | ArticlesError | None:
    if head.startswith(b"PAR1"):
        return "parquet"
    if pdf.MAGIC in head[:1024] and not head.startswith(ZIP):
        return "pdf"
    if head.startswith((ZIP, EMPTY_ZIP)):
        return in_zip.form_of_zip(member) or _no(
            member, sentence("{path} is an archive or a document inside an archive: unpack it first.")
        )
    if head.startswith(packed.GZIP) or packed.is_tar(head):
        return _no(member, sentence("{path} is an archive or a document inside an archive: unpack it first."))
    for magic, (template, values) in unread.MAGIC:
        if head.startswith(magic):
            return _no(member, template, **values)
    return None


def _no(member: Member, template: str, **values: object) -> ArticlesError:
    return ArticlesError(template, path=member.name, **values)


def _of_text(member: Member, head: bytes) -> str | ArticlesError:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    ending = member.split_name.rsplit("/", 1)[-1].rpartition(".")[2].lower() if "." in member.split_name else ""
    if start.startswith(b"<") and (found := _of_xml(member, start, ending)) is not None:
        return found
    shown = start.decode("utf-8", "replace")
    json_text = json_document.without_comments(shown)
    if json_text != shown and json_text.startswith(('{"', "{\n", "[{", "[\n", '["', "{\r", "[\r")):
        return "json"
    for pattern, (template, values) in unread.TEXTS:
        if pattern.match(shown.replace("\r\n", "\n")):
            return _no(member, template, **values)
    if _is_json(member, shown, ending):
        return "json"
    if start.startswith(b"{") or ending in _LINES_ENDINGS:
        return "jsonl"
    if medline.is_form(shown):
        return "pubmed-nbib"
    if pubmed_text.is_form(shown.replace("\r\n", "\n")):
        return "pubmed-text"
    if marked.is_form(shown) and ending not in ("csv", "tsv"):
        return "marked"
    if ending in ("csv", "tsv", "tab") or _looks_like_csv(shown):
        return "csv"
    if ending in unread.ENDINGS:
        template, values = unread.ENDINGS[ending]
        return _no(member, template, **values)
    if ending in _TEXT_ENDINGS or _is_text(head):
        return "text" if b"\0" not in head else _no(member, sentence("{path} holds NUL bytes: it is no text."))
    return _no(
        member,
        sentence(
            "{path} is no text and no form that is read (JSON, CSV, Parquet, text, Word, PDF, JATS or PubMed XML)."
        ),
    )


def _of_xml(member: Member, start: bytes, ending: str) -> str | ArticlesError | None:
    """The form of what begins with a tag; None where it may be text all the same."""
    lowered = _behind_comments(start)[:200].lower()
    root = _root(start)
    if root in pubmed_xml.ROOTS:
        return "pubmed-xml"
    if lowered.startswith(b"<!doctype html"):
        root = "html"
    is_xml = ending in ("xml", "nxml") or lowered.startswith(_XML)
    if root in unread.XML_ROOTS and (
        is_xml or ending in ("html", "htm", "xhtml", "") or lowered.startswith(b"<html") or _is_element(start, root)
    ):
        template, values = unread.XML_ROOTS[root]
        return _no(member, template, **values)
    if not is_xml and root in unread.PAGE and (answer := unread.of_markup(start.decode("utf-8", "replace"))):
        return _no(member, answer[0], **answer[1])
    return "jats" if is_xml else None


def _is_element(start: bytes, name: str) -> bool:
    """Whether a text that begins with a tag is XML without its declaration: with a name space, or closed again."""
    first = start.partition(b">")[0]
    return b"xmlns" in first or f"</{name}".encode() in start.lower()


def _root(start: bytes) -> str:
    """The name of the first element, in lower case and without its prefix."""
    rest = start
    while True:
        rest = _behind_comments(rest)
        if not rest.startswith((b"<?", b"<!")):
            break
        if rest.startswith(b"<!") and b"[" in rest.partition(b">")[0]:  # a declaration with a part of its own
            rest = rest.partition(b"]")[2]
        rest = rest.partition(b">")[2].lstrip()
    match = _ROOT.match(rest)
    return match[1].decode().lower() if match else ""


def _behind_comments(start: bytes) -> bytes:
    while start.startswith(b"<!--"):
        start = start.partition(b"-->")[2].lstrip()
    return start


def _is_json(member: Member, shown: str, ending: str) -> bool:
    """Whether a file is JSON, and not JSON lines, whatever its name says."""
    if ending in _LINES_ENDINGS and shown.startswith("["):
        return json_document.is_array(shown)
    if json_document.is_json(shown, ending == "json"):
        return True
    if ending == "json" and (
        shown.strip() in ("null", "true", "false") or isinstance(_one_value(member), str | int | float)
    ):
        return True
    if not shown.startswith(("{", "[")) or "\n" in shown.strip():
        return False
    value = _one_value(member)
    if json_shapes.table_rows(value, Options()) is not None:
        return True
    return ending == "json" and isinstance(value, list | dict)


def _one_value(member: Member) -> object:
    """The value that is on the only line of a file; None where there are more, or it is none."""
    with member.open() as file:
        line = file.readline(json_document.LONGEST_VALUE_BYTES)
        if file.read(64).strip():
            return None
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _looks_like_csv(start: str) -> bool:
    """A first line of two or more short names, one of which usually holds text; or the same fields in each of several lines."""
    first, _newline, rest = start.replace("\r\n", "\n").replace("\r", "\n").partition("\n")
    if csv_table.separator_line(first):
        return True
    delimiter, found = csv_table.heads(first)
    names = [names_of.head(name) for name in found]
    if not 2 <= len(names) <= 200 or not all(0 < len(name) <= 40 for name in names):
        return False
    if len(names) > 2 and delimiter != "," and csv_table.is_regular(start, delimiter, len(names)):
        return True
    usual = {*names_of.TEXT_COLUMNS, *names_of.ABSTRACT_COLUMNS} & set(names)
    return bool(usual) and (not rest.strip() or rest.count(delimiter) >= len(names) - 1)


def _is_text(head: bytes) -> bool:
    return b"\0" not in head and sum(byte < 9 or 13 < byte < 32 for byte in head) <= len(head) // 100
