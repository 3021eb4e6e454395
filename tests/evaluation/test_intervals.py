"""Intervals of figures: paired by article, as wide as they must be, and not told of a few articles."""

import math

import numpy as np
import pytest

from engine.core import paths
from engine.evaluation import breakdown, intervals

pytestmark = pytest.mark.slow


def test_the_interval_of_a_difference_is_paired_by_article():
    rng = np.random.default_rng(3)
    level = rng.uniform(2, 6, 40)  # articles differ far more than models do
    base = {"tokens": [100] * 40, "bytes": [300] * 40, "loss": (100 * level).tolist()}
    base |= {name: [20] * 40 for name in ("top_1", "top_5", "top_10")}
    tuned = {**base, "loss": (100 * (level - 0.1 + rng.normal(0, 0.01, 40))).tolist()}
    low, high = intervals.intervals(tuned, base)["loss"]
    assert -0.11 < low < high < -0.09
    alone = intervals.intervals(tuned)["loss"]
    assert alone[1] - alone[0] > 20 * (high - low)
    assert intervals.intervals(tuned, base) == intervals.intervals(tuned, base)
    with pytest.raises(ValueError):
        intervals.intervals(tuned, {**base, "tokens": [100] * 39 + [99]})


def test_the_interval_of_a_mean_is_as_wide_as_theory_says():
    rng = np.random.default_rng(4)
    sums = {"tokens": [50] * 400, "bytes": [150] * 400, "top_1": rng.binomial(50, 0.3, 400).tolist()}
    sums |= {name: [30] * 400 for name in ("top_5", "top_10")} | {"loss": [200.0] * 400}
    low, high = intervals.intervals(sums)["accuracy"]
    assert high - low == pytest.approx(2 * 1.96 * math.sqrt(0.3 * 0.7 / 20_000), rel=0.12)


def test_articles_of_which_nothing_was_scored_are_not_drawn():
    """A part of a split leaves articles out: drawn as well, they would pull figures to 0."""
    whole = {"tokens": [50] * 9, "bytes": [150] * 9, "loss": [200.0 + n for n in range(9)]}
    whole |= {name: [10 + n for n in range(9)] for name in ("top_1", "top_5", "top_10")}
    part = {name: [*values[:4], 0, 0, *values[4:], 0] for name, values in whole.items()}
    assert intervals.intervals(part) == intervals.intervals(whole)
    assert intervals.scored_articles(part) == 9


def test_of_a_few_articles_no_interval_is_told():
    few = {name: [50] * 4 + [0] * 8 for name in breakdown.SUMS}
    assert intervals.intervals(few) == intervals.intervals(few, few) == {}
    assert intervals.intervals({name: [50] * 5 for name in breakdown.SUMS})


@pytest.mark.parametrize("articles", [8, 12, 25])
@pytest.mark.parametrize(("width", "slope"), [(0.6, 0.0), (0.6, 0.05), (1.2, 0.0)])
def test_intervals_hold_what_they_say(articles, width, slope):
    """Coverage of articles of very different sizes, of which long ones may be easier; benchmarks/coverage.py tells more."""
    rng = np.random.default_rng(2)
    size = rng.normal(0, 1, 4000)
    tokens = np.round(np.exp(8 + width * size))
    right = tokens * np.clip(rng.normal(0.3, 0.04, 4000) + slope * size, 0, 1)
    drawn = rng.integers(0, 4000, (6000, articles))
    sums = dict.fromkeys(("tokens", "bytes", "loss"), tokens[drawn]) | {"top_1": right[drawn]}
    low, high = intervals.of_columns(sums)["accuracy"]
    true = right.sum() / tokens.sum()
    assert 0.93 <= ((low <= true) & (true <= high)).mean() <= 0.977
    one = {name: values[0].tolist() for name, values in sums.items()}
    assert intervals.intervals(one)["accuracy"] == pytest.approx([low[0], high[0]])


def test_where_a_few_articles_are_far_longer_and_easier_intervals_hold_less_often_and_the_report_says_so():
    rng = np.random.default_rng(2)
    size = rng.normal(0, 1, 4000)
    tokens = np.round(np.exp(8 + 1.2 * size))
    right = tokens * np.clip(rng.normal(0.3, 0.04, 4000) + 0.05 * size, 0, 1)
    true = right.sum() / tokens.sum()
    for articles in (8, 25, 100):
        drawn = rng.integers(0, 4000, (6000, articles))
        sums = dict.fromkeys(("tokens", "bytes", "loss"), tokens[drawn]) | {"top_1": right[drawn]}
        low, high = intervals.of_columns(sums)["accuracy"]
        assert 0.87 <= ((low <= true) & (true <= high)).mean() <= 0.96
    assert "about 90" in (paths.PROJECT / "ui" / "breakdown_view.py").read_text(encoding="utf-8")


def test_an_interval_reaches_farther_on_the_side_that_most_draws_miss():
    tokens = [100.0] * 11 + [300.0]  # the long one is easier
    sums = {"tokens": tokens, "bytes": tokens, "loss": [300.0] * 11 + [750.0]}
    sums |= {name: [20.0] * 11 + [90.0] for name in ("top_1", "top_5", "top_10")}
    found = intervals.intervals(sums)
    for name, farther in (("accuracy", 1), ("loss", 0)):
        value = intervals.figures_of({key: sum(values) for key, values in sums.items()})[name]
        reach = [value - found[name][0], found[name][1] - value]
        assert reach[farther] > 1.5 * reach[1 - farther] > 0
