"""Who is the owner: whoever has typed her code in this session, or in this browser since the server started.

A page cannot set a cookie, so the session that typed the code gets a ticket for one use, which its page hands to a route
of the application, which answers with a cookie that no script can read. The route knows no code: it cannot be used to
guess one. The cookie is a random number that means something to this process alone; it ends after twelve hours, when
the code changes, and when its holder leaves.
"""

import hashlib
import hmac
import json
import logging
import secrets
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ui import errors, network, owner_file
from ui.i18n import _
from ui.tries import Answer, Tries
from ui.tries import network as network_of

COOKIE_SECONDS = 12 * 3600
TICKET_SECONDS = 60.0
_ADDRESS = "_atelier/owner"
_KEY = secrets.token_bytes(32)
# Of this process alone: two servers of one machine share a browser's cookies, whatever their ports.
_COOKIE = f"atelier_owner_{secrets.token_hex(4)}"
_log = logging.getLogger("atelier.access")

tries = Tries()
_lock = threading.Lock()
_served = False
_component = None


@dataclass
class _Ticket:
    """What one session may exchange for a cookie, once."""

    number: str
    code: str  # its fingerprint
    until: float
    cookie: str | None = None  # the fingerprint of the cookie that it was exchanged for


_tickets: dict[str, _Ticket] = {}
_cookies: dict[str, tuple[str, float]] = {}  # the fingerprint of a cookie → of the code, and when it ends


def _fingerprint(text: str) -> str:
    """What stands in memory for a code or a cookie."""
    return hmac.new(_KEY, text.encode(), hashlib.sha256).hexdigest()


def is_owner() -> bool:
    """Whether this session may do everything: there are no secrets files at all, or it is its owner's."""
    settings = owner_file.read()
    if not settings.exists:
        return True
    if not settings.code:
        return False
    code = _fingerprint(settings.code)
    if hmac.compare_digest(str(st.session_state.get("owner_admitted", "")), code):
        return True
    return not st.session_state.get("owner_left", False) and _by_cookie(code)


def _cookie() -> str:
    """This browser's cookie, as it came with the connection; "" where it has none."""
    cookie = st.context.cookies.get(_COOKIE)
    return cookie if isinstance(cookie, str) else ""


def _by_cookie(code: str) -> bool:
    cookie = _cookie()
    # Of the same site are also other ports of this machine, and their pages may open a connection here.
    if not cookie or not network.same_origin(st.context.headers.get("Origin"), st.context.headers.get("Host")):
        return False
    with _lock:
        known, until = _cookies.get(_fingerprint(cookie), ("", 0.0))
    return hmac.compare_digest(known, code) and time.monotonic() < until


def enter(given: str) -> Answer:
    """Looks at a code that somebody typed in this session; the right one makes the session its owner's."""
    settings = owner_file.read()
    address = st.context.ip_address
    answer = tries.answer(
        address,
        lambda: (
            bool(settings.code)
            and hmac.compare_digest(_fingerprint(owner_file.normal(given)), _fingerprint(settings.code))
        ),
        settings.version,
    )
    where = network_of(address)
    if answer.right:
        if answer.wrong:
            _log.warning("Atelier: the owner's code came from %s, after %d wrong tries.", where, answer.wrong)
        ticket = _Ticket(secrets.token_urlsafe(32), _fingerprint(settings.code), time.monotonic() + TICKET_SECONDS)
        st.session_state["owner_admitted"] = ticket.code
        st.session_state["owner_left"] = False
        st.session_state["owner_ticket"] = ticket
        with _lock:
            _sweep()
            _tickets[ticket.number] = ticket
    elif answer.examined:
        _log.warning(
            "Atelier: a wrong owner's code from %s, number %d; the next one is looked at in %.0f s.",
            where,
            answer.wrong,
            answer.wait_seconds,
        )
    return answer


