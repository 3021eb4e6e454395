"""The languages that sentences are shown in, and the catalogue of each (gettext; English is the source)."""

import gettext
import re
from functools import lru_cache

from engine.core.paths import PROJECT

LANGUAGES = {"en": "English", "fr": "Français"}
DOMAIN = "atelier"
LOCALE_FOLDER = PROJECT / "ui" / "locale"


@lru_cache(maxsize=len(LANGUAGES))
def catalogue(code: str) -> gettext.NullTranslations:
    """The compiled catalogue of a language."""
    return gettext.translation(DOMAIN, LOCALE_FOLDER, [code], fallback=code == "en")


def spaced(text: str) -> str:
    """A French text with no-break spaces before its two-part signs and inside its quotation marks, code left alone."""
    parts = text.split("`")
    parts[::2] = [re.sub(r" (?=[;:?!»%](?![\w{(]))|(?<=«) ", "\u00a0", part) for part in parts[::2]]
    return "`".join(parts)
