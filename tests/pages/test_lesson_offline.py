"""Where the lesson is offered as a file: where no phone can join, to a teacher in a quiet place, to no pupil of an open class."""

import pytest
from pages_helpers import open_page, texts
from project import PROJECT

from engine.classroom import classes, lessons
from ui import access

pytestmark = pytest.mark.usefixtures("no_studio", "root", "own_classes")
WHAT = "All steps with their recordings"


@pytest.fixture
def visitor(monkeypatch):
    monkeypatch.setattr(access, "is_owner", lambda: False)


def joining(language: str = "en", **query: str):
    """The first slide of the lesson."""
    app = open_page("lab", language)
    app.query_params.update(query)
    app.switch_page(str(PROJECT / "pages" / "lesson.py")).run()
    assert not app.exception, [e.message for e in app.exception]
    return app


def offered(app) -> list:
    return [button.proto for button in app.get("download_button") if button.key == "lesson_offline"]


def test_a_teacher_finds_it_in_a_quiet_place():
    app = joining()
    (button,) = offered(app)
    assert button.type == "tertiary" and button.label == "The recorded lesson as one file" and WHAT not in texts(app)


def test_on_a_public_server_it_stands_beside_the_reason_why_classes_are_off(monkeypatch):
    monkeypatch.setenv("SPACE_ID", "somebody/atelier")
    app = joining("fr")
    (button,) = offered(app)
    assert button.type == "secondary" and "est un serveur public" in texts(app)
    assert "sans réseau et sans rien installer" in texts(app)


def test_a_visitor_is_told_why_and_offered_it(visitor):
    app = joining()
    assert len(offered(app)) == 1 and WHAT in texts(app)
    assert "Whoever runs this server opens classes with phones" in texts(app)


def test_no_pupil_of_an_open_class_is_offered_what_holds_the_answers_and_their_teacher_is(visitor):
    opened = classes.open_class(lessons.FINE_TUNING, "en")
    assert offered(joining()) == [] and offered(joining(**{"class": opened.code})) == []
    assert len(offered(joining(**{"class": opened.code, "key": opened.key}))) == 1


def test_on_the_wall_it_is_not_offered():
    assert offered(joining(present="1")) == []
