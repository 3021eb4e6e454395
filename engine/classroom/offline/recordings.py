"""What the recorded runs play in the file: curves, what they wrote at each point, and the moments of the minute as data."""

from typing import Any

import numpy as np

from engine.classroom import experiments, figures, passages, played
from engine.classroom.experiments import EXPERIMENTS, LEARN, MEMORISE, Experiment
from engine.classroom.passages import Copy
from engine.core.wording import Wording
from engine.runs.history import shared, snapshots
from engine.runs.history.follower import History

BASE, OWN, TRAINING, RANDOM = "#7F868D", "#0072B2", "#D55E00", "#CC79A7"  # as the pages colour them
_LONGEST = 120  # characters of a text beside a curve
_TRAINING_POINTS = 60
_HEIGHT = 216  # pixels of a curve where the window is small


def play(experiment: Experiment, wording: Wording) -> dict[str, Any] | None:
    """What the player of `ui/components/play` draws of the recorded run of an experiment; None where that is not here."""
    run = experiments.recorded_run(experiment.own)
    if run is None:
        return None
    _, history = wording.say, shared.of(run.folder)
    base, own = history.on_validation()
    if not base or len(own) < 2:
        return None
    memorises = experiment.code == MEMORISE
    texts = played.texts_of(run, history)
    points = [
        [
            event["step"],
            100 * event["accuracy"],
            played.shortened(texts.get((event["model"], event["step"]), ""), _LONGEST),
        ]
        for event in own
    ]
    copied = passages.longest(run) if memorises else None
    return {
        "id": run.name,
        "live": False,
        "language": wording.language,
        "height": _HEIGHT,
        "badge": _("recorded"),
        "base": 100 * base[0]["accuracy"],
        "base_text": played.shortened(
            next((text for (model, _step), text in texts.items() if model == "base"), ""), _LONGEST
        ),
        "prompt": played.prompt_of(run, history),
        "steps": points[-1][0],
        "own": {
            "label": _("on unseen articles") if memorises else _("this run"),
            "colour": OWN,
            "points": points,
            "begins": _("before the first step"),
        },
        "other": _on_training(history, wording) if memorises else None,
        "beside": [] if memorises else _beside(experiment, wording),
        "ghost": None,
        "summary": played.summary(points, wording),
        "verdict": [["said", said] for said in [_verdict(experiment, history, wording)] if said],
        "copied": _copied(copied, points[-1][2]),
        "guesses": [],
        "levels": [] if memorises else _levels(wording),
        "words": played.words(wording, of_unseen_alone=not memorises),
    }


def _on_training(history: History, wording: Wording) -> dict[str, Any]:
    """The accuracy on what the run reads."""
    steps, accuracy = history.steps["step"], history.steps["accuracy"]
    there = np.flatnonzero(np.isfinite(accuracy))
    if len(there) > _TRAINING_POINTS:
        there = there[np.linspace(0, len(there) - 1, _TRAINING_POINTS).astype(int)]
    points = [[float(steps[at]), 100 * float(accuracy[at])] for at in there]
    _ = wording.say
    return {"label": _("on what it reads"), "colour": TRAINING, "dash": "2 3", "points": points}


def _beside(experiment: Experiment, wording: Wording) -> list[dict[str, Any]]:
    """The same minute from random weights."""
    _ = wording.say
    runs = [experiments.recorded_run(training) for training in experiment.beside]
    found = [shared.of(run.folder).on_validation()[1] for run in runs if run is not None]
    return [
        {
            "label": _("from random weights"),
            "colour": RANDOM,
            "dash": "7 4",
            "points": [[event["step"], 100 * event["accuracy"]] for event in events],
        }
        for events in found
    ]


def _levels(wording: Wording) -> list[dict[str, Any]]:
    """The line of the bigram, which looks at one piece of a word alone."""
    _, share = wording.say, figures.measured("bigram_accuracy")
    return [] if share is None else [{"label": _("bigram"), "value": 100 * share}]


def _copied(copied: Copy | None, shown: str) -> list[int] | None:
    """The characters of a text that stand in an article, as far as it is shown."""
    if copied is None or not copied.text.replace("\n", " ").startswith(shown[:20]):
        return None
    return [copied.first, min(copied.last, len(shown))]


def _verdict(experiment: Experiment, history: History, wording: Wording) -> str:
    """What the run answers, in its own figures."""
    _, found = wording.say, experiments.outcome(experiment, history)
    if found is None:
        return ""
    before, after = wording.percent(found.base.accuracy), wording.percent(found.science[1].accuracy)
    if experiment.code == MEMORISE and found.training is not None and found.epochs is not None:
        return _(
            "Of the article that it has read {times} times it guesses {training} right, of unseen ones {after}; before it was {before}.",
            times=wording.whole(found.epochs),
            training=wording.percent(found.training),
            after=after,
            before=before,
        )
    said = _(
        "After {n} steps it guesses {after} of unseen articles right; before the first one it was {before}.",
        n=wording.whole(found.science[1].step),
        after=after,
        before=before,
    )
    beside = [line["points"][-1][1] for line in _beside(experiment, wording) if line["points"]]
    return " ".join(
        [said, *(_("From random weights it would be {n}.", n=wording.percent(last / 100)) for last in beside)]
    )


def moments(wording: Wording, longest: int = 2 * _LONGEST) -> list[dict[str, str]]:
    """The moments of the recorded minute: what each is called, its accuracy, and what was written then from the second prompt."""
    run = experiments.recorded_run(EXPERIMENTS[LEARN].own)
    if run is None:
        return []
    _, found = wording.say, []
    for one in snapshots.of_run(run, shared.of(run.folder)):
        samples = one.complete_samples()
        if not samples or "validation" not in one.figures:
            continue
        sample = samples[min(1, len(samples) - 1)]
        title = _("base") if one.is_base else _("step {n}", n=wording.whole(one.step))
        found.append(
            {
                "title": title,
                "accuracy": wording.percent(one.figures["validation"]["accuracy"]),
                "prompt": sample["prompt"],
                "text": played.shortened(sample["text"].replace("\n", " "), longest),
            }
        )
    return found


def provenance(wording: Wording) -> list[str]:
    """Where the recorded runs come from: a sentence each."""
    _, found = wording.say, []
    for training in (EXPERIMENTS[LEARN].own, *EXPERIMENTS[LEARN].beside, EXPERIMENTS[MEMORISE].own):
        run = experiments.recorded_run(training)
        if run is None or not run.recorded:
            continue
        found.append(
            _(
                "Recorded: {run} is a real run that ships with Atelier. It was made on {date} by `{command}` at commit "
                "{commit}; nothing in it is simulated.",
                run=run.name,
                date=wording.recorded_day(str(run.recorded.get("date", "?"))),
                command=str(run.recorded.get("command", "?")),
                commit=str(run.recorded.get("commit", "?"))[:10],
            ).replace("`", "")
        )
    return found
