"""JSON lines in the form of the PubMed release (Cohan et al. 2018): one article a line.

Keys: `article_id`, `article_text` (paragraphs or sentences), `abstract_text` (sentences in `<S> … </S>`),
`section_names`, `sections` (paragraphs by section). The release's own files are lower-cased with a sentence an item;
the files that ship here are cased with a paragraph an item: both are read the same way. Lines with `article` (or
`text`) and `abstract` as plain strings, the form of the hub's copies, are read too, as are CORD-19's and S2ORC's
(engine.articles.records).
"""

import json
from collections.abc import Iterator

from engine.articles import lines, records
from engine.articles.article import Article
from engine.articles.member import Member
from engine.articles.options import Options, Place
from engine.core.errors import ArticlesError, sentence

LONGEST_LINE_BYTES = 8 << 20  # the longest real article is 0.5 MB; nested lists take twenty times their text in memory


def read(member: Member, options: Options, start: Place = ()) -> Iterator[tuple[Place, Article | ArticlesError]]:
    """Each line from `start` on (byte offset, lines before it): the article, or what is wrong with it.

    Empty lines are passed over.
    """
    offset, number = start or (0, 0)
    with member.open(offset) as file:
        try:
            for raw, size in lines.read(member, file, LONGEST_LINE_BYTES):
                offset += size
                number += 1
                if raw is None:
                    template = sentence("{path}, line {line}: longer than 8 MB.")
                    yield (offset, number), _problem(member, number, template)
                elif raw.strip():
                    yield (offset, number), _parse(member, number, raw, options)
        except ArticlesError as error:
            yield (offset, number), error


def _problem(member: Member, number: int, template: str) -> ArticlesError:
    return ArticlesError(template, path=member.name, line=number)


def _parse(member: Member, number: int, raw: bytes, options: Options) -> Article | ArticlesError:
    if b"\0" in raw:
        return _problem(member, number, sentence("{path}, line {line}: holds NUL bytes, it is no text."))
    try:
        # a comma behind an object is of somebody who takes the lines for a list
        value = json.loads(raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip(", \t\r\n"))
    except UnicodeDecodeError:
        return _problem(member, number, sentence("{path}, line {line}: not UTF-8."))
    except (ValueError, RecursionError):
        return _problem(member, number, sentence("{path}, line {line}: not JSON."))
    return records.article_of(value, options, member, number)
