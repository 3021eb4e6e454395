"""The kinds of events, in one table: what each must hold, and whether a run that goes on replaces it.

A resumed run goes on from a checkpoint, and does again, with the same result, what it had done behind that step. What it
had said of its training there (figures, samples, saves, plans, how much memory a batch takes) it says again, so that is
REPLACED: everything of such a kind behind the step it goes on from, which is -1 where it begins anew. What it had said of
its process, of files and of the articles is as true as before: that a trainer started, that a checkpoint is damaged or was
deleted, that its parent is gone, that articles were skipped. That STANDS, whatever step it names.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NotRequired, TypedDict

from engine.core import checked
from engine.core.fields import (
    Table,
    boolean,
    count,
    error,
    known,
    list_of,
    needed,
    number,
    one_of,
    optional,
    positive,
    step,
    step_or_none_yet,
    text,
    timestamp,
)
from engine.core.files import parse_json
from engine.core.splits import HELD_OUT

FILE = "events.jsonl"
MODELS = ("base", "parent", "run")
MEASURED = ("evaluation", "sample", "passage")  # what a trainer does at each interval
VALIDATION, ENGLISH = "validation", "english"


class Event(TypedDict):
    """What every event holds.

    Attributes:
        time: Unix time at which it was written.
    """

    kind: str
    time: NotRequired[float]


class Step(Event):
    """The mean of the steps since the last report; seconds are of training alone, since its beginning."""

    step: int
    tokens: NotRequired[float | None]
    seconds: NotRequired[float | None]
    epoch: NotRequired[float | None]
    loss: NotRequired[float | None]
    accuracy: NotRequired[float | None]
    learning_rate: NotRequired[float | None]
    tokens_per_second: NotRequired[float | None]
    memory_bytes: NotRequired[float | None]


class Evaluation(Event):
    """A model's figures on a split: the whole of it at the end, a fixed part at each interval.

    Attributes:
        by_article: sums of each article (engine.evaluation.scoring.Scores).
    """

    step: int
    split: str
    model: str
    whole: bool
    loss: float
    accuracy: float
    bits_per_byte: float
    perplexity: float
    evaluated_tokens: int
    tokens: NotRequired[int]
    seconds: NotRequired[float]
    sequence_length: NotRequired[int]
    by_article: NotRequired[dict[str, list[float]] | None]
    near_copies: NotRequired[int | None]
    near_copies_left_out: NotRequired[bool]


class Sample(Event):
    """What a model wrote behind a prompt."""

    step: int
    model: str
    prompt: str
    text: str
    seed: int
    temperature: NotRequired[float | None]
    top_k: NotRequired[float | None]


class Passage(Event):
    """How well a model expects each token of a fixed passage."""

    step: int
    model: str
    pieces: list[str]
    probabilities: list[float]
    ranks: list[int]


class Memory(Event):
    """From the step behind `step` on a batch is worked on in pieces; failed_step is None where nothing failed."""

    step: int
    failed_step: int | None
    micro_batch: int
    batch_size: int


class Resume(Event):
    """The run goes on behind this step; -1 where it begins anew."""

    step: int


class Damaged(Event):
    """A checkpoint that was passed over; reason is an error's JSON."""

    checkpoint: str
    reason: dict[str, Any]


class ParentLost(Event):
    """Why the figures of the checkpoint that the run started from are left out."""

    checkpoint: NotRequired[str | None]
    reason: dict[str, Any]


class GpuUnused(Event):
    """The driver shows a GPU that TensorFlow cannot use: the run trains on the CPU."""

    reason: dict[str, Any]


class KerasEvaluate(Event):
    """What Keras's own `evaluate` says."""

    step: int
    split: str
    tokens: int
    targets: int
    accuracy: float
    loss: float
    accuracy_with_padding: float


class Bigram(Event):
    """How often a bigram is right, counted on what the run could read, on the very tokens of a whole split."""

    step: int
    split: str
    accuracy: float
    tokens: int


