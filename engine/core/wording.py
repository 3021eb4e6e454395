"""What a language makes of sentences, errors, numbers and dates: one place for pages, phones, reports and the command line."""

import datetime
from collections.abc import Callable, Mapping
from functools import lru_cache

from engine.core import numbers, splits
from engine.core.errors import EngineError, SettingsError
from engine.core.languages import catalogue

# In which unit a figure is, which decides how it is written (`Wording.figure`).
SHARE, POINTS, COUNT, NATS, BITS = "share", "points", "count", "nats", "bits"


class Wording:
    """What a language makes of sentences and numbers."""

    def __init__(self, language: str) -> None:
        """Takes the catalogue of a language of `engine.core.languages`."""
        self.language = language
        self._catalogue = catalogue(language)

    def say(self, sentence: str, **values: object) -> str:
        """The sentence in this language, its `{values}` filled in: numbers as the language writes them."""
        return self._filled(self._catalogue.gettext(sentence), values)

    def say_many(self, one: str, many: str, n: int, /, **values: object) -> str:
        """The singular or plural sentence for `n`, which it may show as `{n}`."""
        return self._filled(self._catalogue.ngettext(one, many, n), {"n": n, **values})

    def _filled(self, sentence: str, values: Mapping[str, object]) -> str:
        if not values:
            return sentence
        return sentence.format(**{n: numbers.in_sentence(n, value, self.language) for n, value in values.items()})

    def error(self, error: EngineError, write: Callable[[str], str] = str) -> str:
        """The sentence of an error, the errors among its values too; several where there are several problems.

        Args:
            write: what becomes of the texts among its values.
        """
        if isinstance(error, SettingsError):
            return "\n\n".join(self.error(problem, write) for problem in error.problems)
        return self.say(error.template, **{n: self._value(n, v, write) for n, v in error.values.items()})

    def _value(self, name: str, value: object, write: Callable[[str], str]) -> object:
        if isinstance(value, EngineError):  # the reason of another
            return self.error(value, write)
        if name == "split" and value in splits.NAMES:
            return self.split(str(value))
        return value if isinstance(value, int | float) else write(str(value))

    def split(self, split: str) -> str:
        """What a part of a corpus is called."""
        return self.say(splits.NAMES[split])

    @property
    def colon(self) -> str:
        """The sign behind what is explained, with what stands before it in this language."""
        return "\u00a0:" if self.language == "fr" else ":"

    def whole(self, number: float) -> str:
        """A whole number, its thousands grouped: 119,924 or 119 924."""
        return self.decimal(number, 0)

    def decimal(self, number: float, digits: int = 2) -> str:
        """A number with so many decimals: 4.39 or 4,39."""
        return numbers.decimal(number, digits, self.language)

    def shortest(self, number: float, most: int = 6) -> str:
        """A number with the digits that it has, and with `most` of them: 0.8 or 0,8."""
        return numbers.shortest(number, self.language, most)

    def percent(self, share: float, digits: int = 1) -> str:
        """A share of 1 in per cent: 18.8 %."""
        return numbers.percent(100 * share, digits, self.language)

    def signed(self, change: float, digits: int = 2) -> str:
        """A change with its sign: +4.39 or −4,39."""
        return numbers.signed(change, digits, self.language)

    def points(self, change: float) -> str:
        """A change of a share in points, with its sign."""
        return self.signed(100 * change, 1)

    def figure(self, unit: str, value: float) -> str:
        """A figure with the digits of its unit, SHARE to BITS."""
        if unit == SHARE:
            return self.percent(value)
        if unit == POINTS:
            return self.points(value)
        return self.whole(value) if unit == COUNT else self.decimal(value)

    def date(self, seconds: float) -> str:
        """A Unix time as a date of this machine's place; a dash where it is none."""
        moment = _moment(seconds)
        return numbers.day(moment.date(), self.language) if moment else numbers.NO_NUMBER

    def day(self, day: datetime.date) -> str:
        """A day: 26 November 2026."""
        return numbers.day(day, self.language)

    def recorded_day(self, text: str) -> str:
        """A date as files have it (2026-11-26) as a day; what is none as it is."""
        try:
            return numbers.day(datetime.date.fromisoformat(text[:10]), self.language)
        except ValueError:
            return text

    def duration(self, seconds: float) -> str:
        """2 min 5 s."""
        return numbers.duration(seconds)


def _moment(seconds: float) -> datetime.datetime | None:
    try:
        return datetime.datetime.fromtimestamp(seconds).astimezone() if seconds else None
    except (OverflowError, OSError, ValueError):
        return None


@lru_cache(maxsize=8)
def of(language: str) -> Wording:
    """The wording of a language."""
    return Wording(language)
