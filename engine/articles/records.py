"""A JSON value, or a row of a table → an article: which of its fields hold what."""

import functools
import re
from collections import Counter

from engine.articles import names, unread
from engine.articles.article import MOST_SECTIONS, Article, Section, clean
from engine.articles.member import Member
from engine.articles.options import NO_COLUMN, Options
from engine.errors import ArticlesError, sentence

# In lines, in rows.
_WITHOUT_TEXT = (
    sentence("{path}, line {line}: an article without text."),
    sentence("{path}, row {line}: an article without text."),
)
_TOO_MANY_SECTIONS = (
    sentence("{path}, line {line}: an article of more than {most} sections."),
    sentence("{path}, row {line}: an article of more than {most} sections."),
)
_NOT_OBJECT = sentence("{path}, line {line}: not a JSON object.")
_LONG_FIELD = 200  # characters of a text that was not read and is worth being told of
# Only tags that articles have, and only where one is closed: "p < 0.05 and a > b" is no tag.
_TAG_NAMES = (
    r"(?:jats:)?(?:p|b|i|u|em|strong|sub|sup|h[1-6]|div|span|italic|bold|title|sec|list|list-item|abstract|a|ul|ol|li)"
)
_CLOSED = re.compile(rf"</{_TAG_NAMES}>", re.IGNORECASE)
_BREAKS = re.compile(r"<br\s*/?>|</(?:jats:)?(?:p|div|h[1-6]|li|title|sec)>", re.IGNORECASE)
_TAGS = re.compile(rf"</?{_TAG_NAMES}(?:\s[^<>]*)?/?>|<br\s*/?>", re.IGNORECASE)


def article_of(value: object, options: Options, member: Member, number: int) -> Article | ArticlesError:
    """The article that a JSON value is, or what is wrong with it.

    Args:
        number: of the line that it begins on.
    """
    if isinstance(value, str):
        paragraphs = texts(value)
        if not paragraphs:
            return ArticlesError(_WITHOUT_TEXT[0], path=member.name, line=number)
        return Article("", (), (Section("", paragraphs),))
    if not isinstance(value, dict):
        return ArticlesError(_NOT_OBJECT, path=member.name, line=number)
    if not options.text_column:
        if isinstance(value.get("body_text"), list) and any(isinstance(p, dict) for p in value["body_text"]):
            return _of_paragraphs(value, member, number)
        if known := unread.of_json(value):
            return ArticlesError(known[0], path=member.name, **known[1])
    return of_fields(value, options, member, number)


def of_fields(
    value: dict, options: Options, member: Member, number: int, in_rows: bool = False, is_table: bool = False
) -> Article | ArticlesError:
    """The article that named fields make up, or what is wrong with it.

    Args:
        number: of the line that holds them, or, where the form has no lines (`in_rows`), of the row.
        is_table: of a table, whose columns that are not read are counted elsewhere.
    """
    chosen = usual(tuple(key for key, field in value.items() if field is not None and isinstance(key, str)), options)
    left: Counter[str] = Counter()
    section_names, sections = value.get("section_names"), value.get("sections")
    used = {chosen.text_column, chosen.abstract_column, chosen.id_column, chosen.title_column}
    if (
        not options.text_column
        and isinstance(section_names, list)
        and isinstance(sections, list)
        and len(section_names) == len(sections)
    ):
        if len(section_names) > MOST_SECTIONS:
            return ArticlesError(_TOO_MANY_SECTIONS[in_rows], path=member.name, line=number, most=MOST_SECTIONS)
        used |= {"section_names", "sections"}
        body = tuple(
            Section(clean(str(name)), texts(section, left))
            for name, section in zip(section_names, sections, strict=True)
        )
        body = tuple(section for section in body if section.paragraphs)
    else:
        paragraphs = texts(value.get(chosen.text_column), left)
        body = (Section("", paragraphs),) if paragraphs else ()
    items = texts(value.get(chosen.abstract_column), left)
    stripped = (item.removeprefix("<S>").removesuffix("</S>").strip() for item in items)
    abstract = tuple(item for item in stripped if item)
    if not body and not abstract:
        return ArticlesError(_WITHOUT_TEXT[in_rows], path=member.name, line=number)
    if not is_table:
        left["long_fields"] = sum(_length(field) >= _LONG_FIELD for key, field in value.items() if key not in used)
    identifier, title = value.get(chosen.id_column), value.get(chosen.title_column)
    return Article(
        clean(str(identifier))[:200] if identifier is not None else "",
        abstract,
        body,
        " ".join(texts(title, left)) if isinstance(title, str) else "",
        tuple((part, count) for part, count in left.items() if count),
    )


