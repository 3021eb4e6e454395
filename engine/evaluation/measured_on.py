"""Say on what of validation a run's figures are: templates with their values, for pages and reports in any language."""

from engine.core.errors import EngineError, sentence
from engine.runs.history.events import VALIDATION
from engine.runs.history.follower import History

WHOLE, WITHOUT_COPIES, AT_END, AT_INTERVALS = "whole", "without_near_copies", "part_at_end", "part_at_intervals"
PARTS = {
    WHOLE: EngineError(sentence("the whole of validation")),
    WITHOUT_COPIES: EngineError(sentence("validation without its near-copies of training articles")),
    AT_END: EngineError(sentence("the part of validation that is measured at the end")),
    AT_INTERVALS: EngineError(sentence("the part of validation that is measured at each interval")),
}
_ALL = sentence("validation")
_PART = sentence("validation, a part of {n} tokens")
_PART_OF_ALL = sentence("validation, {n} of {all} tokens")


def at_end(history: History, limited: bool) -> str:
    """On which tokens the figures at a run's end are.

    Args:
        limited: whether what it measures at the end is a part of validation too.
    """
    event = history.on_whole_splits()["run", VALIDATION]
    if limited:
        return AT_END
    return WITHOUT_COPIES if event.get("near_copies_left_out") and event.get("near_copies") else WHOLE


def at_intervals(history: History, limited: bool) -> EngineError:
    """On which tokens a run is measured at its intervals: how many, and of how many where its end has told that.

    Args:
        limited: whether what it measures at the end is a part of validation too.
    """
    points = history.at_intervals()
    if not points:
        return EngineError(_ALL)
    part = points[0]["evaluated_tokens"]
    whole = next((e for (_model, split), e in history.on_whole_splits().items() if split == VALIDATION), None)
    if whole is not None and whole["evaluated_tokens"] == part:
        return EngineError(_ALL)
    if whole is None or limited or whole.get("near_copies_left_out"):
        return EngineError(_PART, n=part)
    return EngineError(_PART_OF_ALL, n=part, all=whole["evaluated_tokens"])
