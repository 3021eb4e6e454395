"""Reads a source into the files of a corpus, batch by batch; a journal says how far.

The source is read by a process of its own (engine.articles.isolation) while the tokenizer's threads encode the batch
before. What has been written is flushed and noted in the journal every few seconds; whoever comes after an interruption,
however it came, cuts the files back to the journal and goes on.
"""

import hashlib
import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from engine.articles import Options, Skipped, isolation, on_disk
from engine.articles.article import digest
from engine.articles.isolation import Reading
from engine.articles.member import shown
from engine.articles.options import GUESSED_FORMS
from engine.core import paths
from engine.core.errors import ArticlesError, sentence
from engine.core.files import (
    read_json,
    sync,
    write_json,
)
from engine.core.progress import Cancelled, OnProgress, Phase, Progress
from engine.corpus.lookup import (
    JOURNAL,
    SHOWN_CHANGED,
    SIGNATURES,
)
from engine.corpus.progress import Preparing
from engine.corpus.store import (
    ARTICLE,
    ARTICLES,
    IDS,
    SECTION,
    SECTIONS,
    TOKENS,
)
from engine.presets.tokenizers import Tokenizer

BATCH_BYTES = 1 << 20  # of text, encoded at once: some hundred bytes of memory for each of its tokens
BATCH_ARTICLES = 4096  # at most, however short: what is known of each takes two kilobytes of memory
JOURNAL_SECONDS = 2.0
_JOURNAL_FORMAT = 4  # of the places and counts in it
_MOST_NAMES = 4000  # section names counted at a time; the rare ones make room
DATA_FILES = (TOKENS, ARTICLES, SECTIONS, IDS)


GUESSED = sentence(
    "{path} holds PDF or Word files, whose text a program made out: prepare them first (under Library › Articles, or with "
    "prepare on the command line), look at what was read, then train on that."
)


class SourceChanged(ArticlesError):
    """The source is not what it was when its reading began: what was read may be of both states, or end in the middle."""


def is_guessed(forms: dict[str, int]) -> bool:
    """Whether files of a source are of forms whose text a program makes out, so that a person looks at it first."""
    return any(name in forms for name in GUESSED_FORMS)


