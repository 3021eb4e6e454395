"""`python -m engine.articles.child_main MEMORY`: reads a source in a process of its own and says what it finds.

Files of articles are hostile until they have been read: whatever a parser does with them, it does here, under limits of
memory that `isolation` sets and watches.
"""

import sys
import time
from typing import Any

from engine.articles import csv_table, parquet
from engine.articles.article import Article, digest
from engine.articles.options import GUESSED_FORMS, Options, Place
from engine.articles.source import Skipped, Source
from engine.articles.table import likely
from engine.core.child_main import Asker, give_up_for_memory
from engine.core.errors import ArticlesError, EngineError
from engine.core.progress import Phase, Progress

PREVIEW_ARTICLES, PREVIEW_CHARACTERS = 3, 2_000
PREVIEW_FILES = 12  # of several, each with the beginning of one article,
PREVIEW_SECONDS = 10.0  # and none is begun later
PREVIEW_ITEMS = 50  # looked at for them in each file
_SHOWN_COLUMNS = 200  # of a table, and
_SHOWN_CHARACTERS = 200  # of each name and field in a preview


class _Progress:
    """Where in its source the reading is, and says so now and then."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._source: Source | None = None
        self._split, self._place = "", ()  # type: tuple[str, Place]

    def reads(self, source: Source, split: str, place: Place) -> None:
        """Notes what is read, and up to where it has been."""
        self._source, self._split, self._place = source, split, place

    def entered(self, name: str) -> None:
        """Says which file is read now, so that it can be named whatever reading it leads to."""
        self._asker.say_now("member", name=name)

    def tick(self) -> None:
        """Says how far it is, where that has not just been said."""
        if self._asker.progress_due():
            done, total = 0, 0
            if self._source is not None:
                done, total = self._source.done_bytes(self._split, self._place), self._source.size
            self._asker.on_progress(Progress(done, total, Phase.PREPARING))


def _read(request: dict[str, Any], asker: Asker) -> None:
    """All items of a source from the place of each split on; at most `limit` articles of each split."""
    progress = _Progress(asker)
    source = Source(request["path"], Options(**request["options"]), progress.entered, progress.tick)
    limit = request["limit"]
    asker.say(
        "opened",
        splits=source.splits,
        size=source.size,
        forms=source.forms(),
        refused=Skipped.of(source.refused).to_json(),
        remarks=Skipped.of(source.remarks).to_json(),
    )
    for split in source.splits:
        begin = request["from"].get(split, {"place": [], "articles": 0})
        articles = begin["articles"]
        if begin.get("complete"):
            continue
        progress.reads(source, split, tuple(begin["place"]))
        for place, item in source.items(split, tuple(begin["place"])):
            if limit and articles >= limit:
                break
            if isinstance(item, Article):
                text, marks = item.laid_out()
                body = text.encode()
                articles += 1
                asker.say(
                    "article",
                    body,
                    split=split,
                    place=place,
                    id=item.id,
                    words=item.words,
                    digest=digest(body),
                    marks=[(m.offset, m.kind, m.named) for m in marks],
                    formulas=item.formulas,
                    names=[section.name for section in item.all_sections()],
                    left_out=item.left_out,
                )
            else:
                asker.say("skipped", split=split, place=place, **item.to_json())
            progress.reads(source, split, place)
            progress.tick()
        asker.say("split", split=split)


def _count(request: dict[str, Any], asker: Asker) -> None:
    """How many articles each split holds; nothing of them leaves this process."""
    progress = _Progress(asker)
    source = Source(request["path"], Options(**request["options"]), progress.entered, progress.tick)
    counts = dict.fromkeys(source.splits, 0)
    for split in source.splits:
        for place, item in source.items(split):
            counts[split] += isinstance(item, Article)
            progress.reads(source, split, place)
            progress.tick()
    asker.say("counts", counts=counts)


def _cut(fields: list[str]) -> list[str]:
    return [text[:_SHOWN_CHARACTERS] for text in fields[:_SHOWN_COLUMNS]]


def _error_json(error: ArticlesError) -> dict[str, Any]:
    """Writes an error as a message holds it, its values cut: one may quote what stands in a file."""
    values = {n: v[:PREVIEW_CHARACTERS] if isinstance(v, str) else v for n, v in error.values.items()}
    return ArticlesError(error.template, **values).to_json()


def _preview(request: dict[str, Any], asker: Asker) -> None:
    """What a source is: its forms, of a table the columns and first rows, and its first articles as they would be read."""
    progress = _Progress(asker)
    source = Source(request["path"], Options(**request["options"]), progress.entered, progress.tick)
    table, at, refused = None, None, list(source.refused)
    for index, m in enumerate(source.members["train"]):
        form = source.form_of(m)
        if form not in ("csv", "parquet"):
            continue
        progress.entered(m.name)
        try:
            table = (csv_table if form == "csv" else parquet).preview(m)
            at = index
            break
        except ArticlesError as error:
            if source.alone:
                raise
            refused.append(error)
    columns = _cut(table[0]) if table else []
    articles, problems, table_read = _first_articles(source, at)
    said = {str(error) for error in (*refused, *problems[:1])}
    refused += [error for error in problems[1:] if str(error) not in said]
    asker.say(
        "preview",
        forms=source.forms(),
        splits=source.splits,
        size=source.size,
        files=len(source.members["train"]),
        table=source.members["train"][at].name[:_SHOWN_CHARACTERS] if at is not None else "",
        table_read=table_read,
        columns=columns,
        rows=[_cut(row) for row in table[1]] if table else [],
        likely=likely(columns, [row[:_SHOWN_COLUMNS] for row in table[1]]).to_json() if table else {},
        text_unit=source.options.text_unit,
        articles=articles,
        problem=_error_json(problems[0]) if problems else None,
        remarks=[_error_json(error) for error in source.remarks[:20]],
        refused=[_error_json(error) for error in refused[:20]],
    )


def _to_show(source: Source, table: int | None) -> list[int]:
    """The training files of which a beginning is shown: the table first, then one of each form, PDF and Word before others."""
    members = source.members["train"]
    guessed = [n for n, m in enumerate(members) if source.form_of(m) in GUESSED_FORMS]
    of_each: dict[str, int] = {}
    for n, m in enumerate(members):
        of_each.setdefault(source.form_of(m), n)
    wanted = [] if table is None else [table]
    return list(dict.fromkeys([*wanted, *of_each.values(), *guessed, *range(len(members))]))[:PREVIEW_FILES]


def _first_articles(source: Source, table: int | None) -> tuple[list[dict[str, Any]], list[ArticlesError], bool]:
    """The beginnings of a source: the first articles of a single file, or one of each of several; PDF and Word first.

    Beside them what was wrong on the way, once a file, and whether the table gave an article.
    """
    members = source.members["train"]
    wanted = PREVIEW_ARTICLES if len(members) == 1 else 1
    found: dict[int, list[dict[str, Any]]] = {}
    problems: dict[int, ArticlesError] = {}
    until = time.monotonic() + PREVIEW_SECONDS
    for index in _to_show(source, table):
        if found and time.monotonic() > until:
            break
        of_file = found[index] = []
        try:
            for number, (_place, item) in enumerate(source.items_of_file("train", index)):
                if isinstance(item, Article):
                    name = members[index].name[:_SHOWN_CHARACTERS]
                    text = item.text()[:PREVIEW_CHARACTERS]
                    shown = {"file": name, "id": item.id[:_SHOWN_CHARACTERS], "text": text, "left_out": item.left_out}
                    of_file.append(shown)
                else:
                    problems.setdefault(index, item)
                if len(of_file) == wanted or number >= PREVIEW_ITEMS:
                    break
        except ArticlesError as error:  # such as a table whose text column has yet to be chosen
            problems.setdefault(index, error)
    order = sorted(found, key=lambda n: (source.form_of(members[n]) not in GUESSED_FORMS, n))
    articles = [article for n in order for article in found[n]]
    return articles, [problems[n] for n in sorted(problems)], table is not None and bool(found[table])


def main() -> int:
    """Answers requests; a problem is a message too."""
    asker = Asker()
    try:
        for request in asker.requests():
            try:
                {"read": _read, "preview": _preview, "count": _count}[request["action"]](request, asker)
            except EngineError as error:
                asker.say("error", **error.to_json())
    except MemoryError:
        return give_up_for_memory()
    except BrokenPipeError:  # whoever asked wants no more
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
