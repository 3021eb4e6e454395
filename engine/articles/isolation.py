"""Reads a source in a process of its own, with limits of memory and of silence (engine.core.child_process)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.articles.member import shown
from engine.articles.options import Options
from engine.core.child_process import Child, Died, Limits, Message
from engine.core.errors import ArticlesError

MEMORY_BYTES = 450 << 20  # resident, watched from here
HARD_MEMORY_BYTES = 900 << 20  # of data, set in the child where the system has such a limit
SILENT_SECONDS = 10.0


class ReadingEnded(ArticlesError):
    """The reading process ended before the source did: by its memory, its silence or a crash.

    What came of it before is good, and reading may go on from there.
    """


@dataclass(frozen=True)
class Preview:
    """What a source is, before it is imported.

    Attributes:
        forms: files of each form. splits: those that have files. size: bytes, unpacked.
        columns, rows: of the first table, its first rows; empty where there is none. table: that file's name.
        table_read: whether it gives an article as it would be read.
        refused: files that are not read, with the reason.
        likely: the columns to offer first. text_unit: what one article is in plain text.
        articles: the first ones as they would be read, one of each file where there are several: file, id, text,
            left_out. problem: the first thing that was wrong on the way to them. files: how many there are for training.
        remarks: how files were read that a person should know of.
    """

    forms: dict[str, int]
    splits: list[str]
    size: int
    columns: list[str]
    rows: list[list[str]]
    refused: list[ArticlesError] = field(default_factory=list)
    likely: Options = field(default_factory=Options)
    text_unit: str = ""
    articles: list[dict[str, Any]] = field(default_factory=list)
    problem: ArticlesError | None = None
    table: str = ""
    table_read: bool = False
    files: int = 1
    remarks: list[ArticlesError] = field(default_factory=list)


class Reading:
    """The messages of a reading process, as an iterator; used as a context, which ends the process.

    Raises while iterating:
        ArticlesError: the source cannot be read. ReadingEnded: reading it broke a limit.
    """

    def __init__(
        self,
        path: Path | str,
        options: Options | None = None,
        start: dict[str, Any] | None = None,
        limit: int = 0,
        action: str = "read",
    ) -> None:
        self._path, self._member = Path(path), ""
        self.child = Child(
            "engine.articles.child_main",
            limits=Limits(MEMORY_BYTES, HARD_MEMORY_BYTES, SILENT_SECONDS),
            environment={"ARROW_DEFAULT_MEMORY_POOL": "system"},  # its own reserve address space that looks like use
        )
        self._answer = self.child.ask(
            {
                "action": action,
                "path": str(path),
                "options": (options or Options()).to_json(),
                "from": start or {},
                "limit": limit,
            }
        )

    def __enter__(self) -> "Reading":
        return self

    def __exit__(self, *error: object) -> None:
        self.child.close()

    def __iter__(self) -> Iterator[Message]:
        try:
            for header, body in self._answer:
                if header["kind"] == "member":
                    self._member = header["name"]
                elif header["kind"] == "error":
                    raise ArticlesError.from_json(header)
                else:
                    yield header, body
        except Died as died:
            raise self.ended(died) from None

    def ended(self, died: Died) -> ReadingEnded:
        """What is said of a process that ended before its source, with the file that it was in."""
        name = self._member or shown(self._path.name)
        if died.broke == "memory":
            return ReadingEnded(
                "{path} needs more than {limit} MB of memory to be read: it is damaged, or made to do so.",
                path=name,
                limit=MEMORY_BYTES >> 20,
            )
        if died.broke == "silence":
            return ReadingEnded(
                "Reading {path} stood still for {seconds} seconds and was given up.",
                path=name,
                seconds=round(SILENT_SECONDS),
            )
        return ReadingEnded(
            "Reading {path} failed (exit code {code}): the file is damaged. {detail}",
            path=name,
            code=died.code,
            detail=died.last_words[:300],
        )


def preview(path: Path | str, options: Options | None = None) -> Preview:
    """What a source is, looked at in a process of its own.

    Raises:
        ArticlesError: it cannot be read.
    """
    with Reading(path, options, action="preview") as reading:
        for header, _ in reading:
            if header["kind"] != "preview":
                continue
            names = (
                *("forms", "splits", "size", "files", "columns", "rows", "table", "table_read"),
                *("text_unit", "articles"),
            )
            return Preview(
                **{name: header[name] for name in names},
                likely=Options(**header["likely"]),
                problem=ArticlesError.from_json(header["problem"]) if header["problem"] else None,
                remarks=[ArticlesError.from_json(item) for item in header["remarks"]],
                refused=[ArticlesError.from_json(item) for item in header["refused"]],
            )
    raise ArticlesError("{path} holds no file that could be articles.", path=path)


def count(path: Path | str, options: Options | None = None) -> dict[str, int]:
    """How many articles each split of a source holds, counted in a process of its own.

    Raises:
        ArticlesError: it cannot be read.
    """
    with Reading(path, options, action="count") as reading:
        for header, _ in reading:
            if header["kind"] == "counts":
                counts: dict[str, int] = header["counts"]
                return counts
    return {}
