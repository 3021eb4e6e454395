"""What a run reads: where its articles lie, and how long and how many the windows of a step are."""

from pathlib import Path

from engine.articles import hub
from engine.core import paths
from engine.runs.settings import RunSettings

LONGEST_AUTOMATIC_SEQUENCE = 256
STEP_TOKENS = 2048  # an automatic batch size makes about so many targets a step,
STEP_LOGITS = 1 << 26  # and at most so many logits (256 MB in float32), of which a step holds several copies


def window_shape(settings: RunSettings, context: int, vocabulary_size: int) -> tuple[int, int]:
    """(sequence_length, batch_size) with the automatic values filled in."""
    length = settings.sequence_length or min(context or LONGEST_AUTOMATIC_SEQUENCE, LONGEST_AUTOMATIC_SEQUENCE)
    return length, settings.batch_size or max(1, min(STEP_TOKENS, STEP_LOGITS // max(1, vocabulary_size)) // length)


def articles_path(articles: str) -> Path:
    """The file or folder that a run's `articles` mean: a path, or what was fetched of a hub's data set.

    Raises:
        ArticlesError: the data set has not been fetched yet.
    """
    return hub.local(articles) if hub.is_name(articles) else paths.locate(articles)
