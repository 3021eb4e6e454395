"""PubMed's download “Abstract (text)”: numbered records of citation, title, authors, addresses, abstract, notices.

The title and the abstract are the article. A record's parts stand between blank lines; long lines are wrapped.
"""

import re
from collections import Counter
from collections.abc import Iterator

from engine.articles import lines
from engine.articles.article import Article, clean
from engine.articles.member import Member
from engine.articles.options import Options, Place
from engine.errors import ArticlesError, sentence

LONGEST_LINE_BYTES = 1 << 20
LONGEST_RECORD_LINES = 20_000
_CITATION = re.compile(r"(\d+)\. \S[^\n]*\d{4}")
_HEAD = re.compile(r"\s*1\. \S[^\n]{2,300}?(?:\n[^\n]+){0,3}?\n\s*\n")
_MARKS = re.compile(r"^(?:PMID: \d|DOI: 10\.|PMCID: PMC|Author information:)", re.MULTILINE)
_AUTHOR = re.compile(r"[\w'’.\- ]{1,60} [A-Z]{1,4}(?: (?:Jr|Sr|\d(?:st|nd|rd|th)))?(?:\([\d#*)(]+\))*")
_LABEL = re.compile(r"[A-Z][A-Z ,/&()'’-]{2,80}: ")
_NOTICES = re.compile(
    r"(?:©|\(c\) ?\d|Copyright|DOI: |PMID: |PMCID: |Conflict of interest|Competing interests|Comment (?:in|on)|Erratum (?:in|for)|"
    r"Update (?:in|of)|Republished|Retraction|Expression of concern|Collaborators|Publisher: |Trial registration: |"
    r"\[(?:Article|Indexed)|Published by|This article|Crown Copyright|The Authors?)"
)


def is_form(head: str) -> bool:
    """Whether a text that begins so is such a download."""
    head = head.lstrip("\ufeff")
    first = _HEAD.match(head)
    return bool(first and re.search(r"\b(?:1[89]|20)\d\d\b", first.group()) and _MARKS.search(head))


def read(member: Member, options: Options, start: Place = ()) -> Iterator[tuple[Place, Article | ArticlesError]]:
    """Each record from `start` on (byte offset, lines before it, records before it)."""
    offset, line, number = start or (0, 0, 0)
    with member.open(offset) as file:
        record: list[str] = []
        blanks, before, first = 2, (offset, line), line + 1
        try:
            for raw, size in lines.read(member, file, LONGEST_LINE_BYTES):
                text = raw.decode("utf-8", "replace").lstrip("\ufeff").rstrip() if raw is not None else ""
                begins = blanks >= 2 and (match := _CITATION.match(text)) is not None and int(match[1]) > number
                if begins and any(record):
                    number += 1
                    yield (*before, number), _article(member, record, first)
                if begins:
                    record, first = [], line + 1
                blanks = 0 if text else blanks + 1
                offset += size
                line += 1
                if blanks >= 2:
                    before = (offset, line)
                if len(record) < LONGEST_RECORD_LINES:
                    record.append(text)
        except ArticlesError as error:
            yield (offset, line, number), error
            return
        if any(record):
            yield (offset, line, number + 1), _article(member, record, first)


def _article(member: Member, record: list[str], first: int) -> Article | ArticlesError:
    blocks = [block.split("\n") for block in re.split(r"\n(?:\s*\n)+", "\n".join(record).strip())]
    left: Counter[str] = Counter()
    title = clean(" ".join(blocks[1])) if len(blocks) > 1 else ""
    found: list[list[str]] = []
    for position, block in enumerate(blocks[2:]):
        if block[0].startswith("Author information:") or (position <= 1 and not found and _is_authors(block)):
            left["addresses"] += 1
        elif _NOTICES.match(block[0]):
            left["notices"] += 1
        else:
            found.append(block)
    pmid = next((m[1] for text in reversed(record) if (m := re.match(r"PMID: (\d+)", text))), "")
    abstract = tuple(paragraph for block in found for paragraph in _paragraphs(block))
    if not abstract:
        return ArticlesError(
            sentence("{path}, line {line}: a record without an abstract."), path=member.name, line=first
        )
    return Article(pmid, abstract, (), title, tuple(left.items()))


def _is_authors(block: list[str]) -> bool:
    text = " ".join(block).strip().rstrip(".")
    names = [name.strip() for name in re.split(r"[,;]", text) if name.strip()]
    return bool(names) and sum(bool(_AUTHOR.fullmatch(name)) for name in names) >= 0.6 * len(names)


def _paragraphs(block: list[str]) -> Iterator[str]:
    """The paragraphs of an abstract: a new one where a label such as METHODS: begins a line."""
    paragraph: list[str] = []
    for text in block:
        if _LABEL.match(text) and paragraph:
            yield clean(" ".join(paragraph))
            paragraph = []
        paragraph.append(text.strip())
    if joined := clean(" ".join(paragraph)):
        yield joined
