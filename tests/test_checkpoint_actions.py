"""What can be done with a checkpoint and a run on the pages: each button is pressed, and what came of it is looked at."""

import shutil
from types import SimpleNamespace

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from test_pages import PROJECT, a_run, no_studio, open_page, texts  # noqa: F401  (no_studio serves this file too)

from engine import checkpoints, runs, studio_client
from ui import access


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


def studio(monkeypatch, answers: dict) -> list[dict]:
    """A studio that gives such answers to such requests; the requests."""
    asked: list[dict] = []

    def stream(request, root=None):
        asked.append(request)
        yield answers[request["kind"]](request)

    monkeypatch.setattr(studio_client, "stream", stream)
    monkeypatch.setattr(studio_client, "wait_until_ready", lambda root=None: None)
    return asked


def test_an_export_says_what_it_keeps_and_loses_and_is_downloaded(root, chosen, monkeypatch):
    def write(request):
        file = root / ".exports" / f"one-4-{'0' * 16}.weights.h5"
        file.parent.mkdir()
        file.write_bytes(b"weights")
        return {"kind": "exported", "file": file.name}

    asked = studio(monkeypatch, {"export": write})
    a_run(root)
    app = open_page("checkpoints")
    for form, said in (
        ("keras", "load_model would drop"),
        ("weights.h5", "Loses the optimizer"),
        ("ckpt", "TensorFlow"),
    ):
        app.selectbox(key="export_format").set_value(form).run()
        assert any(said in caption.value for caption in app.caption), form
    app.selectbox(key="export_format").set_value("weights.h5").run()
    app.button(key="export_write").click().run()
    assert not app.exception and not app.error
    assert [(r["reference"], r["format"], r["most_bytes"]) for r in asked] == [("one/4", "weights.h5", None)]
    assert any("Download" in element.proto.label for element in app.get("download_button"))
    (root / ".exports" / f"one-4-{'0' * 16}.weights.h5").unlink()
    app.run()
    assert "was removed meanwhile" in texts(app)
    monkeypatch.setattr(access, "is_owner", lambda: False)
    app.button(key="export_write").click().run()
    assert asked[-1]["most_bytes"] == access.VISITOR_EXPORT_BYTES


def test_a_checkpoint_is_converted_in_place_by_its_owner_into_the_formats_it_is_not_in(root, chosen, monkeypatch):
    asked = studio(monkeypatch, {"convert": lambda request: {"kind": "converted", "reference": "one-4-as-keras/4"}})
    a_run(root)
    app = open_page("checkpoints")
    for form, offered in (("keras", True), ("weights.h5", False), ("preset", False)):
        app.selectbox(key="export_format").set_value(form).run()
        assert ("export_convert" in [b.key for b in app.button]) == offered, form
    app.selectbox(key="export_format").set_value("keras").run()
    app.button(key="export_convert").click().run()
    assert not app.exception and not app.error
    assert asked == [{"kind": "convert", "reference": "one/4", "format": "keras"}]
    assert "one-4-as-keras/4 is there now." in [toast.value for toast in app.toast]
    monkeypatch.setattr(access, "is_owner", lambda: False)
    assert "export_convert" not in [b.key for b in app.run().button]


def test_the_form_of_a_run_says_what_its_format_loses(root):
    app = open_page("fine_tune")
    next(box for box in app.selectbox if box.label == "Checkpoint format").set_value("weights.h5").run()
    assert "loses the optimizer" in texts(app)
