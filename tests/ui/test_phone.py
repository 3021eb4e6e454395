"""A pupil's phone: it joins, answers and waits with plain forms, sees nothing before the reveal and can do nothing else."""

import contextlib
import datetime
import json
import re
import sqlite3
from html.parser import HTMLParser

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from engine.classroom import classes, figures, lessons, tallies, votes
from engine.classroom.questions import BEFORE, TEXT, Question, Wording, typed
from engine.core import paths
from engine.core.errors import ClassError
from ui import network
from ui.lesson import lead
from ui.phone import arrivals, pace, routes, sentences
from ui.tries import Limit, Tries

COLOUR = typed("colour", "Which <b>colour</b>?", ["red & blue", "green", "<script>alert(1)</script>"], "en", right=1)
SENTENCE = Question("secret", ({"en": Wording("Write."), "fr": Wording("Écrivez.")},), kind=TEXT)
ORIGIN = {"origin": "http://testserver"}


@pytest.fixture(autouse=True)
def fresh(tmp_path, monkeypatch):
    monkeypatch.setenv("ATELIER_CLASSES", str(tmp_path / "classes"))
    monkeypatch.setattr(routes, "tries", Tries(one=Limit(20, 20.0), all_=Limit(200, 4.0)))
    monkeypatch.setattr(routes, "pace", pace.Pace())
    sentences._held.clear()


@pytest.fixture
def room():
    return classes.find(classes.open_class("fine_tuning", "en").code)


def a_phone(**headers: str) -> TestClient:
    app = Starlette(routes=routes.routes(), middleware=network.middleware())
    return TestClient(app, headers={"accept-language": "en-GB,en;q=0.9", **headers})


