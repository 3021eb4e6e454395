"""Figures of a prepared corpus, computed from its index and kept as long as the corpus stands."""

import numpy as np
import streamlit as st

from engine.corpus import keywords
from engine.corpus.store import Corpus
from engine.presets.tokenizers import Tokenizer


def coverage(token_counts: np.ndarray, taken: int) -> float:
    """The share of all tokens that the first `taken` of each article make up."""
    return float(np.minimum(token_counts, taken).sum() / max(1, token_counts.sum()))


@st.cache_data(max_entries=8, show_spinner=False)
def curve(content_hash: str, split: str, _corpus: Corpus) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of tokens from 16 to the longest article's, and the share that each covers."""
    counts = _corpus.token_counts(split)
    taken = np.unique(np.geomspace(16, max(17, int(counts.max())), 40).round().astype(int))
    return taken, np.array([coverage(counts, int(n)) for n in taken])


@st.cache_data(max_entries=8, show_spinner=False)
def over_represented(
    content_hash: str, split: str, _corpus: Corpus, _tokenizer: Tokenizer
) -> tuple[list[tuple[str, float, float]], int]:
    """The words that a split uses more than prose does, and how many articles were looked at."""
    counts, articles = keywords.sampled(_corpus, _tokenizer, split)
    return keywords.over_represented(counts), articles
