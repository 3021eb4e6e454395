"""A model and articles → its figures on a split, computed once and kept."""

from collections.abc import Callable

from engine import checkpoints, evaluation, models, paths, preparation, results
from engine.checkpoints import Checkpoint, ModelReference
from engine.errors import ArticlesError
from engine.locks import Lock
from engine.runs import Run
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


def parity(checkpoint: Checkpoint, report: Callable[[int, int], object] = lambda done, total: None) -> dict[str, dict]:
    """An imported checkpoint and its base on the sample articles, on the same tokens; kept with the checkpoint.

    Returns:
        "base" and "run" → the figures on the test articles.

    Raises:
        CheckpointError, PresetError: it cannot be loaded.
    """
    run = Run(checkpoint.folder.parent)
    reference = checkpoints.resolve(checkpoint.reference, run.folder.parent)
    named = {"base": ModelReference(reference.preset), "run": reference}
    sample = paths.portable(paths.SAMPLE_ARTICLES)
    scored = {
        (name, split): measure(model, sample, split, report=report)
        for split in ("validation", "test")
        for name, model in named.items()
    }
    with Lock(run.folder / "lock") as lock:
        if lock.acquire(patience_seconds=2):
            for (name, split), scores in scored.items():
                run.append_event(
                    "evaluation", step=0, tokens=0, seconds=0.0, model=name, whole=True, **{**scores, "split": split}
                )
            checkpoints.with_manifest(checkpoint, metrics={s: scored["run", s] for s in ("validation", "test")})
    return {name: scored[name, "test"] for name in named}
