"""A class from the command line: open it, ask, close, reveal, count cards, see the figures, erase it; and its lesson as a file."""

import argparse
import datetime
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.classroom import classes, figures, lessons, opening, questions, release, room, tallies, votes
from engine.classroom.classes import SchoolClass
from engine.classroom.votes import Asked
from engine.cli import options
from engine.cli.output import ProgressLine, print_result
from engine.core import jobs, machine
from engine.core.errors import ClassError
from engine.core.files import storage_errors, write_bytes
from engine.services import room_check

_WORDS = {room.WELL: "in order", room.LOOK: "LOOK", room.MISSING: "MISSING"}
_LOOK_SECONDS = 0.2  # between two looks at a check that is at work
_CARD = re.compile(r"(?P<letter>[A-Ha-h])=(?P<count>\d{1,5})", re.ASCII)


def register(command: options.Command) -> None:
    """Adds the command of this module, with one below it for each thing that a teacher does."""
    parent = command("class", run)
    subs = parent.add_subparsers(dest="what", required=True, metavar="WHAT")

    def sub(name: str, action: Callable[[argparse.Namespace], int], of_one: bool = True) -> argparse.ArgumentParser:
        p = subs.add_parser(name, help=action.__doc__, description=action.__doc__)
        p.set_defaults(step=action)
        p.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="end with one line of JSON")
        if of_one:
            p.add_argument(
                "--class", dest="code", default="", metavar="CODE", help="which one, where there are several"
            )
        return p

    p = sub("open", open_, of_one=False)
    p.add_argument("--lesson", default=lessons.FINE_TUNING, help="the folder of its texts in lessons/")
    p.add_argument("--language", choices=lessons.LANGUAGES, default="en", help="the teacher's")
    p.add_argument("--port", type=options.count, default=8501, help="of the dashboard (default: 8501)")
    sub("list", list_, of_one=False)
    p = sub("ask", ask)
    p.add_argument("names", nargs="*", metavar="NAME", help="questions of the lesson; before or after: the six")
    p.add_argument("--text", default="", help="a question of your own, in place of names")
    p.add_argument("--choice", action="append", default=[], help="one of its choices; at least two")
    p.add_argument("--right", default="", metavar="LETTER", help="its right choice, from A on")
    sub("close", close)
    p = sub("reveal", reveal)
    p.add_argument("number", nargs="?", type=options.count, default=0, help="of the question (default: the newest)")
    p = sub("cards", cards)
    p.add_argument("counts", nargs="+", metavar="A=12", help="how many cards or hands were up for a choice")
    p.add_argument("--question", type=options.count, default=0, metavar="N", help="default: the newest")
    p = sub("results", results)
    p.add_argument("--csv", type=Path, metavar="FILE", help="write the table too; numbers under five are hidden")
    p = sub("joining", joining)
    p.add_argument("to", choices=("on", "off"))
    p = sub("release", release_)
    p.add_argument("to", choices=("on", "off"))
    p = sub("report", report, of_one=False)
    p.add_argument("code", nargs="?", default="", metavar="CODE", help="default: the only class there is")
    p.add_argument("--out", required=True, type=Path, metavar="FILE", help="the file to write, such as class.html")
    p.add_argument("--language", choices=lessons.LANGUAGES, default="", help="default: the teacher's")
    p.add_argument("--without-answers", action="store_true", help="what pupils take home, without anybody's answers")
    p = sub("delete", delete, of_one=False)
    p.add_argument("code", nargs="?", default="", metavar="CODE", help="default: the only class there is")
    p.add_argument("--all", action="store_true", help="all classes of this machine")
    p = sub("check", check, of_one=False)
    p.add_argument("--lesson", default=lessons.FINE_TUNING, help="the folder of its texts in lessons/")
    p.add_argument("--port", type=options.count, default=8501, help="of the dashboard (default: 8501)")
    p.add_argument("--no-training", action="store_true", help="measure no speed: a check of seconds")
    p = sub("offline", offline, of_one=False)
    p.add_argument("--lesson", default=lessons.FINE_TUNING, help="the folder of its texts in lessons/")
    p.add_argument("--language", choices=lessons.LANGUAGES, default="en")
    p.add_argument("-o", "--out", type=Path, required=True, metavar="FILE", help="the file to write: lesson.html")


