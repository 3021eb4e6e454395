"""The page of a class's teacher, below the phones' route: ask, close, reveal, count cards, read sentences, erase.

GET, POST /c/teacher/KEY       whoever has the key leads the class
GET       /c/teacher/KEY/table  the counts as CSV, numbers under five hidden
GET       /c/teacher/KEY/report the report of the class, to be printed; /page: what pupils take home, without answers
"""

import hashlib
import hmac
from collections.abc import Callable
from html import escape

import segno
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from engine.classroom import classes, figures, lessons, opening, questions, release, tallies, votes
from engine.classroom.classes import SchoolClass
from engine.classroom.votes import CLOSED, OPEN, REVEALED, Asked
from engine.core import wording
from engine.core.errors import ClassError, EngineError
from ui import network
from ui.phone import drawing, gathered, html, sentences, take_home
from ui.phone.forms import Refused, fields_of, number_of, safe
from ui.phone.html import Translate

_LARGEST_BODY = 40_000  # bytes of a form: a question with its choices, each letter in up to twelve


def _admitted(request: Request) -> SchoolClass:
    """The class of the key in the address. Guesses of 128 bits need no waits, and nobody's wrong codes keep the teacher out.

    Raises:
        Refused: there is no such class.
    """
    found = classes.by_key(str(request.path_params["key"])[:80])
    if found is None:
        raise Refused(404, "There is no such class (any more).")
    return found


@safe
async def look(request: Request) -> Response:
    """Shows the class to its teacher."""
    of = await run_in_threadpool(_admitted, request)
    if "news" in request.query_params:
        return PlainTextResponse(str(await run_in_threadpool(_state, of)), headers=html.HEADERS)
    code = html.language_of(request, request.query_params.get("l", of.language))
    return await run_in_threadpool(_page, request, of, code)


@safe
async def act(request: Request) -> Response:
    """Does what a button of the page says."""
    of = await run_in_threadpool(_admitted, request)
    fields = await fields_of(request, _LARGEST_BODY)
    code = html.language_of(request, fields.get("l", ""))
    if not hmac.compare_digest(fields.get("proof", "").encode(), _proof(request).encode()):
        raise Refused(403, "From the page of the class only.")
    _ = html.translate(code)
    try:
        await run_in_threadpool(_do, of, fields)
    except EngineError as error:
        return await run_in_threadpool(_page, request, of, code, wording.of(code).error(error), 409)
    if fields.get("do") == "erase":
        title = _("The class is erased.")
        return html.answer(code, title, f"<h1>{escape(title)}</h1>")
    return RedirectResponse(f"{request.url.path}?l={code}", 303, html.HEADERS)


@safe
async def table(request: Request) -> Response:
    """Gives the counts as a file."""
    of = await run_in_threadpool(_admitted, request)
    text = await run_in_threadpool(tallies.table, of, of.language)
    kept = {**html.HEADERS, "Content-Disposition": f'attachment; filename="class-{of.code}.csv"'}
    return Response(text.encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=kept)


@safe
async def report(request: Request) -> Response:
    """Shows the report of the class."""
    return await _printed(request, take_home.of_class)


@safe
async def page(request: Request) -> Response:
    """Shows the page that pupils take home, without answers."""
    return await _printed(request, take_home.without_answers)


async def _printed(request: Request, of_class: Callable[[SchoolClass, str, str], Response]) -> Response:
    of = await run_in_threadpool(_admitted, request)
    code = html.language_of(request, request.query_params.get("l", of.language))
    return await run_in_threadpool(of_class, of, code, request.url.path.rpartition("/")[0])


FILES = {"table": table, "report": report, "page": page}  # below her page


def _proof(request: Request) -> str:
    return hashlib.sha256(f"teacher:{request.path_params['key']}".encode()).hexdigest()[:32]


def _state(of: SchoolClass) -> int:
    """A number that is another one after each thing that the teacher or a phone has done."""
    return hash((votes.progress(of), tuple(sentences.held(of.code)))) & 0xFFFFFFFF


def _do(of: SchoolClass, fields: dict[str, str]) -> None:
    what, number = fields.get("do", ""), number_of(fields.get("question", ""))
    if what == "ask":
        asked = lessons.asked(lessons.load(of.lesson), [fields.get("name", "")[:60]], figures.recorded)
        votes.close_all(of)
        for question, moment in asked:
            votes.ask(of, question, moment)
    elif what == "own":
        choices = [line for line in fields.get("choices", "").splitlines() if line.strip()]
        question = questions.typed("own", fields.get("text", ""), choices, of.language)
        votes.close_all(of)
        votes.ask(of, question)
    elif what in (OPEN, CLOSED, REVEALED):
        votes.set_state(of, number, what)
    elif what == "close-all":
        votes.close_all(of)
    elif what.startswith(("more-", "less-")):
        votes.add_paper(of, number, number_of(what[5:]), 1 if what.startswith("more-") else -1)
    elif what in ("joining-on", "joining-off"):
        votes.set_joining(of, what == "joining-on")
    elif what == "release":
        release.release(of)
        gathered.of_class(of)  # before the phones ask
    elif what == "take-back":
        release.take_back(of)
    elif what == "forget":
        sentences.drop(of.code)
    elif what == "erase":
        if fields.get("sure") != "yes":
            raise ClassError("Tick the box first: what is erased does not come back.")
        sentences.drop(of.code)
        classes.delete(of.code)


