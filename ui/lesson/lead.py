"""Which classes this browser leads: the key of each in a cookie, so that whoever led it leads it again after a reload or a restart.

A page cannot set a cookie, so it hands the key to a route of the application, which answers with a cookie that no script
can read. The key stands in no address; the class's file knows it by its hash, whichever server looks.
"""

import json
import time
from pathlib import Path

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from engine.classroom import classes
from engine.core.errors import EngineError
from ui import network

_COOKIE = "atelier_lead_{code}"
COOKIE_SECONDS = 12 * 3600  # a school day: the next pupil at this machine leads nothing
_LONGEST_KEY = 80
_ADDRESS = "_atelier/lead"
_KEPT = "lesson_key_kept"  # the key that this session has its browser keep, and until when that is drawn
_DRAWN_SECONDS = 10.0
_served = False
_component = None
_JS = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


def key_of(code: str) -> str:
    """The key of a class that this browser keeps; "" where it keeps none of it."""
    key = st.context.cookies.get(_COOKIE.format(code=code)) if code else None
    # Of the same site are also other ports of this machine, and their pages may open a connection here.
    if not isinstance(key, str) or not network.same_origin(
        st.context.headers.get("Origin"), st.context.headers.get("Host")
    ):
        return ""
    try:
        of = classes.by_key(key[:_LONGEST_KEY])
    except EngineError:  # its file is damaged: whoever opens the class is told so
        return ""
    return key if of is not None and of.code == code else ""


def led() -> list[str]:
    """The codes of the classes here that this browser leads."""
    return [code for code in classes.codes() if key_of(code)]


def keep(key: str) -> None:
    """Has this browser keep the key of the class that it leads: drawn for a while, since a page may be drawn anew at once."""
    global _component
    kept, until = st.session_state.setdefault(_KEPT, (key, time.monotonic() + _DRAWN_SECONDS))
    if kept != key:
        kept, until = st.session_state[_KEPT] = (key, time.monotonic() + _DRAWN_SECONDS)
    if not _served or time.monotonic() > until:
        return
    if _component is None:
        _component = st.components.v2.component("atelier_lead", html="<span></span>", js=_JS, isolate_styles=False)
    _component(data={"key": key, "address": _ADDRESS}, key="lesson_lead")


async def _take(request: Request) -> Response:
    """Answers the key of a class that is here with the cookie that keeps it."""
    body = await network.own_json(request)
    if isinstance(body, Response):
        return body
    try:
        key = str(json.loads(body)["key"])[:_LONGEST_KEY]
        found = await run_in_threadpool(classes.by_key, key)
    except (ValueError, TypeError, KeyError, RecursionError):
        return PlainTextResponse("No key.", 400)
    except EngineError:
        found = None
    if found is None:
        return PlainTextResponse("There is no such class (any more).", 410)
    secure = request.url.scheme == "https" or request.headers.get("origin", "").startswith("https://")
    answer = Response(status_code=204, headers={"Cache-Control": "no-store"})
    answer.set_cookie(
        _COOKIE.format(code=found.code), key, max_age=COOKIE_SECONDS, httponly=True, samesite="strict", secure=secure
    )
    return answer


def routes() -> list[Route]:
    """The route that takes a key; whoever asks for it tells that it is served."""
    global _served
    _served = True
    return [Route(path, _take, methods=["POST"]) for path in network.below_server(_ADDRESS)]
