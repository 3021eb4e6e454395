"""The routes of a class's phones: `/c`, where a phone joins, answers and sees what is revealed, and can do nothing else.

    GET  /c, /c/K7FM     the door, or what the phone's class shows it; it changes nothing
    GET  /c?news=1       how many things the teacher has done, for the script that asks again and again
    GET  /c/my-page      what the phone takes home, once the teacher has released it
    POST /c, /c/K7FM     joins, answers, or sends a sentence

A phone is known by a random text in a cookie of this path. Nothing of a request but that is kept, and nothing is logged.
"""

import hashlib
import hmac
import re
import secrets

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from engine.classroom import classes, votes
from engine.classroom.classes import SchoolClass
from engine.classroom.opening import ADDRESS
from engine.core import wording
from engine.core.errors import ClassError
from ui import network
from ui.phone import arrivals, drawing, html, pages, sentences, take_home, teacher
from ui.phone.forms import MY_PAGE, Refused, fields_of, number_of, own_address, safe
from ui.phone.pace import Pace
from ui.tries import Limit, Tries

COOKIE = "atelier_class"
COOKIE_SECONDS = classes.KEPT_DAYS * 24 * 3600
_TICKET = re.compile(r"[\w-]{22}", re.ASCII)
# A room behind one router is one address, and thirty pupils mistype more often than one owner.
tries = Tries(one=Limit(free=20, longest_seconds=20.0), all_=Limit(free=200, longest_seconds=4.0))
pace = Pace()


def _proof(token: str) -> str:
    """What stands in a phone's forms: another site's page cannot know it."""
    return hashlib.sha256(f"form:{token}".encode()).hexdigest()[:32]


def _phone_of(request: Request) -> tuple[SchoolClass | None, str]:
    """The class that this phone is in, and what it is known by; None where the class has gone, or never was."""
    code, dot, token = request.cookies.get(COOKIE, "").partition(".")
    if not dot or not _TICKET.fullmatch(token):
        return None, ""
    return classes.find(code), token


def _show(request: Request, code: str, error: str = "", status: int = 200) -> Response:
    """What this phone shows now."""
    of, token = _phone_of(request)
    address = own_address(request)
    typed = classes.normal(str(request.path_params.get("code", "")))
    seen = votes.phone(of, token, code) if of is not None and typed in ("", of.code) else None
    came = _came(request)
    is_new = came is None and not error and not {"again", "sent", "came"} & set(request.query_params)
    if is_new and (ticket := arrivals.greet()):  # one that is in a class from before is a phone too
        return RedirectResponse(f"{request.url.path}?l={code}&came={ticket}", 303, html.HEADERS)
    if seen is None:
        said = "" if came is None else _welcome(code, came)
        return pages.door(code, address, secrets.token_urlsafe(16), typed, error, status, said)
    number = number_of(request.query_params.get("again", ""))
    return pages.seen(
        code, address, seen, _proof(token), number, error, number_of(request.query_params.get("sent", "")), status
    )


def _came(request: Request) -> arrivals.Try | None:
    """The try of the teacher's in which this phone has come, or None."""
    ticket = request.query_params.get("came", "")[:40]
    return arrivals.take(ticket, request.client.host if request.client else None) if ticket else None


def _welcome(code: str, came: arrivals.Try) -> str:
    _ = html.translate(code)
    if came.came is None:
        return _("This is the teacher's computer itself: open this address on a phone.")
    return _("It works: this phone has reached the teacher's computer.")


def _news(request: Request) -> Response:
    of, token = _phone_of(request)
    changes = votes.news(of, token) if of is not None else None
    return PlainTextResponse("gone" if changes is None else str(changes), headers=html.HEADERS)


@safe
async def look(request: Request) -> Response:
    """Shows the door, or what the phone's class shows it."""
    if "news" in request.query_params:
        return await run_in_threadpool(_news, request)
    return await run_in_threadpool(_show, request, html.language_of(request))


@safe
async def act(request: Request) -> Response:
    """Joins, answers, or sends a sentence; then the phone is led to what there is to see."""
    fields = await fields_of(request)
    code = html.language_of(request, fields.get("l", ""))
    _ = html.translate(code)
    try:
        return await run_in_threadpool(_join if fields.get("do") == "join" else _answer, request, fields, code)
    except ClassError as error:
        return await run_in_threadpool(_show, request, code, wording.of(code).error(error), 409)