def _page(request: Request, of: SchoolClass, code: str, error: str = "", status: int = 200) -> Response:
    _ = html.translate(code)
    state = _state(of)
    start = (
        f'<form method="post" action="{escape(request.url.path)}"><input type="hidden" name="l" value="{code}">'
        f'<input type="hidden" name="proof" value="{_proof(request)}">'
    )
    title = _("Class {code}", code=of.code)
    asked = votes.questions(of)
    parts = [
        f"<h1>{escape(title)}</h1>{html.problem(error)}",
        _door(_, start, of),
        _ask(_, start, of, code),
        _held(_, start, of),
        *(_one(_, start, of, one, code, one is asked[-1]) for one in reversed(asked)),
        _figures(_, of, asked, code, request.url.path),
        _take_home(_, start, of, code, request.url.path),
        _erase(_, start, of, code),
    ]
    return html.answer(
        code, title, "".join(parts), foot=html.others(code, request.url.path), status=status, changes=state, waits=True
    )


def _erase(_: Translate, start: str, of: SchoolClass, code: str) -> str:
    sure = _("All answers of this class go now; by themselves they go on {day}.", day=of.erased)
    return (
        f"<h2>{escape(_('Erase the class'))}</h2>{start}<p><input type='checkbox' id='sure' name='sure' value='yes'> "
        f"<label class='beside' for='sure'>{escape(sure)}</label></p>"
        f"<button name='do' value='erase'>{escape(_('Erase the class'))}</button></form>"
    )


def _take_home(_: Translate, start: str, of: SchoolClass, code: str, path: str) -> str:
    """The page to take home: released or not, and what is printed."""
    if release.is_released(of):
        said, do, press = _("Each phone can take its page home."), "take-back", _("Let no more phones take it")
    else:
        said = _(
            "At the end of the lesson: the page tells each phone the right answers beside its own. What is open is closed."
        )
        do, press = "release", _("Let the phones take their page home")
    links = [("report", _("Report of the class, to print")), ("page", _("The page without answers, to print"))]
    return (
        f"<h2>{escape(_('The page to take home'))}</h2><p>{escape(said)}</p>"
        f"{start}<button name='do' value='{do}'>{escape(press)}</button></form>"
        + "".join(f"<p><a href='{escape(path)}/{name}?l={code}'>{escape(text)}</a></p>" for name, text in links)
    )


def _door(_: Translate, start: str, of: SchoolClass) -> str:
    addresses = opening.join_addresses(network.addresses())
    where = "".join(f"<li><strong>{escape(one)}</strong></li>" for one in addresses)
    if not where:
        where = f"<li>{escape(_('No phone can reach this server: start it with --server.address 0.0.0.0, or use cards.'))}</li>"
    else:
        where += f"<li>{_picture(_, opening.in_full(addresses[0], of.code))}</li>"
    may = votes.joining(of)
    press = _("Let nobody else join") if may else _("Let phones join")
    return (
        f"<p>{escape(_('On the phone:'))}</p><ol>{where}</ol><p class='code'>{of.code}</p>"
        f"<p>{escape(_('Phones in the class: {n}', n=votes.pupils(of)))}</p>"
        f"{start}<button name='do' value='joining-{'off' if may else 'on'}'>{escape(press)}</button></form>"
    )


def _picture(_: Translate, address: str) -> str:
    """An address as a QR code, dark on white in both themes, since cameras want it so."""
    drawn = segno.make(address, micro=False).svg_inline(scale=5, border=4, dark="black", light="white", svgclass=None)
    return f'<div role="img" aria-label="{escape(_("QR code of {address}", address=address))}">{drawn}</div>'


def _ask(_: Translate, start: str, of: SchoolClass, code: str) -> str:
    try:
        lesson = lessons.load(of.lesson)
    except EngineError as error:  # a text was changed meanwhile
        return html.problem(wording.of(code).error(error))
    six = [("before", _("The six questions, before")), ("after", _("The six questions, after"))]
    single = [(n, lesson.question(n).wording(0, code).ask) for n in lesson.names() if n not in lesson.parallel()]
    choices = "".join(f'<option value="{escape(name)}">{escape(text[:90])}</option>' for name, text in [*six, *single])
    return (
        f"<h2>{escape(_('Ask'))}</h2>{start}<label for='name'>{escape(_('A question of the lesson'))}</label>"
        f"<select id='name' name='name'>{choices}</select><p></p><button class='main' name='do' value='ask'>{escape(_('Ask'))}</button>"
        f"</form><details class='typing'><summary>{escape(_('A question of your own'))}</summary>{start}"
        f"<label for='text'>{escape(_('Question'))}</label><input id='text' name='text' type='text' maxlength='1000'>"
        f"<label for='choices'>{escape(_('Choices, one a line'))}</label><textarea id='choices' name='choices' rows='4'></textarea>"
        f"<p></p><button name='do' value='own'>{escape(_('Ask'))}</button></form></details>"
    )


