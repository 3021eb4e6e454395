"""What happened in a run, over it on its pages: a headline and a few sentences more, each with a link to what shows it."""

import streamlit as st

from engine.core import wording
from engine.core.errors import sentence
from engine.evaluation import evidence, interpretation
from engine.evaluation.interpretation import MOST_SHOWN, Finding
from engine.memorisation import own_samples
from engine.runs.folder import Run
from engine.runs.states import State
from ui import address, present, rooms
from ui.i18n import _, language
from ui.readers import folders

_ICONS = {
    interpretation.GOOD: ":material/check_circle:",
    interpretation.NOTE: ":material/info:",
    interpretation.WARNING: ":material/warning:",
}
# The tabs of Explore that show what a finding is about: it links to the first of them that is not in view.
_TABS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(interpretation.VERDICTS, (rooms.CURVE,)),
    interpretation.STOPPED_EARLY: (rooms.CURVE, rooms.TIME),
    interpretation.OVERFITTED: (rooms.CURVE, rooms.TIME),
    interpretation.FEW_STEPS: (rooms.CURVE,),
    interpretation.BEATEN_BY_BIGRAM: (rooms.SCORE,),
    interpretation.BEATS_BIGRAM: (rooms.SCORE,),
    interpretation.COPIED: (rooms.COPIED,),
    interpretation.FORGOT: (rooms.SCORE,),
}
# Which value of a finding is the step at which it is seen.
_MOMENTS = {interpretation.OVERFITTED: "step", interpretation.STOPPED_EARLY: "best"}
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
    return _found(run, *_now(run, run.state()))


@st.cache_data(max_entries=_RUNS, show_spinner=False)
def _verdict(_run: Run, _state: State, folder: str, version: int, state: str, step: int) -> str:
    found = evidence.of_run(_run, folders.history(_run), state=_state)
    return found[0].code if found else ""


def _now(run: Run, state: State) -> tuple[str, int, str, int]:
    """What tells a run as it stands from what it was."""
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
            tab = next((tab for tab in _TABS[finding.code] if tab != here), None)
            if tab is not None and not present.on():
                st.page_link(
                    rooms.PAGES[rooms.EXPLORE],
                    label=rooms.tab_title(tab),
                    icon=":material/arrow_forward:",
                    query_params=address.query_of(tab, run=run.name, **_moment(run, finding, tab)),
                )


def _moment(run: Run, finding: Finding, tab: str) -> dict[str, str]:
    """The moment at which a finding is seen, as a parameter of Time; nothing of one that is about no moment, or the start."""
    step = finding.values.get(_MOMENTS.get(finding.code, ""))
    return {"moment": f"{run.name}/{step}"} if tab == rooms.TIME and step else {}


def in_words(finding: Finding) -> tuple[str, str]:
    """The sentence of a finding in the language of the session, and how sure it is."""
    return finding.said(wording.of(language()))


def short(run: Run, state: State) -> str:
    """What happened in a run that stands there, in a few words; "" where there is nothing to say."""
    code = _verdict(run, state, *_now(run, state))
    return _(SHORT[code]) if code else ""
