"""With hundreds of runs a page looks at each of them a few times at most, whatever asks for them."""

import pytest
from pages_helpers import a_run, go_to, new_session, the

from engine.runs import checkpoints
from engine.runs.folder import Run
from ui import i18n
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


@pytest.mark.parametrize("place", ["write", "runs", "checkpoints"])
def test_what_is_asked_of_hundreds_of_runs_is_asked_once_while_a_page_is_drawn(root, monkeypatch, place):
    """The language of the session, which runs ship, and of each checkpoint its manifest: a table asks for them by the cell."""
    for number in range(5):
        a_run(root, f"newer-{number}")
    app = new_session().run()
    languages, asked = [], []
    monkeypatch.setattr(i18n, "_language", lambda: languages.append(1) or "en")
    recorded, opened = Run.recorded.fget, checkpoints._open
    monkeypatch.setattr(Run, "recorded", property(lambda run: asked.append(run.name) or recorded(run)))
    manifests = []
    monkeypatch.setattr(checkpoints, "_open", lambda folder: manifests.append(folder.parent.name) or opened(folder))
    go_to(app, place)  # nothing stands in view but the newest
    assert not app.exception
    assert len(languages) == 1
    assert asked.count("newer-0") <= {"write": 2, "runs": 3, "checkpoints": 4}[place]
    assert manifests.count("newer-0") <= {"write": 1, "runs": 0, "checkpoints": 3}[place]


def test_of_hundreds_of_checkpoints_the_newest_are_in_the_table_and_all_by_a_press(root, monkeypatch):
    from ui.library import checkpoints as page

    monkeypatch.setattr(page, "_MOST_AT_FIRST", 3)
    for number in range(5):
        a_run(root, f"run-{number}")
    app = go_to(new_session().run(), "checkpoints")
    assert the(app.dataframe, "run").value["run"].tolist() == ["run-4", "run-3", "run-2"]
    the(app.toggle, "All 5, and not the newest 3 alone").set_value(True).run()
    assert len(the(app.dataframe, "run").value) == 5
