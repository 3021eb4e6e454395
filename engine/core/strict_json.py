"""JSON as its standard has it, without NaN and infinity: a figure that is none is written, and read, as null."""

import json
import math
from typing import Any


def dumps(value: object, **options: Any) -> str:
    """A value as JSON text, with json.dumps's options. What reads it is told "no figure" rather than a number that is none."""
    try:
        return json.dumps(value, allow_nan=False, **options)
    except ValueError:  # a number that is none; or a circle, which the second try finds again
        return json.dumps(_with_null(value), allow_nan=False, **options)


def loads(text: str) -> Any:
    """The value of a JSON text; NaN and Infinity, which earlier versions could write, are null.

    Raises:
        ValueError: no JSON. RecursionError: nested too deeply.
    """
    return json.loads(text, parse_constant=lambda _name: None)


def _with_null(value: Any, depth: int = 64) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth and isinstance(value, dict):
        return {name: _with_null(inner, depth - 1) for name, inner in value.items()}
    if depth and isinstance(value, list | tuple):
        return [_with_null(inner, depth - 1) for inner in value]
    return value
