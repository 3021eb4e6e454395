"""How far a preparation is."""

from dataclasses import dataclass

from engine.core.progress import Progress


@dataclass(frozen=True)
class Preparing(Progress):
    """How far a preparation is: reading the source, or comparing its articles with one another.

    Attributes:
        articles, tokens, skipped: so far.
    """

    articles: int = 0
    tokens: int = 0
    skipped: int = 0