class _Form(HTMLParser):
    """The first form of a page as a browser sends it, and the texts that a person reads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.buttons: list[dict[str, str]] = []
        self.radios: dict[str, dict[str, str]] = {}
        self.labels, self.ids, self.texts, self.tags = [], [], [], []
        self._skip = False
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.tags.append((tag, values))
        self._skip = tag in ("style", "script")
        if tag == "input" and (values.get("type") != "radio" or "checked" in values):
            self.fields[values["name"]] = values.get("value", "")
        if tag == "input" and values.get("type") == "radio":
            self.radios.setdefault(values["name"], {})[values["value"]] = values["aria-label"]
        if tag == "button":
            self.buttons.append({values["name"]: values["value"]})
        if tag == "label":
            self.labels.append(values["for"])
        if "id" in values:
            self.ids.append(values["id"])

    def handle_endtag(self, tag):
        self._skip = False

    def handle_data(self, data):
        if not self._skip:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def send(phone, page, button: int = 0, **changed):
    """Presses a button of a page."""
    form = _Form(page.text)
    return phone.post("/c", data={**form.fields, **form.buttons[button], **changed}, headers=ORIGIN)


def joined(room, **headers):
    phone = a_phone(**headers)
    page = send(phone, phone.get(f"/c/{room.code}"))
    assert page.status_code == 200, page.text
    return phone, page


def count(room) -> tuple[int, ...]:
    return tallies.tally(room, votes.questions(room)[-1]).counts


def test_a_phone_joins_answers_changes_its_mind_and_sees_the_reveal(room):
    phone, page = joined(room)
    assert "You are in the class." in page.text
    number = votes.ask(room, COLOUR)
    page = phone.get("/c")
    assert "Which &lt;b&gt;colour&lt;/b&gt;?" in page.text and "<script>alert" not in page.text
    page = send(phone, page, 0)
    assert "Your answer is in." in page.text and count(room) == (1, 0, 0)
    assert "A. red & blue" in _Form(phone.get("/c").text).text  # after a reload too
    page = send(phone, phone.get(f"/c?again={number}"), 2)
    assert count(room) == (0, 0, 1)
    votes.set_state(room, number, votes.CLOSED)
    assert "takes no more answers" in phone.get("/c").text
    votes.set_state(room, number, votes.REVEALED)
    text = _Form(phone.get("/c").text).text
    assert "B. green (the right answer) 0 of 1" in text and "<script>alert(1)</script> (your answer) 1 of 1" in text


def test_before_the_reveal_a_phone_is_told_neither_the_right_answer_nor_others(room):
    phone, _page = joined(room)
    other, _page = joined(room)
    number = votes.ask(room, Question("q", ({"en": Wording("Which?", ("a", "b"), "Because of b.")},), right=1))
    send(other, other.get("/c"), 1)
    asked = phone.get("/c").text
    votes.set_state(room, number, votes.CLOSED)
    for page in (asked, phone.get("/c").text):
        text = _Form(page).text
        assert "Because of b" not in text and "right answer" not in text and " of 1" not in text
    assert phone.get("/c?news=1").text.isdigit()


def test_a_late_answer_is_refused_with_a_sentence_and_not_counted(room):
    phone, _page = joined(room)
    number = votes.ask(room, COLOUR)
    page = phone.get("/c")
    votes.set_state(room, number, votes.CLOSED)
    late = send(phone, page, 1)
    assert late.status_code == 409 and "takes no more answers" in late.text and sum(count(room)) == 0


def test_a_phone_without_scripts_has_a_way_on_from_a_question_that_is_over(room):
    phone, _page = joined(room)
    votes.ask(room, COLOUR)
    (link,) = re.findall(r'<noscript><p><a href="([^"]+)">See where the class is now</a>', phone.get("/c").text)
    votes.close_all(room)
    assert "takes no more answers" in phone.get(link.replace("&amp;", "&")).text


def test_two_taps_on_join_are_one_phone_and_two_on_an_answer_one_answer(room):
    phone = a_phone()
    door = phone.get("/c/")  # typed with a slash
    send(phone, door, code=room.code.lower())
    other = a_phone()  # the second tap, sent before the first one's cookie was there
    send(other, door, code=room.code)
    assert votes.pupils(room) == 1
    votes.ask(room, COLOUR)
    page = phone.get("/c")
    for client in (phone, phone, other):
        send(client, page, 1)
    assert count(room) == (0, 1, 0)


def test_questions_come_one_after_the_other_in_the_form_of_the_phones_half(room):
    first, second = joined(room)[0], joined(room)[0]
    forms = ({"en": Wording("A?", ("x", "y"))}, {"en": Wording("B?", ("x", "y"))})
    for name in ("1", "2"):
        votes.ask(room, Question(name, forms, right=0), BEFORE)
    assert _Form(first.get("/c").text).text.startswith("A?") and _Form(second.get("/c").text).text.startswith("B?")
    page = send(first, first.get("/c"), 0)
    assert "A?" in page.text and "Your answer is in" not in page.text
    assert "Your answer is in" in send(first, page, 1).text


def test_the_page_is_in_the_phones_language_and_the_language_stays(room):
    phone = a_phone(**{"accept-language": "fr-FR,fr;q=0.9,en;q=0.8"})
    door = phone.get("/c")
    assert '<html lang="fr">' in door.text and "Rejoindre" in door.text
    page = send(phone, door, code=room.code)
    assert '<html lang="fr">' in page.text
    assert '<html lang="en">' in phone.get("/c?l=en").text
    votes.ask(room, SENTENCE)
    assert "Écrivez." in phone.get("/c").text and "Write." in phone.get("/c?l=en").text


def test_a_page_is_small_works_without_scripts_and_asks_nobody_else(room):
    phone, waiting = joined(room)
    long = typed("long", "w" * 1000, ["c" * 200] * 8, "en")
    votes.ask(room, long)
    pages = {"door": a_phone().get("/c"), "question": phone.get("/c"), "waiting": waiting}
    for name, page in pages.items():
        assert len(page.content) < 30_000, name
        assert not re.search(r"(src|href|url)\W{0,3}https?:|@import", page.text)
        form = _Form(page.text)
        assert [values["lang"] for tag, values in form.tags if tag == "html"] == ["en"]
        assert sorted(form.labels) == sorted(form.ids)  # each field has its label
        assert "maximum-scale" not in page.text and "user-scalable" not in page.text
        policy = page.headers.get_list("content-security-policy")
        assert any("default-src 'none'" in one and "unsafe-inline" not in one for one in policy)
        assert page.headers["cache-control"] == "no-store"
    assert '<noscript><meta http-equiv="refresh"' in pages["waiting"].text
    assert "http-equiv" not in pages["question"].text  # nobody is timed who reads


def test_the_only_cookie_is_a_random_text_for_the_class_that_no_script_reads(room):
    phone = a_phone()
    page = phone.post(
        "/c",
        data={**_Form(phone.get("/c").text).fields, "code": room.code, "do": "join"},
        headers=ORIGIN,
        follow_redirects=False,
    )
    (cookie,) = page.headers.get_list("set-cookie")
    value, *rest = cookie.split("; ")
    assert re.fullmatch(rf"atelier_class={room.code}\.[\w-]{{22}}", value)
    assert {"HttpOnly", "SameSite=lax", "Path=/c"} <= set(rest)
    assert a_phone().get("/c").headers.get_list("set-cookie") == []


HOSTILE = {
    "another site": ({}, {"origin": "http://evil.example"}, 403),
    "another site, told by the browser": ({}, {"sec-fetch-site": "cross-site"}, 403),
    "another port of this host": ({}, {"origin": "http://testserver:8502"}, 403),
    "no proof": ({"proof": ""}, {}, 403),
    "a wrong proof": ({"proof": "é" * 32}, {}, 403),
    "a long text": ({"choice": "9" * 10_000}, {}, 413),
    "no such choice": ({"choice": "7"}, {}, 409),
    "no number": ({"choice": "-1; DROP TABLE answers"}, {}, 409),
    "digits of another script": ({"choice": "١"}, {}, 409),
    "no such question": ({"question": "99"}, {}, 409),
    "a long number": ({"question": "9" * 200}, {}, 409),
}


@pytest.mark.parametrize("changed, headers, status", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_request_is_refused_and_changes_nothing(changed, headers, status, room):
    phone, _page = joined(room)
    votes.ask(room, COLOUR)
    form = _Form(phone.get("/c").text)
    answer = phone.post("/c", data={**form.fields, "choice": "1", **changed}, headers={**ORIGIN, **headers})
    assert answer.status_code == status and sum(count(room)) == 0


def test_json_files_and_broken_forms_are_refused(room):
    phone, _page = joined(room)
    for content, kind, status in (
        (b"{}", "application/json", 415),
        (b"x", "multipart/form-data; boundary=x", 415),
        (b"\xff\xfe", "application/x-www-form-urlencoded", 400),
        (b"do=join&ticket=%FF%FE", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"a%d=1" % n for n in range(100)), "application/x-www-form-urlencoded", 400),
    ):
        answer = phone.post("/c", content=content, headers={**ORIGIN, "content-type": kind})
        assert answer.status_code == status, content
    for method in ("PUT", "DELETE", "PATCH"):
        assert phone.request(method, "/c").status_code == 405


def test_a_phone_of_one_class_is_nobody_in_another(room):
    other = classes.find(classes.open_class("fine_tuning", "en").code)
    phone, _page = joined(room)
    votes.ask(room, COLOUR)
    votes.ask(other, COLOUR)
    token = phone.cookies["atelier_class"].partition(".")[2]
    stranger = a_phone(cookie=f"atelier_class={other.code}.{token}")
    page = stranger.get("/c")
    assert "Join the class" in page.text and stranger.get("/c?news=1").text == "gone"
    fields = {"proof": routes._proof(token), "question": "1", "choice": "1"}
    assert stranger.post("/c", data=fields, headers=ORIGIN).status_code == 409
    assert count(other) == (0, 0, 0)
    for cookie in ("x", "....", f"../../etc.{token}", f"{room.code}.{'x' * 5000}", "%C3%A9.x"):
        assert "Join the class" in a_phone(cookie=f"atelier_class={cookie}").get("/c").text


@pytest.fixture
def curve(room):
    """The question of the lesson that is drawn, asked; its number."""
    ((question, moment),) = lessons.asked(lessons.load(), ["shape"], figures.recorded)
    return votes.ask(room, question, moment)


def test_a_curve_is_drawn_with_plain_buttons_changed_and_seen_again(room, curve):
    phone, page = joined(room)
    form, grid = _Form(page.text), votes.questions(room)[-1].question.grid
    assert len(form.radios) == len(grid.moments) == 6 and {len(one) for one in form.radios.values()} == {8}
    assert form.radios["at1"]["1"] == "after 20 s: 20 %"  # a screen reader says where it is
    assert len(page.content) < 30_000 and len(page.content) > 1000
    rows = dict(zip(form.radios, "123456", strict=True))
    page = send(phone, page, 0, **rows)
    assert "Your answer is in." in page.text and "Your curve: after 10 s: 20 %, after 20 s: 25 %" in page.text
    assert tallies.tally(room, votes.questions(room)[-1]).curves == ((1, 2, 3, 4, 5, 6),)
    again = phone.get(f"/c?again={curve}")
    assert {name: _Form(again.text).fields[name] for name in rows} == rows  # what was sent is pressed
    send(phone, again, 0, at5="0")
    assert tallies.tally(room, votes.questions(room)[-1]).curves == ((1, 2, 3, 4, 5, 0),)
    votes.set_state(room, curve, votes.REVEALED)
    shown = phone.get("/c")
    assert "Your curve: after 10 s: 20 %" in shown.text and shown.text.count("<circle") == 6
    assert "steep at first, then flatter (the right answer)" in _Form(shown.text).text


def test_whoever_cannot_or_would_not_draw_chooses_a_shape(room, curve):
    phone, page = joined(room)
    button = next(n for n, one in enumerate(_Form(page.text).buttons) if one == {"choice": "1"})
    page = send(phone, page, button)
    assert "B. steep at first, then flatter" in _Form(page.text).text
    found = tallies.tally(room, votes.questions(room)[-1])
    assert found.counts == (0, 1, 0, 0) and found.curves == ()


WHOLE = {f"at{place}": "1" for place in range(6)}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"at0": "1"},
        {**WHOLE, "at5": "8"},
        {**WHOLE, "at5": "-1"},
        {**WHOLE, "at5": "<script>"},
        {**WHOLE, "at5": "9" * 900},
        {**WHOLE, "at6": "1"},
        {"choice": "1111111", "do": ""},
        {"choice": "1" + "1" * 6},
    ],
    ids=str,
)
def test_a_hostile_curve_is_refused_with_one_sentence_and_not_kept(fields, room, curve):
    phone, page = joined(room)
    form = _Form(page.text)
    hidden = {name: value for name, value in form.fields.items() if not name.startswith("at")}
    page = phone.post("/c", data={**hidden, "do": "draw", **fields}, headers=ORIGIN)
    assert page.status_code == 409 and page.text.count('role="alert"') == 1
    assert "This question has no such answer." in page.text and "script>alert" not in page.text
    assert tallies.tally(room, votes.questions(room)[-1]).total == 0


def test_a_class_of_the_former_version_takes_answers_to_what_it_was_asked(room):
    """Its question of the shapes has no grid, and its file no other columns."""
    former = json.loads(lessons.load().question("shape").to_json())
    del former["grid"]
    number = votes.ask(room, Question.from_json("shape", json.dumps({**former, "kind": "choice"})))
    phone, page = joined(room)
    assert 'type="radio"' not in page.text
    send(phone, page, 1)
    assert count(room) == (0, 1, 0, 0) and votes.questions(room)[-1].number == number


def test_guesses_of_codes_wait_and_a_class_that_was_erased_is_not_told_from_none(room):
    now = [0.0]
    routes.tries = Tries(lambda: now[0], Limit(2, 20.0), Limit(200, 4.0))
    classes.delete(room.code)
    phone = a_phone()
    door = phone.get(f"/c/{room.code}")
    assert [send(phone, door, code=code).status_code for code in ("AAAA", room.code, "CCCC", "DDDD")] == [
        404,
        404,
        404,
        429,
    ]
    opened = classes.open_class("fine_tuning", "en")
    assert send(phone, door, code=opened.code).status_code == 429
    now[0] += 2
    assert send(phone, door, code=opened.code).status_code == 200
    assert "AAAA" not in repr(vars(routes.tries))


def test_a_phone_that_sends_without_end_is_slowed(room):
    phone, _page = joined(room)
    votes.ask(room, COLOUR)
    page = phone.get("/c")
    answers = [send(phone, page, 1).status_code for _ in range(30)]
    assert answers[:5] == [200] * 5 and answers.count(429) >= 15
    other, _page = joined(room)
    assert send(other, other.get("/c"), 1).status_code == 200


def test_a_sentence_goes_to_the_teacher_is_held_in_memory_and_written_nowhere(room):
    phone, _page = joined(room)
    votes.ask(room, COLOUR)
    votes.close_all(room)
    votes.ask(room, SENTENCE)
    asked = phone.get("/c")
    secret = "<img src=x onerror=alert(1)> **purple** hippo"
    page = send(phone, phone.get("/c"), text=secret)
    assert "has been sent" in page.text and sentences.held(room.code) == [secret]
    send(phone, phone.get("/c"), text="another\r\n\u202eone\x00" + "x" * 500)
    (held,) = sentences.held(room.code)
    assert len(held) == sentences.LONGEST and held.isprintable()
    kept = b"".join(file.read_bytes() for file in paths.classes_root().rglob("*") if file.is_file())
    assert b"hippo" not in kept and b"another" not in kept
    votes.close_all(room)
    assert send(phone, asked, text="late").status_code == 409


def test_a_phone_whose_class_is_erased_comes_to_the_door(room):
    phone, _page = joined(room)
    classes.delete(room.code)
    assert phone.get("/c?news=1").text == "gone"
    page = phone.get("/c")
    assert page.status_code == 200 and "Code of the class" in page.text


def test_a_damaged_class_is_a_sentence_and_no_trace_of_the_server(room):
    phone, _page = joined(room)
    room.file.write_bytes(b"nothing" * 1000)
    page = phone.get("/c")
    assert page.status_code == 503 and "Traceback" not in page.text and str(paths.classes_root()) not in page.text


@pytest.fixture
def led():
    """A class, and its teacher's browser with the address of her page."""
    opened = classes.open_class("fine_tuning", "en")
    return classes.find(opened.code), a_phone(), f"/c/teacher/{opened.key}"


