"""A run's file of events, read once: the reports of its steps as columns, everything else as events."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.json

from engine import checked, runs

STEP_FIELDS = ("step", "tokens", "seconds", "epoch", "loss", "accuracy", "learning_rate", "tokens_per_second")
_SCHEMA = pa.schema([(name, pa.float64()) for name in (*STEP_FIELDS, "memory_bytes", "time")])
_STEP = b'{"kind": "step"'  # how engine.runs opens such a line


@dataclass(frozen=True)
class Record:
    """What a run reported. Shared by all sessions: never changed by those who read it.

    Attributes:
        steps: STEP_FIELDS, each float64 (reports,); NaN where a report lacks it.
        others: all other events, in order.
        damaged: how many lines hold no event, or one that lacks what its readers need.
    """

    steps: dict[str, np.ndarray]
    others: list[dict[str, Any]]
    damaged: int


def read(path: Path) -> Record:
    """The record of an events file; an empty one where there is none.

    Most lines of a long run are reports of steps: those are read by Arrow, as columns, several times as fast as by
    `json`. As in `Run.events`, what a resumed run reports again replaces what it had reported before it was cut off.
    """
    lines = runs.read_lines(path).split(b"\n")[:-1]  # what stands behind the last newline is torn
    steps, places = _steps(lines)
    others = _others(lines)
    damaged = sum(map(bool, lines)) - len(places) - len(others)
    for place, event in others:
        if event["kind"] == "resume":
            kept = (places > place) | (steps["step"] <= event["step"])
            steps, places = {name: column[kept] for name, column in steps.items()}, places[kept]
            others = [
                (at, e) for at, e in others if at >= place or e.get("step", 0) <= event["step"] or e["kind"] == "state"
            ]
    for column in steps.values():
        column.setflags(write=False)
    return Record(steps, [event for _place, event in others], damaged)


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
    if not (np.isfinite(step) & (step == np.floor(step)) & (step >= 1) & (step <= checked.MOST_STEP)).all():
        return None
    if any((np.abs(column) > checked.MOST_NUMBER).any() for column in columns.values()):
        return None
    return {name: columns[name] for name in STEP_FIELDS}


def _others(lines: list[bytes]) -> list[tuple[int, dict[str, Any]]]:
    found = ((place, checked.event(line)) for place, line in enumerate(lines) if line and not line.startswith(_STEP))
    return [(place, event) for place, event in found if event is not None]