def leave() -> None:
    """Makes this session a visitor's, and its browser's cookie worthless."""
    st.session_state.pop("owner_admitted", None)
    st.session_state["owner_left"] = True
    ticket = st.session_state.pop("owner_ticket", None)
    with _lock:
        _cookies.pop(_fingerprint(_cookie()), None)
        if ticket:
            _tickets.pop(ticket.number, None)
            _cookies.pop(ticket.cookie or "", None)


def _sweep() -> None:
    now = time.monotonic()
    for number in [number for number, ticket in _tickets.items() if ticket.until < now]:
        del _tickets[number]
    for cookie in [cookie for cookie, (_code, until) in _cookies.items() if until < now]:
        del _cookies[cookie]


async def _exchange(request: Request) -> Response:
    """Exchanges a ticket for the cookie."""
    body = await network.own_json(request)
    if isinstance(body, Response):
        return body
    try:
        number = str(json.loads(body)["ticket"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return PlainTextResponse("No ticket.", 400)
    cookie = secrets.token_urlsafe(32)
    with _lock:
        _sweep()
        ticket = _tickets.pop(number, None)
        if ticket is None:
            return PlainTextResponse("This ticket is not valid (any more).", 410)
        ticket.cookie = _fingerprint(cookie)
        _cookies[ticket.cookie] = (ticket.code, time.monotonic() + COOKIE_SECONDS)
    secure = request.url.scheme == "https" or request.headers.get("origin", "").startswith("https://")
    answer = Response(status_code=204, headers={"Cache-Control": "no-store"})
    answer.set_cookie(_COOKIE, cookie, max_age=COOKIE_SECONDS, httponly=True, samesite="strict", secure=secure)
    return answer


def routes() -> list[Route]:
    """The route that exchanges a ticket; whoever asks for it tells that it is served."""
    global _served
    _served = True
    return [Route(path, _exchange, methods=["POST"]) for path in network.below_server(_ADDRESS)]


_JS = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


def _keep() -> None:
    """Has the browser exchange this session's ticket, as long as it is of use."""
    global _component
    ticket = st.session_state.get("owner_ticket")
    if not _served or ticket is None or ticket.number not in _tickets or ticket.until < time.monotonic():
        return
    if _component is None:
        _component = st.components.v2.component("atelier_owner", html="<span></span>", js=_JS, isolate_styles=False)
    _component(data={"ticket": ticket.number, "address": _ADDRESS}, key="owner_exchange")


def show() -> None:
    """In the sidebar: the field for the owner's code, or that this is she and how to leave; nothing without a file."""
    settings = owner_file.read()
    if not settings.exists:
        return
    if is_owner():
        st.session_state.pop("owner_answer", None)
        st.caption(_("You are the owner here."))
        st.button(_("Be a visitor again"), key="owner_leave", on_click=leave)
        _keep()
        return
    if not settings.code:
        st.caption(_("Everybody is a visitor: the Lab page says why."))
        return
    with st.form("owner_form", clear_on_submit=True, border=False):  # a form: leaving the field is no try
        given = st.text_input(
            _("Owner's code"),
            type="password",
            key="owner_code",
            help=_("Its holder may stop, delete and queue without limits."),
        )
        if st.form_submit_button(_("Enter")) and given:
            st.session_state["owner_answer"] = enter(given)
            if is_owner():
                st.rerun()
    if "owner_answer" in st.session_state:
        _say(st.session_state["owner_answer"])


def _say(answer: Answer) -> None:
    seconds = max(1, round(answer.wait_seconds))
    if not answer.examined:
        st.warning(_("Nobody looked at this code: wait for {n} s after a wrong one.", n=seconds))
    elif answer.wait_seconds > 0:
        st.error(_("This is not the owner's code. The next one is looked at in {n} s.", n=seconds))
    else:
        st.error(_("This is not the owner's code."))


def faults() -> None:
    """On the first page: what is wrong in the secrets files, so that whoever wrote them can put it right."""
    settings = owner_file.read()
    if settings.exists and not settings.code:
        st.error(_("Everybody is a visitor here, until this is put right on the server:"), icon=":material/lock:")
    for problem in settings.problems:
        errors.show(problem)