class Result(Event):
    """What came of the run: the figures of its checkpoint of that step.

    Attributes:
        best_step: of the checkpoint that is best on validation. base_better: whether the base is better still.
    """

    step: int
    best_step: NotRequired[int]
    base_better: NotRequired[bool]
    device: NotRequired[str]


class StateChange(Event):
    """A trainer started, or the run ended in a state."""

    state: str
    reason: NotRequired[dict[str, Any] | None]
    device: NotRequired[str]


class EarlyEnd(Event):
    """Validation had not improved for `patience` measurements: the run ended at `step` instead of `steps`."""

    step: int
    steps: int
    best_step: int
    patience: int


class Compilation(Event):
    """Whether XLA compiles the functions of the run, as it was decided when it began."""

    xla: bool


class AtStep(Event):
    """Anything else that happened at a step: a checkpoint, a plan of steps, checkpoints that were deleted."""

    step: NotRequired[int]


@dataclass(frozen=True)
class Kind:
    """A kind of event.

    Attributes:
        event: its type. fields: what its readers need, checked at each line (`engine.core.checked`).
        replaced: whether a run that goes on from an earlier step replaces it.
        large: fields that are left in the file until somebody needs them.
    """

    event: type
    fields: Table = field(default_factory=dict)
    replaced: bool = True
    large: tuple[str, ...] = ()


STEP_FIELDS = (
    "step", "time", "tokens", "seconds", "epoch", "loss", "accuracy", "learning_rate", "tokens_per_second", "memory_bytes",
)  # fmt: skip
STEP_BEGINS = b'{"kind": "step",'  # how a trainer writes them
_LONGEST_KIND = 40  # characters
_SUMS = ("article", "tokens", "bytes", "top_1", "loss")
_STEP, _STEP_OR_NONE_YET = step, step_or_none_yet
_MODEL, _WHOLE_SPLIT = one_of(*MODELS), one_of(*HELD_OUT)


def _from_one(value: Any) -> bool:
    return bool(_STEP(value)) and value >= 1


def _by_article(value: Any) -> bool:
    if not isinstance(value, dict) or not set(_SUMS) <= set(value) or not all(map(list_of(number), value.values())):
        return False
    return len(set(map(len, value.values()))) == 1 and all(map(positive, value["tokens"]))


_EVERY = known(step=_STEP_OR_NONE_YET, time=optional(timestamp))
KINDS = {
    "step": Kind(Step, needed(step=_from_one) | known(**dict.fromkeys(STEP_FIELDS[2:], optional(number)))),
    "evaluation": Kind(
        Evaluation,
        needed(step=_STEP, split=one_of(*HELD_OUT, ENGLISH), model=_MODEL, whole=boolean)
        | needed(loss=number, accuracy=number, bits_per_byte=number, perplexity=number, evaluated_tokens=count)
        | known(tokens=count, seconds=number, sequence_length=positive, by_article=optional(_by_article))
        | known(near_copies=optional(count), near_copies_left_out=boolean),
        large=("by_article",),
    ),
    "sample": Kind(
        Sample,
        needed(step=_STEP, model=_MODEL, prompt=text, text=text, seed=count)
        | known(temperature=optional(number), top_k=optional(number)),
        large=("text",),
    ),
    "passage": Kind(
        Passage,
        needed(step=_STEP, model=_MODEL, pieces=list_of(text), probabilities=list_of(number), ranks=list_of(count)),
        large=("pieces", "probabilities", "ranks"),
    ),
    "memory": Kind(
        Memory,
        needed(step=_STEP_OR_NONE_YET, failed_step=optional(_STEP), micro_batch=positive, batch_size=positive),
    ),
    "resume": Kind(Resume, needed(step=_STEP_OR_NONE_YET)),
    "plan": Kind(AtStep),
    "early_end": Kind(EarlyEnd, needed(step=_STEP, steps=_STEP, best_step=_STEP, patience=positive)),
    "checkpoint": Kind(AtStep),
    "keras_evaluate": Kind(
        KerasEvaluate,
        needed(step=_STEP, split=_WHOLE_SPLIT, tokens=count, targets=count)
        | needed(accuracy=number, loss=number, accuracy_with_padding=number),
    ),
    "bigram": Kind(Bigram, needed(step=_STEP, split=_WHOLE_SPLIT, accuracy=number, tokens=count)),
    "result": Kind(Result, needed(step=_STEP) | known(device=text, best_step=_STEP, base_better=boolean)),
    "state": Kind(StateChange, needed(state=text) | known(reason=optional(error), device=text), replaced=False),
    "damaged": Kind(Damaged, needed(checkpoint=text, reason=error), replaced=False),
    "parent_lost": Kind(ParentLost, needed(reason=error), replaced=False),
    "compilation": Kind(Compilation, needed(xla=boolean), replaced=False),
    "gpu_unused": Kind(GpuUnused, needed(reason=error), replaced=False),
    "retention": Kind(AtStep, replaced=False),
    "skipped": Kind(AtStep, replaced=False),
    "imported": Kind(AtStep, replaced=False),
    "converted": Kind(AtStep, replaced=False),
}

