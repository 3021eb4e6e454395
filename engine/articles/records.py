"""A JSON value, or a row of a table → an article: which of its fields hold what."""

import ast
import functools
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from engine.articles import names, unread
from engine.articles.article import MOST_SECTIONS, Article, Section, clean
from engine.articles.field import plain
from engine.articles.member import Member
from engine.articles.options import NO_COLUMN, SECTIONS, Options
from engine.core.errors import ArticlesError, sentence

# In lines, in rows.
_WITHOUT_TEXT = (
    sentence("{path}, line {line}: an article without text."),
    sentence("{path}, row {line}: an article without text."),
)
_TOO_MANY_SECTIONS = (
    sentence("{path}, line {line}: an article of more than {most} sections."),
    sentence("{path}, row {line}: an article of more than {most} sections."),
)
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
_STRING = re.compile(r"\"(?:[^\"\\]|\\.)*+\"|'(?:[^'\\]|\\.)*+'", re.DOTALL)
_LIST_IN_TEXT = re.compile(rf"\[\s*+(?:(?:{_STRING.pattern})\s*+,?\s*+)++\]", re.DOTALL)
_ENVELOPES = ("_source", "row")
_MOST_LEVELS = 8  # of sections in sections
_NOT_OBJECT = sentence("{path}, line {line}: not a JSON object.")
_NO_FIELD = sentence("{path}, line {line}: no field “{column}”, which was chosen for the text.")
_LONG_FIELD = 200  # characters of a text that was not read and is worth being told of
_LONGEST_LABEL = 40  # characters of what may be a type, or a file's name, in a column that is called as texts are
_SHORTEST = 20  # characters of a sentence
_SENTENCE_ENDS = (".", "!", "?", "…", "。")
_LONGER = 1.5  # times as long as its text an abstract is, before the text is taken for a label
_BODIES = ("body_text", "sections", "body", "paragraphs", "content", "text")
PARSES = ("pdf_parse", "latex_parse")  # of S2ORC of 2020, by what was parsed
_INNER = ("sections", "subsections", "children")
_PARAGRAPH_NAMES = ("section", "heading", "section_name", "section_title", "title", "name")
_PARAGRAPH_TEXTS = ("text", "paragraphs", "paragraph", "content", "contents", "body")


def article_of(value: object, options: Options, member: Member, number: int) -> Article | ArticlesError:
    """The article that a JSON value is, or what is wrong with it.

    Args:
        number: of the line that it begins on.
    """
    if isinstance(value, str):
        left = Counter[str]()
        paragraphs = texts(value, left)
        if not paragraphs:
            return ArticlesError(_WITHOUT_TEXT[0], path=member.name, line=number)
        return Article("", (), (Section("", paragraphs),), left_out=_counted(left))
    value = unwrapped(value)
    if not isinstance(value, dict):
        template = _LIST if isinstance(value, list) else _NOT_OBJECT
        return ArticlesError(template, path=member.name, line=number)
    if not options.text_column:
        known = unread.of_json(value) or (not has_text(value, options) and unread.of_questions(value))
        if known:
            return ArticlesError(known[0], path=member.name, **known[1])
        if (found := _parted(value)) is not None:
            return _of_paragraphs(*found, member, number)
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
            named = "_id" in value and not usual(_keys(inner), Options()).id_column
            return {**inner, "id": value["_id"]} if named else inner
    return value


def has_text(value: dict, options: Options) -> bool:
    """Whether an object has a field that is called as texts or abstracts are, or the one that was chosen."""
    if options.text_column:
        return options.text_column in value
    return usual_text(_keys(value), options)


def usual_text(fields: tuple[str, ...], options: Options) -> bool:
    """Whether one of these names is that of a text or an abstract."""
    found = usual(fields, options)
    return bool(found.text_column or found.abstract_column)


def is_article(value: object, options: Options) -> bool:
    """Whether a JSON value is an object in which an article's text is found."""
    value = unwrapped(value)
    if not isinstance(value, dict):
        return False
    if options.text_column or has_text(value, options):
        return has_text(value, options)
    return _parted(value) is not None or any(texts(value[name]) for name in names.sections_of(_keys(value)))


def _keys(value: dict) -> tuple[str, ...]:
    """The names of its fields that hold something."""
    keys = (key for key, field in value.items() if field is not None and isinstance(key, str))
    return tuple(itertools.islice(keys, names.MOST_COLUMNS))


def _shown(value: dict) -> str:
    return ", ".join(clean(str(key))[:40] for key in itertools.islice(value, 12)) or "-"


