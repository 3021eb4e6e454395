"""How long the lesson's own runs take on this machine, told from one that was measured here: by a check of the room, or in a lesson."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from engine.classroom import experiments, secret
from engine.classroom.experiments import EXPERIMENTS, LEARN
from engine.classroom.room import LOOK, MINUTE, SECRET, WELL, Finding, trainings
from engine.core import fields
from engine.core.errors import EngineError
from engine.presets import catalogue
from engine.runs import durations, inputs, states
from engine.runs.folder import Run
from engine.runs.history import shared
from engine.runs.settings import RunSettings

TRIED_STEPS = 30  # of a check: three intervals with what is measured, written and saved at their ends
MINUTE_SECONDS = 60.0
_LEAST_TRAINING_SECONDS = 12.0  # of the minute: with less the curve has hardly a point
_MOST_SECRET_SECONDS = 90.0  # that a class waits for its secret
_FIELDS = fields.needed(
    tokens_per_second=fields.number, step_tokens=fields.number, before=fields.number, within=fields.number,
    after=fields.number, at=fields.timestamp,
)  # fmt: skip


@dataclass(frozen=True)
class Speed:
    """What a run of the lesson took here.

    Attributes:
        tokens_per_second: of training alone, behind its first step. step_tokens: of one step.
        before: seconds from the start to the end of the first step. within: seconds a second of training for what is measured,
            written and saved meanwhile. after: seconds from the last step to the end. at: when it ended (Unix seconds).
    """

    tokens_per_second: float
    step_tokens: float
    before: float
    within: float
    after: float
    at: float

    def to_json(self) -> dict[str, float]:
        """As files hold it."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Any) -> Self | None:
        """What `to_json` wrote; None where it was damaged."""
        if not isinstance(value, dict) or fields.wrong(value, _FIELDS) or not value["tokens_per_second"] > 0:
            return None
        return cls(**{name: value[name] for name in _FIELDS})

    def seconds(self, steps: int) -> float:
        """From the start to the end of a run of so many steps like this one's."""
        training = max(0, steps - 1) * self.step_tokens / self.tokens_per_second
        return self.before + training * (1 + self.within) + self.after

    def steps_within(self, seconds: float, step_tokens: float) -> int:
        """How many steps of so many tokens a run makes that takes so long in all."""
        training = max(0.0, seconds - self.before - self.after) / (1 + self.within)
        return round(training * self.tokens_per_second / step_tokens)


def of_run(run: Run) -> Speed | None:
    """What a run took that finished on this machine; None of any other, and of one that reported less than two steps."""
    found, history = durations.measured(run), shared.of(run.folder)
    steps = history.steps
    if found is None or len(steps["step"]) < 2:
        return None
    first, last = ({name: float(steps[name][at]) for name in ("step", "tokens", "seconds")} for at in (0, -1))
    if last["seconds"] <= first["seconds"] or last["step"] <= first["step"]:
        return None
    tokens, seconds = last["tokens"] - first["tokens"], last["seconds"] - first["seconds"]
    ends = [event["time"] for event in history.events("state") if event["state"] == states.FINISHED]
    # The first report's seconds hold what was compiled: they are part of the wait, and no speed.
    before, within = found.before + first["seconds"], found.within * last["seconds"] / seconds
    return Speed(tokens / seconds, tokens / (last["step"] - first["step"]), before, within, found.after, ends[-1])


def tried(source: str) -> RunSettings:
    """The settings of the run that a check trains: those of the secret, with fewer steps.

    Args:
        source: where the articles of a secret are.
    """
    hidden = secret.Secret(secret.EXAMPLE, secret.TIMES[0])
    return replace(secret.settings(hidden, source), name="room-check", steps=TRIED_STEPS)


def last_here(every: Iterable[Run]) -> Speed | None:
    """What the newest run of the lesson's kind took that finished here; None where there is none.

    Args:
        every: the runs of this machine, the newest first.
    """
    for run in every:
        if run.problem is not None or run.recorded is not None:
            continue
        is_one = experiments.shown_by(run, EXPERIMENTS[LEARN]) or secret.of_run(run) is not None
        if is_one and (found := of_run(run)) is not None:
            return found
    return None


def findings(speed: Speed, now_measured: bool) -> list[Finding]:
    """What a speed means for the lesson: how far its minute comes, and how long a class waits for its secret.

    Args:
        now_measured: whether it was measured by this check; else the findings tell when.

    Raises:
        EngineError: the mini model is gone.
    """
    at = None if now_measured else speed.at
    minute, hidden = trainings()
    preset = catalogue.find(minute.preset)
    length, batch_size = inputs.window_shape(minute, preset.max_sequence_length, preset.vocabulary_size)
    steps = speed.steps_within(MINUTE_SECONDS, length * batch_size)
    training = max(0.0, MINUTE_SECONDS - speed.before - speed.after)
    told = EngineError(
        "The lesson's minute: {waits} s of loading, measuring and writing, {training} s of training; about {steps} steps.",
        waits=round(min(MINUTE_SECONDS, speed.before + speed.after)),
        training=round(training),
        steps=steps,
    )
    slow = training < _LEAST_TRAINING_SECONDS
    advice = EngineError(
        "This machine is slow for it: show the recorded run, or start the live one before you speak of it."
    )
    found = [Finding(MINUTE, LOOK if slow else WELL, told, advice if slow else None, at)]
    seconds = speed.seconds(hidden.steps or 0)
    told = EngineError("The class's secret: about {seconds} s from the press to what it tells.", seconds=round(seconds))
    slow = seconds > _MOST_SECRET_SECONDS
    advice = EngineError("Press before the guesses are collected, or show the recorded run.")
    return [*found, Finding(SECRET, LOOK if slow else WELL, told, advice if slow else None, at)]
