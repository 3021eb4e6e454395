"""Text in which marks part the articles: `<|startoftext|>` … `<|endoftext|>` as gpt-2-simple writes it, or one of them alone."""

import re
from collections import Counter
from collections.abc import Iterator

from engine.articles import field, lines
from engine.articles.article import Article, Section, clean
from engine.articles.member import Member
from engine.articles.options import Options, Place
from engine.core.errors import ArticlesError, sentence

START, END = "<|startoftext|>", "<|endoftext|>"
_MARKS = re.compile(re.escape(START) + "|" + re.escape(END))
LONGEST_ARTICLE_BYTES = 16 << 20


def is_form(head: str) -> bool:
    """Whether a text that begins so has such marks."""
    return START in head or END in head


def read(member: Member, options: Options, start: Place = ()) -> Iterator[tuple[Place, Article | ArticlesError]]:
    """Each article from `start` on (bytes and lines before its line, articles before it, pieces of its line done)."""
    offset, line, number, done = start or (0, 0, 0, 0)
    stem = clean(member.stem)
    with member.open(offset) as file:
        paragraphs: list[str] = []
        size, problem = 0, ""
        try:
            for raw, length in lines.read(member, file, LONGEST_ARTICLE_BYTES):
                text = ""
                if raw is None:
                    problem = problem or sentence("{path}, line {line}: an article of over 16 MB.")
                else:
                    try:
                        text = raw.decode("utf-8-sig" if offset == 0 else "utf-8")
                    except UnicodeDecodeError:
                        problem = problem or sentence("{path}, line {line}: not UTF-8.")
                *ended, tail = _MARKS.split(text)
                for piece, content in enumerate(ended, start=1):
                    if piece > done:
                        if cleaned := clean(content):
                            paragraphs.append(cleaned)
                        if item := _item(member, stem, number + 1, paragraphs, problem, line + 1):
                            number += 1
                            whole = piece == len(ended) and not tail.strip()
                            place = (offset + length, line + 1, number, 0) if whole else (offset, line, number, piece)
                            yield place, item
                    paragraphs, size, problem = [], 0, ""
                done = 0
                offset += length
                line += 1
                size += len(tail)
                if size > LONGEST_ARTICLE_BYTES:
                    problem, paragraphs = problem or sentence("{path}, line {line}: an article of over 16 MB."), []
                elif not problem and (cleaned := clean(tail)):
                    paragraphs.append(cleaned)
        except ArticlesError as error:
            yield (offset, line, number, 0), error
            return
        if item := _item(member, stem, number + 1, paragraphs, problem, line):
            yield (offset, line, number + 1, 0), item


def _item(
    member: Member, stem: str, number: int, paragraphs: list[str], problem: str, line: int
) -> Article | ArticlesError | None:
    if problem:
        return ArticlesError(problem, path=member.name, line=line)
    left = Counter[str]()
    text = field.plain("\n".join(paragraphs), left)
    found = tuple(cleaned for part in text.split("\n") if (cleaned := clean(part)))
    counted = tuple((part, count) for part, count in left.items() if count)
    return Article(f"{stem}-{number}"[:200], (), (Section("", found),), left_out=counted) if found else None
