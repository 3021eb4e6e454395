"""The pages that are taken home, as answers of the server: a whole file, or that it is being made."""

import base64
import hashlib
from html import escape

from starlette.responses import HTMLResponse, Response

from engine.classroom import class_figures, own_answers, take_home_page
from engine.classroom.classes import SchoolClass
from ui.phone import gathered, html

WAIT_SECONDS = 3
FILE = "atelier-lesson.html"


def of_phone(of: SchoolClass, token: str, code: str, address: str) -> Response | None:
    """The page of one phone, as a file; None where it is not in the class.

    Args:
        address: of the phones' door, to which one goes back.

    Raises:
        ClassError: the teacher has not released the page.
    """
    answers = own_answers.of_phone(of, token, code)
    if answers is None:
        return None
    if (found := gathered.of_class(of)) is None:
        return _waiting(code, address)
    return _file(take_home_page.of_pupil(found.report, answers, class_figures.guesses(of), code), FILE)


def without_answers(of: SchoolClass, code: str, address: str) -> Response:
    """The page of a class without anybody's answers, for its teacher to print."""
    if (found := gathered.of_class(of)) is None:
        return _waiting(code, address)
    answers = own_answers.of_nobody(of, code)
    return _file(take_home_page.of_pupil(found.report, answers, class_figures.guesses(of), code))


def of_class(of: SchoolClass, code: str, address: str) -> Response:
    """The report of a class, for its teacher."""
    if (found := gathered.of_class(of)) is None:
        return _waiting(code, address)
    figures = class_figures.of_class(of, code)
    return _file(take_home_page.of_class(found.report, figures, class_figures.guesses(of), code))


def _file(page: str, name: str = "") -> Response:
    """A page that the browser shows, or saves under a name."""
    style = page.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = {**html.HEADERS, "Content-Security-Policy": policy}
    if name:
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return HTMLResponse(page, headers=headers)


def _waiting(code: str, address: str) -> Response:
    _ = html.translate(code)
    title = _("The page is being made.")
    body = (
        f'<div role="status"><h1>{escape(title)}</h1></div><p>{escape(_("It comes by itself in a few seconds."))}</p>'
        f'<p><a href="{escape(address)}?l={code}">{escape(_("Back to the class"))}</a></p>'
    )
    answer = html.answer(code, title, body)
    answer.headers["Refresh"] = str(WAIT_SECONDS)
    return answer
