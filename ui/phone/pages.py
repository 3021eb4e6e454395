"""What a pupil's phone shows: the door of a class, a question with its choices, or that one has to wait."""

from html import escape

from starlette.responses import HTMLResponse

from engine.classroom.classes import KEPT_DAYS
from engine.classroom.questions import TEXT
from engine.classroom.votes import REVEALED, Phone, Shown, letter
from ui.phone import drawing, html, sentences
from ui.phone.forms import MY_PAGE
from ui.phone.html import Translate


def door(
    code: str, address: str, ticket: str, typed: str = "", error: str = "", status: int = 200, said: str = ""
) -> HTMLResponse:
    """The form that lets a phone into a class.

    Args:
        ticket: becomes what the phone is known by, once. said: that it has come, in a try of the teacher's.
    """
    _: Translate = html.translate(code)
    title = _("Join the class")
    body = (
        f"{_status(said)}<h1>{escape(title)}</h1>{html.problem(error)}"
        f'<form method="post" action="{escape(address)}">{_hidden("l", code)}{_hidden("ticket", ticket)}'
        f'<label for="code">{escape(_("Code of the class"))}</label>'
        f'<input id="code" name="code" type="text" value="{escape(typed)}" required maxlength="12" autocomplete="off" '
        'autocapitalize="characters" spellcheck="false">'
        f'<p></p><button class="main" name="do" value="join">{escape(_("Join"))}</button></form>'
        f'<p class="quiet">{escape(_("No name is asked, and nothing about your phone is kept. The answers are erased after {n} days.", n=KEPT_DAYS))}</p>'
    )
    return html.answer(code, title, body, foot=html.others(code, address), status=status)


def seen(
    code: str,
    address: str,
    phone: Phone,
    proof: str,
    again: int = -1,
    error: str = "",
    sent: int = -1,
    status: int = 200,
) -> HTMLResponse:
    """What a phone in the class shows.

    Args:
        proof: shows that a form is this server's. again: the question whose answer it wants to change. sent: the question to which
            it has just sent a sentence.
    """
    _ = html.translate(code)
    waiting = [one for one in phone.open if one.number == again or (one.kind != TEXT and one.own is None)]
    waiting += [one for one in phone.open if one.kind == TEXT and one.number != sent]
    if waiting:
        left = len([one for one in waiting if one.kind != TEXT])
        title, body = waiting[0].ask, html.problem(error) + _question(_, code, address, waiting[0], proof)
        if left > 1:
            body += f'<p class="quiet">{escape(_("{n} questions are left.", n=left))}</p>'
        # Without scripts it stays with a question that is over: one that refreshed itself would lose what is being written.
        link = f'<a href="{escape(address)}?l={code}">{escape(_("See where the class is now"))}</a>'
        body += f"<noscript><p>{link}</p></noscript>"
    else:
        title, body = _waiting(_, code, address, phone, sent)
        body = html.problem(error) + body
    if phone.released:
        body += _take_home(_, code, address)
    foot = html.others(code, address)
    return html.answer(code, title[:80], body, foot=foot, status=status, changes=phone.changes, waits=not waiting)


def _question(_: Translate, code: str, address: str, shown: Shown, proof: str) -> str:
    start = (
        f'<h1>{escape(shown.ask)}</h1><form method="post" action="{escape(address)}">{_hidden("l", code)}'
        f"{_hidden('proof', proof)}{_hidden('question', str(shown.number))}"
    )
    if shown.kind == TEXT:
        return (
            f'{start}<label for="text">{escape(_("Your sentence"))}</label>'
            f'<textarea id="text" name="text" rows="3" required maxlength="{sentences.LONGEST}"></textarea><p></p>'
            f'<button class="main" name="do" value="write">{escape(_("Send to the teacher"))}</button></form>'
            f'<p class="quiet">{escape(_("Your teacher sees it first. It is not kept."))}</p>'
        )
    buttons = "".join(
        f'<button name="choice" value="{place}">{letter(place)}. {escape(choice)}</button>'
        for place, choice in enumerate(shown.choices)
    )
    if shown.grid is not None:
        # A form of its own: what is drawn need not be complete where a shape is chosen.
        shapes = (
            f"<summary>{escape(_('Choose a shape instead'))}</summary>{start.partition('</h1>')[2]}{buttons}</form>"
        )
        return f"{start}{drawing.form(_, shown.grid, shown.own)}</form><details>{shapes}</details>"
    return f"{start}{buttons}</form>"


def _waiting(_: Translate, code: str, address: str, phone: Phone, sent: int) -> tuple[str, str]:
    if phone.closed is not None and phone.closed.state == REVEALED:
        return phone.closed.ask, _revealed(_, phone.closed)
    answered = [one for one in phone.open if one.own is not None]
    if answered:
        title = _("Your answer is in.")
        own = "".join(
            f'<h2>{escape(one.ask)}</h2><div class="own">{_own(_, one)}</div>'
            f'<p><a href="{escape(address)}?l={code}&amp;again={one.number}">{escape(_("Change this answer"))}</a></p>'
            for one in answered
        )
        return title, f'<div role="status"><h1>{escape(title)}</h1></div>{own}'
    if any(one.number == sent for one in phone.open):
        title = _("Your sentence has been sent.")
        return title, f'<div role="status"><h1>{escape(title)}</h1></div>'
    if phone.closed is not None:
        title = _("This question takes no more answers.")
        own = "" if phone.closed.own is None else f'<div class="own">{_own(_, phone.closed)}</div>'
        return title, f'<div role="status"><h1>{escape(title)}</h1></div><h2>{escape(phone.closed.ask)}</h2>{own}'
    title = _("You are in the class.")
    wait = escape(_("Look at the wall. Questions appear here by themselves."))
    return title, f'<div role="status"><h1>{escape(title)}</h1></div><p>{wait}</p>'


def _take_home(_: Translate, code: str, address: str) -> str:
    said = _("It holds your answers beside the right ones. It opens without a network and prints on two pages.")
    return (
        f'<p><a class="main" href="{escape(address)}/{MY_PAGE}?l={code}">{escape(_("Take this page home"))}</a></p>'
        f'<p class="quiet">{escape(said)}</p>'
    )


def _revealed(_: Translate, shown: Shown) -> str:
    total = sum(shown.counts)
    rows = []
    for place, count in enumerate(shown.counts):
        marks = [_("the right answer")] * (place == shown.right) + [_("your answer")] * (place == shown.own)
        number = _("{n} of {total}", n=count, total=total) if total else ""  # of a class that has drawn
        mark = f" <strong>({escape(', '.join(marks))})</strong>" if marks else ""
        kind = ' class="right"' if place == shown.right else ""
        rows.append(f"<li{kind}>{_choice(shown, place)}{mark}<br>{escape(number)}</li>")
    drawn = drawing.picture(_, shown.grid, shown.own, shown.drawn) if shown.grid is not None else ""
    return f"<h1>{escape(shown.ask)}</h1>{drawn}<ol>{''.join(rows)}</ol><p>{escape(shown.why)}</p>"


def _own(_: Translate, shown: Shown) -> str:
    """What a phone has answered: its choice, or its curve."""
    if shown.grid is not None and shown.grid.rows(shown.own) is not None:
        return drawing.picture(_, shown.grid, shown.own)
    return _choice(shown, shown.own)


def _choice(shown: Shown, place: int | None) -> str:
    return "" if place is None else f"{letter(place)}. {escape(shown.choices[place])}"


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{escape(value)}">'


def _status(said: str) -> str:
    return f'<div role="status"><p class="own">{escape(said)}</p></div>' if said else ""