def of_fields(
    value: dict, options: Options, member: Member, number: int, in_rows: bool = False, is_table: bool = False
) -> Article | ArticlesError:
    """The article that named fields make up, or what is wrong with it.

    Args:
        number: of the line that holds them, or, where the form has no lines (`in_rows`), of the row.
        is_table: of a table, whose columns that are not read are counted elsewhere.
    """
    chosen = usual(_keys(value), options)
    left: Counter[str] = Counter()
    if not options.text_column and is_label(value.get(chosen.text_column), value.get(chosen.abstract_column)):
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
            return ArticlesError(_TOO_MANY_SECTIONS[in_rows], path=member.name, line=number, most=MOST_SECTIONS)
        used |= {"section_names", "sections"}
        body = tuple(
            Section(_line(str(name), left), texts(section, left))
            for name, section in zip(section_names, sections, strict=True)
        )
        body = tuple(section for section in body if section.paragraphs)
    elif parts := _section_fields(value, chosen, is_table):
        used |= set(parts)
        found = ((names.heading(name), texts(value[name], left)) for name in parts)
        body = tuple(Section(_line(name, left), paragraphs) for name, paragraphs in found if paragraphs)
    else:
        paragraphs = texts(value.get(chosen.text_column), left)
        body = (Section("", paragraphs),) if paragraphs else ()
    given = value.get(chosen.abstract_column)
    # A cell that says that nothing is there; in a list of sentences each is one, whatever it says.
    absent = isinstance(given, str) and names.is_placeholder(given)
    abstract = () if absent else texts(_without_marks(given), left)
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
        _counted(left),
    )


def _section_fields(value: dict, chosen: Options, is_table: bool) -> tuple[str, ...]:
    """The fields that hold a section each and together are the body: those of a table were told from its first rows."""
    if chosen.text_column != SECTIONS and (is_table or chosen.text_column):
        return ()
    parts = names.sections_of(tuple(key for key in value if isinstance(key, str)))
    whole = chosen.text_column == SECTIONS or are_body(
        [value[name] for name in parts], value.get(chosen.abstract_column)
    )
    return parts if whole else ()


def are_body(sections: list, abstract: object) -> bool:
    """Whether fields that are called as sections are hold an article, and not labels (“RCT”, “positive”) beside its abstract."""
    return sum(map(_length_of_text, sections)) > _length_of_text(abstract)


def _length_of_text(value: object) -> int:
    return sum(map(len, texts(value)))


def is_label(text: object, abstract: object) -> bool:
    """Whether a field that is called as texts are holds a type (“Journal Article”) or a name, and the abstract is the text."""
    if not isinstance(text, str) or not isinstance(abstract, str):
        return False
    text, abstract = text.strip(), abstract.strip()
    if not 0 < len(text) < _LONGEST_LABEL or text.endswith(_SENTENCE_ENDS):
        return False
    is_text = len(abstract) >= _LONGEST_LABEL or (len(abstract) >= _SHORTEST and abstract.endswith(_SENTENCE_ENDS))
    return is_text and len(abstract) >= _LONGER * len(text)


def _without_marks(value: object) -> object:
    """The sentences of the release's abstracts without the marks around them."""
    if isinstance(value, list):
        return [_without_marks(item) for item in value if item is not None]
    if not isinstance(value, str) or "S>" not in value:
        return value
    return value.replace("<S>", " ").replace("</S>", "\n")


@functools.lru_cache(maxsize=256)
def usual(columns: tuple[str, ...], options: Options) -> Options:
    """The options with the usual names filled in; a column that is read as one thing is not read as another too."""

    def found(chosen: str, names_: tuple[str, ...], taken: set[str]) -> str:
        if chosen == NO_COLUMN:
            return ""
        return chosen or names.column([name for name in columns if name not in taken], names_)

    chosen_columns = {options.text_column, options.abstract_column, options.id_column, options.title_column} - {
        "",
        NO_COLUMN,
    }
    text = found(options.text_column, names.TEXT_COLUMNS, chosen_columns)
    abstract = found(options.abstract_column, names.ABSTRACT_COLUMNS, chosen_columns | {text})
    identifier = found(options.id_column, names.ID_COLUMNS, chosen_columns | {text, abstract})
    title = found(options.title_column, names.TITLE_COLUMNS, chosen_columns | {text, abstract, identifier})
    return Options(text, abstract, identifier, options.text_unit, title)


def _parted(value: dict) -> tuple[dict, list] | None:
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
        if isinstance(body, list) and any(isinstance(p, dict) and _first(p, _PARAGRAPH_TEXTS) for p in body):
            return value, _flat(body)
        named = list(_by_name(body)) if isinstance(body, dict) else []
        if any(texts(part["text"]) for part in named):
            return value, named
    return None


