"""Which words a corpus uses far more often than English prose does.

Log-odds ratio with an informative Dirichlet prior: B. L. Monroe, M. P. Colaresi, K. M. Quinn, "Fightin' Words",
Political Analysis 16 (2008), equations 15 to 22; the prior is the two texts together.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np

from engine.corpus.store import Corpus
from engine.presets.tokenizers import Tokenizer

PROSE = Path(__file__).parent / "prose_words.json"  # made by scripts/prose_words.py from public-domain books
_WORD = re.compile(r"[a-z][a-z'-]+[a-z]")
_PRIOR_WORDS = 2_000.0  # weight of the prior, in words
SAMPLED_TOKENS = 400_000


def count(texts: Iterable[str]) -> Counter[str]:
    """Words of three letters or more, in lower case."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(_WORD.findall(text.lower()))
    return counts


@lru_cache(maxsize=1)
def prose() -> tuple[dict[str, int], int]:
    """Counts of the most frequent words of English prose, and of all its words."""
    value = json.loads(PROSE.read_text(encoding="utf-8"))
    return value["counts"], value["words"]


def sampled(
    corpus: Corpus, tokenizer: Tokenizer, split: str = "train", tokens: int = SAMPLED_TOKENS
) -> tuple[Counter[str], int]:
    """Word counts of articles spread evenly over a split until about `tokens` tokens, and the number of articles."""
    articles = corpus.articles(split)
    lengths = corpus.token_counts(split)
    wanted = max(1, min(articles, round(tokens / max(1.0, float(lengths.mean())))))
    numbers = np.unique(np.linspace(1, articles, wanted).round().astype(int))
    texts = (tokenizer.decode(corpus.tokens(split, n, n)[1:]) for n in map(int, numbers))
    return count(texts), len(numbers)


def over_represented(counts: Counter[str], top: int = 20) -> list[tuple[str, float, float]]:
    """The words with the highest z-score of the log-odds against prose.

    Returns:
        word, z-score, and how many times as frequent as in prose (a word that prose lacks counts there as once).
    """
    reference, reference_words = prose()
    words, total = sum(counts.values()), 0
    if not words:
        return []
    total = words + reference_words
    scored = []
    for word, n in counts.items():
        if n < 3:
            continue
        m = reference.get(word, 0)
        prior = _PRIOR_WORDS * (n + m) / total
        mine = math.log((n + prior) / (words + _PRIOR_WORDS - n - prior))
        theirs = math.log((m + prior) / (reference_words + _PRIOR_WORDS - m - prior))
        z = (mine - theirs) / math.sqrt(1 / (n + prior) + 1 / (m + prior))
        scored.append((word, z, (n / words) / (max(m, 1) / reference_words)))
    return sorted(scored, key=lambda item: -item[1])[:top]
