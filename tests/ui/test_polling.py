"""Many viewers: how often each asks, and what one has read or built the others take."""

import json
import threading
import time
from types import SimpleNamespace

import numpy as np
import plotly.graph_objects as go
import pytest
from pages_helpers import a_run

from engine.core.locks import Lock
from engine.runs import lifecycle, states
from engine.runs.history.blocks import Placed
from engine.runs.history.events import STEP_FIELDS
from engine.runs.history.follower import History
from ui.charts import style
from ui.components.figure import live
from ui.readers import folders, polling

pytestmark = pytest.mark.usefixtures("no_studio")


@pytest.fixture
def crowd(monkeypatch):
    """Thirty sessions that watch, of which a test is one."""
    now = time.monotonic()
    monkeypatch.setattr(polling, "_seen", {f"session {n}": now + 1000 for n in range(29)})
    monkeypatch.setattr(polling, "_shared", {})


def test_few_are_drawn_at_the_pace_of_the_page_and_many_less_often():
    assert polling.every(1.0, watching=1) == polling.every(1.0, watching=8) == 1.0
    assert 3.0 < polling.every(1.0, watching=30) < 5.0
    assert polling.every(2.0, watching=30) == pytest.approx(2 * polling.every(1.0, watching=30), abs=0.02)


def test_all_of_a_crowd_together_ask_hardly_more_often_than_the_few(monkeypatch):
    sessions = iter(range(10_000))
    monkeypatch.setattr(polling, "_session", lambda: f"session {next(sessions)}")
    assert sum(1 / polling.every(1.0, watching=60) for _ in range(60)) < polling.FULL_PACE_VIEWERS * 1.15
    assert len({polling.every(1.0, watching=30) for _ in range(30)}) > 20  # those that began together fall apart


def test_who_has_left_is_no_viewer(monkeypatch):
    monkeypatch.setattr(polling, "_seen", {"gone": time.monotonic() - 60, "here": time.monotonic()})
    assert polling.viewers() == 2  # the one that is here, and the test


def test_the_pace_of_a_fragment_that_runs_is_changed_once_as_viewers_come(monkeypatch):
    messages = []
    context = SimpleNamespace(session_id="one", fragment_ids_this_run=["live"], enqueue=messages.append)
    monkeypatch.setattr(polling, "get_script_run_ctx", lambda suppress_warning=False: context)
    monkeypatch.setattr(polling.ThreadState, "get", lambda: SimpleNamespace(fragment_id="live"))
    monkeypatch.setattr(polling, "viewers", lambda: 1)
    drawn = []
    fragment = polling.fragment(drawn.append, 1.0).__wrapped__  # what Streamlit runs
    fragment("first")
    assert not messages
    monkeypatch.setattr(polling, "viewers", lambda: 30)
    fragment("second")
    fragment("third")
    assert drawn == ["first", "second", "third"]
    (message,) = messages
    interval = float(np.float32(polling.every(1.0, 30)))  # as the message holds it
    assert (message.auto_rerun.fragment_id, message.auto_rerun.interval) == ("live", interval)


def test_a_few_look_for_themselves(root):
    looks = []
    for _ in range(3):
        polling.shared("x", lambda: looks.append(1))
    assert len(looks) == 3


def test_of_a_crowd_one_looks_and_the_others_take_it(root, crowd):
    a_run(root)
    looks, barrier, found = [], threading.Barrier(30), []

    def look() -> str:
        looks.append(1)
        time.sleep(0.05)  # a look at a slow disk, within which the others ask
        return "seen"

    def ask() -> None:
        barrier.wait()
        found.append(polling.shared("x", look))

    threads = [threading.Thread(target=ask) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["seen"] * 30 and len(looks) == 1


def test_a_crowd_sees_at_once_what_becomes_of_a_run(root, crowd):
    assert folders.active_run() is None
    run = a_run(root, state=states.QUEUED)
    assert folders.active_run().name == "one"
    run.write_state(state=states.STOPPED)
    assert folders.active_run() is None
    assert [found.name for found in folders.trained_runs()] == ["one"]
    a_run(root, "two")
    assert {found.name for found in folders.trained_runs()} == {"one", "two"}
    lifecycle.take_away(run)
    assert [found.name for found in folders.trained_runs()] == ["two"]


def test_a_crowd_sees_within_a_second_that_a_trainer_has_died(root, crowd, monkeypatch):
    run = a_run(root, state=states.RUNNING)
    lock = Lock(run.folder / "lock")
    lock.acquire()
    assert folders.active_run().name == "one"
    lock.release()
    monkeypatch.setattr(polling, "_CACHED_SECONDS", 0.0)
    assert folders.active_run() is None


def a_history(version: int = 1) -> History:
    steps = {name: np.arange(1.0, 6.0) for name in STEP_FIELDS}
    points = [
        {"kind": "evaluation", "split": "validation", "model": m, "step": s, "whole": False, "loss": 4.0 - s / 10}
        for m, s in (("base", 0), ("run", 4))
    ]
    return History(steps, tuple(Placed(point, 0, 0) for point in points), version)


def test_thirty_viewers_cost_one_building_of_a_figure():
    history, built, barrier, found = a_history(), [], threading.Barrier(30), []

    def build() -> go.Figure:
        built.append(1)
        return style.validation(history, "loss", "#000000", "loss")

    def ask() -> None:
        barrier.wait()
        found.append(live.content(build, "test one building", 1))

    threads = [threading.Thread(target=ask) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1 and len(set(found)) == 1 and len(found) == 30
    live.content(build, "test one building", 2)
    assert len(built) == 2
    assert live.content(build, "test one building", 1) == live.content(build, "test one building", 2)  # never back


@pytest.mark.parametrize("draw", [style.validation, style.over_steps])
def test_what_the_page_is_sent_is_the_figure_with_its_template(draw):
    figure = draw(a_history(), "loss", "#0072B2", "loss")
    sent = json.loads(live.content(lambda: figure, f"test sent {draw.__name__}", 1)[0])
    template = sent["layout"].pop("template")
    whole = json.loads(figure.update_layout(template=style.template()).to_json())
    assert template == whole["layout"].pop("template")
    assert sent == whole


def test_the_base_is_a_line_across_the_figure_with_its_name():
    figure = style.validation(a_history(), "loss", "#0072B2", "loss")
    assert [list(trace.y) for trace in figure.data] == [[1, 2, 3, 4, 5], [4.0, 3.6]]
    same = go.Figure()
    style.add_level(same, 4.0, "base model")
    assert figure.layout.shapes == same.layout.shapes and figure.layout.annotations == same.layout.annotations
    assert (
        same.layout.annotations[0].xanchor == "left" and same.layout.annotations[0].x == 1
    )  # behind its end: no curve is there
