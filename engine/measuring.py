"""A model and articles → its figures on a split, computed once and kept."""

from collections.abc import Callable

from engine import evaluation, models, preparation, results
from engine.checkpoints import ModelReference
from engine.errors import ArticlesError
from engine.submission import LONGEST_AUTOMATIC_SEQUENCE, articles_path


def measure(
    model: ModelReference,
    articles: str,
    split: str = "test",
    tokens: int = 0,
    seed: int = 1,
    sequence_length: int = 0,
    report: Callable[[int, int], object] = lambda done, total: None,
) -> dict:
    """Loss, accuracy, perplexity and bits per byte of a model on a split of articles.

    Args:
        tokens: score a fixed seeded part of about so many tokens; 0 = the whole split.
        report: called with windows done and in all.

    Raises:
        ArticlesError: the split is not there. PresetError, CheckpointError: the model cannot be loaded.
    """
    loaded, tokenizer = models.load(model)
    prepared = preparation.prepare(articles_path(articles), tokenizer)
    if split not in prepared.splits:
        raise ArticlesError("{articles} has no {split} articles.", articles=articles, split=split)
    length = sequence_length or min(loaded.backbone.max_sequence_length, LONGEST_AUTOMATIC_SEQUENCE)
    key = (model, prepared, split, length, tokens, seed)
    scores = results.stored(*key)
    if not scores:
        stream = prepared.tokens(split)

        def go_on(done: int, total: int) -> bool:
            report(done, total)
            return True

        scores = evaluation.evaluate(
            evaluation.Scorer(loaded, evaluation.JIT_COMPILE),
            stream,
            tokenizer.token_bytes,
            length,
            evaluation.part(stream, length, tokens, seed),
            go_on,
        ).to_json()
        results.store(*key, scores)
    return {"checkpoint": model.reference, "hash": model.hash, "split": split, **scores}
