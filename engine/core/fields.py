"""Which values a field of a file may hold: checks, and tables of them."""

from collections.abc import Callable
from string import Formatter
from typing import Any

Check = Callable[[Any], bool]
Table = dict[str, tuple[bool, Check]]  # a field's name → whether it must be there, and what it may hold
MOST_STEP = 99_999_999  # a checkpoint's folder has eight digits
MOST_NUMBER = 1e15  # beyond, neighbouring whole numbers are the same float
LAST_TIME = 32_503_680_000.0  # the year 3000, the last that every system turns into a date
_LONGEST_PATH = 4096
_LONGEST_TEXT = 1 << 20
_MOST_CHARACTERS_OF_REASON = 10_000


def text(value: Any) -> bool:
    """A text."""
    return isinstance(value, str) and len(value) <= _LONGEST_TEXT


def path_text(value: Any) -> bool:
    """A text that can be a path, or a part of one."""
    return isinstance(value, str) and len(value) <= _LONGEST_PATH and "\0" not in value


def number(value: Any) -> bool:
    """A finite number; true and false are none."""
    return type(value) in (int, float) and -MOST_NUMBER <= value <= MOST_NUMBER


def whole(least: int, most: float = MOST_NUMBER) -> Check:
    """A whole number from `least` to `most`."""
    return lambda value: type(value) is int and least <= value <= most


count, positive, step = whole(0), whole(1), whole(0, MOST_STEP)
step_or_none_yet = whole(-1, MOST_STEP)  # -1: before anything was trained


def timestamp(value: Any) -> bool:
    """A Unix time."""
    return number(value) and 0 <= value <= LAST_TIME


def one_of(*known: str) -> Check:
    """One of the texts `known`."""
    return lambda value: isinstance(value, str) and value in known


def optional(check: Check) -> Check:
    """Nothing, or what `check` takes."""
    return lambda value: value is None or check(value)


def list_of(check: Check) -> Check:
    """A list whose items `check` takes."""
    return lambda value: isinstance(value, list) and all(map(check, value))


def object_of(table: Table) -> Check:
    """An object that `table` takes."""
    return lambda value: isinstance(value, dict) and not wrong(value, table)


def boolean(value: Any) -> bool:
    """True or false."""
    return isinstance(value, bool)


def anything(value: Any) -> bool:
    """Any value."""
    return True


def error(value: Any) -> bool:
    """What `EngineError.to_json` writes, of which a sentence can be made in any language."""
    if not isinstance(value, dict) or not text(value.get("template")) or not isinstance(value.get("values"), dict):
        return False
    template, values = value["template"], value["values"]
    if not template or len(str(values)) > _MOST_CHARACTERS_OF_REASON or {"template", "self", "sentence"} & set(values):
        return False
    inner = [v for v in values.values() if isinstance(v, dict) and v.keys() == {"template", "values"}]
    if not all(map(error, inner)):  # the reason that it gives
        return False
    try:
        parts = list(Formatter().parse(template)) if values else []
    except ValueError:
        return False
    # Names alone: a specification may ask for a billion blanks, an attribute for what no value has.
    return all(name is None or (name in values and not form and not kind) for _text, name, form, kind in parts)


def needed(**checks: Check) -> Table:
    """Fields that must be there."""
    return {name: (True, check) for name, check in checks.items()}


def known(**checks: Check) -> Table:
    """Fields that may be missing."""
    return {name: (False, check) for name, check in checks.items()}


def wrong(value: dict[str, Any], table: Table) -> list[str]:
    """The names of the fields that are missing, or hold what they must not."""
    return [
        name
        for name, (must, check) in table.items()
        if (name in value and not check(value[name])) or (must and name not in value)
    ]
