"""Plain text: one article a file, or one between blank lines."""

import itertools
from collections.abc import Iterator

from engine.articles import lines
from engine.articles.article import Article, Section, clean
from engine.articles.member import Member
from engine.articles.options import FILE, Options, Place
from engine.errors import ArticlesError, sentence

LONGEST_ARTICLE_BYTES = 16 << 20


def read(member: Member, options: Options, start: Place = ()) -> Iterator[tuple[Place, Article | ArticlesError]]:
    """Each article from `start` on (byte offset, lines before it, articles before it)."""
    offset, line, number = start or (0, 0, 0)
    whole_file = options.text_unit == FILE
    stem = clean(member.stem)
    with member.open(offset) as file:
        paragraphs: list[str] = []
        size, first, problem = 0, line + 1, ""
        try:
            for raw, length in itertools.chain(lines.read(member, file, LONGEST_ARTICLE_BYTES), [(b"", 0)]):
                at_start = offset == 0
                offset += length
                line += bool(length)
                blank = raw is not None and not raw.strip()
                if length and not (blank and not whole_file):
                    size += length
                    if size > LONGEST_ARTICLE_BYTES:
                        problem, paragraphs = problem or sentence("{path}, line {line}: an article of over 16 MB."), []
                    elif raw is not None and not problem and not blank:
                        try:
                            text = raw.decode("utf-8-sig" if at_start else "utf-8")
                        except UnicodeDecodeError:
                            problem, first = sentence("{path}, line {line}: not UTF-8."), line
                        else:
                            if "\0" in text:
                                problem, first = sentence("{path}, line {line}: holds NUL bytes, it is no text."), line
                            elif cleaned := clean(text):
                                paragraphs.append(cleaned)
                    continue
                if problem:
                    number += 1
                    yield (offset, line, number), ArticlesError(problem, path=member.name, line=first)
                elif paragraphs:
                    number += 1
                    identifier = stem if whole_file else f"{stem}-{number}"
                    yield (offset, line, number), Article(identifier[:200], (), (Section("", tuple(paragraphs)),))
                paragraphs, size, first, problem = [], 0, line + 1, ""
        except ArticlesError as error:
            yield (offset, line, number), error
