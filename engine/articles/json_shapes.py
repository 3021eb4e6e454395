"""The articles that one JSON value of a file holds: itself, a list inside it, or the rows of a table as pandas writes it."""

from collections.abc import Iterator

from engine.articles import names, records, unread
from engine.articles.options import Options


def articles_in(value: object, options: Options, in_array: bool = False) -> list:
    """The values that are articles: the objects of a list that stands alone in an object, a table's rows, else the value.

    Args:
        in_array: whether the value is one of several in an array, where an object with a title is an article itself.
    """
    if not isinstance(value, dict) or unread.of_json(value):
        return [value]
    if (rows := table_rows(value, options)) is not None:
        return rows
    if (
        options.text_column in value
        or "body_text" in value
        or any(isinstance(value.get(name), dict) for name in records.PARSES)
    ):
        return [value]
    usual = _usual(value, options)
    if usual.text_column or usual.abstract_column or (in_array and usual.title_column):
        return [value]
    lists = [v for v in value.values() if isinstance(v, list) and v and all(isinstance(i, dict) for i in v)]
    if len(lists) > 1:  # beside what describes them
        lists = [found for found in lists if _has_text(found[0], options)]
    return lists[0] if len(lists) == 1 else [value]


def table_rows(value: object, options: Options) -> list[dict] | None:
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
        if all(_has_text(field, options) for field in fields):
            return [row if _usual(row, options).id_column else {"id": key, **row} for key, row in value.items()]
        if _has_text(value, options) and len({frozenset(field) for field in fields}) == 1:
            return [{name: field[label] for name, field in value.items()} for label in fields[0]]
    if _is_columns(value, options):
        return [dict(zip(value, row, strict=True)) for row in zip(*fields, strict=True)]
    return None


def _is_columns(value: dict, options: Options) -> bool:
    """Whether each field is a column: not where lists are one article's paragraphs, as in the PubMed release."""
    fields = list(value.values())
    if not all(isinstance(field, list) for field in fields) or len({len(field) for field in fields}) != 1:
        return False
    if {"section_names", "sections", "article_text", "abstract_text"} & set(value) or not _has_text(value, options):
        return False
    return all(item is None or isinstance(item, str | int | float) for item in _items(fields))


def _items(fields: list[list]) -> Iterator[object]:
    for field in fields:
        yield from field


def _has_text(row: dict, options: Options) -> bool:
    usual = _usual(row, options)
    return options.text_column in row if options.text_column else bool(usual.text_column or usual.abstract_column)


def _usual(value: dict, options: Options) -> Options:
    keys = [key for key in value if value[key] is not None and isinstance(key, str)]
    return records.usual(tuple(keys[: names.MOST_COLUMNS]), options)
