"""What comes from a page of a class and what becomes of a fault: forms of this server alone, small ones, a sentence for each error."""

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from engine.core import wording
from engine.core.errors import ClassError, EngineError
from ui import network
from ui.phone import html

LARGEST_BODY = 4000  # bytes of a phone's form
MY_PAGE = "my-page"  # below the door: what a phone takes home; it is no code
_READ_SECONDS = 20.0  # for a form of a slow network
Action = Callable[[Request], Awaitable[Response]]


class Refused(Exception):
    """A request that no page of this server has made, or one that is too large."""

    def __init__(self, status: int, text: str) -> None:
        self.status, self.text = status, text
        super().__init__(text)


def own_address(request: Request) -> str:
    """The path of the door, which the cookie is for: that of this request without what is below it."""
    path = request.url.path
    code = request.path_params.get("code") or MY_PAGE
    return path.removesuffix(f"/{code}").rstrip("/")


async def fields_of(request: Request, most_bytes: int = LARGEST_BODY) -> dict[str, str]:
    """The fields of a form that a page of this server has sent.

    Raises:
        Refused: it comes from elsewhere, is too long, or is no form.
    """
    headers = request.headers
    origin = headers.get("origin")
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none") or (
        origin is not None and not network.same_origin(origin, headers.get("host")) and not network.named(origin)
    ):
        raise Refused(403, "From the page of the class only.")
    if headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise Refused(415, "A form only.")
    body = b""
    try:
        async with asyncio.timeout(_READ_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > most_bytes:
                    raise Refused(413, "Too long.")
    except TimeoutError as error:
        raise Refused(408, "Too slow.") from error
    try:
        return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=20, errors="strict"))
    except ValueError as error:
        raise Refused(400, "No form.") from error


def safe(action: Action) -> Action:
    """An action whose faults are answers: no trace of the server leaves it."""

    async def answering(request: Request) -> Response:
        try:
            return await action(request)
        except Refused as refused:
            return PlainTextResponse(refused.text, refused.status, html.HEADERS)
        except ClientDisconnect:
            return Response(status_code=400)
        except EngineError as error:  # a damaged class, a full disk
            code = html.language_of(request)
            _ = html.translate(code)
            title = _("This did not work. Try again.")
            text = wording.of(code).error(error) if isinstance(error, ClassError) else ""
            body = f"<h1>{title}</h1>{html.problem(text)}"
            return html.answer(code, title, body, foot=html.others(code, own_address(request)), status=503)

    return answering


def number_of(text: str) -> int:
    """A number of a form; -1, which is none of anything, where it is another text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else -1