def press(teacher, address, what: str, **fields):
    """Presses the button of that value on the teacher's page."""
    form = _Form(teacher.get(address).text)
    assert {"do": what} in form.buttons, (what, form.buttons)
    hidden = {name: form.fields[name] for name in ("l", "proof")}
    return teacher.post(address, data={**hidden, "do": what, **fields}, headers=ORIGIN)


def test_a_teacher_asks_counts_cards_closes_reveals_and_erases(led):
    room, teacher, address = led
    phone, _page = joined(room)
    press(teacher, address, "ask", name="before")
    assert [one.question.name for one in votes.questions(room)] == ["1", "2", "3", "4", "5", "6"]
    assert "{" not in votes.questions(room)[3].question.to_json().replace('{"', "")  # figures are filled in
    send(phone, phone.get("/c"), 2)
    assert ">Reveal<" not in teacher.get(address).text
    press(teacher, address, "own", text="Yes?", choices="yes\n\n no \n")
    assert [one.state for one in votes.questions(room)] == [votes.CLOSED] * 6 + [votes.OPEN]
    for what in ("more-1", "more-1", "more-0", "less-0", "less-0"):
        press(teacher, address, what, question="7")
    assert count(room) == (0, 2)
    page = press(teacher, address, votes.REVEALED, question="7")
    assert "revealed" in page.text and "Yes?" in phone.get("/c").text
    press(teacher, address, "joining-off")
    assert not votes.joining(room)
    kept = teacher.get(f"{address}/table")
    assert kept.headers["content-type"].startswith("text/csv") and "<5" in kept.text
    assert press(teacher, address, "erase").status_code == 409  # without the box
    assert "is erased" in press(teacher, address, "erase", sure="yes").text
    assert classes.codes() == [] and teacher.get(address).status_code == 404