def _flat(paragraphs: list, level: int = 0) -> list:
    """Paragraphs, and behind each those of the sections that are in it."""
    found = []
    for paragraph in paragraphs:
        found.append(paragraph)
        for name in _INNER if isinstance(paragraph, dict) and level < _MOST_LEVELS else ():
            if isinstance(inner := paragraph.get(name), list):
                found += _flat(inner, level + 1)
    return found


def _by_name(sections: dict, level: int = 0) -> Iterator[dict]:
    """The sections of an object whose keys are their names; a section in a section begins with its name as a line."""
    for name, field in sections.items():
        named = "" if name.isdecimal() or names.head(name) in names.TEXT_COLUMNS else name
        if isinstance(field, dict) and level < _MOST_LEVELS:
            inner = list(_by_name(field, level + 1))
            lines = [line for p in inner for line in ([p["section"]] if p["section"] else []) + p["text"]]
            yield {"section": named, "text": lines}
        else:
            yield {"section": named, "text": field if isinstance(field, list) else [field]}


def _of_paragraphs(value: dict, paragraphs: list, member: Member, number: int) -> Article | ArticlesError:
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
            return ArticlesError(_TOO_MANY_SECTIONS[0], path=member.name, line=number, most=MOST_SECTIONS)
    chosen = usual(_keys(value), Options())
    abstract = value.get(chosen.abstract_column)
    if isinstance(abstract, list):
        abstract = [text for paragraph in abstract for text in _paragraph(paragraph, left)[0]]
    found = texts(abstract, left)
    if not sections and not found:
        return ArticlesError(_WITHOUT_TEXT[0], path=member.name, line=number)
    metadata = value.get("metadata")
    title = metadata.get("title") if isinstance(metadata, dict) else None
    title = title if isinstance(title, str) else value.get(chosen.title_column)
    for key, part in (("bib_entries", "references"), ("ref_entries", "figures"), ("back_matter", "behind")):
        left[part] += len(value[key]) if isinstance(value.get(key), dict | list) else 0
    identifier = value.get("paper_id") or value.get(chosen.id_column)
    return Article(
        clean(str(identifier or ""))[:200],
        found,
        tuple(Section(name, tuple(paragraphs)) for name, paragraphs in sections),
        _line(title, left) if isinstance(title, str) else "",
        _counted(left),
    )


def _paragraph(paragraph: object, left: Counter[str]) -> tuple[tuple[str, ...], str]:
    if isinstance(paragraph, str):
        return texts(paragraph, left), ""
    if not isinstance(paragraph, dict):
        left["not_text"] += 1
        return (), ""
    name = _first(paragraph, _PARAGRAPH_NAMES)
    while isinstance(name, list) and name:  # S2ORC's [["2.1", "Cells"]]
        name = name[-1]
    return texts(_first(paragraph, _PARAGRAPH_TEXTS), left), _line(name, left) if isinstance(name, str) else ""


def _first(value: dict, keys: tuple[str, ...]) -> object:
    """The first of these fields that holds something."""
    return next((value[key] for key in keys if value.get(key)), None)


def _line(text: str, left: Counter[str]) -> str:
    return clean(plain(text, left))


def _counted(left: Counter[str]) -> tuple[tuple[str, int], ...]:
    return tuple((part, count) for part, count in left.items() if count)


def texts(value: object, left: Counter[str] | None = None) -> tuple[str, ...]:
    """The texts of a list, or the lines of one string, that are not blank, each as one line and without tags.

    Args:
        left: where what is not read of it is counted.
    """
    left = Counter() if left is None else left
    items: list = []
    if isinstance(value, str) and (inside := _list_in_text(value)) is not None:
        value = inside
    if isinstance(value, str):
        items = plain(value, left).splitlines()
    elif isinstance(value, list):
        left["not_text"] += sum(not isinstance(item, str) and item is not None for item in value)
        for item in value:
            if isinstance(item, str):
                found = plain(item, left)
                items += [found] if found is item else found.splitlines()
    else:
        left["not_text"] += isinstance(value, dict)
    cleaned = (clean(item) for item in items)
    return tuple(text for text in cleaned if text)


def _list_in_text(text: str) -> list[str] | None:
    """The strings of a list that a program wrote into one field, as Python, NumPy or JSON write it."""
    inside = text.strip()
    if not (inside.startswith("[") and inside.endswith("]") and _LIST_IN_TEXT.fullmatch(inside)):
        return None
    found = []
    for string in _STRING.findall(inside):
        try:
            found.append(ast.literal_eval(string.replace("\n", "\\n").replace("\r", "\\r")))
        except (ValueError, SyntaxError):
            found.append(string[1:-1])
    return found


def _length(value: object) -> int:
    if isinstance(value, str):
        return len(value)
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sum(
        _length(item) if isinstance(item, str) else _LONG_FIELD if isinstance(item, dict | list) and item else 0
        for item in items
    )
