"""A block of lines → the reports of steps as columns, and the other events each with its place in the file."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.core import checked
from engine.core.fields import LAST_TIME, MOST_NUMBER, MOST_STEP
from engine.runs.history import events
from engine.runs.history.events import STEP_FIELDS, Unread

_FEW = 50  # lines that are read one by one, so that a small run is read without Arrow
# Lines that begin so are read together, all others one by one, with the same result.
_USUAL = np.frombuffer(events.STEP_BEGINS, np.uint8)
_NEWLINE = 10


@dataclass(frozen=True, slots=True)
class Placed:
    """An event without its large fields (`events.small`), and where in the file the whole of it stands."""

    event: Any
    offset: int
    length: int


@dataclass
class Block:
    """What a block of lines holds.

    Attributes:
        steps: STEP_FIELDS, each float64 (reports,); NaN where a report lacks it. lines: int (reports,), their lines.
        others: the other events in order, each behind the number of its line.
        damaged: lines that hold no event. unknown: how many there are of each kind that is not known.
    """

    steps: dict[str, np.ndarray]
    lines: np.ndarray
    others: list[tuple[int, Placed]] = field(default_factory=list)
    damaged: int = 0
    unknown: Counter[str] = field(default_factory=Counter)


def parse(content: bytes, offset: int) -> Block:
    """The events on whole lines.

    Most lines of a long run are reports of steps. Those that look as a trainer writes them are read together by Arrow,
    several times as fast as one by one; where Arrow would take another view of one of them than `events.read`, each is
    read by the latter.
    """
    characters = np.frombuffer(content, np.uint8)
    ends = np.flatnonzero(characters == _NEWLINE) + 1
    starts = np.concatenate([[0], ends[:-1]])
    usual = _usual(characters, starts, ends)
    together = _columns(_joined(content, starts, ends, usual), int(usual.sum()))
    if together is None:
        usual[:] = False
        together = {name: np.empty(0) for name in STEP_FIELDS}
    block = Block(together, np.flatnonzero(usual))
    _read_each(block, content, offset, np.flatnonzero(~usual), starts, ends)
    return block


def _usual(characters: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Which lines begin as reports of steps do, bool (lines,)."""
    usual: np.ndarray = ends - starts > len(_USUAL)
    heads = characters[starts[usual][:, None] + np.arange(len(_USUAL))]  # (long enough, characters)
    usual[usual] = (heads == _USUAL).all(axis=1)
    return usual


def _joined(content: bytes, starts: np.ndarray, ends: np.ndarray, chosen: np.ndarray) -> bytes:
    """The lines chosen, one behind the other."""
    if chosen.all():
        return content
    edges, view = np.flatnonzero(np.diff(chosen, prepend=False, append=False)), memoryview(content)
    return b"".join(view[starts[a] : ends[b - 1]] for a, b in zip(edges[::2], edges[1::2], strict=True))


def _columns(content: bytes, lines: int) -> dict[str, np.ndarray] | None:
    """The fields of reports of steps; None where one of them may not be as `events.read` wants it."""
    # Arrow overlooks other texts, values nested in one another, and figures that are none.
    plain = (
        lines > _FEW
        and len(content) <= checked.MOST_LINE_BYTES
        and content.isascii()
        and not any(sign in content for sign in (b"[", b"\\", b"N"))  # N: NaN
        and np.count_nonzero(np.frombuffer(content, np.uint8) == ord("{")) == lines
    )
    columns = _by_arrow(content) if plain else None
    if columns is None or len(columns["step"]) != lines:  # two on a line
        return None
    step, times = columns["step"], columns["time"]
    if not (step.min() >= 1 and step.max() <= MOST_STEP):  # or one lacks its step
        return None
    if (times < 0).any() or (times > LAST_TIME).any():
        return None
    if any((np.abs(column) > MOST_NUMBER).any() for column in columns.values()):
        return None
    return columns


def _by_arrow(content: bytes) -> dict[str, np.ndarray] | None:
    """The fields of JSON objects, float64, NaN where one has none or null; None where they are no such objects."""
    import pyarrow as pa  # a third of a second, which short commands are spared
    import pyarrow.json

    fields = [(name, pa.int64() if name == "step" else pa.float64()) for name in STEP_FIELDS]
    schema = pa.schema([*fields, ("kind", pa.string())])  # of what is named here Arrow refuses a second value
    options = pyarrow.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    at_once = pyarrow.json.ReadOptions(use_threads=False, block_size=len(content))
    try:
        # Arrow's own pool of memory keeps what it was once given: thirty megabytes of a run of a day.
        table = pyarrow.json.read_json(pa.BufferReader(content), at_once, options, pa.system_memory_pool())
    except pa.ArrowInvalid:
        return None
    return {name: np.array(table[name].to_numpy(), float) for name in STEP_FIELDS}


def _read_each(
    block: Block, content: bytes, offset: int, lines: np.ndarray, starts: np.ndarray, ends: np.ndarray
) -> None:
    """Adds what stands on lines that are read one by one."""
    steps: list[dict[str, Any]] = []
    line_numbers: list[int] = []
    for number in lines.tolist():
        start, end = int(starts[number]), int(ends[number])
        text = content[start : end - 1]
        event = events.read(text) if text else None
        if isinstance(event, Unread):
            block.damaged += not event.unknown
            block.unknown += Counter([event.unknown] if event.unknown else [])
        elif event and event["kind"] == "step":
            steps.append(event)
            line_numbers.append(number)
        elif event:
            block.others.append((number, Placed(events.small(event), offset + start, end - 1 - start)))
    if steps:
        order = np.argsort(np.concatenate([block.lines, line_numbers]), kind="stable")
        block.lines = np.concatenate([block.lines, line_numbers])[order]
        for name in STEP_FIELDS:
            added = np.array([event.get(name) for event in steps], float)
            block.steps[name] = np.concatenate([block.steps[name], added])[order]
