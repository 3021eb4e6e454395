"""How far a preparation is."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """How far a preparation is.

    Attributes:
        done_bytes, total_bytes: of the source, unpacked; total is 0 until it is known.
        articles, tokens, skipped: so far.
        compared: articles that near-copies were looked for of, once all are read.
    """

    done_bytes: int = 0
    total_bytes: int = 0
    articles: int = 0
    tokens: int = 0
    skipped: int = 0
    compared: int = 0


Report = Callable[[Progress], None]