_TABLES = {name: _EVERY | kind.fields for name, kind in KINDS.items()}


@dataclass(frozen=True)
class Unread:
    """Why a line gives no event: it is damaged or lacks what its readers need; or its kind is one that is not known here.

    Attributes:
        unknown: that kind, "" of a damaged line.
    """

    unknown: str = ""


def read(line: bytes) -> dict[str, Any] | Unread:
    """The event that a line holds, complete, or why there is none."""
    if len(line) > checked.MOST_LINE_BYTES:
        return Unread()
    try:
        value = parse_json(line)
    except ValueError:
        return Unread()
    if not isinstance(value, dict) or not isinstance(name := value.get("kind"), str):
        return Unread()
    kind = KINDS.get(name)
    if not _fits(value, _TABLES.get(name, _EVERY)):
        return Unread()
    if name == "passage" and not len(value["pieces"]) == len(value["probabilities"]) == len(value["ranks"]):
        return Unread()
    return value if kind else Unread(name[:_LONGEST_KIND])


def _fits(value: dict[str, Any], fields: Table) -> bool:
    for name, (must, check) in fields.items():
        if name in value:
            if not check(value[name]):
                return False
        elif must:
            return False
    return True


def is_replaced(event: Any, resumed_at: int) -> bool:
    """Whether a run that goes on from a step replaces what it reported earlier (see above)."""
    return KINDS[event["kind"]].replaced and event.get("step", -1) > resumed_at


def small(event: dict[str, Any]) -> dict[str, Any]:
    """An event without what is large in it, so that a day of them is held in little memory; of a kind that has anything
    large also without what its readers do not need."""
    kind = KINDS[event["kind"]]
    if not kind.large:
        return event
    wanted = {"kind", *_TABLES[event["kind"]]} - set(kind.large)
    return {sys.intern(name): value for name, value in event.items() if name in wanted}


def fits_without_large(event: Any) -> bool:
    """Whether an event is one that `small` may have given."""
    if not isinstance(event, dict) or not isinstance(name := event.get("kind"), str) or name not in KINDS:
        return False
    large = KINDS[name].large
    return name != "step" and _fits(event, {field: rule for field, rule in _TABLES[name].items() if field not in large})


def is_measured(event: Any) -> bool:
    """Whether a trainer measured it at an interval, as it does again and again; not on whole splits at the end."""
    return event["kind"] in MEASURED and not event.get("whole")


def at_intervals(events: Iterable[Any], split: str = VALIDATION) -> list[Any]:
    """Of events the evaluations on the fixed part of a split, which a trainer makes at each interval."""
    return [e for e in events if e["kind"] == "evaluation" and is_measured(e) and e["split"] == split]
