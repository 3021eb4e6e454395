"""The time machine: its slider moves, plays, follows a run, and says what was not recorded."""

import pytest
from pages_helpers import a_run, open_page, texts, the

from engine.runs import lifecycle
from engine.runs.history import follower
from engine.runs.settings import RunSettings

pytestmark = pytest.mark.usefixtures("no_studio")


def test_the_time_machine_moves_and_says_what_was_not_recorded(root):
    run = a_run(root, "one")
    run.append_event("passage", step=4, model="run", pieces=["<b>", "x"], probabilities=[0.5, 0.1], ranks=[1, 9])
    app = open_page("time")
    assert "<b>run</b> wrote *this*" in texts(app)
    app.select_slider(key="time_slider").set_value(0).run()
    assert "<b>base</b> wrote *this*" in texts(app)
    assert any("made before passages were recorded" in caption.value for caption in app.caption)
    app.button(key="time_play").click().run()
    assert not app.exception


def test_play_at_the_end_begins_again_at_the_base_and_stops_at_the_end(root):
    run = a_run(root)
    run.append_event("sample", step=2, model="run", prompt="The", text=" halfway", seed=1)
    app = open_page("time")
    app.button(key="time_play").click().run()
    seen = [texts(app)]
    while app.session_state["time_playing"]:
        app.run()
        seen.append(texts(app))
    assert ["<b>base</b>" in seen[0], " halfway" in seen[1], "<b>run</b>" in seen[2]] == [True] * 3 and len(seen) == 3
    assert app.button(key="time_play").label == "Play"


def test_a_run_that_has_only_its_base_is_waited_for(root):
    lifecycle.create(
        RunSettings(preset="checkpoints/presets/gpt2_mini_en", articles="articles/sample", name="x", steps=4)
    )
    app = open_page("time")
    assert the(app.info, "has not measured anything behind its base yet")


def test_the_time_machine_follows_a_run_that_goes_on_for_who_looks_at_its_newest_moment(root):
    run = a_run(root)
    app = open_page("time")
    assert app.select_slider(key="time_slider").value == 1
    run.append_event("sample", step=6, model="run", prompt="The", text=" newest", seed=1)
    app.run()
    assert app.select_slider(key="time_slider").value == 2
    app.select_slider(key="time_slider").set_value(0).run()
    run.append_event("sample", step=8, model="run", prompt="The", text=" newer still", seed=1)
    app.run()
    assert app.select_slider(key="time_slider").value == 0
    assert not app.exception


def test_a_run_that_measured_itself_very_often_says_that_moments_are_left_out(root, monkeypatch):
    said = "some moments are left out here"
    run = a_run(root)
    assert said not in texts(open_page("time"))
    monkeypatch.setattr(follower, "_MOST_MEASURED_BYTES", 50_000)
    for step in range(5, 80):
        run.append_event("sample", step=step, model="run", prompt="The", text=" again", seed=1)
    app = open_page("time")
    assert said in texts(app) and len(app.select_slider(key="time_slider").options) < 50
