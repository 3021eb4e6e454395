"""What can be done with a checkpoint and a run on the pages: each button is pressed, and what came of it is looked at."""

import shutil
from types import SimpleNamespace

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from test_pages import PROJECT, a_run, no_studio, open_page, texts  # noqa: F401  (no_studio serves this file too)

from engine import checkpoints, runs, studio_client


@pytest.fixture
def chosen(monkeypatch):
    """The first line of the table of checkpoints is chosen: AppTest cannot click on one."""
    real = st.dataframe

    def dataframe(data, **named):
        drawn = real(data, **named)
        return SimpleNamespace(selection=SimpleNamespace(rows=[0])) if named.get("key") == "checkpoint_table" else drawn

    monkeypatch.setattr(st, "dataframe", dataframe)


def button(app: AppTest, label: str):
    return next(b for b in app.button if b.label == label)


def stay(app: AppTest, page: str) -> AppTest:
    """The page that a button led to, from now on: AppTest itself goes back at the next run."""
    parameters = dict(app.query_params)
    app.switch_page(str(PROJECT / "pages" / f"{page}.py"))
    for name, value in parameters.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def own_preset(root, tiny_preset):
    """A preset that does not ship."""
    return str(shutil.copytree(tiny_preset, root.parent / "own"))


def test_going_on_from_a_checkpoint_keeps_it_whatever_its_preset(root, chosen, tiny_preset):
    preset = own_preset(root, tiny_preset)
    a_run(root, "one", preset=preset)
    app = open_page("checkpoints")
    button(app, "Continue from here").click().run()
    assert not app.exception and not app.error
    assert app.title[0].value == "Fine-tune"
    chosen_now = {box.label: box.value for box in app.selectbox}
    assert chosen_now["Base model"] == checkpoints.find("one/4").manifest["preset"]["reference"]
    assert chosen_now["Start from"] == "one/4"
    button(stay(app, "fine_tune"), "Start the run").click().run()
    assert not app.error, [e.value for e in app.error]
    (made,) = [run for run in runs.all_runs(root) if run.name != "one"]
    assert (made.settings.parent, made.settings.preset) == ("one/4", chosen_now["Base model"])


def test_going_on_from_what_is_gone_is_said(root, chosen, tiny_preset):
    preset = own_preset(root, tiny_preset)
    a_run(root, "one", preset=preset)
    app = open_page("checkpoints")
    shutil.rmtree(preset)
    button(app, "Continue from here").click().run()
    assert "There is no preset" in app.error[0].value


def test_the_base_is_specialised_in_one_action_its_own_base_beside_it(root, chosen, tiny_preset, monkeypatch):
    asked = []

    def stream(request, root=None):
        asked.append(request)
        yield {"kind": "prompt", "text": "x", "article": None}

    monkeypatch.setattr(studio_client, "stream", stream)
    monkeypatch.setattr(studio_client, "phase", lambda root=None: "ready")
    a_run(root, "one", preset=own_preset(root, tiny_preset))
    app = open_page("checkpoints")
    button(app, "Specialise the base with it").click().run()
    assert not app.exception and not app.error
    assert app.title[0].value == "Side by side"
    base = checkpoints.find("one/4").manifest["preset"]["reference"]
    assert [column["reference"] for column in asked[0]["columns"]] == [base, "one/4"]
    stay(app, "side_by_side")
    assert len(asked) == 1  # once, not at every drawing of the page
