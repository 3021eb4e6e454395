"""Say whether a text copies more than real writing does by chance: one sentence, for pages and reports in any language."""

from engine.core.errors import EngineError, sentence
from engine.memorisation import search

FEWEST_WORDS = 3  # any two texts share two words in a row: shorter passages are not told of

_COPIED = sentence("Copied: {n} words in a row; chance explains {most}.")
_NOTHING = sentence("Not copied: nothing of {n} words in a row stands in the articles.")
_CHANCE = sentence("Not copied: {n} words in a row at most, and unseen articles share up to {most}.")

NO_YARDSTICK = sentence(
    "There is no article of this length that the run has not read: whether chance explains a passage cannot be told."
)


def verdict(own_words: int, chance: list[int]) -> EngineError:
    """Says whether a text copies, as a template with its values.

    Args:
        own_words: of its longest passage. chance: those of each unseen article.
    """
    if not chance:
        return EngineError(NO_YARDSTICK)
    most = max(chance)
    if search.copies_more(own_words, chance):
        return EngineError(_COPIED, n=own_words, most=most)
    if own_words < FEWEST_WORDS:
        return EngineError(_NOTHING, n=FEWEST_WORDS)
    return EngineError(_CHANCE, n=own_words, most=most)
