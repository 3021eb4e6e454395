"""What of a corpus repeats: articles that are equal, articles that are nearly so, and how much of it is one pattern."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.files import (
    storage_errors,
    write_bytes,
    write_json,
)
from engine.core.locks import Lock
from engine.core.progress import OnProgress, Phase, Progress, ignore
from engine.corpus import dividing, little, near_copies
from engine.corpus.lookup import (
    SIGNATURES,
    described,
)
from engine.corpus.progress import Preparing
from engine.corpus.shingles import Shingles
from engine.corpus.store import (
    ARTICLE,
    ARTICLES,
    CARD,
    NEAR_COPIES,
    TOKENS,
    Corpus,
    place_in,
    summary,
)
from engine.presets.tokenizers import Tokenizer

_SHOWN_DUPLICATES = 20


def template_share(
    folder: Path, dtype: np.dtype, counts: dict[str, dict[str, int]], index: np.ndarray, vocabulary_size: int
) -> float:
    """How much of the validation articles a table of pairs guesses, counted on the training articles."""
    stream = dividing.mapped(folder / TOKENS, dtype)

    def of_split(split: str) -> np.ndarray:
        first = counts[split]["first"]
        return stream[int(index["start"][first]) : int(index["start"][first + counts[split]["articles"]])]

    if not counts.get("validation", {}).get("articles"):
        return 0.0
    return round(little.template_share(of_split("train"), of_split("validation"), vocabulary_size), 4)


def add_near_copies(
    folder: Path,
    dtype: np.dtype,
    tokenizer: Tokenizer,
    signatures: Path,
    on_progress: OnProgress,
) -> np.ndarray:
    """The PAIR records of the articles of a folder; their signatures go on where they are."""
    index = np.memmap(folder / ARTICLES, dtype=ARTICLE, mode="r")
    stream = dividing.mapped(folder / TOKENS, dtype)
    shingles_of = near_copies.of_tokens(stream, index["start"], Shingles(tokenizer))
    near_copies.write_signatures(len(index) - 1, shingles_of, signatures, on_progress)
    return near_copies.pairs(near_copies.signatures(signatures), shingles_of)


def look_for_near_copies(
    corpus: Corpus,
    tokenizer: Tokenizer,
    on_progress: OnProgress = ignore,
) -> Corpus:
    """A corpus with its near-copies, which one that an earlier version prepared has not; nothing else of it changes.

    Raises:
        StorageError: no rights or no space. Cancelled: `on_progress` ended it; the next time it goes on from there.
    """
    if corpus.near_copies() is not None:
        return corpus
    totals = summary(corpus.card)

    def compared(progress: Progress) -> None:
        found = (totals["articles"], totals["tokens"], corpus.skipped.count)
        on_progress(Preparing(progress.done, progress.total, progress.phase, *found))

    beside = corpus.folder.with_name(f".{corpus.folder.name}.comparing")
    with storage_errors(corpus.folder):
        beside.mkdir(exist_ok=True)
        with Lock(beside / "lock") as lock:
            while not lock.acquire(patience_seconds=1):
                compared(Progress(0, 0, Phase.COMPARING))
            corpus = Corpus(corpus.folder)
            if corpus.near_copies() is None:
                dtype = np.dtype(corpus.card["dtype"]).newbyteorder("<")
                pairs = add_near_copies(corpus.folder, dtype, tokenizer, beside / SIGNATURES, compared)
                write_bytes(corpus.folder / NEAR_COPIES, pairs.tobytes())
                files = {**corpus.card["files"], NEAR_COPIES: described(corpus.folder / NEAR_COPIES)}
                found = near_copies.summary(pairs, corpus.card["splits"])
                write_json(corpus.folder / CARD, {**corpus.card, "near_copies": found, "files": files})
            (beside / SIGNATURES).unlink(missing_ok=True)
    shutil.rmtree(beside, ignore_errors=True)
    return Corpus(corpus.folder)


def duplicates(folder: Path, index: np.ndarray, counts: dict[str, dict[str, int]], dtype: np.dtype) -> dict[str, Any]:
    """Articles whose text stands in the corpus before, in the same split or in another; equal hashes are compared.

    Returns:
        repeated: articles equal to an earlier one of their split. across_splits: equal to one of another split.
        same_id: articles of one split that bear an identifier of another split and have another text.
        examples: numbers of the first pairs, (split, number) each.
    """
    stream = dividing.mapped(folder / TOKENS, dtype)

    def place(position: int) -> tuple[str, int]:
        return place_in(counts, position)

    def text(position: int) -> np.ndarray:
        return stream[int(index["start"][position]) : int(index["start"][position + 1])]

    found: dict[str, Any] = {"repeated": 0, "across_splits": 0, "same_id": 0, "examples": []}
    for earlier, later in _equal_pairs(index["digest"][:-1]):
        if np.array_equal(text(earlier), text(later)):
            first, second = place(earlier), place(later)
            found["repeated" if first[0] == second[0] else "across_splits"] += 1
            if len(found["examples"]) < _SHOWN_DUPLICATES:
                found["examples"].append([list(first), list(second)])
    for earlier, later in _equal_pairs(index["id_digest"][:-1]):
        if index["id_digest"][earlier] and place(earlier)[0] != place(later)[0]:
            found["same_id"] += index["digest"][earlier] != index["digest"][later]
    found["same_id"] = int(found["same_id"])
    return found


def _equal_pairs(values: np.ndarray) -> Iterator[tuple[int, int]]:
    """(first position, later position) for each later occurrence of a value."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    same = np.flatnonzero(ordered[1:] == ordered[:-1])
    heads: dict[int, int] = {}
    for at in same:
        head = heads.get(int(at), int(order[at]))
        heads = {int(at) + 1: head}
        yield head, int(order[at + 1])
