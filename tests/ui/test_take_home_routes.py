"""The page to take home as phones and teachers get it from the server: each its own, when the teacher has released it."""

import base64
import hashlib
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from class_helpers import taught, token
from starlette.applications import Starlette
from starlette.testclient import TestClient
from waiting_helpers import until

from engine.classroom import class_figures, classes, own_answers, release, reports, take_home_page, tallies, votes
from engine.classroom.questions import typed
from engine.core.errors import RunError
from ui import network
from ui.phone import gathered, pace, routes
from ui.phone.gathered import Gathered

ORIGIN = {"origin": "http://testserver"}


@pytest.fixture(autouse=True)
def fresh(tmp_path, monkeypatch, root):
    monkeypatch.setenv("ATELIER_CLASSES", str(tmp_path / "classes"))
    monkeypatch.setattr(routes, "pace", pace.Pace())
    gathered._kept.clear()


def a_phone(of=None, pupil: int = 0, **headers: str) -> TestClient:
    """A phone; one of a class is in it already."""
    app = Starlette(routes=routes.routes(), middleware=network.middleware())
    cookie = {} if of is None else {"cookie": f"{routes.COOKIE}={of.code}.{token(pupil)}"}
    return TestClient(app, headers={"accept-language": "en-GB,en;q=0.9", **cookie, **headers})


@pytest.fixture
def nothing_is_gathered(monkeypatch):
    """The class has no run, so that a page is there at once."""
    monkeypatch.setattr(gathered, "of_class", lambda of: Gathered(None))


def test_a_phone_gets_its_page_when_the_teacher_releases_it_and_not_before(nothing_is_gathered):
    room = taught(3)
    phone = a_phone(room, 1)
    early = phone.get("/c/my-page")
    assert early.status_code == 409 and "has not let the page be taken home yet" in early.text
    assert "content-disposition" not in early.headers and "Why" not in early.text
    assert "my-page" not in phone.get("/c").text
    release.release(room)
    assert '<a class="main" href="/c/my-page?l=en">Take this page home</a>' in phone.get("/c").text
    assert 'href="/c/my-page?l=fr"' in phone.get(f"/c/{room.code}?l=fr").text
    page = phone.get("/c/my-page?l=fr")
    assert page.status_code == 200 and '<html lang="fr">' in page.text and "Vos réponses" in page.text
    assert page.text == take_home_page.of_pupil(
        None, own_answers.of_phone(room, token(1), "fr"), class_figures.guesses(room), "fr"
    )
    release.take_back(room)
    assert phone.get("/c/my-page").status_code == 409


