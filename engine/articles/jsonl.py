"""JSON lines in the form of the PubMed release (Cohan et al. 2018): one article a line.

Keys: `article_id`, `article_text` (paragraphs or sentences), `abstract_text` (sentences in `<S> … </S>`),
`section_names`, `sections` (paragraphs by section). The release's own files are lower-cased with a sentence an item;
the files that ship here are cased with a paragraph an item: both are read the same way. Lines with `article` (or
`text`) and `abstract` as plain strings, the form of the hub's copies, are read too.
"""

import json
from collections.abc import Iterator

from engine.articles import lines
from engine.articles.article import MOST_SECTIONS, Article, Section, clean
from engine.articles.member import Member
from engine.articles.options import Options, Place
from engine.errors import ArticlesError, sentence

TEXT_KEYS = ("article_text", "article", "text")
# In lines, in rows.
_WITHOUT_TEXT = (
    sentence("{path}, line {line}: an article without text."),
    sentence("{path}, row {line}: an article without text."),
)
_TOO_MANY_SECTIONS = (
    sentence("{path}, line {line}: an article of more than {most} sections."),
    sentence("{path}, row {line}: an article of more than {most} sections."),
)
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
        value = json.loads(raw.decode("utf-8-sig" if number == 1 else "utf-8"))
    except UnicodeDecodeError:
        return _problem(member, number, sentence("{path}, line {line}: not UTF-8."))
    except (ValueError, RecursionError):
        return _problem(member, number, sentence("{path}, line {line}: not JSON."))
    if not isinstance(value, dict):
        return _problem(member, number, sentence("{path}, line {line}: not a JSON object."))
    return of_fields(value, options, member, number)


def of_fields(
    value: dict, options: Options, member: Member, number: int, in_rows: bool = False
) -> Article | ArticlesError:
    """The article that named fields make up, or what is wrong with it.

    Args:
        number: of the line that holds them, or, where the form has no lines (`in_rows`), of the row.
    """
    text = value.get(options.text_column) if options.text_column else _first(value, *TEXT_KEYS)
    body = texts(text)
    names, sections = value.get("section_names"), value.get("sections")
    if (
        not options.text_column
        and isinstance(names, list)
        and isinstance(sections, list)
        and len(names) == len(sections)
    ):
        if len(names) > MOST_SECTIONS:
            return ArticlesError(_TOO_MANY_SECTIONS[in_rows], path=member.name, line=number, most=MOST_SECTIONS)
        body_sections = tuple(
            Section(clean(str(name)), texts(section)) for name, section in zip(names, sections, strict=True)
        )
        body_sections = tuple(section for section in body_sections if section.paragraphs)
    else:
        body_sections = (Section("", body),) if body else ()
    abstract_field = (
        value.get(options.abstract_column) if options.abstract_column else _first(value, "abstract_text", "abstract")
    )
    abstract = tuple(
        cleaned for item in texts(abstract_field) if (cleaned := item.removeprefix("<S>").removesuffix("</S>").strip())
    )
    if not body_sections and not abstract:
        return _problem(member, number, _WITHOUT_TEXT[in_rows])
    identifier = value.get(options.id_column) if options.id_column else _first(value, "article_id", "id", "doi", "pmid")
    title = value.get("title")
    return Article(
        clean(str(identifier))[:200] if identifier is not None else "",
        abstract,
        body_sections,
        clean(title) if isinstance(title, str) else "",
    )


def _first(value: dict, *keys: str) -> object:
    return next((value[key] for key in keys if value.get(key) is not None), None)


def texts(value: object) -> tuple[str, ...]:
    """The texts of a list, or the lines of one string, that are not blank, each as one line."""
    items = value.splitlines() if isinstance(value, str) else value if isinstance(value, list) else []
    cleaned = (clean(item) for item in items if isinstance(item, str))
    return tuple(text for text in cleaned if text)
