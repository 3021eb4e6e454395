"""The trainings of the lesson where they are not possible here or come to nothing: the recorded run, and why."""

import json

import pytest
from pages_helpers import open_page, played, texts
from project import PROJECT

from engine.classroom import secret
from engine.core import framework
from engine.core.errors import ResourcesError
from engine.runs import lifecycle, states

pytestmark = pytest.mark.usefixtures("no_studio", "root")
MISSING = "TensorFlow is not installed: pip install -r requirements.txt."
NOTHING = "came to nothing: the recorded one is shown."
RECORDED = "Nothing can be trained on this machine: the recorded run is shown."


@pytest.fixture(autouse=True)
def nothing_starts(monkeypatch, tmp_path):
    from engine.services import dispatcher

    monkeypatch.setenv("ATELIER_CLASSES", str(tmp_path / "classes"))
    monkeypatch.setattr(dispatcher, "ensure", lambda root=None: None)


@pytest.fixture
def without_tensorflow(monkeypatch):
    monkeypatch.setattr(framework, "problem", lambda: ResourcesError(MISSING))


def lesson_page(step: str, slide: int, **query: str):
    """A slide of the lesson."""
    app = open_page("lab", "en")
    app.query_params.update({"step": step, "slide": str(slide), **query})
    app.switch_page(str(PROJECT / "pages" / "lesson.py")).run()
    assert not app.exception, [e.message for e in app.exception]
    return app


def keys(app) -> list[str]:
    return [button.key for button in app.button]


@pytest.mark.parametrize("step, slide, start", [("curve", 3, "lab_start"), ("secret", 5, "lesson_secret_start")])
def test_without_tensorflow_the_recorded_run_plays_without_a_button(without_tensorflow, step, slide, start):
    app = lesson_page(step, slide)
    assert start not in keys(app) and played(app)["badge"] == "recorded"
    assert RECORDED in texts(app) and MISSING in texts(app)


def test_the_wall_does_not_say_how_to_install_anything(without_tensorflow):
    wall = lesson_page("curve", 3, present="1")
    assert played(wall)["badge"] == "recorded"
    assert RECORDED in texts(wall) and MISSING not in texts(wall)


def failed(app, run) -> None:
    """Has the trainer of a run end before there is anything to see."""
    assert played(app)["live"] and NOTHING not in texts(app)
    run.write_state(state=states.FAILED, reason=ResourcesError(MISSING).to_json())
    app.run()
    assert not app.exception and NOTHING in texts(app)
    assert "recorded" in played(app)["badge"] and not played(app)["live"]
    assert any(MISSING in e.value for e in app.warning)  # to whoever leads, with the button that resumes it
    assert "lesson_nothing_resume" in keys(app)
    app.button(key="lesson_nothing_resume").click().run()
    assert played(app)["live"] and NOTHING not in texts(app)


def test_a_curve_that_came_to_nothing_gives_way_to_the_recorded_one(root):
    app = lesson_page("curve", 3)
    app.button(key="lab_start").click().run()
    failed(app, lifecycle.all_runs(root)[0])


def test_a_secret_that_came_to_nothing_gives_way_to_the_recorded_run(root):
    app = lesson_page("secret", 5)
    app.text_input(key="lesson_secret").set_value(secret.EXAMPLE).run()
    app.button(key="lesson_secret_start").click().run()
    failed(app, lifecycle.all_runs(root)[0])


@pytest.mark.parametrize("place", ["lab", "train", "write", "score"])
def test_without_tensorflow_every_room_says_so_and_offers_what_is_recorded(without_tensorflow, place):
    app = open_page(place, "en")
    assert MISSING in texts(app) and "in a container" not in texts(app).lower()


def test_what_the_lesson_looks_back_at_is_the_class_s_own_minute(root):
    app = lesson_page("curve", 3)
    app.button(key="lab_start").click().run()
    (own,) = lifecycle.all_runs(root)
    events = (PROJECT / "checkpoints" / "recorded-mini" / "events.jsonl").read_bytes()
    (own.folder / "events.jsonl").write_bytes(events)
    own.write_state(state=states.FINISHED, phase="")
    app.session_state["lesson_step"], app.session_state["lesson_slide"] = "secret", 5
    app.run()
    app.text_input(key="lesson_secret").set_value(secret.EXAMPLE).run()
    app.button(key="lesson_secret_start").click().run()  # which is in view from now on

    def recorded_ones() -> list[str]:
        app.session_state["lesson_step"], app.session_state["lesson_slide"] = "cost", 3
        app.run()
        assert not app.exception and len(app.metric) == 2
        return [one.label for one in app.expander if one.label == "Where the recorded runs come from"]

    assert recorded_ones() == []
    config = json.loads((own.folder / "config.json").read_text())
    (own.folder / "config.json").write_text(json.dumps({**config, "created": config["created"] - 3600}))
    assert recorded_ones()  # one of a lesson before is not this class's


def test_on_a_wall_a_training_is_one_line_and_its_buttons_stand_in_the_teachers_window(root):
    app = lesson_page("curve", 3)
    app.button(key="lab_start").click().run()
    wall = lesson_page("curve", 3, present="1")
    assert not wall.exception and not wall.get("progress")
    assert not [b.key for b in wall.button if (b.key or "").endswith(("_stop", "_pause"))]
    assert "lab-" not in " ".join(m.value for m in wall.markdown)
