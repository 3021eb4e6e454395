"""What a run's figures were measured on, in words: all of a split, or which part of it."""

from engine.runs.history.events import VALIDATION
from engine.runs.history.follower import History
from ui import words
from ui.i18n import _


def at_intervals(history: History) -> str:
    """What a run is measured on at its intervals: “validation”, or the part of it that is not all."""
    points = history.at_intervals()
    if not points:
        return words.split_name(VALIDATION)
    part = points[0]["evaluated_tokens"]
    whole = next((e for (_model, split), e in history.on_whole_splits().items() if split == VALIDATION), None)
    if whole is None:  # how much there is is said at the run's end
        return _("validation, a part of {n} tokens", n=words.grouped(part))
    if whole["evaluated_tokens"] == part:
        return words.split_name(VALIDATION)
    return _("validation, {n} of {all} tokens", n=words.grouped(part), all=words.grouped(whole["evaluated_tokens"]))
