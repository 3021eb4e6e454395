"""What the player of a training shows, on a page and in the lesson as a file alike: its texts, its curve in a sentence, its words."""

from collections.abc import Sequence
from typing import Any

from engine.core.wording import Wording
from engine.runs.folder import Run
from engine.runs.history import snapshots
from engine.runs.history.follower import History


def prompt_of(run: Run, history: History) -> str:
    """The first prompt of a run that anything was written from; its first one as long as there is none."""
    written = {event["prompt"] for event in history.events("sample")}
    return next((p for p in (*run.settings.prompts, *sorted(written)) if p in written), run.settings.prompts[0])


def texts_of(run: Run, history: History) -> dict[tuple[str, int], str]:
    """(model, step) → what it wrote from that prompt, on one line."""
    prompt = prompt_of(run, history)
    placed = [s.samples[prompt] for s in snapshots.of_run(run, history) if prompt in s.samples]
    return {(e["model"], e["step"]): e["text"].replace("\n", " ") for e in history.complete(placed)}


def shortened(text: str, most: int) -> str:
    """As much of a text as is read at a glance, up to the end of a word; its beginning is as it was, so that places hold."""
    if len(text) <= most:
        return text if text.rstrip().endswith((".", "!", "?", "…")) or not text else text + "…"
    return text[: text.rfind(" ", 0, most)] + " …"


def summary(points: Sequence[Sequence[Any]], wording: Wording) -> str:
    """A curve in a sentence, for whoever does not see it. points: steps and percentages."""
    _ = wording.say
    if len(points) < 2:
        return _("The curve of the training: it has no point of its own yet.")
    first, last = points[0], points[-1]
    return _(
        "The curve of the training: {before} right guesses at step {first}, {after} at step {last}.",
        before=wording.percent(first[1] / 100),
        first=wording.whole(first[0]),
        after=wording.percent(last[1] / 100),
        last=wording.whole(last[0]),
    )


def words(wording: Wording, of_unseen_alone: bool) -> dict[str, str]:
    """The player's own words. of_unseen_alone: whether the figure shows the accuracy on unseen articles and no other."""
    _ = wording.say
    return {
        "play": _("Play"),
        "stop": _("Stop"),
        "again": _("Play again"),
        "slider": _("Moment of the training"),
        "base": _("base"),
        "now": _("now"),
        "step": _("step {n}"),
        "percent": "{n}\u00a0%",
        "axis": _("steps"),
        "figure": _("right guesses of unseen articles (%)") if of_unseen_alone else _("right guesses (%)"),
        "wrote": _("What it writes"),
        "waiting": _("The first sentence comes with the first point."),
        "table": _("The figures as a table"),
    }