def test_what_cannot_be_asked_leaves_the_open_question_open_and_a_long_question_is_taken(led):
    room, teacher, address = led
    votes.ask(room, COLOUR)
    assert press(teacher, address, "ask", name="nothing").status_code == 409
    assert press(teacher, address, "own", text="Alone?", choices="one").status_code == 409
    assert [one.state for one in votes.questions(room)] == [votes.OPEN]
    press(teacher, address, "own", text="é" * 1000, choices="\n".join(["ß" * 200] * 8))
    assert [one.state for one in votes.questions(room)] == [votes.CLOSED, votes.OPEN]
    assert press(teacher, address, "own", text="x" * 50_000).status_code == 413


def test_the_teachers_page_has_the_address_to_type_and_as_a_picture(led, monkeypatch):
    room, teacher, address = led
    monkeypatch.setattr(network, "addresses", lambda: ["http://localhost:8501", "http://10.0.0.5:8501"])
    page = teacher.get(address)
    assert "10.0.0.5:8501/c " in _Form(page.text).text and f"QR code of http://10.0.0.5:8501/c/{room.code}" in page.text
    monkeypatch.setattr(network, "addresses", lambda: ["https://10.0.0.5:8501"])
    assert f"QR code of https://10.0.0.5:8501/c/{room.code}" in teacher.get(address).text
    assert "<svg" in page.text and 'style="' not in page.text  # which the page's policy would not draw
    monkeypatch.setattr(network, "addresses", lambda: ["https://127.0.0.1:8501"])
    assert "No phone can reach this server" in teacher.get(address).text


