"""The figures at a run's end, and which checkpoint is its result: run, base and parent on the whole of validation and test, each from the files that hold it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.core.errors import CheckpointError, EngineError
from engine.core.progress import OnProgress, Phase, Progress
from engine.corpus import near_copies, windows
from engine.corpus.baselines import MOST_TOKENS, Baselines
from engine.evaluation import cache, keras_check, scoring
from engine.models import loading
from engine.models.protocols import CausalLM
from engine.runs import articles_read, checkpoints
from engine.runs.checkpoints import Checkpoint
from engine.runs.history.events import VALIDATION
from engine.runs.references import ModelReference
from engine.runs.settings import LEFT_OUT
from engine.training.setup import Setup, record_lost_parent
from engine.training.state import TrainingState

_BIGRAM_WINDOWS = 64  # looked up at a time


def evaluate_as_keras_does(setup: Setup, model: CausalLM, state: TrainingState) -> dict[str, Any]:
    """What Keras `evaluate` says of the trained model, as the original report measured; written and returned."""
    split = setup.held_out_splits[-1]
    figures = keras_check.evaluate(
        model, setup.corpus.tokens(split), setup.corpus.starts(split), setup.length, setup.batch_size
    )
    setup.run.append_event("keras_evaluate", step=state.step, split=split, **figures)
    return {"split": split, **figures}


@dataclass(frozen=True)
class Chosen:
    """The checkpoint whose figures a run's are, and what it was chosen from.

    Attributes:
        best: with the lowest loss on the part of validation that is measured at each interval. last: of the last step.
        base_better: whether the base is better on that part than every checkpoint.
    """

    checkpoint: Checkpoint
    best: Checkpoint
    last: Checkpoint
    base_better: bool


def choose_result(setup: Setup, state: TrainingState) -> Chosen:
    """Chooses the best checkpoint or the last, as the settings say, and the last where the base is better than every one.

    Raises:
        CheckpointError: the last one is gone or damaged.
    """
    run = setup.run
    last = checkpoints.find(f"{run.name}/{state.step}", run.folder.parent)
    best = checkpoints.best_whole(run) or last
    base_better = state.base_loss is not None and (checkpoints.interval_loss(best) or 0.0) > state.base_loss
    return Chosen(best if setup.settings.takes_best and not base_better else last, best, last, base_better)


def measure_result(
    setup: Setup,
    state: TrainingState,
    by_keras: dict[str, Any] | None,
    scorer: "WholeScorer",
    device_memory: dict[str, int] | None = None,
) -> dict[str, Any]:
    """Chooses the run's result, scores it and what it began from whole, and writes what was found.

    Args:
        by_keras: as `evaluate_as_keras_does` gives it. device_memory: of a GPU, as it is told.

    Raises:
        Cancelled: `on_progress` ended it. CheckpointError: a file is gone or damaged.
    """
    run, splits, left_out = setup.run, setup.held_out_splits, setup.settings.near_copies == LEFT_OUT
    chosen = choose_result(setup, state)
    checkpoint = chosen.checkpoint
    named = {"run": ModelReference(setup.base.preset, checkpoint), "base": setup.base}
    if setup.parent is not None:
        named["parent"] = setup.parent
    scored = {}
    for name, reference in list(named.items()):
        try:
            for split in splits:
                scored[name, split] = scorer.score(reference, split)
        except CheckpointError as error:
            if name != "parent":
                raise
            record_lost_parent(run, error)  # deleted or damaged while the run was under way
            del named[name]
            continue
        for split in splits:
            run.append_event(
                "evaluation",
                step=checkpoint.step if name == "run" else 0,
                tokens=checkpoint.manifest["tokens"],
                seconds=checkpoint.manifest["seconds"],
                split=split,
                model=name,
                whole=True,
                sequence_length=setup.length,
                near_copies=near_copies.count_of_training(setup.corpus, split),
                near_copies_left_out=left_out,
                **scored[name, split],
            )
    if (guessed := scorer.bigram(VALIDATION)) is not None:
        run.append_event("bigram", step=checkpoint.step, split=VALIDATION, accuracy=guessed[0], tokens=guessed[1])
    interval = checkpoint.manifest.get("interval_metrics", checkpoint.manifest["metrics"])
    metrics = {**interval, **{split: scored["run", split] for split in splits}}
    run.require_mine()
    checkpoint = checkpoints.with_manifest(checkpoint, metrics=metrics, interval_metrics=interval)
    run.write_state(result=checkpoint.step)
    split = splits[-1]
    result: dict[str, Any] = {
        "run": run.name,
        "checkpoint": checkpoint.reference,
        "best_step": chosen.best.step,
        "last_checkpoint": chosen.last.reference,
        "base_better": chosen.base_better,
        "ended_early": not state.finished,
        "steps": state.step,
        "tokens": state.tokens,
        "seconds": round(state.seconds, 3),
        "tokens_per_second": round(state.tokens / state.seconds, 1) if state.seconds else None,
        "split": split,
        "evaluated_tokens": scored["run", split]["evaluated_tokens"],
        "near_copies": near_copies.count_of_training(setup.corpus, split),
        "near_copies_left_out": left_out,
    }
    for name in named:
        prefix = "" if name == "run" else f"{name}_"
        for figure in ("accuracy", "loss", "bits_per_byte"):
            result[prefix + figure] = scored[name, split][figure]
    if by_keras is not None:
        result["keras_evaluate"] = by_keras
    if state.micro_batch:
        result["batch_size"], result["micro_batch"] = setup.batch_size, state.micro_batch
    if device_memory is not None:
        result["device_memory"] = device_memory
    result["device"], result["precision"] = ", ".join(setup.devices), setup.precision
    run.append_event("result", step=checkpoint.step, **result)
    return result


def expected_seconds(setup: Setup, tokens_a_second: float) -> float:
    """About how long `measure_result` will take, by the speed of the scoring so far; 0 where that is not known."""
    if not tokens_a_second:
        return 0.0
    s, corpus, tokens = setup.settings, setup.corpus, 0
    others = [setup.base, *([setup.parent] if setup.parent else [])]
    for split in setup.held_out_splits:
        size = len(corpus.tokens(split))
        size = min(size, s.evaluate_tokens or size)
        left_out = s.near_copies == LEFT_OUT
        keys = (cache.scores_key(o, corpus, split, setup.length, s.evaluate_tokens, s.seed, left_out) for o in others)
        tokens += size * (1 + sum(not cache.read_scores(key) for key in keys))
    return tokens / tokens_a_second


class WholeScorer:
    """Scores models on whole splits, or on as many tokens as the settings say; what was scored before is taken as it was.

    A model trained in float32 without adapters lends itself, with the function that was compiled for it: another model's
    weights are put into it. Any other is loaded anew, in float32, since figures compare across devices.
    """

    def __init__(self, setup: Setup, model: CausalLM, scorer: scoring.Scorer, on_progress: OnProgress) -> None:
        self._setup, self._on_progress = setup, on_progress
        model.optimizer = model.train_function = None  # their memory is not needed any more
        lent = setup.precision == "float32" and not setup.settings.lora_rank
        self._model: CausalLM | None = model if lent else None
        self._scorer: scoring.Scorer | None = scorer if lent else None
        self._loaded: ModelReference | None = None

    def score(self, reference: ModelReference, split: str) -> dict[str, Any]:
        """The figures of a model.

        Raises:
            Cancelled: `on_progress` ended it. ArticlesError: near-copies left out, nothing is left.
        """
        setup, corpus = self._setup, self._setup.corpus
        leave_out = setup.settings.near_copies == LEFT_OUT
        tokens, seed = setup.settings.evaluate_tokens, setup.settings.seed
        key = cache.scores_key(reference, corpus, split, setup.length, tokens, seed, leave_out)
        if stored := cache.read_scores(key):
            return stored
        self._on_progress(Progress(0, 0, Phase.EVALUATING))
        stream, chosen, scored = self._scored_tokens(split)
        scores = scoring.evaluate(
            self._of(reference),
            stream,
            setup.tokenizer.token_bytes,
            setup.length,
            chosen,
            self._on_progress,
            scored=scored,
        )
        cache.write_scores(key, scores.to_json(), reference, corpus)
        return scores.to_json()

    def bigram(self, split: str) -> tuple[float, int] | None:
        """How often a bigram is right that was counted on what the run could read, and on how many tokens: those that `score`
        scores; None where what it read is not there any more.

        Raises:
            Cancelled: `on_progress` ended it.
        """
        setup = self._setup
        try:
            read = articles_read.read_tokens(setup.run, MOST_TOKENS)
        except EngineError:
            return None
        if read is None:
            return None
        table = Baselines(read, setup.tokenizer.vocabulary_size)
        stream, chosen, scored = self._scored_tokens(split)
        right = tokens = 0
        for starts, batch in windows.sliding(stream, setup.length, setup.length, _BIGRAM_WINDOWS, chosen):
            self._on_progress(Progress(0, 0, Phase.EVALUATING))
            weighed = batch if scored is None else scored.weighed(starts, batch)
            real = weighed.weights > 0
            right += int(table.bigram(weighed.token_ids[real], weighed.targets[real]).correct.sum())
            tokens += int(real.sum())
        return right / max(1, tokens), tokens

    def _scored_tokens(self, split: str) -> tuple[np.ndarray, np.ndarray | None, windows.ScoredArticles | None]:
        """A split's stream, which of its windows are scored (None = all), and which articles count (None = all).

        Raises:
            ArticlesError: near-copies left out, nothing is left.
        """
        setup, corpus, s = self._setup, self._setup.corpus, self._setup.settings
        stream = corpus.tokens(split)
        chosen = scoring.part(stream, setup.length, s.evaluate_tokens, s.seed)
        scored = near_copies.scored_articles(corpus, split) if s.near_copies == LEFT_OUT else None
        if scored is not None:
            if not len(scored.numbers(setup.length, setup.length, chosen)):
                raise near_copies.nothing_left(split)
            chosen = scored.numbers(setup.length, setup.length, chosen)
        return stream, chosen, scored

    def _of(self, reference: ModelReference) -> scoring.Scorer:
        if self._scorer is None or self._model is None:
            self._model, _ = loading.load(reference)
            self._scorer = scoring.Scorer(self._model, self._setup.xla)
        elif self._loaded != reference:
            loading.load_weights(self._model, reference)
        self._loaded = reference
        return self._scorer
