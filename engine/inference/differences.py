"""Where two models expect the articles' tokens most differently, and the passage of an article that is looked at."""

from dataclasses import asdict
from typing import Any

from engine.core.errors import CheckpointError
from engine.core.progress import OnProgress, ignore
from engine.corpus.store import Corpus
from engine.evaluation import cache, scoring
from engine.evaluation.measure import with_split
from engine.inference import token_scores
from engine.models import loading, vocabulary
from engine.presets.tokenizers import Tokenizer
from engine.runs import references
from engine.runs.inputs import LONGEST_AUTOMATIC_SEQUENCE
from engine.runs.references import ModelReference


def passage(tokenizer: Tokenizer, request: dict[str, Any]) -> token_scores.Passage:
    """A passage of an article: `articles`, `split`, `number`, `first` and `count` of tokens.

    Raises:
        ArticlesError, RangeError, EngineError: it is not there.
    """
    split = str(request["split"])
    prepared = with_split(str(request["articles"]), split, tokenizer)
    return token_scores.of_article(
        prepared, split, int(request["number"]), int(request["first"]), int(request["count"])
    )


def largest_differences(
    models_: tuple[ModelReference, ModelReference],
    articles: str,
    split: str,
    on_progress: OnProgress = ignore,
) -> dict[str, list[dict[str, Any]]]:
    """Finds the tokens and sentences of a split that the second model expects better or worse than the first; cached.

    Returns:
        As `token_scores.changes`, each a dict with `before`, `text`, `after`: itself and what stands around it.

    Raises:
        ArticlesError: the split is not there. PresetError, CheckpointError: a model cannot be loaded, or the two have
            different vocabularies.
    """
    first, second = models_
    references.check_base(first, second)
    loaded, tokenizer = loading.load(first)
    prepared = with_split(articles, split, tokenizer, on_progress)
    key = {"kind": "places", "models": [first.hash, second.hash], "corpus": prepared.content_hash, "split": split}
    found: dict[str, list[dict[str, Any]]] | None = cache.read(key)
    if found is not None:
        return found
    check_same_vocabulary(first, second)
    other, _tokenizer = loading.load(second)
    length = min(loaded.backbone.max_sequence_length, LONGEST_AUTOMATIC_SEQUENCE)
    scorers = (scoring.Scorer(loaded, scoring.JIT_COMPILE), scoring.Scorer(other, scoring.JIT_COMPILE))
    changed = token_scores.changes(scorers, prepared, split, tokenizer, length, on_progress=on_progress)
    differences = {
        name: [_with_context(place, prepared, split, tokenizer) for place in largest]
        for name, largest in changed.items()
    }
    cache.write(key, differences)
    return differences


def check_same_vocabulary(first: ModelReference, second: ModelReference) -> None:
    """Makes sure that two models see the same tokens in a text.

    Raises:
        CheckpointError: they do not. PresetError: a vocabulary is not there.
    """
    one, other = (vocabulary.vocabulary(model.preset.reference) for model in (first, second))
    if one.hash != other.hash:
        raise CheckpointError(
            "{first} and {second} have different vocabularies: their tokens cannot be compared one by one.",
            first=first.reference,
            second=second.reference,
        )


_AROUND = 24  # tokens shown before and behind a place


def _with_context(place: token_scores.Place, corpus: Corpus, split: str, tokenizer: Tokenizer) -> dict[str, Any]:
    stream = corpus.tokens(split, place.article, place.article)
    parts = (
        stream[max(1, place.first - _AROUND) : place.first],
        stream[place.first : place.last],
        stream[place.last : place.last + _AROUND],
    )
    before, text, after = (tokenizer.decode(part) for part in parts)
    return {**asdict(place), "bits": round(place.bits, 2), "before": before, "text": text, "after": after}