@dataclass
class _Batch:
    headers: list[dict[str, Any]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    skipped: list[dict[str, Any]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)  # splits that are complete with this batch
    size: int = 0


class Growing:
    """A corpus while it grows: the state that the journal keeps, and the files that it speaks of."""

    def __init__(
        self,
        path: Path,
        tokenizer: Tokenizer,
        options: Options,
        limit: int,
        identified: dict[str, Any],
        staging: Path,
        on_progress: OnProgress,
    ) -> None:
        self.path, self.tokenizer, self.options, self.limit = path, tokenizer, options, limit
        self.identity, self.staging, self.on_progress = identified, staging, on_progress
        self.dtype = np.dtype("<u2" if tokenizer.vocabulary_size <= 1 << 16 else "<u4")
        self.state: dict[str, Any] = {
            "identity": identified,
            "splits": {},
            "written": dict.fromkeys(DATA_FILES, 0),  # bytes
            "tokens": 0,
            "sections": 0,
            "formulas": [0, 0],
        }
        self.previewed = False
        self.skipped, self.names = Skipped(), Counter[str]()
        self.state |= {"unread": 0, "left_out": {}, "remarks": Skipped().to_json(), "forms": {}}
        self.files: dict[str, BinaryIO] = {}
        self.source_state = on_disk.state(path)  # as it is before a byte of it is read
        self.done_bytes = self.total_bytes = self.most_bytes = 0

    def read(self) -> None:
        """Reads the source to its end, from wherever an interruption left it.

        Raises:
            ArticlesError: it cannot be read. SourceChanged: somebody wrote it meanwhile. Cancelled: `on_progress` ended it.
        """
        self._open()
        try:
            self._read()
        except ArticlesError as error:  # what could not be read may be what is being written
            self._check_unchanged(error)
            raise
        finally:
            for file in self.files.values():
                file.close()
        self._check_unchanged()

    def _read(self) -> None:
        try:
            start = {
                split: {"place": s["place"], "articles": s["articles"], "complete": s["complete"]}
                for split, s in self.state["splits"].items()
            }
            with Reading(self.path, self.options, start, self.limit) as reading:
                with ThreadPoolExecutor(1) as encoder:
                    self._encode_and_write(self._batches(reading), encoder)
            self._note()
        except (isolation.ReadingEnded, Cancelled):
            self._note()
            raise

    def _check_unchanged(self, cause: ArticlesError | None = None) -> None:
        """Makes sure that the source is still what it was before it was read.

        Raises:
            SourceChanged: it is not.
        """
        try:
            now = on_disk.state(self.path)
        except ArticlesError:
            now = {}
        was = self.source_state
        changed = sorted(name for name in {**was, **now} if was.get(name) != now.get(name))
        if changed:
            raise SourceChanged(
                "{path} changed while it was read ({files}): something still writes there. Nothing of it was kept: prepare "
                "it again when it is complete.",
                path=shown(paths.portable(self.path)),
                files=", ".join(changed[:SHOWN_CHANGED]) + (" …" if len(changed) > SHOWN_CHANGED else ""),
            ) from cause

    # Beginning, or going on

    def _open(self) -> None:
        self.staging.mkdir(parents=True, exist_ok=True)
        for path in self.staging.iterdir():  # a journal, a card or a division whose writing was interrupted
            if path.name not in (*DATA_FILES, JOURNAL, SIGNATURES):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        journal = read_json(self.staging / JOURNAL)
        now = (_JOURNAL_FORMAT, self.identity, self._state_digest())
        known = (journal.get("format"), journal.get("identity"), journal.get("files")) == now
        try:
            known = known and self._holds(journal["state"]["written"])
            if known:
                state, skipped = {"formulas": [0, 0], **journal["state"]}, Skipped.from_json(journal["skipped"])
                self.names = Counter(dict(journal["names"]))
                self.state, self.skipped = state, skipped
        except (KeyError, TypeError, ValueError, AttributeError):
            known = False  # damaged by hand: it begins anew
        if not known:  # they were of other tokens
            (self.staging / SIGNATURES).unlink(missing_ok=True)
        for name in DATA_FILES:
            path = self.staging / name
            path.touch()
            self.files[name] = open(path, "r+b")  # noqa: SIM115
            self.files[name].truncate(self.state["written"][name])
            self.files[name].seek(0, 2)

    def _state_digest(self) -> str:
        return hashlib.sha256(json.dumps(self.source_state).encode()).hexdigest()

    def _holds(self, sizes: dict[str, int]) -> bool:
        """Whether the files are at least as long as the journal says; it was flushed after them."""
        paths_ = {name: self.staging / name for name in DATA_FILES}
        return all(path.is_file() and path.stat().st_size >= sizes[name] for name, path in paths_.items())

    # Reading

    def _batches(self, reading: Reading) -> Iterator[_Batch]:
        batch = _Batch()
        for header, body in reading:
            kind = header["kind"]
            if kind == "opened":
                if not self.previewed and is_guessed(header["forms"]):
                    raise ArticlesError(GUESSED, path=self.path)
                self.total_bytes = header["size"]
                if not self.state["splits"]:
                    self.skipped = Skipped.from_json(header["refused"])
                    self.state |= {"remarks": header["remarks"], "forms": header["forms"]}
                for split in header["splits"]:
                    fresh = {"place": [], "complete": False, "articles": 0, "words": 0, "tokens": 0, "bytes": 0}
                    self.state["splits"].setdefault(split, fresh)
            elif kind == "progress":
                self.done_bytes, self.total_bytes = header["done"], header["total"] or self.total_bytes
            elif kind == "article":
                batch.headers.append(header)
                batch.texts.append(body.decode())
                batch.size += len(body)
            elif kind == "skipped":
                batch.skipped.append(header)
            elif kind == "split":
                batch.ended.append(header["split"])
            if (
                batch.size >= BATCH_BYTES
                or len(batch.headers) >= BATCH_ARTICLES
                or len(batch.skipped) >= 10_000
                or kind == "split"
            ):
                yield batch
                batch = _Batch()

    def _encode_and_write(self, batches: Iterator[_Batch], encoder: ThreadPoolExecutor) -> None:
        """Writes one batch while the next is read and encoded."""
        before: tuple[_Batch, Future[list[np.ndarray]]] | None = None
        noted = time.monotonic()
        for batch in batches:
            encoding = encoder.submit(self.tokenizer.encode_arrays, batch.texts)
            if before is not None:
                self._write(before[0], before[1].result())
            before = (batch, encoding)
            if time.monotonic() - noted > JOURNAL_SECONDS:
                self._note()
                noted = time.monotonic()
            try:
                self._say(self.done_bytes, self.total_bytes, Phase.PREPARING)
            except Cancelled:
                self._write(batch, encoding.result())
                raise
        if before is not None:
            self._write(before[0], before[1].result())
        self._say(self.done_bytes, self.total_bytes, Phase.PREPARING)

    def _say(self, done: int, total: int, phase: Phase) -> None:
        tokens = sum(s["tokens"] for s in self.state["splits"].values())
        self.on_progress(Preparing(done, total, phase, self.articles, tokens, self.skipped.count))

    def compared(self, progress: Progress) -> None:
        """Says how many of the articles that were read are compared with one another."""
        self._say(progress.done, progress.total, progress.phase)

    @property
    def articles(self) -> int:
        """How many are written."""
        return sum(s["articles"] for s in self.state["splits"].values())

    # Writing

    def _write(self, batch: _Batch, encoded: list[np.ndarray]) -> None:
        pieces, articles, sections, ids = [], [], [], []
        mark = np.array([self.tokenizer.end_of_text], dtype=self.dtype)
        for header, text, token_ids in zip(batch.headers, batch.texts, encoded, strict=True):
            start = self.state["tokens"]
            size = len(text.encode())
            identifier = header["id"] or f"{header['split']}-{self.state['splits'][header['split']]['articles'] + 1}"
            id_digest = digest(header["id"].encode()) if header["id"] else 0
            articles.append((start, self.state["sections"], header["words"], size, header["digest"], id_digest))
            ends = np.cumsum(self.tokenizer.token_bytes[token_ids])
            offsets = [offset for offset, _, _ in header["marks"]]
            firsts = start + 1 + np.searchsorted(ends, offsets, side="right")
            sections += [(f, kind, named) for f, (_, kind, named) in zip(firsts, header["marks"], strict=True)]
            ids.append(identifier)
            pieces += [mark, token_ids.astype(self.dtype)]
            counts = self.state["splits"][header["split"]]
            counts["place"] = header["place"]
            counts["articles"] += 1
            counts["words"] += header["words"]
            counts["bytes"] += size
            counts["tokens"] += len(token_ids) + 1
            self.state["tokens"] += len(token_ids) + 1
            self.state["sections"] += len(offsets)
            self._count_names(header["names"])
            for part, count in header["left_out"]:
                self.state["left_out"][part] = self.state["left_out"].get(part, 0) + count
            self.state["formulas"] = np.add(self.state["formulas"], header["formulas"]).tolist()
        for header in batch.skipped:
            self.state["unread"] += 1
            self.skipped.add(ArticlesError.from_json(header))
            counts = self.state["splits"][header["split"]]
            counts["place"] = max(counts["place"], header["place"])
        for split in batch.ended:
            self.state["splits"][split]["complete"] = True
        if pieces:
            self.files[TOKENS].write(np.concatenate(pieces).tobytes())
            self.files[ARTICLES].write(np.array(articles, dtype=ARTICLE).tobytes())
            self.files[SECTIONS].write(np.array(sections, dtype=SECTION).tobytes())
            self.files[IDS].write("".join(f"{identifier}\n" for identifier in ids).encode())
        if self.most_bytes and sum(file.tell() for file in self.files.values()) > self.most_bytes:
            raise ArticlesError(
                "Prepared, {path} takes more than {most} MB: give fewer articles.",
                path=shown(self.path.name),
                most=self.most_bytes // 10**6,
            )

    def _count_names(self, names: list[str]) -> None:
        self.names.update({name.lower()[:80] or "—" for name in names})
        if len(self.names) > _MOST_NAMES:
            self.names = Counter(dict(most_common(self.names)[: _MOST_NAMES // 2]))

    def _note(self) -> None:
        """Flushes what has been written and says so in the journal."""
        for name, file in self.files.items():
            file.flush()
            sync(self.staging / name)
            self.state["written"][name] = file.tell()
        journal = {
            "format": _JOURNAL_FORMAT,
            "identity": self.identity,
            "files": self._state_digest(),
            "state": self.state,
            "skipped": self.skipped.to_json(),
            "names": self.names.most_common(),
        }
        write_json(self.staging / JOURNAL, journal)


def most_common(names: Counter[str]) -> list[tuple[str, int]]:
    """Names with their counts, the most frequent first; of equal counts in their own order."""
    return sorted(names.items(), key=lambda item: (-item[1], item[0]))