@pytest.mark.parametrize(
    "damage", ["UPDATE facts SET value = 'x' WHERE name = 'changes'", "DELETE FROM facts WHERE name = 'key'"]
)
def test_damaged_facts_are_a_sentence_on_both_pages(damage, led):
    room, teacher, address = led
    phone, _page = joined(room)
    with contextlib.closing(sqlite3.connect(room.file)) as connection, connection:
        connection.execute(damage)
    for page in (phone.get("/c"), phone.get("/c?news=1"), teacher.get(address)):
        assert page.status_code == 503 and "is damaged" in page.text


def test_sentences_are_shown_to_the_teacher_as_text(led):
    room, teacher, address = led
    press(teacher, address, "ask", name="secret")
    phone, page = joined(room)
    send(phone, phone.get("/c"), text="<img src=x onerror=alert(1)>")
    page = teacher.get(address)
    assert "&lt;img src=x onerror=alert(1)&gt;" in page.text and "<img" not in page.text
    press(teacher, address, "forget")
    assert sentences.held(room.code) == []


def test_the_teacher_sees_how_many_have_drawn_and_where_and_nobodys_curve(led):
    room, teacher, address = led
    ((question, _moment),) = lessons.asked(lessons.load(), ["shape"], figures.recorded)
    number = votes.ask(room, question)
    for phone in range(3):
        votes.join(room, f"{phone:022}")
        votes.answer(room, f"{phone:022}", number, (0, 1, 2, 3, 4, 5))
    page = teacher.get(address).text
    assert "Drawn curves: 3" in page and page.count("<circle") == 6 and "<polyline" not in page


