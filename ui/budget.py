"""What a visitor of this server may set going and see; whoever may do everything is not limited."""

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import streamlit as st

from engine.core import files, paths
from engine.core.errors import EngineError, SettingsError
from engine.core.locks import Lock
from engine.corpus import lookup
from engine.evaluation.cache import PassSettings
from engine.presets import catalogue
from engine.runs import lifecycle, needs, queue, references, states, visitor_limits
from engine.runs.settings import RunSettings
from engine.runs.visitor_limits import Limits
from engine.services import import_job, uploads
from ui import access
from ui.readers import folders

_PATIENCE_SECONDS = 10.0
_OWNERS = ("convert", "parity")  # requests to the studio that add to the lab


def _read() -> tuple[Limits, list[EngineError]]:
    try:
        return visitor_limits.limits_of(access._secret("visitors"))
    except Exception:  # the secrets cannot be read: `access` says so, and here the usual limits hold
        return Limits(), []


def limits() -> Limits:
    """What visitors may use: the table `[visitors]` of the secrets over the defaults."""
    return _read()[0]


def problems() -> list[EngineError]:
    """What of that table cannot be read."""
    return _read()[1]


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Holds what visitors take together: whoever counts it and adds to it does so alone, on all servers of these runs."""
    files.make_folder(paths.checkpoints_root(), parents=True)
    with Lock(paths.checkpoints_root() / ".locks" / "visitors.lock") as lock:
        if not lock.acquire(patience_seconds=_PATIENCE_SECONDS):
            raise EngineError("Many visitors ask at once: try again in a moment.")
        yield


# Runs


def enter(settings: RunSettings, stem: str, join: bool) -> queue.Entry:
    """Puts a run into the queue (`engine.runs.queue.enter`): of a visitor where it is within the budget, and others leave room.

    Raises:
        SettingsError: everything that stands against it. EngineError: there is no room at the moment.
    """
    if access.is_owner():
        return queue.enter(settings, stem, join=join)
    most = limits()
    _prepare(settings.articles, settings.preset)
    taken = visitor_limits.cost(settings, folders.usual_speed(settings.preset))
    if over := visitor_limits.exceeded(settings, taken, most):
        raise SettingsError(over)
    return queue.enter(
        settings,
        stem,
        join=join,
        admit=lambda checked, waiting: _check_room_for(taken, most),
        facts={"visitor": True, "most_seconds": 60 * most.run_minutes},
    )


def _check_room_for(taken: visitor_limits.Cost, most: Limits) -> None:
    """Makes sure that the queue and the disk have room for one more run of a visitor's.

    Raises:
        EngineError: they have not.
    """
    waiting, on_disk = 0, float(taken.disk_bytes)
    for run in lifecycle.all_runs():  # as they are now, and not when the page began to be drawn
        if run.problem is not None or not run.config.get("visitor"):
            continue
        state = run.state().state
        waiting += state == states.QUEUED
        here = float(files.size(run.folder))
        if state in (states.QUEUED, states.RUNNING):  # it will grow
            with contextlib.suppress(EngineError):
                needed = needs.estimate(run.settings)
                here = max(here, float(needed.checkpoint_bytes * needed.checkpoints))
        on_disk += here
    if waiting >= most.waiting_runs:
        raise EngineError(
            "The queue has room for {most} of visitors' runs, and {asked} of them wait: try again when one has started.",
            asked=waiting,
            most=most.waiting_runs,
        )
    if on_disk > most.runs_megabytes * 1e6:
        raise EngineError(
            "With this run those of all visitors would take {asked} MB; they may take {most} MB together: the owner can "
            "delete some.",
            asked=round(on_disk / 1e6),
            most=most.runs_megabytes,
        )


def _prepare(articles: str, preset: str) -> None:
    """Makes sure that articles which a visitor may use are prepared, so that what they cost is known.

    Raises:
        EngineError: they may not be used, or cannot be prepared; or it takes long.
    """
    check_articles(articles)
    path, tokenizer = paths.locate(articles), catalogue.tokenizer(catalogue.find(preset))
    if lookup.find(path, tokenizer) is not None:
        return
    request = import_job.Request(articles, preset, most_bytes=corpus_bytes())
    if not _ships(path):
        start_preparation(import_job.Import(request))
    if import_job.prepared_apart(request) is None:
        raise EngineError("These articles are still being prepared: try again in a moment.")


# The studio


def check_request(request: dict[str, Any]) -> None:
    """Makes sure that this session may ask this of the studio.

    Raises:
        EngineError: it may not; says why.
    """
    if access.is_owner():
        return
    if request.get("kind") in _OWNERS:
        raise EngineError("Only the owner adds models to this lab.")
    named = request.get("articles") or (request.get("passage") or {}).get("articles")
    if named:
        check_articles(str(named))
    visitor_limits.check_request(request, _scored(request), limits())


def _scored(request: dict[str, Any]) -> int:
    """How many tokens models look at for a request, those of overlapping windows each time."""
    kind = request.get("kind")
    if kind not in ("evaluate", "places"):
        return 0
    models = [request["reference"]] if kind == "evaluate" else request["references"]
    preset = references.resolve(str(models[0])).preset
    _prepare(str(request["articles"]), preset.reference)
    prepared = lookup.find(paths.locate(str(request["articles"])), catalogue.tokenizer(preset))
    whole = len(prepared.tokens(request["split"])) if prepared and request["split"] in prepared.splits else 0
    if kind == "places":
        return len(models) * whole
    way = PassSettings(**{name: int(request[name]) for name in ("tokens", "sequence_length", "stride")})
    way = way.filled(preset.max_sequence_length or 1024)
    return min(way.tokens or whole, whole) * way.sequence_length // max(1, way.stride)


def check_index(tokens: int) -> None:
    """Makes sure that this session may have articles of so many tokens indexed.

    Raises:
        EngineError: it may not.
    """
    most = limits().index_tokens
    if not access.is_owner() and tokens > most:
        raise EngineError(
            "These articles hold {asked} tokens that are not indexed yet; a visitor may have {most} indexed.",
            asked=tokens,
            most=most,
        )


def export_bytes() -> int | None:
    """How much the exported files may take together that are kept when this session asks for one; None = no limit."""
    return None if access.is_owner() else limits().exports_megabytes * 10**6


# Articles


def corpus_bytes() -> int:
    """How much a corpus may take that this session has prepared; 0 = as much as there is."""
    return 0 if access.is_owner() else limits().article_megabytes * 10**6


def check_preparation() -> None:
    """Makes sure that one more preparation of a visitor's may begin.

    Raises:
        EngineError: it may not now.
    """
    if access.is_owner():
        return
    most = limits()
    if uploads.preparing() >= most.preparations:
        raise EngineError("Uploads of other visitors are being prepared: try again in a moment.")
    _check_uploads(0, most)


def _check_uploads(size: int, most: Limits) -> None:
    taken = uploads.visitors_bytes() + size
    if taken > most.uploads_megabytes * 1e6:
        raise EngineError(
            "With this the uploads of all visitors would take {asked} MB; they may take {most} MB together, and each is "
            "deleted after {hours} hours: try again later.",
            asked=round(taken / 1e6),
            most=most.uploads_megabytes,
            hours=most.upload_hours,
        )


def start_preparation(job: import_job.Import) -> None:
    """Starts the preparation of articles, a visitor's where there is room for it.

    Raises:
        EngineError: there is none now. StorageError: no rights or no space.
    """
    with contextlib.nullcontext() if access.is_owner() else _one_at_a_time():
        check_preparation()
        job.start()


def keep_upload(uploaded: list[uploads.File], size: int) -> Path:
    """Keeps an upload of this session; a visitor's where there is room, for the time that visitors' uploads stay.

    Args:
        size: bytes of its files.

    Raises:
        EngineError: it is too large, or there is no room. StorageError: no rights or no space.
    """
    if access.is_owner():
        return uploads.keep(uploaded)
    most = limits()
    if size > most.upload_megabytes * 1e6:
        raise EngineError(
            "This upload has {asked} MB; a visitor's may have {most} MB.",
            asked=round(size / 1e6, 1),
            most=most.upload_megabytes,
        )
    uploads.sweep(3600 * most.upload_hours)
    with _one_at_a_time():
        _check_uploads(size, most)
        upload_path = uploads.keep(uploaded, st.session_state.setdefault("upload_secret", secrets.token_hex(16)))
    own = st.session_state.setdefault("own_uploads", [])
    if (upload := str(uploads.of_visitors(upload_path))) not in own:
        own.append(upload)
    return upload_path


def may_read(articles: str | Path) -> bool:
    """Whether this session may see the text of articles.

    Those that ship, a session's own uploads and what it prepared; the owner's where she shares them; no other visitor's.
    """
    if access.is_owner():
        return True
    upload = uploads.of_visitors(articles)
    if upload is not None:
        return str(upload) in st.session_state.get("own_uploads", [])
    try:
        path = paths.locate(articles)
    except EngineError:
        return False
    if _ships(path) or limits().share_articles:
        return True
    return _ships(preparation_source(path)) or paths.portable(path) in st.session_state.get("prepared", [])


def check_articles(articles: str | Path) -> None:
    """Makes sure that this session may see the text of articles (`may_read`).

    Raises:
        EngineError: it may not.
    """
    if not may_read(articles):
        raise EngineError("These articles are the owner's: choose the sample, or upload your own.")


def preparation_source(path: Path) -> Path:
    """What a prepared corpus was made from; of anything else the path itself."""
    source = files.read_json(path / "card.json").get("source")
    with contextlib.suppress(EngineError):
        return paths.locate(str(source)) if source else path
    return path


def _ships(path: Path) -> bool:
    return path in (paths.SAMPLE_ARTICLES, paths.ENGLISH)
