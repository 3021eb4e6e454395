"""A run, or an experiment's, as it is played: its curve with the base's line and what it is shown beside, and one pair of sentences."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.classroom import played
from engine.classroom.passages import Copy
from engine.core.splits import TRAIN
from engine.core.wording import of as wording_of
from engine.runs.folder import Run
from engine.runs.history.events import VALIDATION
from engine.runs.history.follower import History
from ui import pair, present, words
from ui.charts import colours, style
from ui.components.figure import live
from ui.components.play import play
from ui.i18n import _, language
from ui.readers import folders

# Pixels of the curve: with the pair of sentences it fits on a projector of 1280 x 720, also below a run's progress.
HEIGHT, LIVE_HEIGHT = 216, 168
_LONGEST, _LONGEST_PRESENTED = 200, 90  # characters of a sentence that are shown
_TRAINING_POINTS = 60
SHAPE, DRAWN, CLOSEST = "shape", "drawn", "closest"  # how a guess is drawn


@dataclass(frozen=True)
class Beside:
    """Another run whose curve is drawn beside: what it is called, how its line is dashed, and how many articles it reads."""

    run: Run
    label: str
    dash: str = "7 4"
    articles: int = 0


@dataclass(frozen=True)
class Guess:
    """A curve that somebody expected, drawn under the run's.

    Attributes:
        points: steps and accuracies 0..1. share: of all who guessed, which is how strong the line is. kind: SHAPE, DRAWN or CLOSEST,
            which is how it is drawn.
    """

    label: str
    points: tuple[tuple[float, float], ...]
    share: float
    kind: str = SHAPE


@dataclass(frozen=True)
class Level:
    """A line across the figure: what something that does not learn reaches. accuracy: 0..1."""

    label: str
    accuracy: float


@dataclass(frozen=True)
class Overlay:
    """What lies over or under the curve of a run. closest: said at the end of the guess that came nearest."""

    guesses: Sequence[Guess] = ()
    levels: Sequence[Level] = ()
    closest: str = ""


@dataclass(frozen=True)
class Said:
    """What is said when the play has come to its end: what it showed, why, and what became of one's own answer."""

    said: str
    why: str = ""
    own: str = ""


def show(
    run: Run,
    key: str,
    *,
    is_live: bool = False,
    label: str = "",
    beside: Sequence[Beside] = (),
    split: str = VALIDATION,
    other: str = "",
    ghost: Run | None = None,
    said: Said | None = None,
    copied: Copy | None = None,
    overlay: Overlay = Overlay(),
) -> None:
    """Plays a run.

    Args:
        is_live: it is at work: each point is shown as it comes. label: of its line.
        split: VALIDATION or ENGLISH, on which it is measured. other: what of the run is drawn too: TRAIN, its accuracy on what it
            reads, or VALIDATION. ghost: a recorded run whose curve stands there until the
            run has a point of its own. copied: what of its last sentence stands in an article. overlay: guesses and lines of others.
    """
    history = folders.history(run)
    versions = tuple((str(other.run.folder), folders.history(other.run).version) for other in beside)

    def build() -> dict[str, Any]:
        return content(run, history, is_live, label, beside, split, other, ghost)

    of = ("play", str(run.folder), is_live, label, split, other, versions, ghost and str(ghost.folder))
    data = dict(live.once(build, of, history.version))
    data["badge"] = badge(run)
    data["run"] = run.name
    data["title"] = words.labelled(run.name, data["words"]["figure"])
    verdict = [] if said is None else [["said", said.said], ["why", said.why], ["own", said.own]]
    data["verdict"] = [[kind, text] for kind, text in verdict if text]
    if (
        copied is not None
        and data["own"]["points"]
        and copied.text.startswith((data["own"]["points"][-1][2] or "")[:20])
    ):
        data["copied"] = [copied.first, copied.last]
    data["guesses"] = [
        {"label": one.label, "share": one.share, "kind": one.kind, "points": [[x, 100 * y] for x, y in one.points]}
        for one in overlay.guesses
    ]
    data["levels"] = [{"label": one.label, "value": 100 * one.accuracy} for one in overlay.levels]
    play.show(data, key)


