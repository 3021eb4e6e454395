"""The languages that sentences are shown in, and the catalogue of each (gettext; English is the source)."""

import gettext
from functools import lru_cache

from engine.core.paths import PROJECT

LANGUAGES = {"en": "English", "fr": "Français"}
DOMAIN = "atelier"
LOCALE_FOLDER = PROJECT / "ui" / "locale"


@lru_cache(maxsize=len(LANGUAGES))
def catalogue(code: str) -> gettext.NullTranslations:
    """The compiled catalogue of a language."""
    return gettext.translation(DOMAIN, LOCALE_FOLDER, [code], fallback=code == "en")
