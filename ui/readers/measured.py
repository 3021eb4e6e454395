"""What a run's figures were measured on, in the language of the session."""

from engine.evaluation import measured_on
from engine.runs.history.follower import History
from ui.i18n import _


def at_intervals(history: History) -> str:
    """What a run is measured on at its intervals: “validation”, or the part of it that is not all."""
    said = measured_on.at_intervals(history)
    return _(said.template, **said.values)
