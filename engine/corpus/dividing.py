"""A validation part drawn from the training articles, at random and by groups of near-copies, and the corpus in its new order.

A split is a range of the corpus (docs/decisions/0008-corpus.md), so what is drawn moves behind what is kept; both stay in the
order of the source.
"""

import itertools
from pathlib import Path
from typing import Any

import numpy as np

from engine.corpus.store import ARTICLE, ARTICLES, IDS, SECTION, SECTIONS, TOKENS

SHARE = 0.1  # of the training articles
SEED = 1
_COPIED = 1 << 22  # records at a time


def held_out(articles: int) -> int:
    """How many of so many training articles are set aside where a source has no validation split, at most."""
    return max(1, round(articles * SHARE))


def draw(groups: np.ndarray, seed: int = SEED) -> np.ndarray:
    """bool (articles,): which training articles are set aside.

    Whole groups, in an order drawn by `numpy.random.default_rng(seed)`, each taken where it still fits into `held_out`; a
    group that is larger than that stays in training. Where each is, articles are drawn without regard to groups.

    Args:
        groups: of each article what names its group.
    """
    wanted = held_out(len(groups))
    _names, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    rng = np.random.default_rng(seed)
    if sizes.min() > wanted:
        group, sizes = np.arange(len(groups)), np.ones(len(groups), np.int64)
    taken, left = np.zeros(len(sizes), bool), wanted
    for candidate in rng.permutation(len(sizes)).tolist():
        if sizes[candidate] <= left:
            taken[candidate] = True
            left -= int(sizes[candidate])
    return taken[group]


def divide(
    source: Path,
    target: Path,
    dtype: np.dtype,
    counts: dict[str, dict[str, int]],
    drawn: np.ndarray,
    pairs: np.ndarray,
) -> tuple[dict[str, dict[str, int]], np.ndarray]:
    """Writes the data files of `source` to `target` with the drawn articles as validation, behind the other training ones.

    Args:
        counts: of the splits, as a card has them; training comes first and validation is empty.
        drawn: bool (training articles,). pairs: PAIR records by place.

    Returns:
        The counts and the pairs as they are now.
    """
    index = np.fromfile(source / ARTICLES, dtype=ARTICLE)
    records, end = index[:-1], index[-1:]
    training = np.arange(len(drawn))
    order = np.concatenate([training[~drawn], training[drawn], np.arange(len(drawn), len(records))])
    target.mkdir()
    tokens, sections = np.diff(index["start"])[order], np.diff(index["section"])[order]
    moved = records[order]
    moved["start"], moved["section"] = np.cumsum(tokens) - tokens, np.cumsum(sections) - sections
    (target / ARTICLES).write_bytes(np.concatenate([moved, end]).tobytes())
    _copy(source / TOKENS, target / TOKENS, dtype, index["start"], order)
    marks = mapped(source / SECTIONS, SECTION)
    at = 0
    with open(target / SECTIONS, "wb") as file:
        for first, last in _runs(order):
            part = np.array(marks[int(index["section"][first]) : int(index["section"][last])])
            part["start"] = part["start"] - index["start"][first] + moved["start"][at]
            file.write(part.tobytes())
            at += last - first
    with open(source / IDS, "rb") as file:
        lines = file.read().split(b"\n")
    with open(target / IDS, "wb") as file:
        file.writelines(lines[article] + b"\n" for article in order.tolist())
    training_articles = int((~drawn).sum())
    parts = {"train": (0, training_articles), "validation": (training_articles, len(drawn))}
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    ends = np.stack([place[pairs["first"]], place[pairs["second"]]])
    again = pairs.copy()
    again["first"], again["second"] = ends.min(0), ends.max(0)
    again.sort(order=("first", "second"))
    whole = np.concatenate([moved, end])
    return {**counts, **{split: _counted(whole, *bounds) for split, bounds in parts.items()}}, again


def mapped(path: Path, dtype: np.dtype) -> np.ndarray:
    """A file's records, mapped; of an empty one none."""
    return np.memmap(path, dtype=dtype, mode="r") if path.stat().st_size else np.empty(0, dtype)


def _runs(order: np.ndarray) -> list[tuple[int, int]]:
    """The order as stretches of articles that follow one another: first, and last excluded."""
    cuts = [0, *(np.flatnonzero(np.diff(order) != 1) + 1).tolist(), len(order)]
    return [(int(order[a]), int(order[b - 1]) + 1) for a, b in itertools.pairwise(cuts)]


def _copy(source: Path, target: Path, dtype: np.dtype, starts: np.ndarray, order: np.ndarray) -> None:
    stream = mapped(source, dtype)
    with open(target, "wb") as file:
        for first, last in _runs(order):
            begin, end = int(starts[first]), int(starts[last])
            for at in range(begin, end, _COPIED):
                file.write(stream[at : min(end, at + _COPIED)].tobytes())


def _counted(index: np.ndarray, first: int, last: int) -> dict[str, Any]:
    records = index[first : last + 1]
    return {
        "first": first,
        "articles": last - first,
        "words": int(records["words"][:-1].sum(dtype=np.int64)),
        "tokens": int(records["start"][-1]) - int(records["start"][0]),
        "bytes": int(records["bytes"][:-1].sum(dtype=np.int64)),
    }
