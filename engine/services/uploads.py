"""Uploaded articles on the disk: kept beside the runs, and those of visitors deleted after a while with all that was made of them.

checkpoints/.uploads/KEY/            an upload of somebody who may do everything; KEY is of its content
checkpoints/.uploads/visitors/KEY/   a visitor's; KEY is of its content and of a secret of the visitor's session
"""

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.classroom.secret import of_articles
from engine.core import files, paths
from engine.core.errors import EngineError
from engine.core.files import make_folder, read_json, replace
from engine.core.folders import staged_folder
from engine.core.locks import held
from engine.corpus import store
from engine.corpus.store import Corpus
from engine.evaluation import cache
from engine.runs import lifecycle, states
from engine.services import import_job

FOLDER, VISITORS = paths.visitors_uploads(Path()).parts
_STAGED_SECONDS = 3600.0  # after which what was being written is what a kill has left
_SUFFIXES = ".suffixes"  # engine.memorisation.search's, below the corpora


@dataclass(frozen=True)
class File:
    """A file that was uploaded.

    Attributes:
        name: safe, and no other file of the same upload has it. content: its bytes, or where they lie already.
        digest: SHA-256 of them.
    """

    name: str
    content: bytes | Path
    digest: str


def folder(root: Path | None = None, visitors: bool = False) -> Path:
    """Where uploads are kept; those of visitors apart."""
    return (root or paths.checkpoints_root()) / FOLDER / (VISITORS if visitors else "")


def keep(uploaded: list[File], secret: str = "", root: Path | None = None) -> Path:
    """Keeps an upload: the path of its one file, or of the folder of several.

    Args:
        secret: of a visitor's session: nobody can tell the name from the content. "" = of no visitor.

    Raises:
        StorageError: no rights or no space.
    """
    key = hashlib.sha256(secret.encode() + b"\0")
    for file in uploaded:
        key.update(file.name.encode() + b"\0" + file.digest.encode() + b"\0")
    target = folder(root, bool(secret)) / key.hexdigest()[:32]
    if not target.exists():
        make_folder(target.parent, parents=True)
        # Of several who upload the same at the same instant, one keeps it for all.
        with contextlib.suppress(FileExistsError), staged_folder(target, exclusive=True) as staging:
            for file in uploaded:
                if isinstance(file.content, Path):
                    shutil.copyfile(file.content, staging / file.name)
                else:
                    (staging / file.name).write_bytes(file.content)
    return target / uploaded[0].name if len(uploaded) == 1 else target


def of_visitors(articles: str | Path, root: Path | None = None) -> Path | None:
    """The visitor's upload that a source of articles is, or was prepared from; None where it is none."""
    home = folder(root, True).resolve()
    for path in _origins(articles):
        if path.is_relative_to(home) and path != home:
            return home / path.relative_to(home).parts[0]
    return None


def _origins(articles: str | Path) -> Iterable[Path]:
    with contextlib.suppress(EngineError):
        path = paths.locate(articles)
        yield path
        if store.is_corpus(path) and (source := read_json(path / store.CARD).get("source")):
            yield paths.locate(str(source))


def _part(file: Path, name: str) -> dict[str, Any]:
    """An object inside the one in a JSON file, or an empty one where it is missing or damaged."""
    value = read_json(file).get(name)
    return value if isinstance(value, dict) else {}


def remove_secret(articles: str, root: Path | None = None) -> bool:
    """Deletes the article that a class's secret stands in, with all that was prepared from it, once no run has read it any more.

    Args:
        articles: what a run that was just deleted has read. Returns: whether it was such an article, and is gone.
    """
    homes = [folder(root, visitors).resolve() for visitors in (False, True)]
    with contextlib.suppress(EngineError):
        upload = paths.locate(articles)
        if upload.parent not in homes or of_articles(articles) is None:
            return False
        readers = {run.settings.articles for run in lifecycle.all_runs(root) if run.problem is None}
        if upload in map(paths.locate, readers):
            return False
        prepared = [c.parent for c in paths.corpora_root().glob(f"*/{store.CARD}") if upload in _origins(c.parent)]
        if _take_away(upload):
            for one in prepared:
                _forget(one)
            return True
    return False


