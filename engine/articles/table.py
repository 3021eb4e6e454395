"""What CSV and Parquet share: which column holds the text."""

from engine.articles.jsonl import TEXT_KEYS
from engine.articles.options import Options
from engine.errors import ArticlesError

_TEXT_NAMES = ("article_text", "article", "full_text", "fulltext", "text", "body", "content")
_ABSTRACT_NAMES = ("abstract_text", "abstract", "summary")


def columns(path: str, names: list[str], options: Options) -> Options:
    """The options with the columns filled in: those that were chosen, else those of the usual names.

    A table with the release's own columns gets "" as its text column, which is how its sections are read.

    Raises:
        ArticlesError: a chosen column is not there, or none has a usual name.
    """
    for chosen in (options.text_column, options.abstract_column, options.id_column):
        if chosen and chosen not in names:
            raise ArticlesError(
                "{path} has no column “{column}”; its columns are {names}.",
                path=path,
                column=chosen,
                names=", ".join(names[:30]) or "-",
            )
    by_name = {name.strip().lower(): name for name in reversed(names)}
    abstract = options.abstract_column or next((by_name[n] for n in _ABSTRACT_NAMES if n in by_name), "")
    text = options.text_column or next((by_name[n] for n in _TEXT_NAMES if n in by_name), "")
    own = text == "article_text" if options.text_column else text in ("", *TEXT_KEYS)
    if own and {"section_names", "sections"} <= set(names):
        return Options("", abstract, options.id_column, options.text_unit)
    if not text and abstract:
        text, abstract = abstract, ""
    if not text:
        raise ArticlesError(
            "{path}: which column holds the articles' text? Choose one of {names} (prepare --text-column on the command line).",
            path=path,
            names=", ".join(names[:30]) or "-",
        )
    return Options(text, "" if abstract == text else abstract, options.id_column, options.text_unit)
