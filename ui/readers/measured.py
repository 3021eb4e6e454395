"""What a run's figures were measured on, in the language of the session."""

from engine.evaluation import measured_on
from engine.runs.folder import Run
from ui.i18n import error_text
from ui.readers import folders


def at_intervals(run: Run) -> str:
    """What a run is measured on at its intervals: “validation”, or the part of it that is not all."""
    return error_text(measured_on.at_intervals(folders.history(run), bool(run.settings.evaluate_tokens)))
