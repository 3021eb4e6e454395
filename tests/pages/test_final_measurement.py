"""The figures on test: shown by a press also where the look cannot be counted, and a visitor's press changes nothing of the owner's."""

import pytest
from pages_helpers import a_run, open_page

from engine.core.errors import StorageError
from engine.runs import looks_at_test
from ui import access

pytestmark = pytest.mark.usefixtures("no_studio")


def pressed():
    app = open_page("score", run_chosen="one")
    app.segmented_control(key="score_split").set_value("test").run()
    return app.button(key="score_final").click().run()


def has_figures(app):
    return any("accuracy" in table.value.columns for table in app.dataframe)


def test_where_a_look_cannot_be_counted_that_is_said_and_the_figures_are_shown(root, monkeypatch):
    def refused(_run):
        raise StorageError("{path} cannot be written: {reason}.", path="looks", reason="no rights")

    a_run(root)
    monkeypatch.setattr(looks_at_test, "add", refused)
    app = pressed()
    assert has_figures(app) and any("no rights" in box.value for box in app.error)
    app.run()
    assert has_figures(app) and not app.error


@pytest.mark.parametrize("visitors", [False, True])
def test_a_visitors_press_is_counted_in_visitors_runs_alone(root, monkeypatch, visitors):
    run = a_run(root)
    if visitors:
        run.change_config(visitor=True)
    before = sorted(path.name for path in run.folder.iterdir())
    monkeypatch.setattr(access, "is_owner", lambda: False)
    assert has_figures(pressed()) and looks_at_test.counted(run) == int(visitors)
    assert visitors or sorted(path.name for path in run.folder.iterdir()) == before
