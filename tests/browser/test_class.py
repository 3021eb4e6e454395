"""A class on the real server: five phones in browsers, one of them without scripts, and their teacher, in French."""

import contextlib

import pytest
from browser_helpers import axe_script

from engine.classroom import classes, tallies, votes
from engine.classroom.questions import typed
from scripts.dashboard import Dashboard

pytestmark = pytest.mark.browser
COLOUR = typed("colour", "Quelle couleur ?", ["le rouge", "le vert", "le bleu"], "fr", right=1)
AGENT = "AgentOfThisPhone/7"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server as `streamlit run streamlit_app.py` starts it, what it prints, and a class."""
    folder = tmp_path_factory.mktemp("class")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATELIER_CLASSES", str(folder / "classes"))
        with Dashboard(folder / "checkpoints", folder / "log.txt", PYTHONUNBUFFERED="1") as dashboard:
            yield dashboard, folder / "log.txt"


@pytest.fixture
def phones(browser):
    """Makes a phone: a page of a browser of its own, 320 pixels wide as at a zoom of 200 %."""
    with contextlib.ExitStack() as stack:

        def phone(scripts: bool = True):
            context = browser.new_context(
                viewport={"width": 320, "height": 640}, locale="fr-FR", java_script_enabled=scripts, user_agent=AGENT
            )
            stack.callback(context.close)
            return context.new_page()

        yield phone


def joined(phone, server, code: str):
    phone.goto(f"{server.address}/c")
    phone.get_by_label("Code de la classe").fill(code.lower())
    phone.get_by_role("button", name="Rejoindre").click()
    phone.get_by_role("heading", name="Vous êtes dans la classe.").wait_for()
    return phone


def test_five_phones_answer_and_see_the_reveal_without_touching_anything(server, phones):
    dashboard, log = server
    opened = classes.open_class("fine_tuning", "fr")
    room = classes.find(opened.code)
    several = [joined(phones(scripts=number > 0), dashboard, room.code) for number in range(5)]
    asked = []
    several[1].on("request", lambda request: asked.append(request.url))
    number = votes.ask(room, COLOUR)
    for place, phone in enumerate(several):
        button = phone.get_by_role("button", name="B. le vert" if place else "A. le rouge")
        button.wait_for(timeout=20_000)  # by its script, or by refreshing itself
        assert button.bounding_box()["height"] >= 44
        button.click()
        phone.get_by_role("heading", name="Votre réponse est enregistrée.").wait_for()
    assert tallies.tally(room, votes.questions(room)[0]).counts == (1, 4, 0)
    several[2].reload()
    assert several[2].get_by_text("B. le vert").is_visible()
    votes.set_state(room, number, votes.REVEALED)
    for phone in several:
        phone.get_by_text("4 sur 5").wait_for(timeout=20_000)
        assert phone.evaluate_handle("document.documentElement.scrollWidth").json_value() <= 320
    assert asked and all(url.startswith(dashboard.address) for url in asked)
    cookies = several[1].context.cookies()
    assert [cookie["name"] for cookie in cookies] == ["atelier_class"]
    text = log.read_text(encoding="utf-8", errors="replace")
    assert AGENT not in text and room.code not in text and "/c" not in text.replace("/checkpoints", "")


def test_the_pages_have_no_fault_that_axe_finds(server, phones):
    dashboard, _log = server
    opened = classes.open_class("fine_tuning", "fr")
    room = classes.find(opened.code)
    phone = phones()
    phone.goto(f"{dashboard.address}/c")
    pages = {"door": phone}
    pages["question"] = joined(phones(), dashboard, room.code)
    votes.ask(room, COLOUR)
    pages["question"].get_by_role("button", name="B. le vert").wait_for(timeout=20_000)
    pages["teacher"] = phones()
    pages["teacher"].goto(f"{dashboard.address}/c/teacher/{opened.key}")
    pages["teacher"].get_by_role("heading", name=f"Classe {room.code}").wait_for()
    for name, page in pages.items():
        page.evaluate(axe_script())
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        assert [(v["id"], [n["html"][:120] for n in v["nodes"]]) for v in found] == [], name
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, name


def test_a_teacher_leads_by_her_own_page_and_sees_answers_come(server, phones):
    dashboard, _log = server
    opened = classes.open_class("fine_tuning", "fr")
    teacher = phones()
    teacher.goto(f"{dashboard.address}/c/teacher/{opened.key}")
    teacher.get_by_label("Une question de la leçon").select_option("shape")
    teacher.get_by_role("button", name="Poser", exact=True).and_(teacher.locator(".main")).click()
    phone = joined_at_work(phones(), dashboard, opened.code)
    phone.get_by_text("Choisir plutôt une forme").click()  # above it stands the grid to draw on
    phone.get_by_role("button", name="B. raide au début").click()
    teacher.get_by_text("(100 %)").wait_for(timeout=20_000)
    teacher.get_by_role("button", name="Révéler").click()
    phone.get_by_text("la bonne réponse, votre réponse").wait_for(timeout=20_000)


def joined_at_work(phone, server, code: str):
    """A phone that joins while a question is open, by the address of the code on the wall."""
    phone.goto(f"{server.address}/c/{code}")
    phone.get_by_role("button", name="Rejoindre").click()
    return phone
