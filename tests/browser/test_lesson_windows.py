"""The lesson on the real server, in French: a teacher's window, the wall that follows it, phones, and nothing from outside."""

import contextlib

import pytest

from engine.classroom import classes, position, votes
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


def test_the_lesson_goes_on_where_it_was_after_the_server_was_killed_and_two_servers_show_the_same(
    tmp_path, windows, monkeypatch
):
    monkeypatch.setenv("ATELIER_CLASSES", str(tmp_path / "classes"))
    (tmp_path / "checkpoints").mkdir()
    teacher, wall, phone = windows(), windows(), windows(320, 640)
    with Dashboard(tmp_path / "checkpoints") as first:
        teacher.goto(f"{first.address}/lesson")
        with teacher.expect_response("**/_atelier/lead") as kept:
            teacher.get_by_role("button", name="Ouvrir une classe").click(timeout=60_000)
        assert kept.value.status == 204
        teacher.locator(".join-code").wait_for()
        (room,) = classes.all_classes()
        teacher.get_by_text("Pour l’enseignant").click()
        wall.goto(teacher.get_by_role("link", name="Le mur dans sa propre fenêtre").get_attribute("href"))
        wall.locator(".join-code").wait_for(timeout=30_000)
        teacher.get_by_text("1 · Deviner le mot suivant").click()
        teacher.get_by_role("heading", name="Deviner le mot suivant").wait_for(timeout=20_000)
        teacher.get_by_role("button", name="Suivant").click()
        teacher.get_by_role("button", name="Poser sur les téléphones").click()
        wall.get_by_text("0 réponse").wait_for(timeout=20_000)
        phone.goto(f"{first.address}/c/{room.code}")
        phone.get_by_role("button", name="Rejoindre").click()
        phone.get_by_role("button", name="E. they").click()
        phone.get_by_role("heading", name="Votre réponse est enregistrée.").wait_for()
        wall.get_by_text("1 réponse").wait_for(timeout=20_000)
        stands = position.of(room)
        first.kill()
    assert stands is not None
    with Dashboard(tmp_path / "checkpoints", port=first.port) as again, Dashboard(tmp_path / "checkpoints") as second:
        # Nobody touches anything: the pages find the server again, and whoever led the class leads it.
        for page in (teacher, wall):
            page.get_by_text("1 réponse").wait_for(timeout=60_000)
        assert position.of(room) == stands
        phone.reload()
        phone.get_by_text("E. they").wait_for()
        # The second server shows the same class, and leads it with the key that this browser has.
        other = teacher.context.new_page()
        other.goto(f"{second.address}/lesson?class={room.code}")
        other.get_by_text("1 réponse").wait_for(timeout=60_000)
        late = windows(320, 640)
        late.goto(f"{second.address}/c/{room.code}")
        late.get_by_role("button", name="Rejoindre").click()
        late.get_by_role("button", name="B. examinations").click()
        late.get_by_role("heading", name="Votre réponse est enregistrée.").wait_for()
        for page in (teacher, wall, other):
            page.get_by_text("2 réponses").wait_for(timeout=20_000)
        other.get_by_role("button", name="Montrer les réponses").click()
        for page in (teacher, wall):
            page.locator(".ballot .bar").first.wait_for(timeout=20_000)
        teacher.get_by_role("button", name="Suivant").click()
        for page in (wall, other):
            page.get_by_text("modèle", exact=True).first.wait_for(timeout=20_000)
        assert again.address == first.address


def test_the_check_of_the_room_says_what_it_finds_and_is_printed_on_paper(server, windows, tmp_path):
    page = windows()
    page.goto(f"{server.address}/lesson?view=room")
    page.get_by_role("button", name="Vérifier cette salle").click(timeout=60_000)
    page.get_by_role("button", name="Arrêter").wait_for()
    page.get_by_text("Enregistrements", exact=False).first.wait_for(timeout=60_000)
    page.locator("ul.room li").nth(3).wait_for(timeout=60_000)
    page.get_by_role("button", name="Arrêter").click()
    page.get_by_role("button", name="Vérifier à nouveau").wait_for(timeout=120_000)
    page.emulate_media(media="print")
    assert page.locator("ul.room li").first.is_visible()
    assert not page.locator("[data-testid=stSidebar]").is_visible()
    assert not page.get_by_role("button", name="Vérifier à nouveau").is_visible()
    assert len(page.pdf(format="A4")) > 5_000
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
