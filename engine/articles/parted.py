"""A JSON object whose paragraphs say in which section they stand, or whose sections are objects → its article."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from engine.articles import names
from engine.articles.article import MOST_SECTIONS, Article, Section
from engine.articles.field_texts import counted, identifier_of, labelled, one_line, texts, title_of
from engine.articles.member import Member
from engine.articles.options import Options
from engine.articles.usual import filled, usual
from engine.core.errors import ArticlesError, sentence

# In lines, in rows.
WITHOUT_TEXT = (
    sentence("{path}, line {line}: an article without text."),
    sentence("{path}, row {line}: an article without text."),
)
TOO_MANY_SECTIONS = (
    sentence("{path}, line {line}: an article of more than {most} sections."),
    sentence("{path}, row {line}: an article of more than {most} sections."),
)
_LONGEST_NAME = 120  # characters of a section's name
_SENTENCE_ENDS = tuple(".!?…。")
_MOST_LEVELS = 8  # of sections in sections
_BODIES = ("body_text", "full_text", "sections", "body", "paragraphs", "content", "text")
PARSES = ("pdf_parse", "latex_parse")  # of S2ORC of 2020, by what was parsed
_INNER = ("sections", "subsections", "children")
_PARAGRAPH_NAMES = ("section", "heading", "section_name", "section_title", "title", "name")
_PARAGRAPH_TEXTS = ("text", "paragraphs", "paragraph", "content", "contents", "body")
# Of an object that has the names of its sections in one list and what stands in them in another, as Qasper on the hub.
_LISTS_OF_NAMES = ("section_name", "section_names", "section_titles", "headings", "titles")
_LISTS_OF_TEXTS = ("paragraphs", "section_texts", "sections", "texts", "text")


def parted(value: dict[str, Any]) -> tuple[dict[str, Any], list[Any]] | None:
    """The object whose paragraphs each say in which section they stand, as in CORD-19 and S2ORC, and these paragraphs."""
    body = value.get("body_text")
    chosen = usual(tuple(key for key, field in value.items() if field and isinstance(key, str)), Options())
    has_text = isinstance(value.get(chosen.text_column), str)
    if isinstance(body, list) and not any(isinstance(p, str) for p in body) and (body or not has_text):
        return value, body  # also where it is empty: there may be an abstract
    for parse in (value.get(name) for name in PARSES):
        if (
            isinstance(parse, dict)
            and isinstance(body := parse.get("body_text"), list)
            and (body or parse.get("abstract"))
        ):
            about = {key: field for key, field in value.items() if field and key not in PARSES}
            return {**parse, **about}, body
    for body in () if has_text else (value.get(name) for name in _BODIES):
        if isinstance(body, list) and (
            any(isinstance(p, dict) and _first(p, _PARAGRAPH_TEXTS) for p in body)
            or (body and "section_names" not in value and all(map(_is_pair, body)))
        ):
            return value, _flat(body)
        named = (_in_two_lists(body) or list(_by_name(body))) if isinstance(body, dict) else []
        if any(texts(part["text"]) for part in named):
            return value, named
    return None


def _in_two_lists(sections: dict[str, Any]) -> list[dict[str, Any]]:
    """The sections of an object that has their names in one list and their texts in another; [] of any other."""
    found: list[Any] = next((sections[key] for key in _LISTS_OF_NAMES if isinstance(sections.get(key), list)), [])
    bodies: list[Any] = next((sections[key] for key in _LISTS_OF_TEXTS if isinstance(sections.get(key), list)), [])
    if len(found) != len(bodies) or not all(name is None or isinstance(name, str) for name in found):
        return []
    return [{"section": name, "text": body} for name, body in zip(found, bodies, strict=True)]


def _is_pair(part: object) -> bool:
    """Whether it is a section as its name and its text, and no two paragraphs: ["Methods", "We counted …"]."""
    if not isinstance(part, list) or len(part) != 2 or not isinstance(part[1], str | list):
        return False
    name = part[0]
    return isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME and name.strip()[-1:] not in _SENTENCE_ENDS


def _flat(paragraphs: list[Any], level: int = 0) -> list[Any]:
    """Paragraphs, and behind each those of the sections that are in it."""
    found = []
    for paragraph in paragraphs:
        found.append(paragraph)
        for name in _INNER if isinstance(paragraph, dict) and level < _MOST_LEVELS else ():
            if isinstance(inner := paragraph.get(name), list):
                found += _flat(inner, level + 1)
    return found


def _by_name(sections: dict[str, Any], level: int = 0) -> Iterator[dict[str, Any]]:
    """The sections of an object whose keys are their names; a section in a section begins with its name as a line."""
    for name, field in sections.items():
        named = "" if name.isdecimal() or names.head(name) in names.TEXT_COLUMNS else name
        if isinstance(field, dict) and level < _MOST_LEVELS:
            inner = list(_by_name(field, level + 1))
            lines = [line for p in inner for line in ([p["section"]] if p["section"] else []) + p["text"]]
            yield {"section": named, "text": lines}
        else:
            yield {"section": named, "text": field if isinstance(field, list) else [field]}


def of_paragraphs(value: dict[str, Any], paragraphs: list[Any], member: Member, number: int) -> Article | ArticlesError:
    """The article that such an object is, from its paragraphs, or what is wrong with it."""
    left: Counter[str] = Counter()
    sections: list[tuple[str, list[str]]] = []
    for paragraph in paragraphs:
        text, name = _paragraph(paragraph, left)
        if not text:
            continue
        if not sections or sections[-1][0] != name:
            sections.append((name, []))
        sections[-1][1].extend(text)
        if len(sections) > MOST_SECTIONS:
            return ArticlesError(TOO_MANY_SECTIONS[0], path=member.name, line=number, most=MOST_SECTIONS)
    chosen = usual(filled(value), Options())
    found = texts(labelled(value.get(chosen.abstract_column), left), left)
    if not sections and not found:
        return ArticlesError(WITHOUT_TEXT[0], path=member.name, line=number)
    metadata = value.get("metadata")
    title = metadata.get("title") if isinstance(metadata, dict) else None
    title = title if isinstance(title, str) else title_of(value.get(chosen.title_column), left)
    for key, part in (("bib_entries", "references"), ("ref_entries", "figures"), ("back_matter", "behind")):
        left[part] += len(value[key]) if isinstance(value.get(key), dict | list) else 0
    identifier = identifier_of(value.get("paper_id")) or identifier_of(value.get(chosen.id_column))
    return Article(
        identifier,
        found,
        tuple(Section(name, tuple(paragraphs)) for name, paragraphs in sections),
        one_line(title, left),
        counted(left),
    )


def _paragraph(paragraph: object, left: Counter[str]) -> tuple[tuple[str, ...], str]:
    if isinstance(paragraph, str):
        return texts(paragraph, left), ""
    if isinstance(paragraph, list) and _is_pair(paragraph):
        paragraph = {"section": paragraph[0], "text": paragraph[1]}
    if not isinstance(paragraph, dict):
        left["not_text"] += 1
        return (), ""
    name = _first(paragraph, _PARAGRAPH_NAMES)
    while isinstance(name, list) and name:  # S2ORC's [["2.1", "Cells"]]
        name = name[-1]
    if isinstance(name, str):
        name = name.replace(" ::: ", ": ")  # Qasper's "Methods ::: Data"
    return texts(_first(paragraph, _PARAGRAPH_TEXTS), left), one_line(name, left) if isinstance(name, str) else ""


def _first(value: dict[str, Any], keys: tuple[str, ...]) -> object:
    """The first of these fields that holds something."""
    return next((value[key] for key in keys if value.get(key)), None)
