"""What a run has reported as one table, to be taken home: a row a report of its training, and a row a measurement."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from engine.core import spreadsheet
from engine.runs.history.events import is_measured
from engine.runs.history.follower import History

COLUMNS = (
    "what", "model", "split", "whole", "step", "accuracy", "loss", "bits_per_byte", "perplexity", "evaluated_tokens",
    "seconds", "tokens", "learning_rate", "tokens_per_second",
)  # fmt: skip
_TRAINING, _MEASURED = "training", "measured"
_WHOLE_NUMBERS = ("step", "tokens")


def rows(history: History) -> Iterator[list[Any]]:
    """The rows of a run, by what they are and then in order; a field that a report lacks is None."""
    steps = history.every_step()
    names = [name for name in COLUMNS if name in steps]
    for values in zip(*(steps[name] for name in names), strict=True):
        found = dict(zip(names, values, strict=True))
        yield [_TRAINING, "run", "train", None, *(_number(name, found.get(name)) for name in COLUMNS[4:])]
    for event in history.events("evaluation"):
        of = {"what": _MEASURED, **event, "whole": int(not is_measured(event))}
        yield [of.get(name) for name in COLUMNS]


def _number(name: str, value: Any) -> float | int | None:
    if value is None or not np.isfinite(value):
        return None
    return int(value) if name in _WHOLE_NUMBERS else float(value)


def as_csv(history: History) -> str:
    """The table of a run as CSV, with every report, also of a run whose figures are drawn thinned."""
    return spreadsheet.as_csv(COLUMNS, rows(history))