@safe
async def my_page(request: Request) -> Response:
    """Gives a phone the page that it takes home."""
    return await run_in_threadpool(_my_page, request)


def _my_page(request: Request) -> Response:
    code, (of, token) = html.language_of(request), _phone_of(request)
    _ = html.translate(code)
    if of is None:
        return _to(request, code)
    if not pace.allows(votes.pupil_of(of.code, token)):
        return _show(request, code, _("That was too fast: wait a moment and try again."), 429)
    try:
        return take_home.of_phone(of, token, code, own_address(request)) or _to(request, code)
    except ClassError as error:
        return _show(request, code, wording.of(code).error(error), 409)


def _to(request: Request, code: str, more: str = "") -> Response:
    return RedirectResponse(f"{own_address(request)}?l={code}{more}", 303, html.HEADERS)


def _join(request: Request, fields: dict[str, str], code: str) -> Response:
    ticket, typed = fields.get("ticket", ""), classes.normal(fields.get("code", ""))
    if not _TICKET.fullmatch(ticket):
        raise Refused(400, "No ticket.")
    found: list[SchoolClass] = []

    def right() -> bool:
        found.extend([one] if (one := classes.find(typed)) else [])
        return bool(found)

    answer = tries.answer(request.client.host if request.client else None, right)
    if not answer.right:
        _ = html.translate(code)
        seconds = max(1, round(answer.wait_seconds))
        if not answer.examined:
            text, status = _("Nobody looked at this code: wait for {n} s after a wrong one.", n=seconds), 429
        else:
            text, status = _("There is no class with this code. Look at the wall and type it again."), 404
        return pages.door(code, own_address(request), ticket, typed, text, status)
    (of,) = found
    former, token = _phone_of(request)
    if former is None or former.code != of.code or not votes.is_in(former, token):
        token = ticket  # two taps send the same one, and are one phone
    votes.join(of, token)
    response = _to(request, code)
    secure = request.url.scheme == "https" or request.headers.get("origin", "").startswith("https://")
    response.set_cookie(
        COOKIE,
        f"{of.code}.{token}",
        max_age=COOKIE_SECONDS,
        path=own_address(request),
        httponly=True,
        samesite="lax",
        secure=secure,
    )
    return response


def _answer(request: Request, fields: dict[str, str], code: str) -> Response:
    of, token = _phone_of(request)
    if of is None:
        raise ClassError("This phone is not in the class (any more): join again.")
    if not hmac.compare_digest(fields.get("proof", "").encode(), _proof(token).encode()):
        _ = html.translate(code)  # a page of another class, or of long ago
        return _show(request, code, _("This did not work. Try again."), 403)
    if not pace.allows(votes.pupil_of(of.code, token)):
        _ = html.translate(code)
        return _show(request, code, _("That was too fast: wait a moment and answer again."), 429)
    number = number_of(fields.get("question", ""))
    if fields.get("do") == "write":
        if not votes.may_write(of, token, number):
            raise ClassError("This question takes no more answers.")
        sentences.take(of.code, votes.pupil_of(of.code, token), fields.get("text", ""))
        return _to(request, code, f"&sent={number}")
    rows = drawing.rows_of(fields)
    votes.answer(of, token, number, number_of(fields.get("choice", "")) if rows is None else rows)
    return _to(request, code)


def routes() -> list[Route]:
    """The routes; below the server's own path too, where it has one."""
    found = []
    for place in network.below_server(ADDRESS):
        led = f"{place}/teacher/{{key}}"
        actions = [(f"{place}/{MY_PAGE}", "GET", my_page)]  # before what takes any code
        actions += [(path, "GET", look) for path in (place, f"{place}/", f"{place}/{{code}}")]
        actions += [(path, "POST", act) for path in (place, f"{place}/", f"{place}/{{code}}")]
        actions += [(led, "GET", teacher.look), (led, "POST", teacher.act)]
        actions += [(f"{led}/{name}", "GET", action) for name, action in teacher.FILES.items()]
        found += [Route(path, action, methods=[method]) for path, method, action in actions]
    return found
