"""The figures of a split of articles, read once and kept as long as the file stands unchanged."""

from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import Any

import streamlit as st

from engine.articles import Skipped, Source
from engine.tokenizers import Tokenizer

_BATCH_ARTICLES = 64


@dataclass(frozen=True)
class Figures:
    """What one reading of a split gives; it grows with the number of articles by a few bytes each.

    Attributes:
        ids, words, tokens: of each article, in the order of the file.
        sections: the most frequent section names with their number of articles.
        skipped: lines that were not used. examples: the first of them, template and values.
    """

    ids: list[str]
    words: list[int]
    tokens: list[int]
    sections: list[tuple[str, int]]
    skipped: int
    examples: list[tuple[str, dict[str, Any]]]


@st.cache_data(max_entries=8, show_spinner=False)
def figures(path: str, split: str, fingerprint: list, _tokenizer: Tokenizer, tokenizer_hash: str) -> Figures:
    """Reads a split article by article; `fingerprint` and `tokenizer_hash` say what the kept figures are of."""
    skipped, names = Skipped(), Counter[str]()
    ids: list[str] = []
    words: list[int] = []
    tokens: list[int] = []
    articles = Source(path).read(split, skipped)
    while batch := list(islice(articles, _BATCH_ARTICLES)):
        tokens += [len(part) for part in _tokenizer.encode_batch([article.text() for article in batch])]
        for article in batch:
            ids.append(article.id)
            words.append(article.words)
            names.update({section.name or "—" for section in article.all_sections()})
    examples = [(problem.template, problem.values) for problem in skipped.examples]
    return Figures(ids, words, tokens, names.most_common(8), skipped.count, examples)
