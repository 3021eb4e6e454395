"""`python -m engine.services.import_job JOB`: a source is fetched and prepared in the background, a job of corpora/.imports/.

Its states: fetching, preparing, and how it ended.
"""

import hashlib
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.articles import Options, hub
from engine.core import jobs, paths
from engine.core.errors import ArticlesError, EngineError
from engine.core.progress import OnProgress, Phase, Progress
from engine.corpus import lookup, preparation, repeats
from engine.corpus.progress import Preparing
from engine.corpus.store import Corpus
from engine.models.vocabulary import vocabulary
from engine.presets import catalogue

FETCHING, PREPARING = "fetching", "preparing"
_PATIENCE_SECONDS = 60.0
_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Request:
    """What is to be imported.

    Attributes:
        source: a path, or a name on the hub. preset: whose vocabulary. options: how to read it. limit: 0 = all.
        accept_part: whether less than half of it is enough. previewed: whether a person has seen its first articles.
        most_bytes: that the corpus may take; 0 = as many as there are.
    """

    source: str
    preset: str
    options: Options = field(default_factory=Options)
    limit: int = 0
    accept_part: bool = False
    previewed: bool = False
    most_bytes: int = 0

    def to_json(self) -> dict[str, Any]:
        """As the job's file keeps it."""
        return {
            "source": self.source,
            "preset": self.preset,
            "options": self.options.to_json(),
            "limit": self.limit,
            **({"accept_part": True} if self.accept_part else {}),
            **({"looked_at": True} if self.previewed else {}),
            **({"most_bytes": self.most_bytes} if self.most_bytes else {}),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Request":
        """What `to_json` wrote."""
        return cls(
            value["source"],
            value["preset"],
            Options(**value["options"]),
            value["limit"],
            value.get("accept_part", False),
            value.get("looked_at", False),
            value.get("most_bytes", 0),
        )


@dataclass(frozen=True)
class Status:
    """How far an import is.

    Attributes:
        state: one of the constants of this module and of `engine.core.jobs`. alive: whether its process is at work.
        since: Unix time of its start. done_bytes, total_bytes: of the download or the source; total 0 = not known.
        articles, tokens, skipped: so far. corpus: its folder, once finished. error: why it failed.
        notices: that the source or the vocabulary had changed.
    """

    state: str
    alive: bool
    since: float
    done_bytes: int = 0
    total_bytes: int = 0
    articles: int = 0
    tokens: int = 0
    skipped: int = 0
    compared: int = 0
    corpus: str = ""
    error: EngineError | None = None
    notices: tuple[EngineError, ...] = ()


def folder() -> Path:
    """Where what was asked for is told of, a file each."""
    return paths.corpora_root() / ".imports"


class Import:
    """One import, for asking and looking; cheap to make."""

    def __init__(self, request: Request) -> None:
        self.request = request
        key = hashlib.sha256(json.dumps(request.to_json(), sort_keys=True).encode()).hexdigest()[:16]
        self._job = jobs.Job(folder() / f"{key}.json", "engine.services.import_job")

    def status(self) -> Status | None:
        """How far it is, or None where it was never asked for."""
        alive = self._job.alive()  # first: one that ends between the two looks would seem to have been interrupted
        value = self._job.value()
        if not value:
            return None
        error = EngineError.from_json(value["error"]) if value.get("error") else None
        names = ("done_bytes", "total_bytes", "articles", "tokens", "skipped", "compared", "corpus")
        notices = tuple(map(EngineError.from_json, value.get("notices", [])))
        figures = {n: value[n] for n in names if n in value}
        return Status(value["state"], alive, value["since"], **figures, error=error, notices=notices)

    def start(self) -> None:
        """Starts it, or lets one that was interrupted go on; nothing happens where it is at work.

        Raises:
            StorageError: no rights or no space.
        """
        self._job.start(PREPARING, request=self.request.to_json())

    def stop(self) -> None:
        """Asks it to stop; what was done is kept, but for the part of a file that is being fetched, and `start` goes on from
        there.

        Raises:
            StorageError: no rights or no space.
        """
        self._job.stop()


def prepared_apart(request: Request, seconds: float = _PATIENCE_SECONDS) -> Corpus | None:
    """The corpus of a source on this machine; where there is none yet, a process of its own prepares it meanwhile.

    Args:
        seconds: that are waited for it.

    Returns:
        None where it is still at work then.

    Raises:
        EngineError: why it cannot be prepared; the preset's vocabulary is not on this machine.
    """
    path = hub.local(request.source) if hub.is_name(request.source) else paths.locate(request.source)
    tokenizer = catalogue.tokenizer(catalogue.find(request.preset))
    if (found := lookup.find(path, tokenizer, request.options, request.limit)) is not None:
        return found
    job, end = Import(request), time.monotonic() + seconds
    job.start()
    while (status := job.status()) is not None and status.alive:
        if time.monotonic() > end:
            return None
        time.sleep(_LOOK_SECONDS)
    if status is not None and status.error is not None:
        raise status.error
    if status is None or status.state != jobs.FINISHED:
        raise EngineError("The preparation was interrupted: try again, it goes on from there.")
    made = Corpus(paths.locate(status.corpus))  # by its folder: a source may hold the corpora themselves
    made.notices += status.notices
    return made


def _import(work: jobs.Work) -> dict[str, Any]:
    request = Request.from_json(work.value["request"])

    def announce(listing: hub.Listing) -> None:
        work.say(True, state=FETCHING, done_bytes=0, total_bytes=listing.size)

    def say(progress: Progress) -> None:
        work.say(**_figures(progress))

    path = locate(request.source, announce, say)
    work.say(True, state=PREPARING, done_bytes=0, total_bytes=0)
    tokenizer = vocabulary(request.preset)
    corpus = preparation.prepare(
        path,
        tokenizer,
        on_progress=say,
        options=request.options,
        limit=request.limit,
        accept_part=request.accept_part,
        previewed=request.previewed,
        most_bytes=request.most_bytes,
    )
    notices = corpus.notices
    corpus = repeats.look_for_near_copies(corpus, tokenizer, say)  # of one that an earlier version prepared
    return {"corpus": paths.portable(corpus.folder), "notices": [notice.to_json() for notice in notices]}


def _figures(progress: Progress) -> dict[str, Any]:
    """A progress as the job's file keeps it."""
    if progress.phase == Phase.COMPARING:
        found = {"compared": progress.done}
    else:
        found = {"done_bytes": progress.done, "total_bytes": progress.total}
    if isinstance(progress, Preparing):
        found |= {"articles": progress.articles, "tokens": progress.tokens, "skipped": progress.skipped}
    return found


def locate(source: str, announce: Callable[[hub.Listing], None], on_progress: OnProgress) -> Path:
    """The file or folder that a source means; a name on the hub is fetched where it has not been.

    Args:
        announce: told what will be fetched, before it is.

    Raises:
        ArticlesError: the hub cannot be reached, or has no such data set.
    """
    if not hub.is_name(source):
        return paths.locate(source)
    try:
        return hub.local(source)
    except EngineError:
        try:
            listing = hub.list_files(source)
        except EngineError as error:
            if source.startswith(hub.PREFIX):
                raise
            raise ArticlesError(  # a mistyped path looks like a name on the hub
                "{problem} There is no file or folder {name} either.", name=source, problem=error
            ) from error
        announce(listing)
        return hub.fetch(listing, on_progress)


def main() -> int:
    """The process that `Import.start` starts."""
    return jobs.work(Path(sys.argv[1]), _import)


if __name__ == "__main__":
    sys.exit(main())
