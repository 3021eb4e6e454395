"""Numbers as a language writes them (Babel): its decimal sign, its groups of thousands, its dates."""

import datetime
import math
import re
from functools import lru_cache

from babel import dates
from babel import numbers as babel

NO_NUMBER = "–"
_MOST_DECIMALS = 10
# Numbers that name something and count nothing: no groups of thousands.
_NAMES = frozenset({"seed", "pid", "code", "job", "port"})


def decimal(number: float, digits: int, code: str) -> str:
    """Writes a number with a fixed number of decimals: 4.39 or 4,39."""
    if not math.isfinite(number):
        return NO_NUMBER
    # Rounded here: Babel rounds the decimal digits of a number, not the number that they stand for. And no −0.
    return _written(round(float(number), digits) + 0.0, "#,##0" + f".{'0' * digits}" * bool(digits), code)


def shortest(number: float, code: str, most: int = 6) -> str:
    """Writes a number with the digits that it has, and with `most` of them: 0.8 or 0,8."""
    if not math.isfinite(number):
        return NO_NUMBER
    number = float(f"{number:.{most}g}")
    tiny = 0 < abs(number) < 10**-_MOST_DECIMALS
    return _written(number, "0.#####E0" if tiny else "#,##0." + "#" * _MOST_DECIMALS, code)


@lru_cache(maxsize=1 << 15)  # a table of hundreds of runs is written anew at each press: 25 µs a number
def _written(number: float, pattern: str, code: str) -> str:
    return babel.format_decimal(number, format=pattern, locale=code)


# Spaces group thousands, and a minus is not always a hyphen.
_SPACES = dict.fromkeys(map(ord, "\u00a0\u202f\u2009"), " ")
_TYPED = re.compile(
    r"[+-]?(?:(?P<grouped>\d{1,3}(?:(?P<group>[ ,.])\d{3})(?:(?P=group)\d{3})*)|\d+|(?=[,.]\d))(?:(?P<point>[,.])\d*)?(?:[eE][+-]?\d+)?",
    re.ASCII,
)


def parsed(text: str, code: str) -> float:
    """Reads a number as a person of that language types it, or as programs write it: 0,0005 or 0.0005 or 5e-4.

    Raises:
        ValueError: it is none.
    """
    bare = text.translate(_SPACES).replace("\u2212", "-").strip()
    found = _TYPED.fullmatch(bare)
    if found is None:
        raise ValueError(text)
    group, point = found["group"], found["point"]
    if group in (",", ".") and point is None and found["grouped"].count(group) == 1:
        if group != babel.get_group_symbol(code) or found["grouped"].startswith("0"):
            group, point = None, group  # 1,234 is a decimal in French, and so is 0,123 everywhere
    elif group is not None and group == point:
        raise ValueError(text)
    bare = bare.replace(group, "") if group else bare
    number = float(bare.replace(point, ".") if point else bare)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def percent(number: float, digits: int, code: str) -> str:
    """Writes a number that is in per cent: 18.8 %."""
    return f"{decimal(number, digits, code)}\u00a0%" if math.isfinite(number) else NO_NUMBER


def signed(number: float, digits: int, code: str) -> str:
    """Writes a change with its sign: +4.39 or −4,39."""
    if not math.isfinite(number):
        return NO_NUMBER
    return ("−" if round(number, digits) < 0 else "+") + decimal(abs(number), digits, code)


def duration(seconds: float) -> str:
    """Writes a duration: 2 min 5 s; to a minute from an hour on."""
    if not math.isfinite(seconds):
        return NO_NUMBER
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (0 if hours else rest, "s")]
    return " ".join(f"{n} {unit}" for n, unit in parts if n) or "0 s"


@lru_cache(maxsize=1 << 10)
def day(date: datetime.date, code: str) -> str:
    """Writes a day: 26 November 2026."""
    return dates.format_date(date, "long", locale={"en": "en_GB"}.get(code, code))


@lru_cache(maxsize=1 << 13)
def moment(at: datetime.datetime, code: str) -> str:
    """Writes a day and a time: 26 Nov, 19:55."""
    return dates.format_datetime(at, "d MMM, HH:mm" if code == "en" else "d MMM HH:mm", locale=code)


@lru_cache(maxsize=1 << 10)
def minute(at: datetime.datetime, code: str) -> str:
    """Writes a day with its year, and a time: 26 Nov 2026, 19:55."""
    return dates.format_datetime(at, "d MMM y, HH:mm" if code == "en" else "d MMM y HH:mm", locale=code)


class _InSentence:
    """A number among the values of a sentence, which may say how it is formatted."""

    def __init__(self, number: float, code: str) -> None:
        self._number, self._code = number, code

    def __format__(self, spec: str) -> str:
        if spec and math.isfinite(self._number):
            signs = babel.get_group_symbol(self._code) + babel.get_decimal_symbol(self._code)
            return format(self._number, spec).translate(str.maketrans(",.", signs))
        if isinstance(self._number, int):
            return decimal(self._number, 0, self._code)
        return shortest(self._number, self._code)

    def __str__(self) -> str:
        return format(self, "")


def in_sentence(name: str, value: object, code: str) -> object:
    """A value of a sentence: a number and a day as the language writes them, anything else as it is.

    Args:
        name: of the value in the sentence.
    """
    if isinstance(value, datetime.date):
        return moment(value, code) if isinstance(value, datetime.datetime) else day(value, code)
    if isinstance(value, bool) or not isinstance(value, int | float) or name in _NAMES:
        return value
    return _InSentence(value, code)