def run(a: argparse.Namespace) -> int:
    """Leads a class: opens it, asks, closes, reveals, counts cards, shows the figures, erases it."""
    step: Callable[[argparse.Namespace], int] = a.step
    return step(a)


def open_(a: argparse.Namespace) -> int:
    """Opens a class and says how phones join it, and the teacher's own link."""
    addresses = [f"http://{host}:{a.port}" for host in ("localhost", *machine.addresses())]
    invitation = opening.open_class(a.lesson, a.language, addresses)
    code, key = invitation.opened.code, invitation.opened.key
    result = {"code": code, "key": key, "join": list(invitation.join), "teacher": invitation.teacher}
    where = " or ".join(invitation.join) or "no network: use cards, or hands"
    lines = [
        f"Class {code}. Phones type {where}, then the code {code}.",
        f"Your own link, for nobody else: {invitation.teacher}",
        "The dashboard must be running where phones can reach it: streamlit run streamlit_app.py --server.address 0.0.0.0",
    ]
    print_result(result, a.json, lines)
    return 0


def list_(a: argparse.Namespace) -> int:
    """Lists the classes of this machine with the day on which each is erased by itself."""
    rows = [
        {"code": one.code, "opened": str(one.opened), "erased": str(one.erased), "phones": votes.pupils(one)}
        for one in classes.all_classes()
    ]
    unread = sorted(set(classes.codes()) - {row["code"] for row in rows})
    lines = [f"{r['code']}  opened {r['opened']}, erased {r['erased']}, phones: {r['phones']}" for r in rows]
    lines += [f"{code}  cannot be read; erase it with: class delete {code}" for code in unread]
    print_result({"classes": rows, "unread": unread}, a.json, lines or ["There is no class here."])
    return 0


def ask(a: argparse.Namespace) -> int:
    """Closes what is open and asks: questions of the lesson by name, the six before or after, or one of your own."""
    of = classes.the_only(a.code)
    if bool(a.names) == bool(a.text):
        raise ClassError("Give the names of questions of the lesson, or one of your own with --text and --choice.")
    if a.text:
        right = ord(a.right.upper()) - ord("A") if len(a.right) == 1 else None
        asked = [(questions.typed("own", a.text, a.choice, of.language, right), questions.ONCE)]
    else:
        asked = lessons.asked(lessons.load(of.lesson), a.names, figures.recorded)
    votes.close_all(of)
    numbers = [votes.ask(of, question, moment) for question, moment in asked]
    lines = [f"{number}  {q.wording(0, of.language).ask}" for number, (q, _moment) in zip(numbers, asked, strict=True)]
    print_result({"code": of.code, "questions": numbers}, a.json, lines)
    return 0


def close(a: argparse.Namespace) -> int:
    """Closes what is open: no more answers are taken."""
    of = classes.the_only(a.code)
    closed = votes.close_all(of)
    print_result({"code": of.code, "closed": closed}, a.json, [f"Closed: {', '.join(map(str, closed)) or 'nothing'}"])
    return 0


def reveal(a: argparse.Namespace) -> int:
    """Reveals a question: phones see the right answer, the reason and the class's answers."""
    of = classes.the_only(a.code)
    asked = _newest_or(of, a.number)
    votes.set_state(of, asked.number, votes.REVEALED)
    print_result(_row(of, asked), a.json, _lines(of, asked))
    return 0