def test_nobody_without_the_key_leads_a_class_and_a_pupil_has_none(led):
    room, teacher, address = led
    phone, _page = joined(room)
    token = phone.cookies["atelier_class"].partition(".")[2]
    for key in (f"{room.code}-{token}", f"{room.code}-", address.rpartition("/")[2][:-1], "x" * 5000, room.code):
        assert phone.get(f"/c/teacher/{key}").status_code == 404
        assert phone.post(f"/c/teacher/{key}", data={"do": "ask", "name": "before"}, headers=ORIGIN).status_code == 404
    for headers in (
        {"origin": "http://evil.example"},
        {"sec-fetch-site": "cross-site"},
        ORIGIN,
    ):  # the last without a proof
        assert teacher.post(address, data={"do": "erase", "sure": "yes"}, headers=headers).status_code == 403
    assert votes.questions(room) == [] and classes.codes() == [room.code]


def test_the_teachers_page_counts_answers_as_they_come(led):
    room, teacher, address = led
    votes.ask(room, COLOUR)
    phone, _page = joined(room)
    before = teacher.get(f"{address}?news=1").text
    assert teacher.get(f"{address}?news=1").text == before
    send(phone, phone.get("/c"), 1)
    assert teacher.get(f"{address}?news=1").text != before
    assert "1 (100 %)" in _Form(teacher.get(address).text).text.replace("B. green", "")


