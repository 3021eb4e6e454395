"""Beam search: the most probable continuation among those that a bounded number of hypotheses can reach.

The score is the plain sum of log-probabilities, without a length penalty: the result is the most probable text of at most
`length` tokens that was found, and one that ends early competes with what goes on.
"""

from collections.abc import Callable, Generator

import numpy as np


def search(
    logits: np.ndarray,
    advance: Callable[[np.ndarray, np.ndarray], np.ndarray],
    beams: int,
    end: int,
    length: int,
) -> Generator[int, None, list[int]]:
    """Yields after each token how many have been decided; returns the best token ids, without the end.

    With one beam this is greedy decoding; with as many as there are hypotheses it is exhaustive. Nothing is drawn: of equal
    scores the earlier hypothesis and the smaller id come first.

    Args:
        logits: (vocabulary,), behind the prompt.
        advance: (parents, tokens), int (n,) both → logits (n, vocabulary): each new hypothesis is its parent (an index into
            the former ones) with the token added.
        beams: how many hypotheses are kept.
        end: the id that ends a text.
        length: the most tokens of a continuation.
    """
    alive: list[list[int]] = [[]]
    scores = np.zeros(1)
    ended: tuple[float, list[int]] = (-np.inf, [])
    following = logits[None]
    for done in range(1, length + 1):
        totals = scores[:, None] + _log_softmax(following)  # (hypotheses, vocabulary)
        # Twice as many as are kept: half of them may be ends only where each hypothesis has one.
        best = _largest(totals.ravel(), 2 * beams)
        parents, tokens = np.divmod(best, totals.shape[1])
        for place, (parent, token) in enumerate(zip(parents[:beams], tokens[:beams], strict=True)):
            if token == end and totals.flat[best[place]] > ended[0]:
                ended = float(totals.flat[best[place]]), alive[parent]
        going_on = np.flatnonzero(tokens != end)[:beams]
        parents, tokens, scores = parents[going_on], tokens[going_on], totals.flat[best[going_on]]
        alive = [[*alive[parent], int(token)] for parent, token in zip(parents, tokens, strict=True)]
        yield done
        # What goes on can only lose: every further token has a probability of at most 1.
        if not alive or ended[0] >= scores[0]:
            return ended[1]
        if done < length:
            following = advance(parents, tokens)
    return alive[0]


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    logs: np.ndarray = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return logs


def _largest(values: np.ndarray, count: int) -> np.ndarray:
    """The indices of the largest values, largest first, equal ones in order."""
    if count < len(values):
        bound = np.partition(values, -count)[-count]
        candidates = np.flatnonzero(values >= bound)
    else:
        candidates = np.arange(len(values))
    return candidates[np.argsort(-values[candidates], kind="stable")][:count]
