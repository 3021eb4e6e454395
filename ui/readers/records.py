"""Lines of a run's file of events: the reports of its steps as columns, everything else as events."""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.json

from engine.core import checked, fields

STEP_FIELDS = (
    "step",
    "tokens",
    "seconds",
    "epoch",
    "loss",
    "accuracy",
    "learning_rate",
    "tokens_per_second",
    "memory_bytes",
)
_SCHEMA = pa.schema([(name, pa.float64()) for name in (*STEP_FIELDS, "time")])
_STEP = b'{"kind": "step"'  # how engine.runs.lifecycle opens such a line


@dataclass(frozen=True)
class Record:
    """What a run reported. Shared by all sessions: never changed by those who read it.

    Attributes:
        steps: STEP_FIELDS, each float64 (reports,); NaN where a report lacks it.
        drawn: the same of some thousands of reports at most, as curves need them: of each stretch those in which a
            field is smallest or largest, the first and the last.
        others: all other events, in order.
        version: another number for another content, in this process.
        thinned_bytes: the size of a file that is too large to be kept whole: `steps` is `drawn`, and some moments
            between the first and the last are left out of `others`; 0 elsewhere.
        damaged: how many lines hold no event, or one that lacks what its readers need (`engine.core.checked`).
    """

    steps: dict[str, np.ndarray]
    drawn: dict[str, np.ndarray]
    others: list[dict[str, Any]]
    version: int = 0
    thinned_bytes: int = 0
    damaged: int = 0


def parsed(lines: list[bytes]) -> tuple[dict[str, np.ndarray], np.ndarray, list[tuple[int, dict[str, Any]]]]:
    """The reports of steps on whole lines as columns, the line that each stands on, and the other events with theirs.

    Most lines of a long run are reports of steps: those are read by Arrow, several times as fast as by `json`.
    """
    return (*_steps(lines), _others(lines))


def _steps(lines: list[bytes]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The columns of the reports of steps, and the line that each stands on."""
    places = [place for place, line in enumerate(lines) if line.startswith(_STEP)]
    if not places:
        return {name: np.empty(0) for name in STEP_FIELDS}, np.empty(0, int)
    columns = _columns([lines[place] for place in places])
    if columns is None:  # a damaged line
        events = {place: event for place in places if (event := checked.event(lines[place])) is not None}
        places = list(events)
        columns = {name: np.array([event.get(name) for event in events.values()], float) for name in STEP_FIELDS}
    return columns, np.array(places, int)


def _columns(lines: list[bytes]) -> dict[str, np.ndarray] | None:
    """The fields of reports of steps; None where one of them is not as `checked.event` wants it."""
    content = b"\n".join(lines)
    # What a trainer writes is plain; Arrow overlooks other texts, and values nested in one another.
    plain = (
        content.isascii() and not any(sign in content for sign in (b"[", b"\\")) and content.count(b"{") == len(lines)
    )
    if not plain or max(map(len, lines)) > checked.MOST_LINE_BYTES:
        return None
    options = pyarrow.json.ParseOptions(explicit_schema=_SCHEMA, unexpected_field_behavior="ignore")
    try:
        table = pyarrow.json.read_json(io.BytesIO(content), None, options)
    except pa.ArrowInvalid:
        return None
    if len(table) != len(lines):  # two on a line
        return None
    columns = {name: np.array(table[name].to_numpy()) for name in _SCHEMA.names}
    step = columns["step"]
    if not (np.isfinite(step) & (step == np.floor(step)) & (step >= 1) & (step <= fields.MOST_STEP)).all():
        return None
    if any((np.abs(column) > fields.MOST_NUMBER).any() for column in columns.values()):
        return None
    if ((columns["time"] < 0) | (columns["time"] > fields.LAST_TIME)).any():
        return None
    return {name: columns[name] for name in STEP_FIELDS}


def _others(lines: list[bytes]) -> list[tuple[int, dict[str, Any]]]:
    found = ((place, checked.event(line)) for place, line in enumerate(lines) if line and not line.startswith(_STEP))
    return [(place, event) for place, event in found if event is not None]
