"""A JSON value, or a row of a table → an article: which of its fields hold what."""

import itertools
import re
from collections import Counter
from dataclasses import replace
from typing import Any

from engine.articles import names, unread
from engine.articles.article import MOST_SECTIONS, Article, Section, clean
from engine.articles.field_texts import (
    counted,
    identifier_of,
    labelled,
    one_line,
    texts,
    texts_of,
    title_of,
    without_marks,
)
from engine.articles.member import Member
from engine.articles.options import SECTIONS, Options
from engine.articles.parted import TOO_MANY_SECTIONS, WITHOUT_TEXT, of_paragraphs, parted
from engine.articles.usual import filled, has_text, usual, usual_text
from engine.core.errors import ArticlesError, sentence

_NO_TEXT_FIELD = sentence(
    "{path}, line {line}: none of its fields ({names}) is called as an article's text is: call that one “text”, or say which "
    "it is (prepare --text-column)."
)
_SEVERAL_LISTS = sentence(
    "{path}, line {line}: several lists that may be articles ({names}): write the one that is meant as a file of its own."
)
_LIST = sentence(
    "{path}, line {line}: a list in place of an article, which is an object with a field “text”, or a string."
)
_ENVELOPES = ("_source", "row")
# That may hold all there is of an article, beside its identifier.
_OBJECTS = ("article", "paper", "document", "data", "record")
_NOT_OBJECT = sentence("{path}, line {line}: not a JSON object.")
_NO_FIELD = sentence("{path}, line {line}: no field “{column}”, which was chosen for the text.")
_LONG_FIELD = 200  # characters of a text that was not read and is worth being told of
_LONGEST_LABEL = 40  # characters of what may be a type, or a file's name, in a column that is called as texts are
_SHORTEST = 20  # characters of a sentence
_SENTENCE_ENDS = (".", "!", "?", "…", "。")
_SHORTEST_BODY = 200  # characters of the sections of an article that has neither abstract nor introduction
_SHORTEST_WITH_BEGINNING = 20
_ADDRESS = re.compile(
    r"(?:(?:https?|ftp|file)://|www\.|doi:|10\.\d{4,9}/|[A-Za-z]:[\\/]|\.{0,2}/(?=\S{8}))\S+|"
    r"[^\n]{1,250}\.(?:pdf|docx?|n?xml|html?|txt|epub)",
    re.IGNORECASE,
)
_LONGER = 1.5  # times as long as its text an abstract is, before the text is taken for a label


def article_of(value: object, options: Options, member: Member, number: int) -> Article | ArticlesError:
    """The article that a JSON value is, or what is wrong with it.

    Args:
        number: of the line that it begins on.
    """
    if isinstance(value, str):
        left = Counter[str]()
        paragraphs = texts(value, left)
        if not paragraphs:
            return ArticlesError(WITHOUT_TEXT[0], path=member.name, line=number)
        return Article("", (), (Section("", paragraphs),), left_out=counted(left))
    value = unwrapped(value)
    if not isinstance(value, dict):
        template = _LIST if isinstance(value, list) else _NOT_OBJECT
        return ArticlesError(template, path=member.name, line=number)
    if not options.text_column:
        known = unread.of_json(value) or (not has_text(value, options) and unread.of_questions(value))
        if known:
            return ArticlesError(known[0], path=member.name, **known[1])
        if (found := parted(value)) is not None:
            return of_paragraphs(*found, member, number)
    elif options.text_column not in value:
        return ArticlesError(_NO_FIELD, path=member.name, line=number, column=options.text_column)
    item = of_fields(value, options, member, number)
    if isinstance(item, ArticlesError) and not usual_text(tuple(map(str, value)), options):
        lists = {key: field for key, field in value.items() if isinstance(field, list)}
        several = {key: field for key, field in lists.items() if any(is_article(part, options) for part in field[:1])}
        template, shown = (_SEVERAL_LISTS, several) if len(several) > 1 else (_NO_TEXT_FIELD, value)
        return ArticlesError(template, path=member.name, line=number, names=_shown(shown))
    return item


def unwrapped(value: object) -> object:
    """The record that a database or a viewer has put into an envelope: Elasticsearch's `_source`, the hub's `row`."""
    for name in _ENVELOPES:
        if isinstance(value, dict) and isinstance(inner := value.get(name), dict) and not has_text(value, Options()):
            named = "_id" in value and not usual(filled(inner), Options()).id_column
            return {**inner, "id": value["_id"]} if named else inner
    for name in _OBJECTS:
        if isinstance(value, dict) and isinstance(inner := value.get(name), dict) and _is_whole(inner):
            around = {key: field for key, field in value.items() if key != name and not isinstance(field, dict | list)}
            if not has_text(around, Options()):
                return {**around, **inner}
    return value


def _is_whole(value: dict[str, Any]) -> bool:
    """Whether an object holds an article's text."""
    chosen = usual(filled(value), Options())
    return bool(texts(value.get(chosen.text_column)) or texts(value.get(chosen.abstract_column)) or parted(value))


def is_article(value: object, options: Options) -> bool:
    """Whether a JSON value is an object in which an article's text is found."""
    value = unwrapped(value)
    if not isinstance(value, dict):
        return False
    if options.text_column or has_text(value, options):
        return has_text(value, options)
    return parted(value) is not None or any(texts(value[name]) for name in names.sections_of(filled(value)))


