"""Whether the figures of two runs can be laid beside one another, and if not, why."""

from engine.core.errors import EngineError
from engine.runs.folder import Run
from ui import words
from ui.i18n import _
from ui.readers import folders


def why_not(run: Run, other: Run) -> str:
    """Why what two runs measured at their intervals does not compare, in a sentence; "" where it does."""
    name = words.plain(other.name)
    if folders.vocabulary_hash(run.settings.preset) != folders.vocabulary_hash(other.settings.preset):
        return _("{name} has another vocabulary: its tokens are others, and so are its figures.", name=name)
    own, its = (folders.history(one).at_intervals() for one in (run, other))
    if not its:
        return _("{name} has measured nothing yet.", name=name)
    if not own:
        return ""
    try:
        windows = [folders.window_of(one, points[0]) for one, points in ((run, own), (other, its))]
    except EngineError:  # its preset is gone
        windows = [0, 1]
    same = run.settings.articles == other.settings.articles and run.settings.seed == other.settings.seed
    if not same or windows[0] != windows[1] or own[0]["evaluated_tokens"] != its[0]["evaluated_tokens"]:
        return _(
            "{name} is measured on other tokens along its curve than {run}: its curve is not laid beside this one. Score measures both alike.",
            name=name,
            run=words.plain(run.name),
        )
    return ""
