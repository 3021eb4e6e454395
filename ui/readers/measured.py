"""What a run's figures were measured on, in words: all of a split, or which part of it."""

from engine.runs.folder import Run
from engine.runs.history.events import VALIDATION
from ui import words
from ui.i18n import _
from ui.readers import folders


def at_intervals(run: Run) -> str:
    """What a run is measured on at its intervals: “validation”, or the part of it that is not all."""
    history = folders.history(run)
    points = history.at_intervals()
    if not points:
        return words.split_name(VALIDATION)
    part = points[0]["evaluated_tokens"]
    whole = next((e for (_model, split), e in history.on_whole_splits().items() if split == VALIDATION), None)
    if whole is not None and whole["evaluated_tokens"] == part:
        return words.split_name(VALIDATION)
    # How much there is is said at the run's end, where it measures all.
    if whole is None or run.settings.evaluate_tokens or whole.get("near_copies_left_out"):
        return _("validation, a part of {n} tokens", n=words.grouped(part))
    return _("validation, {n} of {all} tokens", n=words.grouped(part), all=words.grouped(whole["evaluated_tokens"]))
