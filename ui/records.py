"""A run's file of events, read once: the reports of its steps as columns, everything else as events."""

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.json

STEP_FIELDS = ("step", "tokens", "seconds", "epoch", "loss", "accuracy", "learning_rate", "tokens_per_second")
_SCHEMA = pa.schema([(name, pa.float64()) for name in STEP_FIELDS])
_STEP = b'{"kind": "step"'  # how engine.runs opens such a line


@dataclass(frozen=True)
class Record:
    """What a run reported. Shared by all sessions: never changed by those who read it.

    Attributes:
        steps: STEP_FIELDS, each float64 (reports,); NaN where a report lacks it.
        others: all other events, in order.
    """

    steps: dict[str, np.ndarray]
    others: list[dict[str, Any]]


def read(path: Path) -> Record:
    """The record of an events file; an empty one where there is none.

    Most lines of a long run are reports of steps: those are read by Arrow, as columns, several times as fast as by
    `json`. As in `Run.events`, what a resumed run reports again replaces what it had reported before it was cut off.
    """
    try:
        lines = path.read_bytes().split(b"\n")[:-1]  # what stands behind the last newline is torn
    except OSError:
        lines = []
    steps, places = _steps(lines)
    others = _others(lines)
    for place, event in others:
        if event["kind"] == "resume":
            kept = (places > place) | (steps["step"] <= event["step"])
            steps, places = {name: column[kept] for name, column in steps.items()}, places[kept]
            others = [
                (at, e) for at, e in others if at >= place or e.get("step", 0) <= event["step"] or e["kind"] == "state"
            ]
    for column in steps.values():
        column.setflags(write=False)
    return Record(steps, [event for _place, event in others])


def _steps(lines: list[bytes]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The columns of the reports of steps, and the line that each stands on."""
    places = [place for place, line in enumerate(lines) if line.startswith(_STEP)]
    if not places:
        return {name: np.empty(0) for name in STEP_FIELDS}, np.empty(0, int)
    options = pyarrow.json.ParseOptions(explicit_schema=_SCHEMA, unexpected_field_behavior="ignore")
    try:
        table = pyarrow.json.read_json(io.BytesIO(b"\n".join(lines[place] for place in places)), None, options)
        columns = {name: table[name].to_numpy() for name in STEP_FIELDS}
    except pa.ArrowInvalid:  # a damaged line
        events = {place: event for place in places if (event := _event(lines[place])) is not None}
        places = list(events)
        columns = {
            name: np.array([_number(event.get(name)) for event in events.values()], float) for name in STEP_FIELDS
        }
    known = np.isfinite(columns["step"])
    return {name: np.array(column[known]) for name, column in columns.items()}, np.array(places, int)[known]


def _others(lines: list[bytes]) -> list[tuple[int, dict[str, Any]]]:
    found = ((place, _event(line)) for place, line in enumerate(lines) if not line.startswith(_STEP))
    return [(place, event) for place, event in found if event is not None]


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "kind" in event else None


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else np.nan
