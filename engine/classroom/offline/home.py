"""The page that a pupil takes home from the lesson as a file: what the recorded runs have shown, on two printed pages."""

from typing import Any

from engine.classroom import experiments, passages
from engine.classroom.curve_picture import picture
from engine.classroom.experiments import EXPERIMENTS, LEARN, MEMORISE
from engine.classroom.glossary import entries
from engine.classroom.offline import recordings
from engine.classroom.reports import Curve
from engine.core.wording import Wording
from engine.evaluation import forgetting
from engine.runs import checkpoints
from engine.runs.folder import Run
from engine.runs.history import shared

_LONGEST = 300  # characters of a text


def page(wording: Wording) -> dict[str, Any]:
    """What the template fills the page with; a part whose recording is gone is left out."""
    _ = wording.say
    return {
        "title": _("What we have seen: a model before and after a minute of articles"),
        "curve": _curve(wording),
        "texts": _texts(wording),
        "copied": _copied(wording),
        "forgotten": _forgotten(wording),
        "words": entries(_),
        "made": [*_checkpoint(wording), *recordings.provenance(wording)],
    }


def _learned() -> Run | None:
    return experiments.recorded_run(EXPERIMENTS[LEARN].own)


def _curve(wording: Wording) -> dict[str, Any] | None:
    _, run = wording.say, _learned()
    if run is None:
        return None
    base, own = shared.of(run.folder).on_validation()
    points = tuple((int(event["step"]), float(event["accuracy"])) for event in own)
    curve = Curve((), points, float(base[0]["accuracy"]) if base else None, None)
    said = _("The accuracy at each training step, on articles that the model does not learn from.")
    return {"picture": picture(curve, wording, said), "said": said}


def _texts(wording: Wording) -> list[dict[str, str]]:
    """What the model wrote from the same words before the first step and after the last one."""
    found = recordings.moments(wording, _LONGEST)
    return [] if len(found) < 2 else [found[0], found[-1]]


def _copied(wording: Wording) -> dict[str, str] | None:
    run = experiments.recorded_run(EXPERIMENTS[MEMORISE].own)
    copied = passages.longest(run) if run is not None else None
    if copied is None:
        return None
    _ = wording.say
    return {
        "prompt": copied.prompt,
        "before": copied.text[: copied.first],
        "text": copied.text[copied.first : copied.last],
        "after": copied.text[copied.last :],
        "said": _(
            "After it had read one article over and over, it wrote {n} words in a row that stand so in the article.",
            n=wording.whole(copied.words),
        ),
    }


def _forgotten(wording: Wording) -> str:
    run = _learned()
    meter = forgetting.of_history(shared.of(run.folder)) if run is not None else None
    if meter is None or len(meter.english) < 2:
        return ""
    _ = wording.say
    return _(
        "On everyday English its first guess was right in {before} of cases before the articles, and in {after} after them.",
        before=wording.percent(meter.base_english.accuracy),
        after=wording.percent(meter.english[-1].accuracy),
    )


def _checkpoint(wording: Wording) -> list[str]:
    """The fingerprint of the weights that the minute ended with."""
    run = _learned()
    found = next(reversed(checkpoints.of_run(run)), None) if run is not None else None
    if found is None:
        return []
    _ = wording.say
    said = _("Checkpoint {name}, SHA-256 of its weights:", name=f"{found.run}/{found.step}")
    return [f"{said} {found.hash}"]
