"""What happened in a run, over it on its pages: a headline and a few sentences more, each with a link to what shows it."""

import streamlit as st

from engine.core.errors import sentence
from engine.evaluation import evidence, interpretation
from engine.evaluation.interpretation import MOST_SHOWN, Finding
from engine.memorisation import own_samples
from engine.runs.folder import Run
from ui import address, rooms, words
from ui.i18n import _
from ui.readers import folders

_ICONS = {
    interpretation.GOOD: ":material/check_circle:",
    interpretation.NOTE: ":material/info:",
    interpretation.WARNING: ":material/warning:",
}
# The tab of Explore that shows what a finding is about.
_TABS = {
    **dict.fromkeys(interpretation.VERDICTS, rooms.CURVE),
    interpretation.STOPPED_EARLY: rooms.CURVE,
    interpretation.OVERFITTED: rooms.CURVE,
    interpretation.FEW_STEPS: rooms.CURVE,
    interpretation.BEATEN_BY_BIGRAM: rooms.SCORE,
    interpretation.BEATS_BIGRAM: rooms.SCORE,
    interpretation.COPIED: rooms.COPIED,
    interpretation.FORGOT: rooms.SCORE,
}
SHORT = {
    interpretation.LEARNED: sentence("learned"),
    interpretation.LEARNED_LITTLE: sentence("learned a little"),
    interpretation.UNDECIDED: sentence("cannot be told"),
    interpretation.TOO_SHORT: sentence("too short"),
    interpretation.MIXED: sentence("better and worse"),
    interpretation.BELOW: sentence("worse than before"),
    interpretation.BROKEN: sentence("broke"),
    interpretation.DIVERGED: sentence("broke"),
}
_RUNS = 500  # whose findings are kept
_KEPT_SECONDS = 60.0  # what is told of copies: the articles may have been indexed since


@st.cache_data(max_entries=_RUNS, ttl=_KEPT_SECONDS, show_spinner=False)
def _found(_run: Run, folder: str, version: int, state: str, step: int) -> list[Finding]:
    return own_samples.findings(_run)


def findings(run: Run) -> list[Finding]:
    """What happened in a run, shared by all sessions, and looked at again when it has reported more."""
    return _found(run, *_now(run))


@st.cache_data(max_entries=_RUNS, show_spinner=False)
def _verdict(_run: Run, folder: str, version: int, state: str, step: int) -> str:
    found = evidence.of_run(_run, folders.history(_run))
    return found[0].code if found else ""


def _now(run: Run) -> tuple[str, int, str, int]:
    """What tells a run as it stands from what it was."""
    state = run.state()
    return str(run.folder), folders.history(run).version, state.state, state.step


def show(run: Run, here: str = "") -> None:
    """The headline of a run and what else happened; nothing of one that has not ended.

    Args:
        here: the tab in view, to which nothing links.
    """
    for number, finding in enumerate(findings(run)[:MOST_SHOWN]):
        said, sure = in_words(finding)
        icon = _ICONS[finding.severity]
        if not number:
            st.header(said, anchor=False)
            if sure:
                st.caption(sure)
            continue
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"{icon} {said}" + (f" {sure}" if sure else ""))
            if (tab := _TABS[finding.code]) != here:
                st.page_link(
                    rooms.PAGES[rooms.EXPLORE],
                    label=rooms.tab_title(tab),
                    icon=":material/arrow_forward:",
                    query_params=address.query_of(tab, run=run.name),
                )


def in_words(finding: Finding) -> tuple[str, str]:
    """The sentence of a finding in the language of the session, and how sure it is."""
    return finding.said(_written, _)


def short(run: Run) -> str:
    """What happened in a run in a few words; "" where there is nothing to say."""
    code = _verdict(run, *_now(run))
    return _(SHORT[code]) if code else ""


def _written(unit: str, value: float) -> str:
    if unit == interpretation.SHARE:
        return words.percent(value)
    if unit == interpretation.POINTS:
        return words.signed(100 * value, 1)
    return words.grouped(value) if unit == interpretation.COUNT else words.decimal(value)