def cards(a: argparse.Namespace) -> int:
    """Counts cards or hands that were up for the choices of a question, in the same figures as the phones."""
    of = classes.the_only(a.code)
    asked = _newest_or(of, a.question)
    counts = {}
    for text in a.counts:
        parts = _CARD.fullmatch(text)
        if parts is None:
            raise ClassError("Cards are given as A=12; received {text}.", text=text[:40])
        counts[ord(parts["letter"].upper()) - ord("A")] = int(parts["count"])
    votes.count_paper(of, asked.number, counts)
    print_result(_row(of, asked), a.json, _lines(of, asked))
    return 0


def results(a: argparse.Namespace) -> int:
    """Shows the figures of a class: counts, what changed from before to after, the vote on who wrote a text."""
    of = classes.the_only(a.code)
    asked = votes.questions(of)
    pairs = {
        name: found for name in dict.fromkeys(q.question.name for q in asked) if (found := tallies.pairs(of, name))
    }
    vote = tallies.blind_vote(of, tallies.blind_questions(of))
    lines = [f"{votes.pupils(of)} phones", *(line for one in asked for line in _lines(of, one))]
    for name, p in pairs.items():
        lines.append(f"{name}: wrong→right {p.wrong_right}, right→wrong {p.right_wrong}, of {p.total} pairs")
    if vote is not None:
        lines.append(
            f"who wrote it: {vote.share:.0%} right ({vote.low:.0%} to {vote.high:.0%}), chance {vote.chance:.0%}, n = {vote.total}"
        )
    if a.csv:
        write_bytes(a.csv, tallies.table(of, of.language).encode("utf-8-sig"))
    result = {
        "code": of.code,
        "phones": votes.pupils(of),
        "questions": [_row(of, one) for one in asked],
        "pairs": {name: vars(p) for name, p in pairs.items()},
        "who_wrote": None if vote is None else vars(vote),
    }
    print_result(result, a.json, lines)
    return 0


def joining(a: argparse.Namespace) -> int:
    """Lets phones join, or no more of them; who is in the class stays in it."""
    of = classes.the_only(a.code)
    votes.set_joining(of, a.to == "on")
    print_result({"code": of.code, "joining": a.to == "on"}, a.json, [f"Class {of.code}: joining is {a.to}."])
    return 0


def release_(a: argparse.Namespace) -> int:
    """Lets the phones take their page home, with the right answers beside their own, or no more of them."""
    of = classes.the_only(a.code)
    (release.release if a.to == "on" else release.take_back)(of)
    print_result({"code": of.code, "released": a.to == "on"}, a.json, [f"Class {of.code}: the page is {a.to}."])
    return 0


def report(a: argparse.Namespace) -> int:
    """Writes the report of a class on two pages that open offline and print: its run, its figures, small ones hidden."""
    from engine.classroom import class_figures, own_answers, reports, take_home_page

    of = classes.the_only(a.code)
    language, run, line = a.language or of.language, release.run_of(of), ProgressLine()
    try:
        found = None if run is None else reports.of_run(run, on_progress=line)
    finally:
        line.close()
    guesses = class_figures.guesses(of)
    if a.without_answers:
        page = take_home_page.of_pupil(found, own_answers.of_nobody(of, language), guesses, language)
    else:
        page = take_home_page.of_class(found, class_figures.of_class(of, language), guesses, language)
    with storage_errors(a.out.parent):
        write_bytes(a.out, page.encode("utf-8"))
    result = {"code": of.code, "file": str(a.out), "language": language, "run": None if run is None else run.name}
    print_result(result, a.json, [f"{a.out}: the report of class {of.code}."])
    return 0


def delete(a: argparse.Namespace) -> int:
    """Erases a class and all its answers at once."""
    code = classes.normal(a.code)
    gone = classes.codes() if a.all else [code if code in classes.codes() else classes.the_only(a.code).code]
    for one in gone:
        classes.delete(one)
    print_result({"deleted": gone}, a.json, [f"Erased: {', '.join(gone) or 'nothing'}"])
    return 0