def corpora(root: Path | None = None) -> dict[Path, Path]:
    """The prepared corpora of visitors' uploads, those that are being prepared too: folder → upload."""
    found: dict[Path, Path] = {}
    home = paths.corpora_root()
    for card in home.glob(f"*/{store.CARD}"):
        if not card.parent.name.endswith(".gone") and (upload := of_visitors(card.parent, root)) is not None:
            found[card.parent] = upload
    for journal in home.glob(".*.preparing/journal.json"):
        source = str(_part(journal, "identity").get("source", ""))
        if source and (upload := of_visitors(source, root)) is not None:
            found[journal.parent] = upload
    return found


def visitors_bytes(root: Path | None = None) -> int:
    """What visitors' uploads, and what was prepared from them, take on the disk."""
    return sum(map(files.size, [folder(root, True), *corpora(root)]))


def preparing(root: Path | None = None) -> int:
    """How many of visitors' uploads are being prepared."""
    found = 0
    for file in import_job.folder().glob("*.json"):
        value = _part(file, "request")
        with contextlib.suppress(KeyError, TypeError):
            request = import_job.Request.from_json(value)
            status = import_job.Import(request).status() if of_visitors(request.source, root) else None
            found += status is not None and status.alive
    return found


def sweep(seconds: float, root: Path | None = None) -> int:
    """Deletes the visitors' uploads that are older, and everything that was made of those that are gone; how many went.

    An upload that a run in the queue or at work needs stays until that has ended. Several may sweep at once.
    """
    home = folder(root, True)
    needed = _needed(root)
    gone = 0
    for upload in _listed(home):
        age = time.time() - _changed(upload)
        if upload.name.endswith((".tmp", ".former", ".gone")):
            if age > _STAGED_SECONDS or upload.name.endswith(".gone"):
                shutil.rmtree(upload, ignore_errors=True)
        elif age > seconds and upload.resolve() not in needed:
            gone += _take_away(upload)
    for prepared, upload in corpora(root).items():
        if not upload.exists() and upload not in needed:
            _forget(prepared)
    for file in import_job.folder().glob("*.json"):
        source = str(_part(file, "request").get("source", ""))
        if source and (of_request := of_visitors(source, root)) is not None and not of_request.exists():
            for left in file.parent.glob(f"{file.stem}.*"):
                with contextlib.suppress(OSError):
                    left.unlink()
    for left in paths.corpora_root().glob(".*.gone"):
        shutil.rmtree(left, ignore_errors=True)
    return gone


def _needed(root: Path | None) -> set[Path]:
    found = set()
    for run in lifecycle.all_runs(root):
        with contextlib.suppress(EngineError):
            upload = of_visitors(run.settings.articles, root)
            if upload is not None and run.state().state in (states.QUEUED, states.RUNNING):
                found.add(upload)
    return found


def _listed(place: Path) -> list[Path]:
    return list(place.iterdir()) if place.is_dir() else []


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # another sweep took it
        return time.time()


def _take_away(place: Path) -> bool:
    """Removes a folder, its name first, so that it never exists in part; whether this call did."""
    aside = place.with_name(f".{place.name}.{os.getpid()}.gone")
    try:
        replace(place, aside)
    except OSError:  # another sweep was first, or on Windows somebody reads in it: the next sweep takes it
        return False
    shutil.rmtree(aside, ignore_errors=True)
    return True


def _forget(prepared: Path) -> None:
    """Removes a corpus with what else holds its text: the index of its passages, the places where models differ.

    What another corpus of the same articles shares stays.
    """
    key = prepared.name.removeprefix(".").removesuffix(".preparing")
    if held(prepared.parent / ".locks" / f"{key}.lock"):  # it is being written
        return
    try:
        content = Corpus(prepared).content_hash
    except (EngineError, KeyError):
        content = ""
    if not _take_away(prepared) or not content or any(c.content_hash == content for c in store.all_corpora()):
        return
    for index in (paths.corpora_root() / _SUFFIXES).glob(f"{content[:16]}-*"):
        _take_away(index)
    cache.forget(content)
