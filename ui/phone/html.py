"""The frame of a page without Streamlit: one answer with its style and script inside, and the headers that allow nothing else."""

import base64
import hashlib
from collections.abc import Callable
from html import escape
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse

from engine.core import wording
from ui import i18n

Translate = Callable[..., str]
_HERE = Path(__file__).parent
STYLE = (_HERE / "phone.css").read_text(encoding="utf-8")
SCRIPT = (_HERE / "phone.js").read_text(encoding="utf-8")
REFRESH_SECONDS = 8  # of a page that waits, without scripts


def _hash(content: str) -> str:
    return base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_hash(STYLE)}'; script-src 'sha256-{_hash(SCRIPT)}'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def language_of(request: Request, given: str = "") -> str:
    """The language of an answer: the one that its address or form names, else the browser's first that there is, else English."""
    wanted = given or request.query_params.get("l", "")
    accepted = [
        part.partition(";")[0].strip()[:2].lower()
        for part in request.headers.get("accept-language", "")[:200].split(",")
    ]
    return next((code for code in (wanted, *accepted) if code in i18n.LANGUAGES), "en")


def translate(code: str) -> Translate:
    """Sentences in a language, without a session: `_("{n} answers", n=3)`."""
    return wording.of(code).say


def others(code: str, address: str) -> str:
    """Links to the other languages, in these."""
    links = (
        f'<a href="{escape(address)}?l={other}" lang="{other}" hreflang="{other}">{name}</a>'
        for other, name in i18n.LANGUAGES.items()
        if other != code
    )
    return " ".join(links)


def answer(
    code: str,
    title: str,
    body: str,
    *,
    foot: str = "",
    status: int = 200,
    changes: int | None = None,
    waits: bool = False,
) -> HTMLResponse:
    """A whole page.

    Args:
        body, foot: HTML whose texts are escaped. changes: what the script compares; None = it never asks.
        waits: nothing can be answered: without scripts the page refreshes itself.
    """
    _ = translate(code)
    offline = _("There is no network: nothing was sent. Press again when it is back.")
    known = "" if changes is None else f' data-changes="{changes}" data-offline="{escape(offline)}"'
    refresh = f'<noscript><meta http-equiv="refresh" content="{REFRESH_SECONDS}"></noscript>' if waits else ""
    page = (
        f'<!doctype html><html lang="{code}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style>{refresh}</head><body><main{known}>{body}</main><footer>{foot}</footer>"
        f"<script>{SCRIPT}</script></body></html>"
    )
    return HTMLResponse(page, status, HEADERS)


def problem(text: str) -> str:
    """What went wrong, in a box that a screen reader says at once."""
    return f'<p class="problem" role="alert">{escape(text)}</p>' if text else ""
