"""Sentences, numbers and dates of a page that is taken home, in a language that is chosen for it."""

import datetime

from babel import dates, numbers

from engine.core.errors import EngineError
from engine.core.languages import catalogue
from engine.evaluation import interpretation

NO_NUMBER = "–"


class Wording:
    """What a language makes of sentences and numbers."""

    def __init__(self, language: str) -> None:
        """Takes the catalogue of a language of `engine.core.languages`."""
        self.language = language
        self._catalogue = catalogue(language)
        self._locale = {"en": "en_GB"}.get(language, language)  # 26 November 2026

    def say(self, sentence: str, **values: object) -> str:
        """The sentence in this language, its `{values}` filled in."""
        translated = self._catalogue.gettext(sentence)
        return translated.format(**values) if values else translated

    def error(self, error: EngineError) -> str:
        """The sentence of an error."""
        values = {name: self.error(v) if isinstance(v, EngineError) else v for name, v in error.values.items()}
        return self.say(error.template, **values)

    @property
    def colon(self) -> str:
        """The sign behind what is explained, with what stands before it in this language."""
        return "\u00a0:" if self.language == "fr" else ":"

    def whole(self, number: float) -> str:
        """A whole number, its thousands grouped."""
        return self.decimal(number, 0)

    def counts(self, values: dict[str, object]) -> dict[str, str]:
        """The values of a sentence, which are whole numbers or text, as it shows them."""
        return {
            name: self.whole(value) if isinstance(value, int | float) else str(value) for name, value in values.items()
        }

    def decimal(self, number: float, digits: int = 2) -> str:
        """A number with so many decimals."""
        pattern = "#,##0" + ("." + "0" * digits if digits else "")
        return numbers.format_decimal(round(number, digits) + 0.0, format=pattern, locale=self._locale)

    def shortest(self, number: float) -> str:
        """A number with the decimals that it has, without an exponent."""
        return numbers.format_decimal(float(f"{number:.4g}"), format="#,##0.##########", locale=self._locale)

    def percent(self, share: float, digits: int = 1) -> str:
        """A share of 1 in per cent."""
        return f"{self.decimal(100 * share, digits)}\u00a0%"

    def points(self, change: float) -> str:
        """A change of a share in points, with its sign."""
        sign = "−" if round(100 * change, 1) < 0 else "+"
        return sign + self.decimal(abs(100 * change), 1)

    def figure(self, unit: str, value: float) -> str:
        """A number of a finding, in one of the units of `interpretation.UNITS`."""
        if unit == interpretation.SHARE:
            return self.percent(value)
        if unit == interpretation.POINTS:
            return self.points(value)
        return self.whole(value) if unit == interpretation.COUNT else self.decimal(value)

    def date(self, seconds: float) -> str:
        """A Unix time as a date of this machine's place; a dash where it is none."""
        try:
            moment = datetime.datetime.fromtimestamp(seconds).astimezone() if seconds else None
        except (OverflowError, OSError, ValueError):
            moment = None
        return dates.format_date(moment, "long", locale=self._locale) if moment else NO_NUMBER

    def day(self, day: datetime.date) -> str:
        """A day: 26 November 2026."""
        return dates.format_date(day, "long", locale=self._locale)

    def duration(self, seconds: float) -> str:
        """2 min 5 s."""
        minutes, rest = divmod(round(seconds), 60)
        hours, minutes = divmod(minutes, 60)
        parts = [(hours, "h"), (minutes, "min"), (0 if hours else rest, "s")]
        return "\u00a0".join(f"{n}\u00a0{unit}" for n, unit in parts if n) or "0\u00a0s"
