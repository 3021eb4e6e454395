"""A model and articles → its figures on a split, computed once and kept."""

import contextlib
import itertools
from typing import Any

import numpy as np

from engine.core import paths
from engine.core.errors import ArticlesError, EngineError
from engine.core.locks import Lock
from engine.core.progress import OnProgress, ignore
from engine.core.splits import HELD_OUT
from engine.corpus import near_copies, preparation, token_kinds
from engine.corpus.baselines import MOST_TOKENS, RUN, SPLIT, Baselines
from engine.corpus.store import Corpus
from engine.corpus.token_kinds import TokenKinds
from engine.evaluation import breakdown, cache, keras_check, scoring
from engine.models import loading, vocabulary
from engine.models.protocols import CausalLM
from engine.presets import memory
from engine.presets.tokenizers import Tokenizer
from engine.runs import articles_read, checkpoints, references
from engine.runs.checkpoints import Checkpoint
from engine.runs.folder import Run
from engine.runs.inputs import LONGEST_AUTOMATIC_SEQUENCE, articles_path
from engine.runs.references import ModelReference


def measure(
    model: ModelReference,
    articles: str,
    split: str = "test",
    tokens: int = 0,
    seed: int = 1,
    sequence_length: int = 0,
    on_progress: OnProgress = ignore,
) -> dict[str, Any]:
    """Loss, accuracy, perplexity and bits per byte of a model on a split of articles.

    Args:
        tokens: score a fixed seeded part of about so many tokens; 0 = the whole split.
        on_progress: called after each batch.

    Raises:
        ArticlesError: the split is not there. PresetError, CheckpointError: the model cannot be loaded.
    """
    loaded, tokenizer = loading.load(model)
    prepared = with_split(articles, split, tokenizer, on_progress)
    length = sequence_length or min(loaded.backbone.max_sequence_length, LONGEST_AUTOMATIC_SEQUENCE)
    key = cache.scores_key(model, prepared, split, length, tokens, seed)
    scores = cache.read_scores(key)
    if not scores:
        stream = prepared.tokens(split)
        scores = scoring.evaluate(
            scoring.Scorer(loaded, scoring.JIT_COMPILE),
            stream,
            tokenizer.token_bytes,
            length,
            scoring.part(stream, length, tokens, seed),
            on_progress,
        ).to_json()
        cache.write_scores(key, scores, model, prepared)
    return {
        "checkpoint": model.reference,
        "hash": model.hash,
        "split": split,
        "sequence_length": length,
        **scores,
    }


def examine(
    model: ModelReference,
    articles: str,
    split: str = "test",
    way: cache.PassSettings = cache.PassSettings(),
    on_progress: OnProgress = ignore,
) -> dict[str, Any]:
    """All that one streaming pass tells of a model on a split of articles (`engine.evaluation.breakdown.run`), and what Keras's own
    `evaluate` says of the pass's first windows; kept.

    Args:
        way: the part, the windows and their stride.
        on_progress: called after each batch, and as `preparation.prepare` does for articles that are not prepared yet.

    Raises:
        ArticlesError: the split is not there. EngineError: window and stride do not fit.
        PresetError, CheckpointError: the model cannot be loaded. Cancelled: `on_progress` ended it.
    """
    tokenizer = vocabulary.vocabulary(model.preset.reference)
    prepared = with_split(articles, split, tokenizer, on_progress)
    loaded = None
    context = model.preset.max_sequence_length
    if not context:  # a name of keras-hub's whose size its files alone tell
        loaded, _ = loading.load(model)
        context = loaded.backbone.max_sequence_length
    way = way.filled(context)
    length = way.sequence_length
    stream = prepared.tokens(split)
    chosen = scoring.part(stream, length, way.tokens, way.seed)
    if chosen is not None and way.stride != length:
        raise EngineError("A stride shorter than the window goes with the whole split: set the tokens to 0.")
    scored = near_copies.scored_articles(prepared, split) if way.leave_out else None
    if scored is not None:
        chosen = scored.numbers(length, way.stride, chosen)
        if not len(chosen):
            raise near_copies.nothing_left(split)
    key = cache.breakdown_key(model, prepared, split, way)
    found = cache.read(key)
    if found is None:
        loaded = loaded or loading.load(model)[0]
        rows = scoring.batch_size(length, tokenizer.vocabulary_size)
        windows = breakdown.Pass(length, way.stride, rows, chosen, scored)
        simple = _baselines(model, prepared, tokenizer)
        found = {
            "keras": _keras_evaluate(loaded, windows, stream),
            **breakdown.run(
                scoring.Scorer(loaded, scoring.JIT_COMPILE),
                prepared,
                split,
                tokenizer,
                TokenKinds(tokenizer, token_kinds.terms_of(prepared, tokenizer)),
                simple,
                windows,
                on_progress,
            ),
        }
        cache.write(key, found)
    return cache.with_origin(model, articles, prepared, split, way, found)