def test_only_the_owner_opens_a_class_and_its_address_can_be_typed(monkeypatch):
    from ui import access
    from ui.phone import opening

    monkeypatch.setattr(network, "addresses", lambda: ["http://localhost:8501", "http://192.168.100.100:8501"])
    monkeypatch.setattr(access, "is_owner", lambda: False)
    with pytest.raises(ClassError, match="Only the owner"):
        opening.open_class("fine_tuning", "fr")
    assert classes.codes() == []
    monkeypatch.setattr(access, "is_owner", lambda: True)
    invitation = opening.open_class("fine_tuning", "fr")
    assert invitation.join == ("192.168.100.100:8501/c",) and len(invitation.join[0]) <= 25 and opening.reachable()
    assert a_phone().get(invitation.teacher.partition("8501")[2]).status_code == 200
    monkeypatch.setattr(network, "addresses", lambda: ["http://127.0.0.1:8501"])
    assert not opening.reachable()


def test_the_server_erases_old_classes_by_itself(monkeypatch):
    from ui import sweeping

    old = classes.open_class("fine_tuning", "en", datetime.date.today() - datetime.timedelta(days=30))
    young = classes.open_class("fine_tuning", "en")

    def no_more(_seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(sweeping.time, "sleep", no_more)
    monkeypatch.setattr(sweeping.uploads, "sweep", lambda _seconds: None)
    with pytest.raises(KeyboardInterrupt):
        sweeping._sweep()
    assert classes.codes() == [young.code] and classes.by_key(old.key) is None


@pytest.fixture
def a_try():
    arrivals.begin()
    yield
    arrivals.end()


def phone_from(host: str) -> TestClient:
    app = Starlette(routes=routes.routes(), middleware=network.middleware())
    return TestClient(app, headers={"accept-language": "en-GB,en;q=0.9"}, client=(host, 50_000))


def test_a_phone_that_comes_in_a_try_is_welcomed_and_its_way_measured(a_try):
    page = phone_from("203.0.113.7").get("/c")
    assert page.status_code == 200 and "this phone has reached" in page.text and 'name="code"' in page.text
    found = arrivals.newest()
    assert found.came is not None and 0 < found.way < 5 and not found.waits
    assert "has reached" not in phone_from("203.0.113.8").get("/c").text  # the try is over


def test_only_an_answer_that_arrived_counts_and_what_a_phone_makes_up_does_not(a_try):
    phone = phone_from("203.0.113.7")
    sent_on = phone.get("/c", follow_redirects=False)
    assert sent_on.status_code == 303 and arrivals.newest().came is None
    phone.get("/c?came=made-up", follow_redirects=False)
    assert arrivals.newest().came is None
    assert "has reached" in phone.get(sent_on.headers["location"]).text


def test_this_machines_own_browser_is_no_phone(a_try, monkeypatch):
    monkeypatch.setattr(arrivals.machine, "addresses", lambda: ["192.168.1.20"])
    for host in ("127.0.0.1", "192.168.1.20"):
        assert "computer itself" in phone_from(host).get("/c").text
    assert arrivals.newest().was_here and arrivals.newest().waits


def test_a_try_keeps_no_pupil_from_joining(a_try, room):
    phone, page = joined(room)
    assert "You are in the class." in page.text
    votes.ask(room, COLOUR)
    assert "Which" in phone.get("/c").text


def test_without_a_try_the_door_is_the_door():
    page = phone_from("203.0.113.7").get("/c", follow_redirects=False)
    assert page.status_code == 200 and 'role="status"' not in page.text


def test_a_try_ends_by_itself(a_try, monkeypatch):
    begun = arrivals.newest().begun
    monkeypatch.setattr(arrivals.time, "monotonic", lambda: begun + arrivals.WAIT_SECONDS + 1)
    assert (
        not arrivals.newest().waits and phone_from("203.0.113.7").get("/c", follow_redirects=False).status_code == 200
    )


def test_a_browser_keeps_the_key_of_a_class_that_is_here_and_no_other():
    opened = classes.open_class("fine_tuning", "en")
    client = TestClient(Starlette(routes=lead.routes()))
    taken = client.post("/_atelier/lead", json={"key": opened.key})
    assert taken.status_code == 204
    cookie = taken.headers["set-cookie"].lower()
    assert f"atelier_lead_{opened.code.lower()}=" in cookie and "httponly" in cookie and "samesite=strict" in cookie
    for body in ({"key": opened.code + "-" + "x" * 22}, {"key": ""}, {"key": "../../x"}):
        assert client.post("/_atelier/lead", json=body).status_code == 410
    for body in (b"no json", b"[]", b'{"other": 1}', b"[" * 900):
        headers = {"content-type": "application/json"}
        assert client.post("/_atelier/lead", content=body, headers=headers).status_code == 400
    assert client.post("/_atelier/lead", content=b"key", headers={"content-type": "text/plain"}).status_code == 415
    cross = {"sec-fetch-site": "cross-site"}
    assert client.post("/_atelier/lead", json={"key": opened.key}, headers=cross).status_code == 403
    assert client.post("/_atelier/lead", json={"key": "x" * 2000}).status_code == 413
    classes.delete(opened.code)
    assert client.post("/_atelier/lead", json={"key": opened.key}).status_code == 410


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "127.0.1.1", None, "testclient"])
def test_this_machine_is_no_phone_that_came(host):
    arrivals.begin()
    assert arrivals.take(arrivals.greet(), host).was_here and arrivals.newest().came is None
    assert arrivals.take(arrivals.greet(), "192.0.2.7").came is not None
    arrivals.end()


def test_a_phone_that_is_in_a_class_of_before_counts_in_a_try_too(a_try, room):
    arrivals.end()
    phone = phone_from("203.0.113.7")
    send(phone, phone.get(f"/c/{room.code}"))
    arrivals.begin()
    page = phone.get("/c")
    assert arrivals.newest().came is not None and "You are in the class" in page.text
