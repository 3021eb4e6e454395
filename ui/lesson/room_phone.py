"""A try with a phone: an address to open on it, whether it came and how long that took, and what to do where none comes."""

import html
import time

import streamlit as st

from engine.classroom import opening
from engine.classroom.room import LOOK, PHONE, WELL, Finding
from engine.core.errors import EngineError
from engine.services import room_check
from ui import errors, network, phone_address
from ui.i18n import _
from ui.phone import arrivals
from ui.phone.arrivals import Try
from ui.readers import polling

LOOK_SECONDS = 1.0
_NOTED = "room_phone_noted"  # the try of which this session has kept what came of it


def show() -> None:
    """Shows the press that begins a try, and how the newest one goes."""
    with st.container(key="room_phone_try"):
        st.markdown(f"**{_('Does a phone come through?')}**")
        addresses = opening.join_addresses(network.addresses())
        if opening.refusal() is not None or not addresses:
            st.markdown(_("No phone reaches this server: the lesson goes with cards or hands."))
            return
        waits = (found := arrivals.newest()) is not None and found.waits
        if waits:
            st.button(_("End the try"), icon=":material/stop:", key="room_phone_end", on_click=arrivals.end)
        else:
            label = _("Try a phone") if found is None else _("Try again")
            st.button(label, icon=":material/smartphone:", key="room_phone_start", on_click=arrivals.begin)
        polling.fragment(lambda: _how_it_goes(addresses, waits), LOOK_SECONDS if waits else None)()


def _how_it_goes(addresses: tuple[str, ...], waited: bool) -> None:
    found = arrivals.newest()
    if found is None:
        return
    if found.waits:
        st.markdown(_("Open this on a phone that is in the network of the class:"))
        address = opening.page(addresses[0])
        lines = "".join(f'<p class="join-address">{html.escape(one)}</p>' for one in addresses[:2])
        said = html.escape(_("QR code of the address"), quote=True)
        st.html(
            f'<div class="join"><div>{lines}</div><img src="{phone_address.picture(address)}" alt="{said}" width="200"></div>'
        )
        st.markdown(_("Waiting for a phone: {n} s of {most}.", n=_passed(found), most=round(arrivals.WAIT_SECONDS)))
        if found.was_here:
            st.markdown(_("This machine itself has opened it, which says nothing of phones."))
        return
    if waited:
        st.rerun()  # `note` is called then: it stands among the others, and nothing polls any more
    if found.came is None:
        st.warning(f"{_('No phone came within a minute.')}\n\n{_what_to_do()}", icon=":material/phonelink_off:")


def _passed(found: Try) -> int:
    return int(time.monotonic() - found.begun)


def _what_to_do() -> str:
    """What to do where no phone comes, as Markdown."""
    lines = (
        _("Is the phone in the same network? Guest networks of schools often keep machines apart."),
        _("A firewall of this machine may stand in between: allow Python in private networks."),
        _("Open this machine's hotspot; it takes about eight phones: groups of three share one."),
        _("Or cards A to E, or hands: the lesson and its figures are the same."),
    )
    return "\n".join(f"- {line}" for line in lines)


def note() -> None:
    """Keeps what came of the newest try among what the check has found; to be called before that is shown."""
    found = arrivals.newest()
    if found is None or found.waits or st.session_state.get(_NOTED) == found.begun:
        return
    st.session_state[_NOTED] = found.begun
    if found.came is None:
        finding = Finding(
            PHONE,
            LOOK,
            EngineError("No phone came within a minute."),
            EngineError("Another network, this machine's hotspot with groups of three, cards A to E, or hands."),
            time.time(),
        )
    else:
        sentence = EngineError(
            "A phone came after {seconds} s; its way there and back takes {milliseconds} ms.",
            seconds=round(found.came),
            milliseconds=round(1000 * (found.way or 0.0)),
        )
        finding = Finding(PHONE, WELL, sentence, at=time.time())
    with errors.shown():
        room_check.note_phone(finding)
