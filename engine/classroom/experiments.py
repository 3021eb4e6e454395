"""The experiments: trainings of a minute at most, each a question that its run answers; one table."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from engine.core import paths
from engine.core.errors import EngineError
from engine.evaluation import forgetting
from engine.evaluation.forgetting import Change, Point
from engine.runs import queue
from engine.runs.folder import Run
from engine.runs.history.follower import History
from engine.runs.settings import EVERYTHING, LAST, PROMPTS, RANDOM, RunSettings

LEARN, MEMORISE, BREAK, FORGET, MORE_DATA = "learn", "memorise", "break", "forget", "more-data"
# What a figure did; the answers to all questions but that of MORE_DATA, whose answers are numbers of articles.
MORE, SAME, LESS = "more", "same", "less"
NOISE = 0.01  # of accuracy: a smaller change counts as none where no interval says more


@dataclass(frozen=True)
class Training:
    """One training of an experiment.

    Attributes:
        recorded: the run that ships and shows it. changes: to the settings that all have.
    """

    recorded: str
    changes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> RunSettings:
        """What is queued when a person presses: the last checkpoint is its result, however it ends."""
        common: dict[str, Any] = {
            "preset": paths.portable(paths.MINI_PRESET),
            "articles": paths.portable(paths.SAMPLE_ARTICLES),
            "name": queue.UNNAMED,
            "prompts": PROMPTS[:1],
            "result": LAST,
            "patience": 0,
            "keep_checkpoints": 1,
        }
        return RunSettings(**{**common, **self.changes})


@dataclass(frozen=True)
class Experiment:
    """An experiment.

    Attributes:
        code: in addresses and recordings. own: what a press trains. beside: what it is shown beside, recorded.
        answers: codes, of which a person chooses one before it opens.
    """

    code: str
    own: Training
    beside: tuple[Training, ...] = ()
    answers: tuple[str, ...] = (MORE, SAME, LESS)

    @property
    def trainings(self) -> tuple[Training, ...]:
        """All of them, its own first."""
        return (self.own, *self.beside)

    @property
    def trained(self) -> tuple[Training, ...]:
        """Those without which a person's own runs give no answer: to MORE_DATA all, to the others its own."""
        return self.trainings if self.code == MORE_DATA else (self.own,)


def _articles(count: int) -> Training:
    steps = {"steps": 120, "evaluate_steps": 12}
    return Training(
        f"recorded-articles-{count}", steps | ({"first_article": 1, "last_article": count} if count < 100 else {})
    )


EXPERIMENTS = {
    experiment.code: experiment
    for experiment in (
        Experiment(
            LEARN,
            Training(
                "recorded-mini", {"minutes": 1.0, "minutes_of": EVERYTHING, "prompts": PROMPTS, "keep_checkpoints": 0}
            ),
            # As many steps as the recorded run of a minute.
            (Training("recorded-random", {"steps": 200, "evaluate_steps": 20, "initial_weights": RANDOM}),),
        ),
        Experiment(
            MEMORISE,
            Training(
                "recorded-memorise",
                {
                    # One article in the six windows of a step: each step reads it once.
                    "first_article": 96,
                    "last_article": 96,
                    "sequence_length": 128,
                    "batch_size": 6,
                    "steps": 120,
                    "evaluate_steps": 10,
                    "prompts": ("Students sleep little before",),
                },
            ),
        ),
        Experiment(BREAK, Training("recorded-break", {"steps": 40, "evaluate_steps": 4, "learning_rate": 0.05})),
        Experiment(FORGET, _articles(100)),
        Experiment(MORE_DATA, _articles(10), (_articles(30), _articles(100)), ("10", "30", "100", SAME)),
    )
}
ANSWERS = tuple(dict.fromkeys(answer for experiment in EXPERIMENTS.values() for answer in experiment.answers))
RECORDED = {training.recorded: training for e in EXPERIMENTS.values() for training in e.trainings}


