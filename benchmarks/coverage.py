"""How often a 95 % interval holds what it is an interval of, and how often copying is told of texts that copy nothing.

    python benchmarks/coverage.py [--draws 2000]
    python benchmarks/coverage.py --copying [--draws 2000]

Populations are the articles of $ATELIER_DATA/articles/train.jsonl as the base model and the recorded run score them (sums of
each article; `real`, where that folder is), and made-up sums: sizes of a log-normal distribution as wide as theirs and a level of
each article (`plain`), a level that goes with the length (`by_length`), sizes twice as wide (`unequal`), and both at once
(`unequal_by_length`). So many articles are drawn again and again, an interval is made of each draw with engine.evaluation.intervals, and it is
counted how often it holds the figure of the whole population; the same for the difference of the two models. `width` is the
mean width of the accuracy's interval, in points.

`--copying` takes passages of 200 tokens from the middle of the validation and test articles, none of which was trained on, looks
for them in the training articles, and counts how often one of them, taken as a sample, is told to copy more than 20 others.
Prints a line of JSON for each population.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import bench  # noqa: F401  (the project is put on the path)
import numpy as np

from engine.core import paths
from engine.corpus import preparation
from engine.evaluation import intervals
from engine.memorisation import search
from engine.presets import tokenizers
from engine.runs import articles_read

ARTICLES = (5, 8, 12, 18, 25, 100)
MADE_UP = {  # how wide the sizes are (of their logarithms), and what a size of one standard deviation more does to the level
    "plain": (0.6, 0.0),
    "by_length": (0.6, 0.05),
    "unequal": (1.2, 0.0),
    "unequal_by_length": (1.2, 0.05),
}
Sums = dict[str, np.ndarray]


def real(data: Path) -> tuple[Sums, Sums]:
    """Sums of each article under the base model and the recorded run."""
    from engine.evaluation import measure
    from engine.runs import references

    found = []
    for name in (str(paths.MINI_PRESET), "recorded-mini"):
        breakdown = measure.examine(references.resolve(name), str(data / "articles"), "train")
        found.append({key: np.array(values, np.float64) for key, values in breakdown["by_article"].items()})
    return found[0], found[1]


def made_up(random: np.random.Generator, width: float, slope: float, articles: int = 8000) -> tuple[Sums, Sums]:
    """The same of no model: two whose levels go together."""
    size = random.normal(0, 1, articles)
    tokens = np.round(np.exp(9.1 + width * size))
    level = np.clip(random.gamma(25, 0.01, articles) + slope * size, 0.02, 0.8)
    models = []
    for gain in (0.0, 0.1 + slope / 2 * size):  # what a model gains goes with the length too
        right = tokens * np.clip(level + gain + random.normal(0, 0.01, articles), 0, 1)
        loss = tokens * (9 - 10 * level - 10 * gain + random.normal(0, 0.1, articles))
        shares = {
            "top_1": right,
            "top_5": np.minimum(tokens, 0.2 * tokens + right),
            "top_10": np.minimum(tokens, 0.3 * tokens + right),
        }
        models.append({"tokens": tokens, "bytes": 3 * tokens, "loss": np.maximum(loss, 0), **shares})
    return models[0], models[1]


def coverage(base: Sums, run: Sums, articles: int, draws: int, random: np.random.Generator) -> dict[str, float]:
    """In what share of draws each interval holds the figure of the population."""
    whole = [intervals.figures_of({k: v.sum() for k, v in sums.items()}) for sums in (base, run)]
    drawn = random.integers(0, len(base["tokens"]), (draws, articles))
    one, other = ({k: v[drawn] for k, v in sums.items()} for sums in (run, base))
    alone, paired = intervals.of_columns(one), intervals.of_columns(one, other)
    found = {"width": round(100 * float((alone["accuracy"][1] - alone["accuracy"][0]).mean()), 2)}
    for kind, ends, true in (
        ("", alone, whole[1]),
        ("difference_", paired, {name: whole[1][name] - whole[0][name] for name in whole[0]}),
    ):
        for name in intervals.FIGURES:
            low, high = ends[name]
            found[kind + name] = round(100 * float(((low <= true[name]) & (true[name] <= high)).mean()), 1)
    return found


def copying(data: Path, draws: int, random: np.random.Generator, tokens: int = 200) -> dict[str, float]:
    """How often a passage that copies nothing is told to: by its longest passage, and by any of three shares."""
    tokenizer = tokenizers.load(paths.MINI_PRESET)
    prepared = preparation.prepare(data / "articles", tokenizer)
    ranges = (articles_read.Range(prepared, 1, prepared.articles("train")),)
    search.build(ranges)
    passages = []
    for split in ("validation", "test"):
        for number in range(1, prepared.articles(split) + 1):
            stream = np.array(prepared.tokens(split, number, number)[1:], np.int64)
            if len(stream) >= tokens:
                first = (len(stream) - tokens) // 2
                passages.append(search.find(stream[first : first + tokens], ranges))
    words = [found.words(tokenizer) for found in passages]
    longest = by_shares = 0
    for _ in range(draws):
        drawn = random.permutation(len(passages))[:21]
        own, *others = (passages[n] for n in drawn)
        longest += search.copies_more(words[drawn[0]], [words[n] for n in drawn[1:]])
        shares = [(own.share(n), max(o.share(n) or 0.0 for o in others)) for n in search.LENGTHS]
        by_shares += any((share or 0.0) > most for share, most in shares)
    stated = search.false_alarms(words[:20])
    return {
        "passages": len(passages),
        "stated_percent": round(100 * stated, 1),
        "told_percent": round(100 * longest / draws, 1),
        "by_any_of_three_shares_percent": round(100 * by_shares / draws, 1),
    }


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--copying", action="store_true")
    a = parser.parse_args()
    random = np.random.default_rng(1)
    data = Path(os.environ.get("ATELIER_DATA", ""))
    there = (data / "articles" / "train.jsonl").is_file()
    if a.copying:
        if not there:
            sys.exit("$ATELIER_DATA/articles is not there: copying is measured on real articles alone.")
        print(json.dumps(copying(data, a.draws, random)))
        return
    populations = {name: made_up(random, *of) for name, of in MADE_UP.items()}
    if there:
        populations["real"] = real(data)
    for name, (base, run) in populations.items():
        found = {str(n): coverage(base, run, n, a.draws, random) for n in ARTICLES}
        print(json.dumps({"population": name, "articles": len(base["tokens"]), **found}))


if __name__ == "__main__":
    main()
