"""Confidence intervals by bootstrap over articles: articles are drawn, not tokens, since tokens of one are alike.

B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap" (1993), section 13.3: percentile intervals.
"""

import math
from typing import Any

import numpy as np

RESAMPLES = 1000
SEED = 1
FEWEST_ARTICLES = 5  # with fewer there is too little to draw from: an interval would look far more certain than it is
FIGURES = ("accuracy", "top_5", "top_10", "loss", "perplexity", "bits_per_byte")
_DRAWN = 2_000_000  # articles at a time: memory does not grow with their number


def figures_of(sums: dict[str, Any]) -> dict[str, Any]:
    """Figures from sums over tokens, numbers or arrays: tokens, bytes, loss, top_1, top_5, top_10."""
    tokens, size = np.maximum(sums["tokens"], 1), np.maximum(sums["bytes"], 1)
    loss = np.asarray(sums["loss"]) / tokens
    return {
        "accuracy": np.asarray(sums["top_1"]) / tokens,
        "top_5": np.asarray(sums["top_5"]) / tokens,
        "top_10": np.asarray(sums["top_10"]) / tokens,
        "loss": loss,
        "perplexity": np.exp(np.minimum(loss, 700.0)),
        "bits_per_byte": np.asarray(sums["loss"]) / math.log(2) / size,
    }


def intervals(
    by_article: dict[str, list[float]], against: dict[str, list[float]] | None = None, share: float = 0.95
) -> dict[str, list[float]]:
    """For each figure the interval that holds the middle `share` of what RESAMPLES draws of the articles give.

    Articles of which nothing was scored are not drawn.

    Args:
        by_article: sums of each article, as `figures_of` takes them.
        against: those of another model on the same tokens: the intervals are of the difference to it, both figures of a
            draw coming from the same articles.

    Returns:
        The figure's name → its lower and upper end; {} where fewer than FEWEST_ARTICLES were scored.

    Raises:
        ValueError: the two were not scored on the same tokens.
    """
    if against is not None and against["tokens"] != by_article["tokens"]:
        raise ValueError("the two were not scored on the same tokens")
    if scored_articles(by_article) < FEWEST_ARTICLES:
        return {}
    drawn = _resampled(by_article)
    if against is not None:
        other = _resampled(against)  # the same seed: the same articles
        drawn = {name: drawn[name] - other[name] for name in FIGURES}
    tail = 50 * (1 - share)
    return {name: np.percentile(drawn[name], [tail, 100 - tail]).tolist() for name in FIGURES}


def differences(report: dict[str, Any], against: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """How each figure of a report differs from that of another on the same tokens.

    Args:
        report, against: with the figures and `by_article`, as `engine.breakdown.run` gives them.

    Returns:
        The figure's name → its `change`, and the `interval` of it, paired by article: None of too few articles.

    Raises:
        ValueError: the two were not scored on the same tokens.
    """
    found = intervals(report["by_article"], against["by_article"])
    return {name: {"change": report[name] - against[name], "interval": found.get(name)} for name in FIGURES}


def scored_articles(by_article: dict[str, list[float]]) -> int:
    """Of how many articles a token was scored."""
    return sum(tokens > 0 for tokens in by_article["tokens"])


def _resampled(by_article: dict[str, list[float]]) -> dict[str, np.ndarray]:
    names = list(by_article)
    columns = np.array([by_article[name] for name in names], dtype=np.float64).T  # (articles, sums)
    columns = columns[columns[:, names.index("tokens")] > 0]
    n, rng, sums = len(columns), np.random.default_rng(SEED), []
    rows = max(1, _DRAWN // max(1, n))
    for first in range(0, RESAMPLES, rows):
        count = min(rows, RESAMPLES - first)
        chosen = rng.integers(0, n, (count, n)) + n * np.arange(count)[:, None]
        times = np.bincount(chosen.ravel(), minlength=count * n).reshape(count, n)  # (draws, articles)
        sums.append(times @ columns)
    return figures_of(dict(zip(names, np.concatenate(sums).T, strict=True)))
