"""What is said of a run on the page that a pupil takes home: gathered from its folder, no model is loaded."""

import contextlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine import __version__
from engine.core.errors import EngineError, RunError
from engine.core.progress import OnProgress, ignore
from engine.core.splits import HELD_OUT
from engine.corpus import preparation
from engine.evaluation import forgetting, measured_on
from engine.evaluation.forgetting import Change, Point
from engine.evaluation.interpretation import Finding
from engine.memorisation import copying, own_samples, search
from engine.presets import catalogue, tokenizers
from engine.runs import articles_read, checkpoints, inputs
from engine.runs.articles_read import Prepare, Seen
from engine.runs.checkpoints import Checkpoint
from engine.runs.folder import Run
from engine.runs.history import shared, snapshots
from engine.runs.history.blocks import Placed
from engine.runs.history.events import VALIDATION, is_measured
from engine.runs.history.follower import History
from engine.runs.settings import IMPORTED

_MOST_PASSAGES = 3
_AROUND_TOKENS = 8
_MOST_TRAINING_POINTS = 150


@dataclass(frozen=True)
class Measured:
    """A model before and after, on the same tokens.

    Attributes:
        split: validation, test or english. before, after: step 0 and the run's. change: of the accuracy, with its interval
            where there is one. on: which part of validation it is, as a template with its values; None = of another split.
    """

    split: str
    before: Point
    after: Point
    change: Change
    on: EngineError | None = None


@dataclass(frozen=True)
class Curve:
    """Accuracies over the steps, 0..1: (step, accuracy) each.

    Attributes:
        training: of training batches, thinned. validation: of the run on validation, from what it started from on.
        base: the base model's on validation; None where it was not measured. result: the step of the run's result, if known.
    """

    training: tuple[tuple[int, float], ...]
    validation: tuple[tuple[int, float], ...]
    base: float | None
    result: int | None


@dataclass(frozen=True)
class Texts:
    """The same prompt under two models.

    Attributes:
        step: after which the run wrote its text; both were written with the same seed and sampler.
    """

    prompt: str
    base: str
    own: str
    step: int
    seed: int
    temperature: float | None
    top_k: float | None


@dataclass(frozen=True)
class CopiedPassage:
    """A passage of the run's text that stands in an article word for word, with what the text has around it.

    Attributes:
        words: how many it holds whole. article: its number in training; None where whoever reads the report may not see the
            articles.
    """

    before: str
    text: str
    after: str
    words: int
    article: int | None


@dataclass(frozen=True)
class Copying:
    """What of the run's text stands in its training articles.

    Attributes:
        articles: how many were searched. passages: the longest first. longest_words: of the passage that has most; 0 = none.
        unseen_words: the same of each article that the run has not read, the yardstick. lost: why articles of earlier
            stages could not be searched.
    """

    articles: int
    passages: tuple[CopiedPassage, ...]
    longest_words: int
    unseen_words: tuple[int, ...]
    lost: tuple[EngineError, ...] = ()


@dataclass(frozen=True)
class Report:
    """All that a report says, without a language.

    Attributes:
        state: of engine.runs.states. step, steps: how far it is. findings: what happened in it, the verdict first; none of a
            run that has not ended. measured: None where base and run were not both measured.
        english: the same on general English. copying: None where nothing could be searched; `not_searched` says why.
        facts: name → value, of the settings and of what the automatic ones became. checkpoint: None where there is none.
        recorded: command, date and commit of a run that ships. made: Unix time of the report, begun: of the run.
    """

    run: str
    state: str
    step: int
    steps: int
    base: str
    findings: tuple[Finding, ...]
    curve: Curve
    measured: Measured | None
    english: Measured | None
    texts: Texts | None
    copying: Copying | None
    not_searched: EngineError | None
    facts: dict[str, Any]
    checkpoint: Checkpoint | None
    recorded: dict[str, Any] | None
    begun: float
    made: float
    version: str = __version__


