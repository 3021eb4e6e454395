"""What CSV and Parquet share: which column holds the text."""

from dataclasses import replace

from engine.articles import names as names_of
from engine.articles import records
from engine.articles.article import Article
from engine.articles.options import NO_COLUMN, Options
from engine.errors import ArticlesError

_LONG_TEXT = 40  # characters on average from which a column may be texts
_LONGER = 1.5  # times as long as the next: then nobody needs to be asked


def columns(path: str, names: list[str], options: Options) -> Options:
    """The options with the columns filled in: those that were chosen, else those of the usual names.

    A table with the release's own columns gets "" as its text column, which is how its sections are read.

    Raises:
        ArticlesError: a chosen column is not there, or none has a usual name.
    """
    for chosen in (options.text_column, options.abstract_column, options.id_column, options.title_column):
        if chosen and chosen != NO_COLUMN and chosen not in names:
            raise ArticlesError(
                "{path} has no column “{column}”; its columns are {names}.",
                path=path,
                column=chosen,
                names=", ".join(names[:30]) or "-",
            )
    found = records.usual(tuple(names), options)
    text, abstract = found.text_column, found.abstract_column
    own = text == "article_text" if options.text_column else text in ("", "article_text", "article", "text")
    if own and {"section_names", "sections"} <= set(names):
        return Options("", _or_none(abstract), found.id_column, found.text_unit, _or_none(found.title_column))
    if not text and abstract:
        text, abstract = abstract, ""
    if not text:
        raise ArticlesError(
            "{path}: which column holds the articles' text? Choose one of {names} (prepare --text-column on the command line).",
            path=path,
            names=", ".join(names[:30]) or "-",
        )
    identifier, title = _or_none(found.id_column), _or_none(found.title_column)
    return Options(text, _or_none(abstract), identifier, found.text_unit, title)


def _or_none(column: str) -> str:
    return column or NO_COLUMN


def likely(names: list[str], rows: list[list[str]]) -> Options:
    """The columns that a person is offered first: those of the usual names, else the one with by far the longest texts.

    The text column is "" where neither tells.
    """
    try:
        found = columns("", names, Options())
    except ArticlesError:
        found = records.usual(tuple(names), Options())
        return replace(found, text_column=_longest(names, rows, {found.id_column, found.title_column}))
    if found.text_column:
        return found
    return replace(found, text_column=names_of.column(names, names_of.TEXT_COLUMNS))  # the release's own columns


def _longest(names: list[str], rows: list[list[str]], others: set[str]) -> str:
    means = {
        name: sum(len(row[i]) for row in rows if i < len(row)) / max(1, len(rows))
        for i, name in enumerate(names)
        if name not in others
    }
    first, *rest = sorted(means, key=lambda name: -means[name]) or [""]
    if not first or means[first] < _LONG_TEXT or (rest and means[first] < _LONGER * means[rest[0]]):
        return ""
    return first


def left_out(names: list[str], chosen: Options) -> int:
    """How many columns are not read."""
    used = {chosen.text_column, chosen.abstract_column, chosen.id_column, chosen.title_column}
    used |= {"article_text", "section_names", "sections"} if not chosen.text_column else set()
    return sum(name not in used for name in names)


def with_columns(item: Article | ArticlesError, count: int) -> Article | ArticlesError:
    """An article that also counts the columns that are not read, once a table."""
    if not count or not isinstance(item, Article):
        return item
    return replace(item, left_out=(*item.left_out, ("columns", count)))
