"""Confidence intervals over articles: articles are left out, not tokens, since tokens of one are alike.

A figure is a quotient of sums over articles, or a function of one. Its standard error is the jackknife's: with f the figure and
f(-i) the figure without article i, the root of the sum of (f(-i) - f)^2 (B. Efron, R. J. Tibshirani, "An Introduction to the
Bootstrap" (1993), chapter 11; without the factor (n - 1) / n, which is MacKinnon and White's HC3 (1985) for quotients and
better for few). The interval is Student's, its degrees of freedom being one less than the effective number of articles, the
square of their tokens' sum over the sum of their squares (L. Kish, "Survey Sampling" (1965), section 11.2): of ten articles
of which one holds half of all tokens there are in truth fewer.

Where long articles are easier, or harder, than short ones, the figure is skewed: most draws lack the longest articles and fall
on one side of it. The end on that side is moved out by the first term that skewness adds to a studentised mean (N. J. Johnson,
"Modified t Tests and Confidence Intervals for Asymmetrical Populations" (1978)), twice, since in a few articles skewness looks
smaller than it is; the other end stays. Coverage, and where it falls short all the same: benchmarks/coverage.py.
"""

import math
from typing import Any

import numpy as np

FEWEST_ARTICLES = 5  # with fewer there is too little to judge by
FIGURES = ("accuracy", "top_5", "top_10", "loss", "perplexity", "bits_per_byte")
_SKEWNESS_TAKEN = 2  # times what the articles show
_AT_MOST_ONE = ("accuracy", "top_5", "top_10")


def figures_of(sums: dict[str, Any]) -> dict[str, Any]:
    """Figures from sums over tokens, numbers or arrays: tokens, bytes, loss, top_1, top_5, top_10.

    Those of which a sum is not there are left out.
    """
    tokens, size = np.maximum(sums["tokens"], 1), np.maximum(sums["bytes"], 1)
    loss = np.asarray(sums["loss"]) / tokens
    shares = {"accuracy": "top_1", "top_5": "top_5", "top_10": "top_10"}
    return {
        **{name: np.asarray(sums[key]) / tokens for name, key in shares.items() if key in sums},
        "loss": loss,
        "perplexity": np.exp(np.minimum(loss, 700.0)),
        "bits_per_byte": np.asarray(sums["loss"]) / math.log(2) / size,
    }


def intervals(
    by_article: dict[str, list[float]], against: dict[str, list[float]] | None = None, share: float = 0.95
) -> dict[str, list[float]]:
    """For each figure an interval that holds the true one in `share` of all draws of as many articles.

    Articles of which nothing was scored are passed over.

    Args:
        by_article: sums of each article, as `figures_of` takes them.
        against: those of another model on the same tokens: the intervals are of the difference to it, both figures without
            an article being without the same one.

    Returns:
        The figure's name → its lower and upper end; {} where fewer than FEWEST_ARTICLES were scored.

    Raises:
        ValueError: the two were not scored on the same tokens.
    """
    if against is not None and against["tokens"] != by_article["tokens"]:
        raise ValueError("the two were not scored on the same tokens")
    if scored_articles(by_article) < FEWEST_ARTICLES:
        return {}
    scored = np.array(by_article["tokens"]) > 0
    columns, others = (
        None if sums is None else {name: np.array(values, np.float64)[scored] for name, values in sums.items()}
        for sums in (by_article, against)
    )
    assert columns is not None
    return {name: [float(end) for end in ends] for name, ends in of_columns(columns, others, share).items()}


def of_columns(
    columns: dict[str, np.ndarray], against: dict[str, np.ndarray] | None = None, share: float = 0.95
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """As `intervals`, of sums that are arrays of (..., articles), each with tokens; the ends are arrays of (...)."""
    whole, without = _left_out(columns)
    if against is not None:
        other, without_other = _left_out(against)
        whole = {name: value - other[name] for name, value in whole.items()}
        without = {name: values - without_other[name] for name, values in without.items()}
    found = {name: _ends(value, without[name], columns["tokens"], share) for name, value in whole.items()}
    if against is None:
        for name, (low, high) in found.items():
            found[name] = np.maximum(low, 0.0), np.minimum(high, 1.0) if name in _AT_MOST_ONE else high
        # Of a function of the loss the interval is the function of its ends.
        low, high = (np.exp(np.minimum(end, 700.0)) for end in found["loss"])
        found["perplexity"] = low, high
    return found


def of_share(counted: np.ndarray, of: np.ndarray, share: float = 0.95) -> list[float] | None:
    """The interval of a quotient of two sums over passages, as `intervals` has it; None of fewer than FEWEST_ARTICLES."""
    counted, of = (np.asarray(values, np.float64)[np.asarray(of) > 0] for values in (counted, of))
    if len(of) < FEWEST_ARTICLES:
        return None
    low, high = _ends(counted.sum() / of.sum(), (counted.sum() - counted) / (of.sum() - of), of, share)
    return [max(0.0, float(low)), min(1.0, float(high))]


def differences(breakdown: dict[str, Any], against: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """How each figure of a report differs from that of another on the same tokens.

    Args:
        breakdown, against: with the figures and `by_article`, as `engine.evaluation.breakdown.run` gives them.

    Returns:
        The figure's name → its `change`, and the `interval` of it, paired by article: None of too few articles.

    Raises:
        ValueError: the two were not scored on the same tokens.
    """
    found = intervals(breakdown["by_article"], against["by_article"])
    return {name: {"change": breakdown[name] - against[name], "interval": found.get(name)} for name in FIGURES}


def scored_articles(by_article: dict[str, list[float]]) -> int:
    """Of how many articles a token was scored."""
    return sum(tokens > 0 for tokens in by_article["tokens"])


def _left_out(columns: dict[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The figures of all articles, (...), and those without each of them, (..., articles)."""
    totals = {name: values.sum(-1) for name, values in columns.items()}
    return figures_of(totals), figures_of({name: totals[name][..., None] - v for name, v in columns.items()})


def _ends(value: Any, without: np.ndarray, tokens: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """The ends of an interval.

    Args:
        value: the figure, (...). without: the figure without each article, (..., articles). tokens: of each article.
    """
    from scipy.special import ndtri, stdtrit

    value = np.asarray(value)
    effective = tokens.sum(-1) ** 2 / (tokens**2).sum(-1)
    reach = stdtrit(np.maximum(1.0, effective - 1), 0.5 + share / 2)
    moved = value[..., None] - without
    error = np.sqrt((moved**2).sum(-1))
    scaled = np.divide(moved, error[..., None], out=np.zeros_like(moved), where=error[..., None] > 0)
    longer = _SKEWNESS_TAKEN * (scaled**3).sum(-1) * (2 * float(ndtri(0.5 + share / 2)) ** 2 + 1) / 6
    return value - error * (reach + np.maximum(0, -longer)), value + error * (reach + np.maximum(0, longer))
