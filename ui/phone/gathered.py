"""The reports of the runs that classes take home: gathered once for all phones, by a thread, while the phones are told to wait."""

import contextlib
import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from engine.classroom import release, reports
from engine.classroom.classes import SchoolClass
from engine.classroom.reports import Report
from engine.core.errors import EngineError
from engine.corpus.store import Corpus
from engine.memorisation import search
from engine.presets.tokenizers import Tokenizer
from engine.runs import articles_read
from engine.runs.articles_read import Seen
from engine.runs.folder import Run
from engine.runs.history import shared
from engine.services import import_job

_MOST = 20  # runs whose reports are kept, those asked for last
_MOST_TOKENS = 2_000_000  # of articles that are indexed for a report: about a second


@dataclass(frozen=True)
class Gathered:
    """The report of a class's run; None where there is no run, or nothing can be told of it."""

    report: Report | None


_lock, _one_at_a_time = threading.Lock(), threading.Lock()
_kept: OrderedDict[str, tuple[str, Gathered]] = OrderedDict()  # folder → how the run stood, and its report
_busy: set[str] = set()


def of_class(of: SchoolClass) -> Gathered | None:
    """The report of a class's run; None as long as it is gathered for the first time.

    Of a run that has gone on since, the former report is given, and another one gathered meanwhile.
    """
    run = release.run_of(of)
    if run is None:
        return Gathered(None)
    folder, stands = str(run.folder), _stands(run)
    with _lock:
        former, found = _kept.get(folder, ("", None))
        if found is not None:
            _kept.move_to_end(folder)
        if former != stands and folder not in _busy:
            _busy.add(folder)
            threading.Thread(target=_gather, args=(run, folder, stands), daemon=True, name="report of a class").start()
        return found


def _stands(run: Run) -> str:
    """What is another text when there is more to tell of a run."""
    return f"{shared.of(run.folder).version} {run.state().state}"


def _gather(run: Run, folder: str, stands: str) -> None:
    found = Gathered(None)
    try:
        with _one_at_a_time, contextlib.suppress(EngineError):
            found = Gathered(reports.of_run(run, _prepare_for(run), _may_index))
    except Exception:  # a fault of ours: the phones get their answers all the same
        logging.getLogger(__name__).exception("the report of a class's run")
    with _lock:
        _kept[folder] = stands, found
        _kept.move_to_end(folder)
        while len(_kept) > _MOST:
            _kept.popitem(last=False)
        _busy.discard(folder)


def _prepare_for(run: Run) -> articles_read.Prepare:
    """What prepares a small source of the run again where its corpus is gone: a process of its own."""

    def prepare(path: Path, _tokenizer: Tokenizer) -> Corpus | None:
        return import_job.prepared_apart(import_job.Request(str(path), run.settings.preset))

    return prepare


def _may_index(seen: Seen) -> bool:
    return sum(shard.last - shard.first for shard in search.missing(seen.ranges)) <= _MOST_TOKENS
