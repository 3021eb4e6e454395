"""Which of named fields, or of a table's columns, hold what: those that were chosen, else those of the usual names."""

import functools
import itertools
from typing import Any

from engine.articles import names
from engine.articles.options import NO_COLUMN, Options


def has_text(value: dict[str, Any], options: Options) -> bool:
    """Whether an object has a field that is called as texts or abstracts are, or the one that was chosen."""
    if options.text_column:
        return options.text_column in value
    return usual_text(filled(value), options)


def usual_text(fields: tuple[str, ...], options: Options) -> bool:
    """Whether one of these names is that of a text or an abstract."""
    found = usual(fields, options)
    return bool(found.text_column or found.abstract_column)


def filled(value: dict[str, Any]) -> tuple[str, ...]:
    """The names of its fields that hold something."""
    keys = (key for key, field in value.items() if field is not None and isinstance(key, str))
    return tuple(itertools.islice(keys, names.MOST_COLUMNS))


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
