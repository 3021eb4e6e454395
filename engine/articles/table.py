"""What CSV and Parquet share: which column holds the text."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from engine.articles import names as names_of
from engine.articles import records
from engine.articles.article import Article
from engine.articles.options import NO_COLUMN, SECTIONS, Options
from engine.articles.usual import usual
from engine.core.errors import ArticlesError

_LONG_TEXT = 40  # characters on average from which a column may be texts
SAMPLE_ROWS = 20  # looked at where a name alone does not tell
_MOST_LABELS = 0.8  # of a column's rows, above which it holds labels and no texts
_LONGER = 1.5  # times as long as the next: then nobody needs to be asked


def distinct(names: list[str]) -> list[str]:
    """The names of a table's columns, no two alike: the second “text” is “text (2)”; one without a name has its number."""
    taken, found = Counter[str](), list[str]()
    for number, name in enumerate(names, start=1):
        name = name if name.strip() else f"#{number}"
        taken[name] += 1
        while taken[name] > 1 and f"{name} ({taken[name]})" in {*names, *found}:
            taken[name] += 1
        found.append(f"{name} ({taken[name]})" if taken[name] > 1 else name)
    return found


def columns(
    path: str, names: list[str], options: Options, sample: Callable[[], list[list[str]]] = lambda: []
) -> Options:
    """The options with the columns filled in: those that were chosen, else those of the usual names.

    A table with the release's own columns gets "" as its text column, which is how its sections are read; one with a column
    for each section gets SECTIONS.

    Args:
        sample: gives the first rows; asked for where a column may be called as texts are and hold none.

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
    found = _without_labels(names, options, sample)
    text, abstract = found.text_column, found.abstract_column
    own = text == "article_text" if options.text_column else text in ("", "article_text", "article", "text")
    if own and {"section_names", "sections"} <= set(names):
        return Options("", _or_none(abstract), found.id_column, found.text_unit, _or_none(found.title_column))
    if not text and not options.text_column and _are_sections(names, abstract, sample):
        text = SECTIONS
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


def _without_labels(names: list[str], options: Options, sample: Callable[[], list[list[str]]]) -> Options:
    """The usual columns; no text column that holds a type or a name where another one holds texts."""
    found = usual(tuple(names), options)
    usual_names = {*names_of.TEXT_COLUMNS, *names_of.ABSTRACT_COLUMNS}
    others = [n for n in names[: names_of.MOST_COLUMNS] if names_of.head(n) in usual_names and n != found.text_column]
    if options.text_column or not found.text_column:
        return found
    cells = {name: [row[i] for row in rows if i < len(row)] for rows in [sample()] for i, name in enumerate(names)}

    def holds_labels(name: str) -> bool:
        if cells[name] and sum(map(records.is_address, cells[name])) >= _MOST_LABELS * len(cells[name]):
            return True
        pairs = [list(zip(cells[name], cells[other], strict=False)) for other in others if other != name]
        return any(p and sum(records.is_label(*pair) for pair in p) >= _MOST_LABELS * len(p) for p in pairs)

    labels = {name for name in [found.text_column, *others] if holds_labels(name)}
    return usual(tuple(name for name in names if name not in labels), options)


def _are_sections(names: list[str], abstract: str, sample: Callable[[], list[list[str]]]) -> bool:
    """Whether the columns that are called as sections are hold the articles, by the first rows."""
    parts = names_of.sections_of(tuple(names))
    rows = [dict(zip(names, row, strict=False)) for row in sample()] if parts else []
    columns = {name: [row.get(name) or "" for row in rows] for name in names}
    abstracts = [row.get(abstract) for row in rows]
    if not records.are_body({name: columns[name] for name in parts}, abstracts):
        return False
    if abstract or any(names_of.opens_an_article(name) for name in parts):
        return True
    lengths = {name: sum(map(len, columns[name])) for name in names}  # of cells that may be cut
    return max(lengths[name] for name in parts) > max((lengths[n] for n in names if n not in parts), default=0)


def _or_none(column: str) -> str:
    return column or NO_COLUMN


def likely(names: list[str], rows: list[list[str]]) -> Options:
    """The columns that a person is offered first: those of the usual names, else the one with by far the longest texts.

    The text column is "" where neither tells.
    """
    try:
        found = columns("", names, Options(), lambda: rows)
    except ArticlesError:
        found = usual(tuple(names), Options())
        return replace(found, text_column=_longest(names, rows, {found.id_column, found.title_column}))
    if found.text_column:  # SECTIONS too: those are offered together
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
    used |= set(names_of.sections_of(tuple(names))) if chosen.text_column == SECTIONS else set()
    return sum(name not in used for name in names)


def with_columns(item: Article | ArticlesError, count: int) -> Article | ArticlesError:
    """An article that also counts the columns that are not read, once a table."""
    if not count or not isinstance(item, Article):
        return item
    return replace(item, left_out=(*item.left_out, ("columns", count)))