def of_run(
    run: Run,
    prepare: Prepare = preparation.prepare,
    may_index: Callable[[Seen], bool] = lambda seen: True,
    may_read: Callable[[Seen], bool] = lambda seen: True,
    on_progress: OnProgress = ignore,
) -> Report:
    """Gathers the report of a run that was trained here, finished or not.

    Args:
        prepare: makes the corpus of a small source that is gone. may_index: whether the articles may be indexed now, where they
            are not. may_read: whether whoever reads the report may know where in the articles a passage stands.

    Raises:
        RunError: it was not trained here, or its configuration cannot be read.
    """
    if run.problem is not None:
        raise run.problem
    if run.settings.method == IMPORTED:
        raise RunError("{name} was not trained here: there is no training to report.", name=run.name)
    history, state = shared.of(run.folder), run.state()
    checkpoint = checkpoints.result_of(run, unread=False) or next(reversed(checkpoints.of_run(run)), None)
    step = _result_step(history, checkpoint)
    texts = _texts(run, history, step)
    copied, not_searched = None, None
    if texts is not None:
        try:
            copied = _copying(run, texts, prepare, may_index, may_read, on_progress)
        except EngineError as error:
            not_searched = error
    return Report(
        run=run.name,
        state=state.state,
        step=state.step,
        steps=state.steps,
        base=_title(run.settings.preset),
        findings=tuple(own_samples.findings(run)),
        curve=_curve(history, step),
        measured=_measured(history, step, bool(run.settings.evaluate_tokens)),
        english=_english(history, step),
        texts=texts,
        copying=copied,
        not_searched=not_searched,
        facts=_facts(run, history, checkpoint),
        checkpoint=checkpoint,
        recorded=run.recorded,
        begun=float(run.config.get("created") or 0),
        made=time.time(),
    )


def _result_step(history: History, checkpoint: Checkpoint | None) -> int | None:
    """The step of the run's result: as its end says, else that of the checkpoint that stands for it."""
    result = history.result()
    return result["step"] if result is not None else checkpoint.step if checkpoint else None


def _curve(history: History, result: int | None) -> Curve:
    base, own = history.on_validation()
    steps, accuracies = history.steps["step"], history.steps["accuracy"]
    there = np.flatnonzero(np.isfinite(accuracies))
    if len(there) > _MOST_TRAINING_POINTS:
        there = there[np.linspace(0, len(there) - 1, _MOST_TRAINING_POINTS).astype(int)]
    return Curve(
        tuple((int(steps[at]), float(accuracies[at])) for at in there),
        tuple((int(event["step"]), float(event["accuracy"])) for event in own),
        float(base[0]["accuracy"]) if base else None,
        result if any(event["step"] == result for event in own) else None,
    )


def _point(history: History, placed: Placed) -> Point:
    (event,) = history.complete([placed]) or [placed.event]
    values = (event["accuracy"], event["bits_per_byte"], event["evaluated_tokens"])
    return Point(event["step"], *values, event.get("by_article"))


def _measured(history: History, step: int | None, limited: bool) -> Measured | None:
    """Base and run on validation: on the whole of it where both were, else on the part of each interval; else on test.

    Args:
        step: of the run's result; figures on the whole are those of an earlier end where they are of another step.
        limited: whether what is measured at the end is a part of validation too.
    """
    found: dict[tuple[str, bool, str], dict[int, Placed]] = {}
    for placed in history.placed:
        if (event := placed.event)["kind"] == "evaluation":
            key = event["split"], not is_measured(event), event["model"]
            found.setdefault(key, {})[event["step"]] = placed
    for split, whole in [*((VALIDATION, w) for w in (True, False)), *((s, True) for s in reversed(HELD_OUT))]:
        base, own = found.get((split, whole, "base"), {}), found.get((split, whole, "run"), {})
        if not base or not own or (whole and step is not None and step not in own):
            continue
        after = own.get(step) if step is not None else None
        first, last = _point(history, base[min(base)]), _point(history, after or own[max(own)])
        on = None
        if split == VALIDATION:
            at_end = measured_on.PARTS[measured_on.at_end(history, limited)] if whole else None
            on = at_end or measured_on.at_intervals(history, limited)
        return Measured(split, first, last, forgetting.change([first, last]), on)
    return None


def _english(history: History, step: int | None) -> Measured | None:
    meter = forgetting.of_history(history)
    if meter is None or len(meter.english) < 2:
        return None
    after = next((point for point in meter.english if point.step == step), meter.english[-1])
    change = forgetting.change([meter.base_english, after])
    return Measured("english", meter.base_english, after, change)


