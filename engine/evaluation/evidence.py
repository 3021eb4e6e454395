"""What is known of a run that has ended, gathered from its state and its events for `engine.evaluation.interpretation`."""

from typing import Any

import numpy as np

from engine.corpus import english
from engine.evaluation import intervals, measured_on
from engine.evaluation.interpretation import Finding, findings
from engine.evaluation.run_figures import (
    Bigram,
    Copying,
    Evidence,
    Figures,
)
from engine.runs import states
from engine.runs.folder import Run
from engine.runs.history.blocks import Placed
from engine.runs.history.events import VALIDATION, is_measured
from engine.runs.history.follower import History
from engine.runs.settings import IMPORTED
from engine.runs.states import State

_ENDED = (states.FINISHED, states.STOPPED)


def of_run(run: Run, history: History, copying: Copying | None = None, state: State | None = None) -> list[Finding]:
    """What happened in a run; [] of one that has not ended, was not trained here, or measured nothing.

    Args:
        history: what it has reported. copying: what its samples copied, where that was looked for. state: where it
            stands; None = it is looked up.
    """
    if run.problem is not None or run.settings.method == IMPORTED:
        return []
    found = gather(state or run.state(), history, copying, bool(run.settings.evaluate_tokens))
    return [] if found is None else findings(found)


def gather(state: State, history: History, copying: Copying | None = None, limited: bool = False) -> Evidence | None:
    """What is known of a run; None of one that goes on, may go on, or failed for another reason than its loss.

    Args:
        limited: whether what it measures at the end is a part of validation too.
    """
    if state.state == states.FAILED:
        reason = state.reason or {}
        broke = reason.get("template") in (states.NO_NUMBER, states.NO_NUMBER_BEHIND)
        at = reason.get("values", {}).get("step") if broke else None
        return Evidence(state.step, no_number_at=at) if isinstance(at, int) else None
    if state.state not in _ENDED:
        return None
    measured = _measured(history)
    own_points = measured.get(("run", VALIDATION), {})
    step = result_step(state, history)
    parent = _first(measured, "parent")
    begun_from = "parent" if parent else "base"
    whole = _on_whole(history, step, begun_from) if state.state == states.FINISHED else None
    part = tuple(
        _complete(history, point) for point in (own_points.get(step), _first(measured, begun_from).get(VALIDATION))
    )
    own_part, start_part = part if None not in part else (None, None)
    own, start = whole or (own_part, start_part)
    if own is None or start is None:
        return None
    return Evidence(
        state.step,
        own,
        start,
        measured_on.AT_INTERVALS if whole is None else measured_on.at_end(history, limited),
        begun_from == "base",
        own_part,
        start_part,
        validation=_validation(history, measured, begun_from),
        training=_training(history),
        english=_complete(history, measured.get(("run", english.SPLIT), {}).get(step)),
        start_english=_complete(history, _first(measured, begun_from).get(english.SPLIT)),
        bigram=_bigram(history, whole, own_part, step),
        copying=copying,
        early_end=next(iter(history.events("early_end")[-1:]), None) if state.ended_early else None,
    )


def _measured(history: History) -> dict[tuple[str, str], dict[int, Placed]]:
    """(model, split) → step → its evaluation on the part that is measured at each interval, the last where there are two."""
    found: dict[tuple[str, str], dict[int, Placed]] = {}
    for placed in history.placed:
        event = placed.event
        if event["kind"] == "evaluation" and is_measured(event):
            found.setdefault((event["model"], event["split"]), {})[event["step"]] = placed
    return found


def _first(measured: dict[tuple[str, str], dict[int, Placed]], model: str) -> dict[str, Placed]:
    """split → the first evaluation of a model on its part."""
    return {split: points[min(points)] for (of, split), points in measured.items() if of == model}


def result_step(state: State, history: History) -> int:
    """The step of the checkpoint whose figures a run's are: its result, and where none is told the last that was measured."""
    if (result := history.result()) is not None:
        return result["step"]
    return state.result or max(_measured(history).get(("run", VALIDATION), {}), default=0)


def _on_whole(history: History, step: int, begun_from: str) -> tuple[Figures, Figures] | None:
    """The result's figures and those of what it started from on the whole of validation; None where either is missing."""
    whole = history.on_whole_splits()
    own, start = whole.get(("run", VALIDATION)), whole.get((begun_from, VALIDATION))
    if own is None or start is None or own["step"] != step:  # of an earlier end
        return None
    if own["evaluated_tokens"] != start["evaluated_tokens"]:
        return None
    return _figures(own), _figures(start)


def _figures(event: Any) -> Figures:
    return Figures(
        event["accuracy"], event["loss"], event["bits_per_byte"], event["evaluated_tokens"], event.get("by_article")
    )


def _complete(history: History, placed: Placed | None) -> Figures | None:
    """The figures of an evaluation, with the sums of its articles where the file has them."""
    if placed is None:
        return None
    return _figures(next(iter(history.complete([placed])), placed.event))


def _validation(
    history: History, measured: dict[tuple[str, str], dict[int, Placed]], begun_from: str
) -> tuple[tuple[int, Figures], ...]:
    """All measurements on validation from the start on; the lowest and the last with the sums of their articles."""
    points = dict(measured.get(("run", VALIDATION), {}))
    if (start := _first(measured, begun_from).get(VALIDATION)) is not None:
        points[0] = start
    if not points:
        return ()
    with_sums = {min(points, key=lambda step: (points[step].event["loss"], step)), max(points)}
    found = []
    for step, placed in sorted(points.items()):
        figures = _complete(history, placed) if step in with_sums else _figures(placed.event)
        assert figures is not None
        found.append((step, figures))
    return tuple(found)


def _training(history: History) -> tuple[tuple[int, float], ...]:
    steps, losses = history.steps.get("step", np.empty(0)), history.steps.get("loss", np.empty(0))
    return tuple((int(step), float(loss)) for step, loss in zip(steps, losses, strict=False) if np.isfinite(loss))


def _bigram(history: History, whole: tuple[Figures, Figures] | None, part: Figures | None, step: int) -> Bigram | None:
    """The bigram on the tokens on which the result was measured whole; the run's interval is as wide as on the part."""
    told = [event for event in history.events("bigram") if event["split"] == VALIDATION and event["step"] == step]
    if not told or whole is None or told[-1]["tokens"] != whole[0].tokens:
        return None
    own, interval = whole[0].accuracy, None
    if part is not None and part.by_article and (found := intervals.intervals(part.by_article).get("accuracy")):
        interval = [own + end - part.accuracy for end in found]
    return Bigram(told[-1]["accuracy"], own, interval)