def check(a: argparse.Namespace) -> int:
    """Looks whether a lesson can be given in this room: texts, recordings, answers, network, memory, disk, and how fast it trains."""
    lessons.find(a.lesson)
    addresses = [f"http://{host}:{a.port}" for host in machine.addresses()]
    one = room_check.Check()
    one.start(a.lesson, addresses, trains=not a.no_training)
    told = 0
    try:
        while True:
            status = one.status()
            findings = list(status.findings) if status else []
            for finding in findings[told:]:
                _say_finding(finding, a.json)
            told = len(findings)
            if status is None or not status.alive:
                break
            time.sleep(_LOOK_SECONDS)
    except KeyboardInterrupt:
        one.stop()
        raise
    if status is None or status.state != jobs.FINISHED:
        raise (status.error if status and status.error else None) or ClassError(
            "The check was interrupted: start it again."
        )
    if (phone := room_check.phone()) is not None:
        findings.append(phone)
        _say_finding(phone, a.json)
    found = room.summary(findings)
    rows = [
        {**finding.to_json(), "sentence": str(finding.sentence), "advice": str(finding.advice or "")}
        for finding in findings
    ]
    result = {
        "ready": found.state != room.MISSING,
        "summary": str(found.sentence),
        "lesson": a.lesson,
        "findings": rows,
    }
    print_result(result, a.json, [str(found.sentence)])
    return 0 if found.state != room.MISSING else 1


def _say_finding(finding: room.Finding, as_json: bool) -> None:
    if as_json:
        return
    when = f" (measured {datetime.datetime.fromtimestamp(finding.at):%Y-%m-%d %H:%M})" if finding.at is not None else ""
    print(
        f"{_WORDS[finding.state]:8} {finding.subject:11} {finding.sentence}{when}",
        flush=True,
    )
    if finding.advice is not None:
        print(f"{'':20} -> {finding.advice}", flush=True)


def offline(a: argparse.Namespace) -> int:
    """Writes the recorded lesson as one HTML file that opens on any computer, without a network."""
    from engine.classroom.offline import page

    lesson = lessons.load(a.lesson)
    with storage_errors(a.out.parent):
        write_bytes(a.out, page.html(lesson, a.language).encode("utf-8"))
    result = {"lesson": a.lesson, "language": a.language, "file": str(a.out), "bytes": a.out.stat().st_size}
    print_result(result, a.json, [f"{a.out}: the recorded lesson, {result['bytes'] / 1000:,.0f} kB."])
    return 0


def _newest_or(of: SchoolClass, number: int) -> Asked:
    asked = [one for one in votes.questions(of) if number in (0, one.number)]
    if not asked:
        raise ClassError("Class {code} was not asked a question {number}.", code=of.code, number=str(number))
    return asked[-1]


def _row(of: SchoolClass, asked: Asked) -> dict[str, Any]:
    tally = tallies.tally(of, asked)
    return {
        "number": asked.number, "name": asked.question.name, "moment": asked.moment, "round": asked.round,
        "state": asked.state, "right": asked.question.right, "phones": list(tally.phones), "paper": list(tally.paper),
        "drawn": len(tally.curves),
    }  # fmt: skip


def _lines(of: SchoolClass, asked: Asked) -> list[str]:
    tally, wording = tallies.tally(of, asked), asked.question.wording(0, of.language)
    when = f", {asked.moment}" * bool(asked.moment) + f", round {asked.round}" * (asked.round > 1)
    lines = [f"{asked.number}  {wording.ask} ({asked.state}{when}; {tally.total} answers)"]
    for place, (choice, count) in enumerate(zip(wording.choices, tally.counts, strict=True)):
        lines.append(f"   {'*' if place == asked.question.right else ' '} {votes.letter(place)}  {count:4}  {choice}")
    if asked.question.grid is not None:
        lines.append(f"        {len(tally.curves):4}  drawn")
    return lines