def _held(_: Translate, start: str, of: SchoolClass) -> str:
    texts = sentences.held(of.code)
    if not texts:
        return ""
    rows = "".join(f"<li class='own'>{escape(text)}</li>" for text in texts)
    return (
        f"<h2>{escape(_('Sentences from phones, for you alone'))}</h2><ol>{rows}</ol>"
        f"{start}<button name='do' value='forget'>{escape(_('Forget them'))}</button></form>"
    )


def _one(_: Translate, start: str, of: SchoolClass, asked: Asked, code: str, newest: bool) -> str:
    tally, wording = tallies.tally(of, asked), asked.question.wording(0, code)
    names = {OPEN: _("open"), CLOSED: _("closed"), REVEALED: _("revealed")}
    number = f'<input type="hidden" name="question" value="{asked.number}">'
    rows, cards = [], []
    for place, (choice, count) in enumerate(zip(wording.choices, tally.counts, strict=True)):
        letter, share = votes.letter(place), round(100 * count / tally.total) if tally.total else 0
        right = " class='right'" if place == asked.question.right else ""
        rows.append(f"<li{right}>{letter}. {escape(choice)}<br><strong>{count}</strong> ({share} %)</li>")
        more, less = _("One more card {letter}", letter=letter), _("One card {letter} less", letter=letter)
        cards.append(
            f"<button name='do' value='more-{place}' aria-label='{escape(more)}'>+ {letter}</button>"
            f"<button name='do' value='less-{place}' aria-label='{escape(less)}'>− {letter}</button>"
        )
    presses = [(CLOSED, _("Close"))] if asked.state == OPEN else [(OPEN, _("Open again"))]
    presses += [(REVEALED, _("Reveal"))] * (asked.state in (OPEN, CLOSED) and asked.moment != questions.BEFORE)
    buttons = "".join(f"<button name='do' value='{value}'>{escape(text)}</button>" for value, text in presses)
    # One press a card: of the newest question they are at hand, and stay so from press to press.
    head = (
        f"<p class='quiet'>{escape(_('Cards or hands'))}</p>"
        if newest
        else f"<details><summary>{escape(_('Cards or hands'))}</summary>"
    )
    paper = f"{head}{start}{number}<div class='row'>{''.join(cards)}</div></form>{'' if newest else '</details>'}"
    when = {questions.BEFORE: f" · {_('before')}", questions.AFTER: f" · {_('after')}"}.get(asked.moment, "")
    again = f" · {_('round {n}', n=asked.round)}" if asked.round > 1 else ""
    return (
        f"<h2>{asked.number}. {escape(wording.ask)}</h2><p class='quiet'>{escape(names.get(asked.state, '')) + escape(when + again)}</p>"
        f"<ol>{''.join(rows)}</ol>{_drawn(_, tally)}{start}{number}<div class='row'>{buttons}</div></form>{paper if cards else ''}"
    )


def _drawn(_: Translate, tally: tallies.Tally) -> str:
    """How many have drawn a curve, and where their points lie: nobody's own curve."""
    grid = tally.asked.question.grid
    if grid is None or not tally.curves:
        return ""
    said = _("Drawn curves: {n}", n=len(tally.curves))
    return f"<p><strong>{escape(said)}</strong></p>{drawing.picture(_, grid, None, grid.counts(tally.curves))}"


def _figures(_: Translate, of: SchoolClass, asked: list[Asked], code: str, path: str) -> str:
    lines = []
    for name in dict.fromkeys(one.question.name for one in asked if one.moment == questions.AFTER):
        if found := tallies.pairs(of, name):
            values = {"name": name, "learned": found.wrong_right, "unlearned": found.right_wrong, "n": found.total}
            lines.append(
                _(
                    "Question {name}: {learned} from wrong to right, {unlearned} from right to wrong, of {n} pairs.",
                    **values,
                )
            )
    vote = tallies.blind_vote(of, tallies.blind_questions(of))
    if vote is not None:
        shares = [round(100 * share) for share in (vote.share, vote.low, vote.high, vote.chance)]
        values = dict(zip(("share", "low", "high", "chance"), shares, strict=True))
        lines.append(
            _("Who wrote it: {share} % right (95 % interval {low} to {high} %); chance is {chance} %.", **values)
        )
    if lines:
        lines.append(_("This is no proof."))
    shown = "".join(f"<p>{escape(line)}</p>" for line in lines)
    link = f"<p><a href='{escape(path)}/table'>{escape(_('Table (CSV), numbers under five hidden'))}</a></p>"
    return f"<h2>{escape(_('Figures'))}</h2>{shown}{link}"
