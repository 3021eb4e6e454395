"""A small text of general English that ships with the project: what a model forgets of it while it learns science."""

import json

import numpy as np

from engine.articles.article import Article, Section
from engine.core import paths
from engine.presets.tokenizers import Tokenizer

SPLIT = "english"  # what events call it
INTERVAL_TOKENS = 2048  # scored at each interval, at most


def articles() -> list[Article]:
    """The texts, in the order of the file."""
    lines = (paths.ENGLISH / "english.jsonl").read_text(encoding="utf-8").splitlines()
    return [
        Article(text["article_id"], (), (Section("", tuple(text["article_text"])),)) for text in map(json.loads, lines)
    ]


def stream(tokenizer: Tokenizer) -> np.ndarray:
    """int32 (tokens,): all texts, each opened by `<|endoftext|>` as in a corpus."""
    return np.concatenate(_ids(tokenizer))


def starts(tokenizer: Tokenizer) -> np.ndarray:
    """int64 (texts + 1,): where each text begins in the stream, and where the last ends."""
    return np.cumsum([0, *map(len, _ids(tokenizer))])


def _ids(tokenizer: Tokenizer) -> list[np.ndarray]:
    return [np.array([tokenizer.end_of_text, *tokenizer.encode(a.text())], dtype=np.int32) for a in articles()]