def _shown(value: dict[str, Any]) -> str:
    return ", ".join(clean(str(key))[:40] for key in itertools.islice(value, 12)) or "-"


def of_fields(
    value: dict[str, Any], options: Options, member: Member, number: int, in_rows: bool = False, is_table: bool = False
) -> Article | ArticlesError:
    """The article that named fields make up, or what is wrong with it.

    Args:
        number: of the line that holds them, or, where the form has no lines (`in_rows`), of the row.
        is_table: of a table, whose columns that are not read are counted elsewhere.
    """
    chosen = usual(filled(value), options)
    left: Counter[str] = Counter()
    text = value.get(chosen.text_column)
    if not options.text_column and (is_label(text, value.get(chosen.abstract_column)) or is_address(text)):
        left["fields"] += 1
        chosen = replace(chosen, text_column="")
    section_names, sections = value.get("section_names"), value.get("sections")
    used = {chosen.text_column, chosen.abstract_column, chosen.id_column, chosen.title_column}
    if (
        not options.text_column
        and isinstance(section_names, list)
        and isinstance(sections, list)
        and len(section_names) == len(sections)
    ):
        if len(section_names) > MOST_SECTIONS:
            return ArticlesError(TOO_MANY_SECTIONS[in_rows], path=member.name, line=number, most=MOST_SECTIONS)
        used |= {"section_names", "sections"}
        body = tuple(
            Section(one_line(str(name), left), texts(section, left))
            for name, section in zip(section_names, sections, strict=True)
        )
        body = tuple(section for section in body if section.paragraphs)
    elif parts := _section_fields(value, chosen, is_table):
        used |= set(parts)
        found = ((names.heading(name), texts_of(value[name], left)) for name in parts)
        body = tuple(Section(one_line(name, left), paragraphs) for name, paragraphs in found if paragraphs)
    else:
        of_parts = _body_of(value.get(chosen.text_column), member, number)
        if isinstance(of_parts, ArticlesError):
            return of_parts
        paragraphs = () if of_parts else texts_of(value.get(chosen.text_column), left)
        body = of_parts or ((Section("", paragraphs),) if paragraphs else ())
    abstract = texts_of(without_marks(labelled(value.get(chosen.abstract_column), left)), left)
    if not body and not abstract:
        return ArticlesError(WITHOUT_TEXT[in_rows], path=member.name, line=number)
    if not is_table:
        left["long_fields"] = sum(_length(field) >= _LONG_FIELD for key, field in value.items() if key not in used)
    identifier, title = value.get(chosen.id_column), value.get(chosen.title_column)
    return Article(
        identifier_of(identifier),
        abstract,
        body,
        title_of(title, left),
        counted(left),
    )


def _body_of(text: object, member: Member, number: int) -> tuple[Section, ...] | ArticlesError:
    """The sections of a column that holds objects, as Qasper's; () of any other."""
    found = parted({"full_text": text}) if isinstance(text, dict | list) else None
    article = of_paragraphs(*found, member, number) if found else None
    return article.sections if isinstance(article, Article) else article or ()


def _section_fields(value: dict[str, Any], chosen: Options, is_table: bool) -> tuple[str, ...]:
    """The fields that hold a section each and together are the body: those of a table were told from its first rows."""
    if chosen.text_column != SECTIONS and (is_table or chosen.text_column):
        return ()
    parts = names.sections_of(tuple(key for key in value if isinstance(key, str)))
    whole = chosen.text_column == SECTIONS or are_body(
        {name: [value[name]] for name in parts}, [value.get(chosen.abstract_column)]
    )
    return parts if whole else ()


def are_body(sections: dict[str, list[Any]], abstracts: list[Any]) -> bool:
    """Whether fields that are called as sections are hold articles, and not labels (“RCT”, “positive”) of a table of studies.

    Args:
        sections: by their names what each of one or more records has there.
        abstracts: theirs.
    """
    of_sections = sum(map(_length_of_texts, sections.values()))
    of_abstracts = _length_of_texts(abstracts)
    named = of_abstracts > 0 or any(names.opens_an_article(name) for name in sections)
    least = (_SHORTEST_WITH_BEGINNING if named else _SHORTEST_BODY) * max(1, len(abstracts))
    return of_sections > of_abstracts and of_sections >= least


def _length_of_texts(values: list[Any]) -> int:
    return sum(len(text) for value in values for text in texts_of(value, Counter()))


def is_address(text: object) -> bool:
    """Whether a field that is called as texts are only says where the text is: an address, or a file's name."""
    return isinstance(text, str) and bool(_ADDRESS.fullmatch(text.strip()))


def is_label(text: object, abstract: object) -> bool:
    """Whether a field that is called as texts are holds a type (“Journal Article”) or a name, and the abstract is the text."""
    if not isinstance(text, str) or not isinstance(abstract, str):
        return False
    text, abstract = text.strip(), abstract.strip()
    if not 0 < len(text) < _LONGEST_LABEL or text.endswith(_SENTENCE_ENDS):
        return False
    is_text = len(abstract) >= _LONGEST_LABEL or (len(abstract) >= _SHORTEST and abstract.endswith(_SENTENCE_ENDS))
    return is_text and len(abstract) >= _LONGER * len(text)


def _length(value: object) -> int:
    if isinstance(value, str):
        return len(value)
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sum(
        _length(item) if isinstance(item, str) else _LONG_FIELD if isinstance(item, dict | list) and item else 0
        for item in items
    )