def _texts(run: Run, history: History, step: int | None) -> Texts | None:
    """What base and run made of the first prompt: the run at the step of its result where it wrote then, else the newest."""
    found = snapshots.of_run(run, history)
    base = next((s for s in found if s.is_base and s.samples), None)
    later = [s for s in found if not s.is_base and not s.is_parent and s.samples]
    own = next((s for s in later if s.step == step), later[-1] if later else None)
    if base is None or own is None:
        return None
    written = {sample["prompt"]: sample for sample in own.complete_samples()}
    for sample in base.complete_samples():
        if (other := written.get(sample["prompt"])) is not None:
            sampler = (other["seed"], other.get("temperature"), other.get("top_k"))
            return Texts(sample["prompt"], sample["text"], other["text"], own.step, *sampler)
    return None


def _copying(
    run: Run,
    texts: Texts,
    prepare: Prepare,
    may_index: Callable[[Seen], bool],
    may_read: Callable[[Seen], bool],
    on_progress: OnProgress,
) -> Copying:
    """Looks the run's text up in its articles.

    Raises:
        EngineError: they are gone, or are not indexed and may not be now.
    """
    seen = articles_read.seen(run, prepare)
    if search.missing(seen.ranges):
        if not may_index(seen):
            raise RunError("The articles are not indexed yet: Explore › Copied builds the index.")
        search.build(seen.ranges, on_progress)
    ids = search.ids_of(seen.tokenizer, texts.prompt, texts.own)[: search.LONGEST_TEXT]
    own = search.find(ids, seen.ranges)
    unseen = [search.find(other, seen.ranges) for *_place, other in search.unseen(seen, len(ids))]
    readable = may_read(seen)
    in_words = [(passage.words(seen.tokenizer), passage) for passage in own.passages]
    passages = []
    for count, passage in sorted(in_words, key=lambda counted: -counted[0])[:_MOST_PASSAGES]:
        if count < copying.FEWEST_WORDS:
            break
        around = tokenizers.excerpt(seen.tokenizer, ids, passage.first, passage.last, _AROUND_TOKENS)
        passages.append(CopiedPassage(*around, count, passage.article if readable else None))
    unseen_words = tuple(other.words(seen.tokenizer) for other in unseen)
    return Copying(seen.articles, tuple(passages), own.words(seen.tokenizer), unseen_words, seen.lost)


def _title(preset: str) -> str:
    try:
        return catalogue.find(preset).title
    except EngineError:  # gone since
        return _last_part(preset)


def _last_part(path: str) -> str:
    """The last part of a path: a report that is taken home names no folder of the machine."""
    return re.split(r"[\\/]", path.rstrip("\\/"))[-1]


def _facts(run: Run, history: History, checkpoint: Checkpoint | None) -> dict[str, Any]:
    """The settings that a reader needs to do it again, and what the automatic ones became where that is known."""
    settings, manifest = run.settings, checkpoint.manifest if checkpoint else {}
    ended: dict[str, Any] = next(iter(history.events("result")[-1:]), {})
    started: dict[str, Any] = next((e for e in reversed(history.events("state")) if e.get("device")), {})
    rates = history.steps["learning_rate"]
    peak = float(np.nanmax(rates)) if np.isfinite(rates).any() else settings.learning_rate
    window, batch = settings.sequence_length, settings.batch_size
    with contextlib.suppress(EngineError):  # where the base is gone: as they were asked for
        preset = catalogue.find(settings.preset)
        window, batch = inputs.shape_of(run, preset.max_sequence_length, preset.vocabulary_size)
    first, last = settings.first_article, settings.last_article
    if len(read := list(manifest.get("articles") or [])) == 2:
        first, last = read
    return {
        "preset_hash": str(run.config.get("preset_hash") or ""),
        "parent": settings.parent,
        "articles": _last_part(settings.articles),
        "first_article": first,
        "last_article": last,
        "method": settings.method,
        "steps": settings.steps,
        "epochs": settings.epochs,
        "minutes": settings.minutes,
        "passes": manifest.get("epochs"),
        "tokens": manifest.get("tokens"),
        "seconds": manifest.get("seconds"),
        "window": window,
        "batch": batch,
        "learning_rate": peak,
        "lora_rank": settings.lora_rank,
        "dropout": settings.dropout,
        "seed": settings.seed,
        "device": ended.get("device") or started.get("device") or settings.device,
        "precision": ended.get("precision") or settings.precision,
        "takes_best": settings.takes_best,
        "versions": {k: v for k, v in (manifest.get("versions") or {}).items() if isinstance(v, str)},
    }
