"""The check of this room, for the evening before: what a lesson needs, a line each with what to do, and a try with a phone."""

import datetime
import html
from pathlib import Path

import streamlit as st

from engine.classroom import lessons, room
from engine.classroom.room import LOOK, MISSING, PHONE, RIGHTS, WELL, Finding
from engine.core import jobs, numbers
from engine.core.errors import EngineError
from engine.services import room_check
from engine.services.room_check import Status
from ui import access, errors, network, owner_file, words
from ui.i18n import _, error_text, language
from ui.lesson import room_phone
from ui.lesson.course import VIEW, WALL
from ui.readers import polling

VIEW_CODE = "room"  # of the address: /lesson?view=room
LOOK_SECONDS = 1.0
_STYLES = tuple(Path(__file__).with_name(name) for name in ("lesson.css", "room.css"))
_DRAWN = "room_drawn_at_work"  # whether the check was at work when this session drew the page last


def asked() -> bool:
    """Whether this session's address asks for the check."""
    return bool(st.session_state.get(VIEW) == VIEW_CODE)


def open_() -> None:
    """Shows the check in the lesson's place."""
    st.session_state[VIEW] = VIEW_CODE


def _back() -> None:
    st.session_state[VIEW] = WALL


def show() -> None:
    """Shows the newest check, the press that begins another, and the try with a phone; to the owner alone."""
    for style in _STYLES:
        st.html(style)
    st.subheader(_("Check this room"), anchor=False)
    if not access.is_owner():
        st.info(_("Only the owner checks the room: type her code in the sidebar first."), icon=":material/lock:")
        st.button(_("Back to the lesson"), icon=":material/arrow_back:", key="room_back", on_click=_back)
        return
    room_phone.note()
    status = room_check.Check().status()
    at_work = status is not None and status.alive
    with st.container(horizontal=True):
        if at_work:
            st.button(_("Stop"), icon=":material/stop:", key="room_stop", on_click=_stop)
        else:
            label = _("Check this room") if status is None else _("Check again")
            st.button(label, type="primary", icon=":material/fact_check:", key="room_start", on_click=_start)
        st.button(_("Back to the lesson"), icon=":material/arrow_back:", key="room_back", on_click=_back)
    if status is None:
        st.markdown(
            _(
                "It takes about a minute, on the machine and in the network of the lesson: texts, recordings, answers, network, "
                "memory, disk, and how long the lesson's own runs take here."
            )
        )
    polling.fragment(_found, LOOK_SECONDS if at_work else None)()
    room_phone.show()
    if status is not None:
        with st.container(key="room_hint"):
            st.caption(_("The browser prints this page on paper: Ctrl+P."))


def _start() -> None:
    with errors.shown():
        room_check.Check().start(lessons.FINE_TUNING, network.addresses())
        st.session_state[_DRAWN] = True


def _stop() -> None:
    with errors.shown():
        room_check.Check().stop()


def _found() -> None:
    """Draws what was found so far, and what is looked at now."""
    status = room_check.Check().status()
    state = st.session_state
    if status is None:
        return
    if state.get(_DRAWN) and not status.alive:
        state[_DRAWN] = False
        st.rerun()  # it has just ended: the buttons are others, and nothing polls any more
    state[_DRAWN] = status.alive
    findings = list(status.findings)
    if (phone := room_check.phone()) is not None:
        findings.append(phone)
    if not status.alive:
        findings.append(_rights())
    if status.alive:
        st.markdown(_("Now: {what}", what=_subject(status.subject)))
    elif status.state == jobs.FINISHED:
        _say_summary(findings)
        st.caption(_("Checked on {when}.", when=_when(status.since)))
    else:
        _say_end(status)
    if findings:
        st.html(f'<ul class="room">{"".join(map(_line, findings))}</ul>')


def _rights() -> Finding:
    """Whether pupils who open the dashboard, and not the class's page, may start and delete runs."""
    settings = owner_file.read()
    if settings.code:
        return Finding(
            RIGHTS,
            WELL,
            EngineError("Without your code the dashboard starts small runs alone, and stops and deletes none."),
        )
    if settings.exists:
        return Finding(
            RIGHTS,
            LOOK,
            EngineError("The secrets file gives no code that can be used: nobody is the owner, and you neither."),
            EngineError("Write your code into .streamlit/secrets.toml, as the README says under “Who may do what”."),
        )
    if access.is_local():
        return Finding(RIGHTS, WELL, EngineError("This machine alone opens the dashboard."))
    return Finding(
        RIGHTS,
        LOOK,
        EngineError(
            "Whoever opens the dashboard in this network may start, stop and delete runs: no owner's code is set."
        ),
        EngineError("Write your code into .streamlit/secrets.toml, as the README says under “Who may do what”."),
    )


def _say_summary(findings: list[Finding]) -> None:
    found = room.summary(findings)
    st.html(f'<p class="room-summary" role="status">{html.escape(error_text(found.sentence))}</p>')


def _say_end(status: Status) -> None:
    if status.error is not None:
        errors.show(status.error)
    elif status.interrupted:
        st.warning(_("The check was interrupted: press again."))
    else:
        st.info(_("The check was stopped; nothing of it runs on."))


def _line(finding: Finding) -> str:
    """A finding as a row: its sign and word, what it is, and what to do."""
    signs = {WELL: ("✓", _("in order")), LOOK: ("!", _("look")), MISSING: ("✗", _("put right"))}
    sign, word = signs[finding.state]
    advice = f'<span class="advice">→ {html.escape(error_text(finding.advice))}</span>' if finding.advice else ""
    when = ""
    if finding.at is not None:
        when = f'<span class="when">{html.escape(_("Measured on {when}.", when=_when(finding.at)))}</span>'
    subject, sentence = html.escape(_subject(finding.subject)), html.escape(error_text(finding.sentence))
    told = words.labelled(f"<b>{subject}</b>", sentence)
    return (
        f'<li class="{finding.state}"><span class="word">{sign} {html.escape(word)}</span><span class="what">'
        f"{told}{when}{advice}</span></li>"
    )


def _subject(code: str) -> str:
    """What is looked at, in a word or two."""
    names = {
        room.TEXTS: _("Texts"),
        room.RECORDINGS: _("Recordings"),
        room.ANSWERS: _("Answers"),
        room.NETWORK: _("Network"),
        room.FRAMEWORK: _("Computing"),
        room.MEMORY: _("Memory"),
        room.DISK: _("Disk"),
        room.QUEUE: _("Other runs"),
        room.MINUTE: _("The minute"),
        room.SECRET: _("The secret"),
        PHONE: _("A phone"),
        RIGHTS: _("Rights"),
    }
    return names.get(code, "")


def _when(seconds: float) -> str:
    return numbers.moment(datetime.datetime.fromtimestamp(seconds), language())
