"""Problems on a page: those a person can act on in a box, everything else logged as a bug."""

import contextlib
from collections.abc import Iterator

import streamlit as st

from engine.core.errors import EngineError, SettingsError
from ui import words
from ui.i18n import error_text


def markdown(error: EngineError) -> str:
    """The sentence of an error as Markdown: what it tells of files, names and answers is shown as it is.

    Every box takes Markdown, and values come from strangers; `error_text` is the same as plain text.
    """
    return error_text(error, words.plain)


def show(error: EngineError) -> None:
    """The sentence or sentences of an error, a box each."""
    for problem in error.problems if isinstance(error, SettingsError) else [error]:
        st.error(markdown(problem), icon=":material/error:")


@contextlib.contextmanager
def shown() -> Iterator[None]:
    """Shows an EngineError of the block in a box; the page goes on behind the block. Bugs pass through."""
    try:
        yield
    except EngineError as error:
        show(error)