def _baselines(model: ModelReference, prepared: Corpus, tokenizer: Tokenizer) -> Baselines:
    """The simple guesses, counted on what the model's run could read; of a base, or where that is not known any more, on the
    training articles beside those that are scored."""
    stream, of = prepared.tokens("train"), SPLIT
    if model.checkpoint is not None:
        with contextlib.suppress(EngineError):
            if (read := articles_read.read_tokens(Run(model.checkpoint.folder.parent), MOST_TOKENS)) is not None:
                stream, of = read, RUN
    return Baselines(stream, tokenizer.vocabulary_size, of)


def _keras_evaluate(loaded: CausalLM, windows: breakdown.Pass, stream: np.ndarray) -> dict[str, float] | None:
    """Keras's `evaluate` of the windows that the pass sums by themselves; None where memory does not suffice for it."""
    count = windows.checked(stream)
    keras_check.compile_to_evaluate(loaded)
    try:
        return keras_check.evaluate_batches(
            loaded, lambda: (batch for _starts, batch in itertools.islice(windows.batches(stream), count)), count
        )
    except Exception as error:
        if not memory.ran_out(error):
            raise
        return None  # the pass scores fewer windows at a time where it must, and says what can be said


def with_split(
    articles: str,
    split: str,
    tokenizer: Tokenizer,
    on_progress: OnProgress = ignore,
) -> Corpus:
    """The prepared corpus of articles that have such a split.

    Raises:
        ArticlesError: they have none. Cancelled: `on_progress` ended it.
    """
    prepared = preparation.prepare(articles_path(articles), tokenizer, on_progress=on_progress)
    if split not in prepared.splits:
        raise ArticlesError("{articles} has no {split} articles.", articles=articles, split=split)
    return prepared


def parity(checkpoint: Checkpoint, on_progress: OnProgress = ignore) -> dict[str, dict[str, Any]]:
    """An imported checkpoint and its base on the sample articles, on the same tokens; kept with the checkpoint.

    Returns:
        "base" and "run" → the figures on the test articles.

    Raises:
        CheckpointError, PresetError: it cannot be loaded.
    """
    run = Run(checkpoint.folder.parent)
    reference = references.resolve(checkpoint.reference, run.folder.parent)
    references.check_base(reference)
    named = {"base": ModelReference(reference.preset), "run": reference}
    sample = paths.portable(paths.SAMPLE_ARTICLES)
    scored = {
        (name, split): measure(model, sample, split, on_progress=on_progress)
        for split in HELD_OUT
        for name, model in named.items()
    }
    with Lock(run.folder / "lock") as lock:
        if lock.acquire(patience_seconds=2):
            for (name, split), scores in scored.items():
                run.append_event(
                    "evaluation", step=0, tokens=0, seconds=0.0, model=name, whole=True, **{**scores, "split": split}
                )
            checkpoints.with_manifest(checkpoint, metrics={s: scored["run", s] for s in HELD_OUT})
    return {name: scored[name, "test"] for name in named}
