"""What so few, or so alike, texts can show: sentences to be read before a model is trained on them."""

import numpy as np

from engine.core.errors import EngineError, sentence
from engine.corpus.baselines import Baselines
from engine.corpus.store import Corpus

FEW_TRAINING_TOKENS = 20_000  # about twenty abstracts of 250 words, four times over
FEW_VALIDATION_TOKENS = 2_000
TEMPLATE_SHARE = 0.5  # of the tokens, guessed by a table of pairs; of articles it guesses about a fifth
_COUNTED_TOKENS, _SCORED_TOKENS = 200_000, 20_000


def template_share(training: np.ndarray, validation: np.ndarray, vocabulary_size: int) -> float:
    """Which share of the validation tokens a bigram guesses that was counted on the training tokens."""
    scored = np.asarray(validation[:_SCORED_TOKENS])
    if len(scored) < 2 or len(training) < 2:
        return 0.0
    table = Baselines(training[:_COUNTED_TOKENS], vocabulary_size)
    return float(table.bigram(scored[:-1], scored[1:]).correct.mean())


def notices(corpus: Corpus) -> list[EngineError]:
    """What a person should know of a corpus before a model is trained on it; nothing where it is large and varied."""
    found = []
    training, validation = corpus.card["splits"]["train"], corpus.card["splits"].get("validation")
    if training["tokens"] < FEW_TRAINING_TOKENS:
        template = sentence(
            "{articles} texts with {tokens} tokens are little to learn from: windows hold several of them at once, and within "
            "minutes the model knows them by heart. They show how a training runs; what a model learns of a field takes "
            "hundreds of articles."
        )
        found.append(EngineError(template, articles=training["articles"], tokens=training["tokens"]))
    if validation and validation["tokens"] < FEW_VALIDATION_TOKENS:
        template = sentence(
            "Its figures are measured on a validation part of {tokens} tokens (texts in it: {articles}): other texts would give "
            "other figures."
        )
        found.append(EngineError(template, articles=validation["articles"], tokens=validation["tokens"]))
    share = corpus.card.get("template_share", 0.0)
    if share >= TEMPLATE_SHARE:
        template = sentence(
            "The texts are made to one pattern: a table of which token follows which, counted on the training texts, guesses "
            "{percent} % of the tokens of the validation texts. A high accuracy of a model says nothing here; write texts that "
            "differ, or compare with that number."
        )
        found.append(EngineError(template, percent=round(100 * share, 1)))
    return found