def recorded_run(training: Training) -> Run | None:
    """The run that ships and shows a training, wherever the runs of this lab are; None where it was deleted."""
    run = Run(paths.RECORDED.parent / training.recorded)
    return run if run.recorded and run.problem is None else None


def is_of(run: Run, training: Training) -> bool:
    """Whether a run is one of a training: that which ships, or one of the same settings."""
    if run.recorded:
        return run.name == training.recorded
    try:
        own, wanted = run.settings, training.settings
        if (own.steps, own.last_article) != (wanted.steps, wanted.last_article):  # of hundreds of runs most are others
            return False
        return replace(own, name=queue.UNNAMED, seed=1) == replace(wanted, checkpoint_format=own.checkpoint_format)
    except EngineError:
        return False


def shown_by(run: Run, experiment: Experiment) -> bool:
    """Whether a run is one of those that a press on the experiment trains."""
    return any(is_of(run, training) for training in experiment.trained)


@dataclass(frozen=True)
class Outcome:
    """What the run of an experiment shows, from its events.

    Attributes:
        answer: to the question of its experiment, one of its codes; "" where it cannot be told.
        science: the first and the last point on the fixed part of validation, articles that it has not read.
        base: the base's point there: the first, but where it began with random weights.
        english: the same on general English; None where that was not measured.
        training: accuracy on what it reads, at the end. epochs: how often it has read it.
        change: of what the question asks for, from the first point to the last.
        beside: number of articles → its last accuracy, of MORE_DATA.
    """

    answer: str
    science: tuple[Point, Point]
    base: Point
    english: tuple[Point, Point] | None
    training: float | None
    epochs: float | None
    change: Change
    beside: Mapping[str, float] = field(default_factory=dict)


def outcome(experiment: Experiment, own: History, beside: Mapping[int, History] | None = None) -> Outcome | None:
    """What came of an experiment; None before its run has measured itself twice.

    Args:
        own: of its own run. beside: number of articles → the history of that run, of MORE_DATA.
    """
    meter = forgetting.of_history(own)
    if meter is None or len(meter.science) < 2 or len(meter.english) < 2:
        return None
    asked = meter.english if experiment.code == FORGET else meter.science
    change = forgetting.change([meter.base_science, asked[-1]] if asked is meter.science else asked)
    accuracies: dict[str, float] = {}
    if experiment.code == MORE_DATA:
        accuracies[str(experiment.own.settings.last_article)] = meter.science[-1].accuracy
        accuracies |= {str(n): a for n, h in (beside or {}).items() if (a := _last_accuracy(h)) is not None}
        answer = _best(accuracies, experiment)
    else:
        answer = _direction(change)
    steps = own.steps
    return Outcome(
        answer=answer,
        science=(meter.science[0], meter.science[-1]),
        base=meter.base_science,
        english=(meter.english[0], meter.english[-1]),
        training=_last(steps["accuracy"]),
        epochs=_last(steps["epoch"]),
        change=change,
        beside=accuracies,
    )


def _direction(change: Change) -> str:
    """What an accuracy did: nothing, where its interval holds 0 or, where there is none, where it changed by less than NOISE."""
    low, high = change.interval or (change.accuracy - NOISE, change.accuracy + NOISE)
    return MORE if low > 0 else LESS if high < 0 else SAME


def _best(accuracies: Mapping[str, float], experiment: Experiment) -> str:
    """The number of articles that did best; SAME where the second best is within NOISE; "" where one is missing."""
    if set(accuracies) != set(experiment.answers) - {SAME}:
        return ""
    best, second = sorted(accuracies, key=accuracies.__getitem__, reverse=True)[:2]
    return best if accuracies[best] - accuracies[second] > NOISE else SAME


def _last(column: Any) -> float | None:
    known = column[column == column]  # NaN where a report lacks it
    return float(known[-1]) if len(known) else None


def _last_accuracy(history: History) -> float | None:
    points = history.at_intervals()
    return float(points[-1]["accuracy"]) if points else None
