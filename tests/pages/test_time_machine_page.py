"""The time machine: its slider moves, plays, follows a run, and says what was not recorded."""

import json
from types import SimpleNamespace

import pytest
from pages_helpers import a_run, open_page, texts, the, written

from engine.runs import lifecycle
from engine.runs.history import follower
from engine.runs.settings import RunSettings
from ui.explore import time

pytestmark = pytest.mark.usefixtures("no_studio")


def test_the_time_machine_moves_and_says_what_was_not_recorded(root):
    run = a_run(root, "one")
    run.append_event("passage", step=4, model="run", pieces=["<b>", "x"], probabilities=[0.5, 0.1], ranks=[1, 9])
    app = open_page("time")
    assert written(app) == ["The <b>base</b> wrote *this*"]  # it opens at the base
    app.select_slider(key="time_slider").set_value(1).run()
    assert written(app) == [
        "The <b>run</b> wrote *this*",
        "The <b>base</b> wrote *this*",
    ]  # what it is held against below
    app.select_slider(key="time_slider").set_value(0).run()
    assert any("made before passages were recorded" in caption.value for caption in app.caption)
    app.button(key="time_play").click().run()
    assert not app.exception


def test_play_at_the_end_begins_again_at_the_base_and_stops_at_the_end(root):
    run = a_run(root)
    run.append_event("sample", step=2, model="run", prompt="The", text=" halfway", seed=1)
    app = open_page("time")
    app.select_slider(key="time_slider").set_value(2).run()
    app.button(key="time_play").click().run()
    seen = [written(app)]
    while app.session_state["time_playing"]:
        app.run()
        seen.append(written(app))
    base, halfway, run = "The <b>base</b> wrote *this*", "The halfway", "The <b>run</b> wrote *this*"
    assert seen == [[base], [halfway, base], [run, base]]
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
    assert app.select_slider(key="time_slider").value == 0
    app.select_slider(key="time_slider").set_value(1).run()
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


def test_another_run_stands_beside_at_the_same_step_and_its_last_moment_beside_the_last(root):
    run, other = a_run(root), a_run(root, "two")
    run.append_event("sample", step=2, model="run", prompt="The", text=" halfway", seed=1)
    for step, text in ((2, " two halfway"), (6, " two ended")):
        other.append_event("sample", step=step, model="run", prompt="The", text=text, seed=1)
    app = open_page("time", run_chosen="one", against_chosen="two")
    app.select_slider(key="time_slider").set_value(1).run()
    assert written(app) == ["The halfway", "The two halfway"]
    app.select_slider(key="time_slider").set_value(2).run()
    assert written(app) == ["The <b>run</b> wrote *this*", "The two ended"]
    assert lines_of(app) == ["one", "two"]


def lines_of(app) -> list[str]:
    (chart,) = app.get("plotly_chart")
    return [line["name"] for line in json.loads(chart.proto.spec)["data"]]


def test_what_does_not_compare_is_said_in_one_sentence_and_not_drawn(root, monkeypatch):
    a_run(root)
    why = "measured on other tokens"
    assert time.Beside([]).at(None, True) is None
    monkeypatch.setattr(time.against, "why_not", lambda run, other: why)
    a_run(root, "two")
    app = open_page("time", run_chosen="one", against_chosen="two")
    assert the(app.caption, why)
    assert lines_of(app) == ["one"]


def test_it_plays_at_the_pace_of_reading():
    def moment(words: int):
        return SimpleNamespace(complete_samples=lambda: [{"text": " word" * words}])

    assert time.pace([moment(20)]) == pytest.approx(4.0)
    assert time.pace([moment(1)]) == time.PLAY_LEAST_SECONDS and time.pace([moment(500)]) == time.PLAY_MOST_SECONDS


def test_a_chain_reads_like_a_sentence():
    def moment(name: str, accuracy: float, tokens: int = 500, base: bool = False):
        figures = {"validation": {"accuracy": accuracy, "evaluated_tokens": tokens}}
        return SimpleNamespace(run=SimpleNamespace(name=name), is_base=base, figures=figures)

    base, first, second = moment("one", 0.16, base=True), moment("one", 0.24), moment("two", 0.29)
    said = "Right about the next token 16.0\u00a0% of the time as the base model, 24.0\u00a0% after one, then 29.0\u00a0% after two."
    assert time.chain_in_words([base, moment("one", 0.2), first, second]) == said
    assert time.chain_in_words([base, first]) == ""
    assert "do not compare" in time.chain_in_words([base, first, moment("two", 0.29, tokens=400)])
