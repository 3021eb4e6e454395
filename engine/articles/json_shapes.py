"""The articles that one JSON value of a file holds: itself, a list inside it, or the rows of a table as pandas writes it."""

from collections.abc import Iterator
from typing import Any

from engine.articles import field_texts, names, parted, records, unread
from engine.articles.options import Options
from engine.articles.usual import has_text, usual

_MOST_LEVELS = 3  # of objects around a list of articles
_SAMPLE_OBJECTS = 20  # of a list's objects, for one that is an article
_FEWEST_WORDS = 4  # of a text that stands behind its name alone


def articles_in(value: object, options: Options, in_array: bool = False) -> list[Any]:
    """The values that are articles: the objects of the only list of articles in an object, however deep, a table's rows, texts
    by their names, else the value.

    Args:
        in_array: whether the value is one of several in an array, where an object with a title is an article itself.
    """
    if not isinstance(value, dict) or unread.of_json(value):
        return [value]
    if not options.text_column and records.unwrapped(value) is not value:
        return [value]
    if (rows := table_rows(value, options)) is not None:
        return rows
    if (
        options.text_column in value
        or "body_text" in value
        or any(isinstance(value.get(name), dict) for name in parted.PARSES)
    ):
        return [value]
    if has_text(value, Options()) or (_usual(value, options).title_column and in_array):
        return [value]
    lists = _lists(value)
    if records.is_article(value, options) and (in_array or not lists or _usual(value, options).title_column):
        return [value]
    if len(lists) > 1 or in_array:  # beside what describes them
        lists = [found for found in lists if any(records.is_article(item, options) for item in found[:_SAMPLE_OBJECTS])]
    if len(lists) == 1:
        return lists[0]
    return [value] if in_array or lists or options.text_column else _by_name(value) or [value]


def _lists(value: dict[str, Any], level: int = 0) -> list[list[dict[str, Any]]]:
    """The lists of objects in an object and in those in it."""
    found: list[list[dict[str, Any]]] = []
    for field in value.values():
        if isinstance(field, list) and field and all(isinstance(item, dict) for item in field):
            found.append(field)
        elif isinstance(field, dict) and level < _MOST_LEVELS:
            found += _lists(field, level + 1)
    return found


def _by_name(value: dict[str, Any]) -> list[dict[str, Any]]:
    """The articles of an object whose keys are their names and whose fields are their texts; [] where one is none."""
    texts = [field_texts.texts(field) for field in value.values()]
    if len(texts) < 2 or unread.of_questions(value) or _usual(value, Options()) != Options():
        return []
    if not all(sum(len(line.split()) for line in lines) >= _FEWEST_WORDS for lines in texts):
        return []
    return [{"id": name, "text": text} for name, text in value.items()]


def table_rows(value: object, options: Options) -> list[dict[str, Any]] | None:
    """The rows of a table that is written as one object, None where it is none.

    By columns ({"text": ["a", "b"], "id": [1, 2]}, or an object of labels a column), by rows ({"0": {"text": "a"}}), or
    with its heads apart ({"columns": ["text"], "data": [["a"]]}): `DataFrame.to_json(orient=…)` and `Dataset.to_dict()`.
    """
    if not isinstance(value, dict) or not value:
        return None
    heads, data = value.get("columns"), value.get("data")
    if isinstance(heads, list) and isinstance(data, list) and all(isinstance(row, list) for row in data):
        keys = [str(head) for head in heads]
        if _has_text(dict.fromkeys(keys, ""), options):
            return [dict(zip(keys, row, strict=False)) for row in data]
    fields = list(value.values())
    if all(isinstance(field, dict) and field for field in fields):
        if not _has_text(value, options) and all(records.is_article(field, options) for field in fields):
            return [row if _usual(row, options).id_column else {"id": key, **row} for key, row in value.items()]
        if _has_text(value, options) and _are_labels(fields):
            return [{name: field[label] for name, field in value.items()} for label in fields[0]]
    if _is_columns(value, options):
        return [dict(zip(value, row, strict=True)) for row in zip(*fields, strict=True)]
    return None


def _are_labels(fields: list[dict[str, Any]]) -> bool:
    """Whether all have the same keys, which are the labels of rows and not the names of an article's sections."""
    return len({frozenset(field) for field in fields}) == 1 and not names.sections_of(tuple(fields[0]))


def _is_columns(value: dict[str, Any], options: Options) -> bool:
    """Whether each field is a column: not where lists are one article's paragraphs, as in the PubMed release."""
    fields = list(value.values())
    if not all(isinstance(field, list) for field in fields) or len({len(field) for field in fields}) != 1:
        return False
    if {"section_names", "sections", "article_text", "abstract_text"} & set(value) or not _has_text(value, options):
        return False
    return all(item is None or isinstance(item, str | int | float) for item in _items(fields))


def _items(fields: list[list[Any]]) -> Iterator[object]:
    for field in fields:
        yield from field


def _has_text(row: dict[str, Any], options: Options) -> bool:
    usual = _usual(row, options)
    return options.text_column in row if options.text_column else bool(usual.text_column or usual.abstract_column)


def _usual(value: dict[str, Any], options: Options) -> Options:
    keys = [key for key in value if value[key] is not None and isinstance(key, str)]
    return usual(tuple(keys[: names.MOST_COLUMNS]), options)
