"""With hundreds of runs a page looks at each of them a few times at most, whatever asks for them."""

import pytest
from pages_helpers import a_run, go_to, new_session

from engine.runs.folder import Run
from ui.charts import colours
from ui.readers import folders, polling

pytestmark = pytest.mark.usefixtures("no_studio")


@pytest.mark.parametrize("place", ["lab", "curve", "write", "runs", "checkpoints", "train"])
def test_a_page_asks_for_the_state_of_a_run_that_is_not_in_view_three_times_at_most(root, monkeypatch, place):
    """Its own look, the queue's, and one of what the page lists."""
    a_run(root, "old")
    for number in range(5):  # the page of runs lays the newest four over one another
        a_run(root, f"newer-{number}")
    app = new_session().run()
    asked = []
    state = Run.stored_state

    def counted(run):
        asked.append(run.name)
        return state(run)

    monkeypatch.setattr(Run, "stored_state", counted)
    app.run() if place == "lab" else go_to(app, place)
    assert not app.exception
    assert 1 <= asked.count("old") <= 3


def test_a_look_is_made_once_while_a_page_is_drawn_and_anew_with_the_next(root):
    found = []

    def look():
        found.append(1)
        return len(found)

    with polling.one_drawing():
        assert [polling.shared("a test", look) for _time in range(3)] == [1, 1, 1]
    assert [polling.shared("a test", look) for _time in range(2)] == [2, 3]
    with polling.one_drawing():
        assert polling.shared("a test", look) == 4


def test_a_run_that_comes_has_its_colour_at_once(root):
    a_run(root, "one")
    assert list(colours.of_runs()) == ["one"]
    a_run(root, "two")
    assert colours.of_runs() == {"one": (colours.HUES[0], 0), "two": (colours.HUES[1], 0)}
    assert folders.active_run() is None
