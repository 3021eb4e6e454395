"""PubMed's download “PubMed” (.nbib, MEDLINE): records of tagged fields, of which title and abstract are the article."""

import re
from collections import Counter
from collections.abc import Iterator

from engine.articles import lines, markup, names
from engine.articles.article import Article, clean
from engine.articles.member import Member
from engine.articles.options import Options, Place
from engine.core.errors import ArticlesError, sentence

LONGEST_LINE_BYTES = 1 << 20
LONGEST_RECORD_LINES = 50_000
_TITLES = ("TI", "BTI", "CTI")  # of the article or chapter, else of the book, else of its collection
_FIELD = re.compile(r"([A-Z][A-Z0-9]{1,3}) *- ?(.*)")
_HEAD = re.compile(r"\s*PMID *- ?\d+[^\n]*\n(?:[A-Z][A-Z0-9]{1,3} *- |      )")


def is_form(head: str) -> bool:
    """Whether a text that begins so is such a download."""
    return bool(_HEAD.match(head.lstrip("\ufeff").replace("\r\n", "\n")))


def read(member: Member, options: Options, start: Place = ()) -> Iterator[tuple[Place, Article | ArticlesError]]:
    """Each record from `start` on (byte offset, lines before it)."""
    offset, line = start or (0, 0)
    with member.open(offset) as file:
        record: list[tuple[str, list[str]]] = []
        first = line + 1
        try:
            for raw, size in lines.read(member, file, LONGEST_LINE_BYTES):
                text = raw.decode("utf-8", "replace").lstrip("\ufeff").rstrip() if raw is not None else ""
                field = _FIELD.fullmatch(text)
                if field and field[1] == "PMID" and record:
                    yield (offset, line), _article(member, record, first)
                    record, first = [], line + 1
                offset += size
                line += 1
                if field:
                    if len(record) < LONGEST_RECORD_LINES:
                        record.append((field[1], [field[2]]))
                elif text.strip() and record and len(record[-1][1]) < LONGEST_RECORD_LINES:
                    record[-1][1].append(text.strip())
        except ArticlesError as error:
            yield (offset, line), error
            return
        if record:
            yield (offset, line), _article(member, record, first)


def _article(member: Member, record: list[tuple[str, list[str]]], first: int) -> Article | ArticlesError:
    left: Counter[str] = Counter()
    found: dict[str, str] = {}
    for tag, parts in record:
        if tag in ("PMID", *_TITLES, "AB", "OAB") and tag not in found:
            text, tags = markup.plain_text(" ".join(parts))
            found[tag] = clean(text)
            left["tags"] += tags
        elif tag in ("AU", "FAU", "AD", "AUID", "CN", "IR", "FIR"):
            left["addresses"] += 1
        else:
            left["other_abstracts" if tag == "OAB" else "fields"] += 1
    abstract, other = (
        "" if names.is_placeholder(text) else text for text in (found.get("AB", ""), found.get("OAB", ""))
    )
    if abstract and other:
        left["other_abstracts"] += 1
    elif other:  # in another language, or by another hand: the only one there is
        abstract = other
    if not abstract:
        return ArticlesError(
            sentence("{path}, line {line}: a record without an abstract."), path=member.name, line=first
        )
    titles = [found[tag] for tag in _TITLES if found.get(tag)]
    left["fields"] += len(titles[1:])
    counted = tuple((part, count) for part, count in left.items() if count)
    return Article(found.get("PMID", "")[:200], (abstract,), (), titles[0] if titles else "", counted)
