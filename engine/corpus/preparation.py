"""A source of articles → a prepared corpus, on all cores, in bounded memory, from wherever it was interrupted.

It is read (engine.corpus.reading), then finished (engine.corpus.finishing). The files are the same, byte for byte, as
without an interruption.
"""

import hashlib
import shutil
from pathlib import Path
from typing import Any

from engine.articles import Options, isolation
from engine.core import paths
from engine.core.errors import EngineError, StorageError
from engine.core.files import make_folder, storage_errors
from engine.core.folders import commit_folder
from engine.core.locks import Lock
from engine.core.progress import OnProgress, Phase, ignore
from engine.corpus import dividing, finishing
from engine.corpus.lookup import (
    JOURNAL,
    SIGNATURES,
    changes,
    equal_one,
    existing,
    folder_of,
    identity,
    of_vocabulary,
    same_as,
    staging_of,
)
from engine.corpus.progress import Preparing
from engine.corpus.reading import Growing
from engine.corpus.store import (
    Corpus,
    is_corpus,
)
from engine.presets.tokenizers import Tokenizer


def prepare(
    path: Path | str,
    tokenizer: Tokenizer,
    root: Path | None = None,
    on_progress: OnProgress = ignore,
    *,
    out: Path | None = None,
    options: Options | None = None,
    limit: int = 0,
    accept_part: bool = False,
    previewed: bool = False,
    most_bytes: int = 0,
) -> Corpus:
    """The corpus of a source for a vocabulary; one prepared before is found again and costs nothing.

    Args:
        path: a file, folder or zip archive of articles, or a prepared corpus.
        root: the folder of all corpora. out: the corpus's own folder instead.
        on_progress: called with `Preparing` after each batch; after a `Cancelled` the next preparation goes on from there.
        limit: articles of each split that are taken, from the first on; 0 = all.
        accept_part: whether a person said yes to a corpus of less than half of what the source holds.
        previewed: whether a person saw how its first articles are read, or will: without, no PDF and no Word file is used.
        most_bytes: that the corpus may take on the disk; 0 = as many as there are.

    Raises:
        ArticlesError: nothing there, or no article that can be used. FewRead: less than half of it can be.
        SourceChanged: somebody wrote the source meanwhile; nothing stays of what was prepared.
        StorageError: the disk refuses.
        ReadingEnded: reading broke a limit; Cancelled: `on_progress` ended it. What was prepared stays, to go on from.
    """
    if is_corpus(path):
        return of_vocabulary(Corpus(Path(path)), tokenizer)
    options = options or Options()
    identified = identity(path, tokenizer, options, limit)
    folder = Path(out) if out else folder_of(identified, root)
    locks = folder.parent / ".locks" / f"{folder.name}.lock"
    if out:
        _check_out(folder, Path(path))
        key = hashlib.sha256(str(folder.resolve()).encode("utf-8", "replace")).hexdigest()[:16]
        locks = paths.corpora_root() / ".locks" / f"out-{key}.lock"  # a person's folder holds what was asked for alone
        make_folder(paths.corpora_root(), parents=True)
    if (found := _prepared(folder, identified, out is not None)) is not None:
        return found
    try:
        make_folder(folder.parent, parents=True)
    except OSError as error:
        raise StorageError(
            "The folder {path} cannot be made: {reason}.", path=folder.parent, reason=error.strerror
        ) from error
    with Lock(locks) as lock:
        while not lock.acquire(patience_seconds=1):  # somebody else prepares the same
            on_progress(Preparing(0, 0, Phase.PREPARING))
        if (found := _prepared(folder, identified, out is not None)) is not None:
            return found
        staging = staging_of(folder)
        work = Growing(Path(path), tokenizer, options, limit, identified, staging, on_progress)
        work.previewed, work.most_bytes = previewed, most_bytes
        try:
            with storage_errors(folder.parent):
                work.read()
                made = finishing.finish(work, accept_part)
                if not out and (found := equal_one(made, folder)) is not None:
                    shutil.rmtree(staging, ignore_errors=True)
                    return found
                commit_folder(made, folder)
                for left in (JOURNAL, SIGNATURES):
                    (folder / left).unlink(missing_ok=True)
                shutil.rmtree(staging, ignore_errors=True)  # from which a divided one was made
        except isolation.ReadingEnded:  # the source may be good: who asks again goes on from there
            if not work.articles:
                shutil.rmtree(staging, ignore_errors=True)
            raise
        except EngineError:  # a source that cannot be used, a full disk: nothing half-written stays
            shutil.rmtree(staging, ignore_errors=True)
            raise
    corpus = Corpus(folder)
    corpus.notices += changes(corpus, folder.parent)
    return corpus


def _prepared(folder: Path, identified: dict[str, Any], is_out: bool) -> Corpus | None:
    if (found := existing(folder, identified, is_out)) is not None or is_out:
        return found
    return same_as(folder, identified)


def _check_out(folder: Path, source_path: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise StorageError("{path} is a file: choose the folder that the corpus is to be.", path=folder)
    if source_path.is_dir() and folder.resolve().is_relative_to(source_path.resolve()):
        raise StorageError(
            "{path} lies among the articles themselves, in {source}: choose another folder.",
            path=folder,
            source=source_path,
        )


def count_training(path: Path | str) -> int:
    """How many training articles the corpus of a source would hold at least; the source is read through.

    Raises:
        ArticlesError: it cannot be read.
    """
    counts = isolation.count(path)
    articles = counts.get("train", 0)
    return articles if counts.get("validation") else articles - dividing.held_out(articles)
