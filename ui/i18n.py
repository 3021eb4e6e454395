"""Every sentence that a page shows, in the language of the session (gettext; English is the source).

The language is a matter of the session, never of the process: nothing here sets a locale or a global.
"""

from collections.abc import Callable

import streamlit as st

from engine.core import wording
from engine.core.errors import EngineError
from engine.core.languages import LANGUAGES as LANGUAGES
from ui.readers import polling

LANGUAGE_COOKIE = "atelier_language"  # ui/components/history/history.js writes it


def language() -> str:
    """The language of this session: the one chosen in the frame, else the browser's, else English."""
    return polling.once("language", _language)


def _language() -> str:
    chosen: str | None = st.session_state.get("language")
    if chosen in LANGUAGES:
        return chosen
    return browser_language()


def browser_language() -> str:
    """The language that was chosen in this browser, else the one that it asks for, where there is a catalogue of it."""
    if (chosen := st.context.cookies.get(LANGUAGE_COOKIE)) in LANGUAGES:
        return str(chosen)
    prefix = (st.context.locale or "en").split("-")[0].lower()
    return prefix if prefix in LANGUAGES else "en"


def _(sentence: str, **values: object) -> str:
    """The sentence in the session's language, its `{values}` filled in: numbers and days as the language writes them."""
    return wording.of(language()).say(sentence, **values)


def _n(one: str, many: str, n: int, /, **values: object) -> str:
    """The singular or plural sentence for `n`, which it may show as `{n}`."""
    return wording.of(language()).say_many(one, many, n, **values)


def error_text(error: EngineError, write: Callable[[str], str] = str) -> str:
    """The sentence of an error in the session's language; several sentences where there are several problems.

    Folders of the server stand in it for the owner alone.

    Args:
        write: what becomes of the texts among its values.
    """
    from ui import server_paths  # which asks who the session is, whose words are this module's

    return wording.of(language()).error(error, lambda text: write(server_paths.shown(text)))


def resend(key: str) -> None:
    """Has the browser hear of a slider's value again where the language has changed: it answers with the text of a place."""
    state, spoken = st.session_state, f"_{key}_language"
    if key in state and state.get(spoken, language()) != language():
        state[key] = state[key]
    state[spoken] = language()
