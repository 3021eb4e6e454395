"""The lesson on the real server, in French: a teacher's window, the wall that follows it, phones, and nothing from outside."""

import contextlib

import pytest

from engine.classroom import classes, votes
from scripts.dashboard import Dashboard

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lesson")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATELIER_CLASSES", str(folder / "classes"))
        (folder / "checkpoints").mkdir()
        with Dashboard(folder / "checkpoints") as dashboard:
            yield dashboard


@pytest.fixture
def windows(browser):
    with contextlib.ExitStack() as stack:

        def window(width: int = 1280, height: int = 720):
            context = browser.new_context(viewport={"width": width, "height": height}, locale="fr-FR")
            stack.callback(context.close)
            return context.new_page()

        yield window


def test_a_class_is_opened_the_wall_follows_and_phones_answer(server, windows):
    teacher, wall = windows(), windows()
    asked = []
    wall.on("request", lambda request: asked.append(request.url))
    teacher.goto(f"{server.address}/lesson")
    teacher.get_by_role("button", name="Ouvrir une classe").click(timeout=60_000)
    teacher.locator(".join-code").wait_for()
    (room,) = classes.all_classes()
    teacher.get_by_text("Pour l’enseignant").click()
    link = teacher.get_by_role("link", name="Le mur dans sa propre fenêtre").get_attribute("href")
    wall.goto(link)
    wall.locator(".join-code").wait_for(timeout=30_000)
    wall.wait_for_function("!location.search.includes('key=')")
    assert "-" not in wall.url.partition("class=")[2]  # the key stands in no address
    assert wall.locator(".join-code").bounding_box()["height"] >= 60  # pixels: it is read from the last bench

    teacher.get_by_text("1 · Deviner le mot suivant").click()
    wall.get_by_role("heading", name="Deviner le mot suivant").wait_for(timeout=20_000)
    teacher.get_by_role("button", name="Suivant").click()
    teacher.get_by_role("button", name="Poser sur les téléphones").click()
    wall.get_by_text("0 réponse").wait_for(timeout=20_000)
    for choice in ("B. examinations", "E. they"):
        phone = windows(320, 640)
        phone.goto(f"{server.address}/c/{room.code}")
        phone.get_by_role("button", name="Rejoindre").click()
        phone.get_by_role("button", name=choice).click()
        phone.get_by_role("heading", name="Votre réponse est enregistrée.").wait_for()
    wall.get_by_text("2 réponses").wait_for(timeout=20_000)
    assert wall.locator(".ballot .bar").count() == 0
    teacher.get_by_role("button", name="Montrer les réponses").click()
    wall.locator(".ballot .bar").first.wait_for(timeout=20_000)
    assert votes.questions(room)[-1].state == votes.REVEALED
    # The clicker in the wall's window turns both.
    wall.keyboard.press("PageDown")
    wall.get_by_text("modèle", exact=True).first.wait_for(timeout=20_000)
    teacher.get_by_text("modèle", exact=True).first.wait_for(timeout=20_000)
    assert wall.evaluate("document.documentElement.scrollWidth") <= 1280
    assert asked and all(url.startswith((server.address, "data:", "blob:")) for url in asked)


def test_the_shapes_and_the_slides_fit_a_phone_without_moving_sideways(server, windows):
    phone = windows(390, 844)
    for query in ("step=curve&slide=2", "step=guess&slide=4", "step=cost&slide=3"):
        phone.goto(f"{server.address}/lesson?{query}")
        phone.locator(".ballot, [data-testid=stMetric]").first.wait_for(timeout=60_000)
        assert phone.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390, query