def badge(run: Run) -> str:
    """What stands beside a picture: which run it shows, where that is another than the one in view, and whether it was recorded."""
    in_view = pair.current().run
    if in_view is None or in_view.name == run.name or (run.recorded and present.on()):  # on a wall a word
        return _("recorded") if run.recorded else ""
    if run.recorded:
        return _("the recorded run {name}, not {other}", name=run.name, other=in_view.name)
    return _("the run {name}, not {other}", name=run.name, other=in_view.name)


def content(
    run: Run,
    history: History,
    is_live: bool,
    label: str,
    beside: Sequence[Beside],
    split: str,
    other: str,
    ghost: Run | None,
) -> dict[str, Any]:
    """What the component draws, as JSON knows it: percentages, texts and names, all in the session's language."""
    base, own = _measured(history, split)
    wording = wording_of(language())
    texts = played.texts_of(run, history)
    base_text = next((text for (model, _step), text in texts.items() if model == "base"), None)
    if (
        base_text is None
        and ghost is not None
        and played.prompt_of(ghost, folders.history(ghost)) == played.prompt_of(run, history)
    ):
        base_text = next(iter(played.texts_of(ghost, folders.history(ghost)).values()), None)
    begun = bool(own) and own[0]["model"] == "parent"
    points = [
        [event["step"], 100 * event["accuracy"], _shortened(texts.get((event["model"], event["step"]), ""))]
        for event in own
    ]
    random_weights = begun and run.settings.parent is None
    colour = colours.of_run(run.name)
    return {
        "id": f"{run.name} {run.config.get('id', '')}",
        "live": is_live,
        "language": language(),
        "height": LIVE_HEIGHT if is_live else HEIGHT,
        "presented": present.on(),
        "badge": "",
        "base": 100 * base[0]["accuracy"] if base else None,
        "base_text": _shortened(base_text or ""),
        "prompt": played.prompt_of(run, history),
        "steps": run.state().steps or 0,
        "own": {
            "label": label or _("this run"),
            "colour": colour,
            "points": points,
            "begins": _("random weights")
            if random_weights
            else _("where it starts")
            if begun
            else _("before the first step"),
        },
        "other": _other_line(history, other, colour) if other else None,
        "beside": [
            {
                "label": companion.label,
                "colour": colours.HUES[3 + number],
                "dash": companion.dash,
                "points": [
                    [e["step"], 100 * e["accuracy"]] for e in _measured(folders.history(companion.run), split)[1]
                ],
            }
            for number, companion in enumerate(beside)
        ],
        "ghost": _ghost(ghost, split),
        "summary": played.summary(points, wording),
        "verdict": [],
        "copied": None,
        "guesses": [],
        "levels": [],
        "words": played.words(wording, of_unseen_alone=not other),
    }


def _shortened(text: str) -> str:
    """As much of a text as is read at a glance, on a wall less."""
    return played.shortened(text, _LONGEST_PRESENTED if present.on() else _LONGEST)


def _measured(history: History, split: str) -> tuple[list[Any], list[Any]]:
    """The base's evaluations on the fixed part of a split, and the run's from where it started (`History.on_validation`)."""
    points = history.at_intervals(split)
    base = [event for event in points if event["model"] == "base"]
    own = [event for event in points if event["model"] != "base"]
    return base, own if any(event["model"] == "parent" for event in own) else base[:1] + own


def _other_line(history: History, other: str, colour: str) -> dict[str, Any]:
    """Another figure of the same run: its accuracy on what it reads, or on the articles that it has not read."""
    if other == TRAIN:
        accuracy = history.steps["accuracy"]
        known = accuracy == accuracy  # NaN where a report lacks it
        xs, ys = style.thinned(history.steps["step"][known], 100 * accuracy[known], _TRAINING_POINTS)
        points = [[float(x), float(y)] for x, y in zip(xs, ys, strict=True)]
    else:
        points = [[event["step"], 100 * event["accuracy"]] for event in _measured(history, other)[1]]
    return {
        "label": _("on what it reads") if other == TRAIN else _("on unseen articles"),
        "colour": colours.HUES[1] if colour != colours.HUES[1] else colours.HUES[2],
        "dash": "2 3",
        "points": points,
    }


def _ghost(ghost: Run | None, split: str) -> dict[str, Any] | None:
    if ghost is None:
        return None
    points = [[event["step"], 100 * event["accuracy"]] for event in _measured(folders.history(ghost), split)[1]]
    return {"label": _("recorded"), "points": points} if points else None