def test_it_is_a_file_under_the_headers_of_the_other_routes_and_its_own_style_alone(nothing_is_gathered):
    room = taught(1)
    release.release(room)
    page = a_phone(room).get("/c/my-page")
    assert page.headers["content-disposition"] == 'attachment; filename="atelier-lesson.html"'
    assert (page.headers["cache-control"], page.headers["x-content-type-options"]) == ("no-store", "nosniff")
    assert page.headers.get_list("set-cookie") == []
    (style,) = re.findall("<style>(.*?)</style>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policies = page.headers.get_list("content-security-policy")
    assert any("default-src 'none'" in one and f"'sha256-{digest}'" in one and "unsafe" not in one for one in policies)
    assert 'style="' not in page.text  # which this policy would not draw


def test_who_is_not_in_the_class_comes_to_the_door(nothing_is_gathered):
    room, other = taught(1), taught(1)
    release.release(room)
    stranger = a_phone(cookie=f"{routes.COOKIE}={room.code}.{token(77)}")
    for phone in (a_phone(), stranger, a_phone(cookie=f"{routes.COOKIE}=../etc.{token(0)}")):
        answer = phone.get("/c/my-page?l=en")
        assert "Code of the class" in answer.text and "Your answers" not in answer.text
    assert a_phone(other, 0).get("/c/my-page").status_code == 409  # of a class that was not released


def test_a_phone_that_asks_without_end_is_slowed(nothing_is_gathered):
    room = taught(2)
    release.release(room)
    phone = a_phone(room, 1)
    statuses = [phone.get("/c/my-page").status_code for _ in range(20)]
    assert statuses[:5] == [200] * 5 and statuses.count(429) >= 10
    assert a_phone(room, 0).get("/c/my-page").status_code == 200


def test_the_teacher_releases_takes_back_and_prints_and_no_phone_does(nothing_is_gathered):
    opened = classes.open_class("fine_tuning", "en")
    room, teacher, address = classes.find(opened.code), a_phone(), f"/c/teacher/{opened.key}"

    def press(what: str):
        (proof,) = set(re.findall('name="proof" value="([^"]+)"', teacher.get(address).text))
        return teacher.post(address, data={"l": "en", "proof": proof, "do": what}, headers=ORIGIN)

    number = votes.ask(room, typed("own", "Which?", ["a", "b"], "en", 1))
    assert "Each phone can take its page home." in press("release").text
    assert release.is_released(room) and votes.questions(room)[0].state == votes.CLOSED
    assert "Let the phones take their page home" in press("take-back").text and not release.is_released(room)
    votes.count_paper(room, number, {0: 9, 1: 3})
    report, page = teacher.get(f"{address}/report"), teacher.get(f"{address}/page?l=fr")
    assert (
        "Phones in the class: " in report.text and "A. a</span> <b>–</b>" in report.text and "&lt;5</b>" in report.text
    )
    assert "Juste\u00a0: B. b" in page.text and '<html lang="fr">' in page.text
    for answer in (report, page):
        assert "content-disposition" not in answer.headers and answer.headers["cache-control"] == "no-store"
    votes.join(room, token(1))
    for name in ("report", "page"):
        assert a_phone(room, 1).get(f"/c/teacher/{room.code}-{token(1)}/{name}").status_code == 404


def test_while_the_run_is_looked_at_the_phone_is_told_to_wait_and_then_gets_its_file(prepared_sample):
    room = taught(2)
    release.release(room)
    phone = a_phone(room, 1)
    waits = phone.get("/c/my-page")
    assert waits.status_code == 200 and waits.headers["refresh"] == "3" and "is being made" in waits.text
    until(lambda: gathered.of_class(room) is not None, 120)
    page = phone.get("/c/my-page").text
    assert "<svg" in page and "was recorded before" in page and "29.7\u00a0%" in page


def test_a_run_of_which_nothing_can_be_told_keeps_no_pupil_from_her_answers(monkeypatch, caplog):
    room = taught(1)
    release.release(room)
    for fault in (RuntimeError("a fault of ours"), RunError("gone")):
        gathered._kept.clear()

        def fails(*_given, fault=fault):
            raise fault

        monkeypatch.setattr(reports, "of_run", fails)
        gathered.of_class(room)
        until(lambda: gathered.of_class(room) == Gathered(None), 10)
        page = a_phone(room).get("/c/my-page").text
        assert "The run of this class is not here" in page and "Your answers" in page
    assert [record.exc_info[1].args for record in caplog.records] == [("a fault of ours",)]


def test_thirty_phones_that_ask_at_once_while_they_answer_get_each_its_own_page(monkeypatch, prepared_sample):
    room, pupils, asked_for = taught(30), 30, []
    of_run = reports.of_run
    monkeypatch.setattr(reports, "of_run", lambda *given: asked_for.append(1) or of_run(*given))
    gathered.of_class(room)
    until(lambda: gathered.of_class(room) is not None, 120)
    number = votes.ask(room, typed("own", "Which one are you?", [f"choice {n}" for n in range(8)], "en", 0))
    barrier = threading.Barrier(pupils)

    def ask(pupil: int) -> str:
        phone = a_phone(room, pupil)
        proof = routes._proof(token(pupil))
        barrier.wait(60)
        answer = phone.post(
            "/c", data={"l": "en", "proof": proof, "question": str(number), "choice": str(pupil % 8)}, headers=ORIGIN
        )
        assert answer.status_code == 200, answer.text
        if barrier.wait(60) == 0:
            release.release(room)
        barrier.wait(60)
        page = phone.get("/c/my-page?l=en")
        assert page.status_code == 200 and "content-disposition" in page.headers
        return page.text

    with ThreadPoolExecutor(pupils) as pool:
        pages = list(pool.map(ask, range(pupils)))
    report = gathered.of_class(room).report
    for pupil, page in enumerate(pages):
        answers = own_answers.of_phone(room, token(pupil), "en")
        assert answers[-1].chosen[0].text == f"choice {pupil % 8}" and not answers[-1].is_open
        assert page == take_home_page.of_pupil(report, answers, class_figures.guesses(room), "en"), pupil
    assert len(set(pages)) == pupils and asked_for == [1]
    assert sum(tallies.tally(room, votes.questions(room)[-1]).counts) == pupils
