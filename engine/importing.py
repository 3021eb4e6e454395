"""`python -m engine.importing JOB`: a source is fetched and prepared in the background, and a file says how far it is.

corpora/.imports/
  KEY.json   request, state (fetching | preparing | finished | failed | stopped), figures, error; replaced in one step
  KEY.stop   a person asks it to stop
  KEY.lock   held by the process as long as it lives
"""

import hashlib
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine import launch, paths, preparation, presets
from engine.articles import Options, hub
from engine.errors import EngineError, sentence
from engine.files import read_json, storage_errors, write_json
from engine.locks import Lock, held
from engine.tokenizers import Tokenizer

FETCHING, PREPARING, FINISHED, FAILED, STOPPED = "fetching", "preparing", "finished", "failed", "stopped"
_START_SECONDS = 20.0  # from the request to the lock, at most
_REPORT_SECONDS = 0.3


@dataclass(frozen=True)
class Request:
    """What is to be imported.

    Attributes:
        source: a path, or a name on the hub. preset: whose vocabulary. options: how to read it. limit: 0 = all.
    """

    source: str
    preset: str
    options: Options = field(default_factory=Options)
    limit: int = 0

    def to_json(self) -> dict[str, Any]:
        """As the job's file keeps it."""
        return {
            "source": self.source,
            "preset": self.preset,
            "options": self.options.to_json(),
            "limit": self.limit,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Request":
        """What `to_json` wrote."""
        return cls(value["source"], value["preset"], Options(**value["options"]), value["limit"])


@dataclass(frozen=True)
class Status:
    """How far an import is.

    Attributes:
        state: one of the constants of this module. alive: whether its process is at work.
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
    corpus: str = ""
    error: EngineError | None = None
    notices: tuple[EngineError, ...] = ()


class Import:
    """One import, for asking and looking; cheap to make."""

    def __init__(self, request: Request) -> None:
        self.request = request
        key = hashlib.sha256(json.dumps(request.to_json(), sort_keys=True).encode()).hexdigest()[:16]
        self._file = paths.corpora_root() / ".imports" / f"{key}.json"

    def status(self) -> Status | None:
        """How far it is, or None where it was never asked for."""
        value = read_json(self._file)
        if not value:
            return None
        alive = held(self._file.with_suffix(".lock")) or (
            value["state"] in (FETCHING, PREPARING)
            and not value.get("pid")
            and time.time() - value["since"] < _START_SECONDS
        )
        error = EngineError.from_json(value["error"]) if value.get("error") else None
        names = ("done_bytes", "total_bytes", "articles", "tokens", "skipped", "corpus")
        notices = tuple(map(EngineError.from_json, value.get("notices", [])))
        figures = {n: value[n] for n in names if n in value}
        return Status(value["state"], alive, value["since"], **figures, error=error, notices=notices)

    def start(self) -> None:
        """Starts it, or lets one that was interrupted go on; nothing happens where it is at work.

        Raises:
            StorageError: no rights or no space.
        """
        status = self.status()
        if status is not None and status.alive:
            return
        with storage_errors(self._file.parent):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.with_suffix(".stop").unlink(missing_ok=True)
        write_json(self._file, {"request": self.request.to_json(), "state": PREPARING, "since": time.time()})
        launch.detached("engine.importing", str(self._file.resolve()), log=self._file.with_suffix(".log"))

    def stop(self) -> None:
        """Asks it to stop; what was done is kept, and `start` goes on from there.

        Raises:
            StorageError: no rights or no space.
        """
        with storage_errors(self._file.parent):
            self._file.with_suffix(".stop").touch()


class _Work:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._value = read_json(file)
        self._value["pid"] = 1  # anything but nothing: the lock tells from now on
        self._written = 0.0

    def say(self, now: bool = False, **changes: Any) -> None:
        self._value |= changes
        if now or time.monotonic() - self._written > _REPORT_SECONDS:
            write_json(self._file, self._value, durable=now)
            self._written = time.monotonic()

    def stop_requested(self) -> bool:
        return self._file.with_suffix(".stop").exists()

    def run(self) -> None:
        request = Request.from_json(self._value["request"])
        try:
            path = self._path(request)
            self.say(True, state=PREPARING, done_bytes=0, total_bytes=0)
            corpus = preparation.prepare(
                path,
                vocabulary(request.preset),
                report=lambda p: self.say(**p.__dict__),
                options=request.options,
                limit=request.limit,
                stop_requested=self.stop_requested,
            )
            notices = [notice.to_json() for notice in corpus.notices]
            self.say(True, state=FINISHED, corpus=paths.portable(corpus.folder), notices=notices)
        except preparation.Stopped:
            self.say(True, state=STOPPED)
        except EngineError as error:
            self.say(True, state=FAILED, error=error.to_json())
        except Exception as error:
            template = sentence("An error that Atelier did not foresee: {error}. The import's log holds the details.")
            values = {"error": f"{type(error).__name__}: {error}"[:500]}
            self.say(True, state=FAILED, error={"template": template, "values": values})
            raise

    def _path(self, request: Request) -> Path:
        def announce(listing: hub.Listing) -> None:
            self.say(True, state=FETCHING, done_bytes=0, total_bytes=listing.size)

        def report(done: int, total: int) -> None:
            if self.stop_requested():
                raise preparation.Stopped from None
            self.say(done_bytes=done, total_bytes=total)

        return locate(request.source, announce, report)


def locate(source: str, announce: Callable[[hub.Listing], None], report: Callable[[int, int], None]) -> Path:
    """The file or folder that a source means; a name on the hub is fetched where it has not been.

    Args:
        announce: told what will be fetched, before it is. report: bytes done and in all while it is.

    Raises:
        ArticlesError: the hub cannot be reached, or has no such data set.
    """
    if not hub.is_name(source):
        return paths.locate(source)
    try:
        return hub.local(source)
    except EngineError:
        listing = hub.list_files(source)
        announce(listing)
        return hub.fetch(listing, report)


def vocabulary(preset: str) -> Tokenizer:
    """The tokenizer of a preset; of a name that keras-hub fetches, the vocabulary alone is fetched.

    Raises:
        PresetError: no such preset, no vocabulary, or no network.
    """
    found = presets.find(preset)
    if found.folder is not None:
        return presets.tokenizer(found)
    from engine import models  # Keras fetches it

    return models.hub_tokenizer(found)


def main() -> int:
    """The process that `Import.start` starts."""
    file = Path(sys.argv[1])
    with Lock(file.with_suffix(".lock")) as lock:
        if lock.acquire(patience_seconds=1):
            _Work(file).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
