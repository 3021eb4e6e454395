"""What a run's own samples copied from its articles, where these are indexed already: nothing is built for it."""

from pathlib import Path

import numpy as np

from engine.core.errors import EngineError
from engine.corpus.store import Corpus
from engine.evaluation import evidence
from engine.evaluation.interpretation import Finding
from engine.evaluation.run_figures import Copying
from engine.memorisation import search
from engine.memorisation.search import Copied
from engine.presets.tokenizers import Tokenizer
from engine.runs import articles_read
from engine.runs.folder import Run
from engine.runs.history import shared
from engine.runs.history.follower import History


def findings(run: Run) -> list[Finding]:
    """What happened in a run (`evidence.of_run`), and what its samples copied where its articles are indexed."""
    history = shared.of(run.folder)
    found = evidence.of_run(run, history)
    return evidence.of_run(run, history, copied(run, history)) if found else found


def copied(run: Run, history: History) -> Copying | None:
    """What the samples of a run's result copied; None where there are none, or its articles are gone or not indexed."""
    step = evidence.result_step(run.state(), history)
    placed = [
        p
        for p in history.placed
        if p.event["kind"] == "sample" and p.event["model"] == "run" and p.event["step"] == step
    ]
    if not placed:
        return None
    try:
        seen = articles_read.seen(run, _prepares_nothing)
        if seen.lost or not seen.ranges or search.missing(seen.ranges):
            return None
        texts = [search.ids_of(seen.tokenizer, s["prompt"], s["text"]) for s in history.complete(placed)]
        texts = [ids for ids in texts if len(ids) >= search.LENGTHS[0]]
        if not texts:
            return None
        own = [search.find(ids, seen.ranges) for ids in texts]
        others = [search.find(ids, seen.ranges) for *_place, ids in search.unseen(seen, max(len(ids) for ids in texts))]
        chance = [found.words(seen.tokenizer) for found in others]
        copied_of_each = [_beyond_chance(found, seen.tokenizer, chance) for found in own]
        longest = max(found.words(seen.tokenizer) for found in own)
    except EngineError:
        return None
    return Copying(float(np.concatenate(copied_of_each).mean()), longest, max(chance) if chance else None)


def _beyond_chance(found: Copied, tokenizer: Tokenizer, chance: list[int]) -> np.ndarray:
    """bool (tokens,): whether each token is part of a passage that has more words than any of the unseen articles shares."""
    marked = np.zeros(len(found.lengths), bool)
    for passage in found.passages:
        if search.copies_more(passage.words(tokenizer), chance):
            marked[passage.first : passage.last] = True
    return marked


def _prepares_nothing(_path: Path, _tokenizer: Tokenizer) -> Corpus | None:
    return None