@functools.lru_cache(maxsize=256)
def usual(columns: tuple[str, ...], options: Options) -> Options:
    """The options with the usual names filled in; a column that is read as one thing is not read as another too."""

    def found(chosen: str, names_: tuple[str, ...], taken: set[str]) -> str:
        if chosen == NO_COLUMN:
            return ""
        return chosen or names.column([name for name in columns if name not in taken], names_)

    asked = {options.text_column, options.abstract_column, options.id_column, options.title_column} - {"", NO_COLUMN}
    text = found(options.text_column, names.TEXT_COLUMNS, asked)
    abstract = found(options.abstract_column, names.ABSTRACT_COLUMNS, asked | {text})
    identifier = found(options.id_column, names.ID_COLUMNS, asked | {text, abstract})
    title = found(options.title_column, names.TITLE_COLUMNS, asked | {text, abstract, identifier})
    return Options(text, abstract, identifier, options.text_unit, title)


def _of_paragraphs(value: dict, member: Member, number: int) -> Article | ArticlesError:
    """An article of CORD-19 or S2ORC: paragraphs that each say in which section they stand."""
    left: Counter[str] = Counter()
    sections: list[tuple[str, list[str]]] = []
    for paragraph in value["body_text"]:
        text, name = _paragraph(paragraph, left)
        if not text:
            continue
        if not sections or sections[-1][0] != name:
            sections.append((name, []))
        sections[-1][1].extend(text)
        if len(sections) > MOST_SECTIONS:
            return ArticlesError(_TOO_MANY_SECTIONS[0], path=member.name, line=number, most=MOST_SECTIONS)
    abstract = value.get("abstract")
    if isinstance(abstract, list):
        abstract = [text for paragraph in abstract for text in _paragraph(paragraph, left)[0]]
    found = texts(abstract, left)
    if not sections and not found:
        return ArticlesError(_WITHOUT_TEXT[0], path=member.name, line=number)
    metadata = value.get("metadata")
    title = metadata.get("title") if isinstance(metadata, dict) else None
    title = title if isinstance(title, str) else value.get("title")
    for key, part in (("bib_entries", "references"), ("ref_entries", "figures"), ("back_matter", "behind")):
        left[part] += len(value[key]) if isinstance(value.get(key), dict | list) else 0
    return Article(
        clean(str(value.get("paper_id") or ""))[:200],
        found,
        tuple(Section(name, tuple(paragraphs)) for name, paragraphs in sections),
        clean(title) if isinstance(title, str) else "",
        tuple((part, count) for part, count in left.items() if count),
    )


def _paragraph(paragraph: object, left: Counter[str]) -> tuple[tuple[str, ...], str]:
    if isinstance(paragraph, str):
        return texts(paragraph, left), ""
    if not isinstance(paragraph, dict):
        left["not_text"] += 1
        return (), ""
    name = paragraph.get("section")
    while isinstance(name, list) and name:  # S2ORC's [["2.1", "Cells"]]
        name = name[-1]
    return texts(paragraph.get("text"), left), clean(name) if isinstance(name, str) else ""


def texts(value: object, left: Counter[str] | None = None) -> tuple[str, ...]:
    """The texts of a list, or the lines of one string, that are not blank, each as one line and without tags.

    Args:
        left: where what is not read of it is counted.
    """
    left = Counter() if left is None else left
    if isinstance(value, str):
        value = _without_tags(value, left)
        items: list = value.splitlines()
    elif isinstance(value, list):
        items = [_without_tags(item, left) if isinstance(item, str) else item for item in value]
        left["not_text"] += sum(not isinstance(item, str) and item is not None for item in items)
    else:
        left["not_text"] += isinstance(value, dict)
        items = []
    cleaned = (clean(item) for item in items if isinstance(item, str))
    return tuple(text for text in cleaned if text)


def _without_tags(text: str, left: Counter[str]) -> str:
    if "</" not in text or not _CLOSED.search(text):
        return text
    text, count = _TAGS.subn("", _BREAKS.sub(lambda match: f"\n{match.group()}", text))
    left["tags"] += count
    return text


def _length(value: object) -> int:
    if isinstance(value, str):
        return len(value)
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sum(
        _length(item) if isinstance(item, str) else _LONG_FIELD if isinstance(item, dict | list) and item else 0
        for item in items
    )
