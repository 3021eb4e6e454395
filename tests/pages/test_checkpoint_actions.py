"""What can be done with a checkpoint and a run on the pages: each button is pressed, and what came of it is looked at."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import streamlit as st
from pages_helpers import a_run, look_at, open_page, press, texts, the
from project import PROJECT
from streamlit.testing.v1 import AppTest

from engine.corpus.store import Corpus
from engine.exchange.foreign import importing
from engine.presets import catalogue
from engine.runs import checkpoints, lifecycle
from engine.runs.settings import RunSettings
from engine.services import inference_client
from ui import access

pytestmark = pytest.mark.usefixtures("no_studio")

MINI, SAMPLE = "checkpoints/presets/gpt2_mini_en", "articles/sample"


@pytest.fixture
def chosen(monkeypatch):
    """The first line of the table of checkpoints is chosen: AppTest cannot click on one."""
    real = st.dataframe

    def dataframe(data, **named):
        drawn = real(data, **named)
        return SimpleNamespace(selection=SimpleNamespace(rows=[0])) if named.get("key") == "checkpoint_table" else drawn

    monkeypatch.setattr(st, "dataframe", dataframe)


def stay(app: AppTest, page: str) -> AppTest:
    """The page that a button led to, from now on: AppTest itself goes back at the next run."""
    app.switch_page(str(PROJECT / "pages" / f"{page}.py")).run()
    assert not app.exception
    return app


def own_preset(root, tiny_preset):
    """A preset that does not ship."""
    return str(shutil.copytree(tiny_preset, root.parent / "own"))


def test_going_on_from_a_checkpoint_keeps_it_whatever_its_preset(root, chosen, tiny_preset):
    preset = own_preset(root, tiny_preset)
    a_run(root, "one", preset=preset)
    app = open_page("checkpoints")
    the(app.button, "Continue from here").click().run()
    assert not app.exception and not app.error
    assert the(app.title, "Train")
    chosen_now = {box.label: box.value for box in app.selectbox}
    assert chosen_now["Base model"] == checkpoints.find("one/4").manifest["preset"]["reference"]
    assert chosen_now["Start from"] == "one/4"
    the(stay(app, "train").button, "Start the run").click().run()
    assert not app.error, [e.value for e in app.error]
    (made,) = [run for run in lifecycle.all_runs(root) if run.name != "one"]
    assert (made.settings.parent, made.settings.preset) == ("one/4", chosen_now["Base model"])


def test_going_on_from_what_is_gone_is_said(root, chosen, tiny_preset):
    preset = own_preset(root, tiny_preset)
    a_run(root, "one", preset=preset)
    app = open_page("checkpoints")
    shutil.rmtree(preset)
    the(app.button, "Continue from here").click().run()
    assert the(app.error, "There is no preset")


def test_the_base_is_specialised_in_one_action_its_own_base_beside_it(root, chosen, tiny_preset, monkeypatch):
    requests = []

    def stream(request, root=None):
        requests.append(request)
        yield {"kind": "prompt", "text": "x", "article": None}

    monkeypatch.setattr(inference_client, "stream", stream)
    monkeypatch.setattr(inference_client, "phase", lambda root=None: "ready")
    a_run(root, "one", preset=own_preset(root, tiny_preset))
    app = open_page("checkpoints")
    the(app.button, "Specialise the base with it").click().run()
    assert not app.exception and not app.error
    assert the(app.title, "Explore")
    base = checkpoints.find("one/4").manifest["preset"]["reference"]
    assert [column["reference"] for column in requests[0]["columns"]] == [base, "one/4"]
    stay(app, "explore")
    assert len(requests) == 1  # once, not at every drawing of the page


def studio(monkeypatch, answers: dict) -> list[dict]:
    """A studio that gives such answers to such requests; the requests."""
    requests: list[dict] = []

    def stream(request, root=None):
        requests.append(request)
        yield answers[request["kind"]](request)

    monkeypatch.setattr(inference_client, "stream", stream)
    monkeypatch.setattr(inference_client, "wait_until_ready", lambda root=None: None)
    return requests


def test_an_export_says_what_it_keeps_and_loses_and_is_downloaded(root, chosen, monkeypatch):
    def write(request):
        file = root / ".exports" / f"one-4-{'0' * 16}.weights.h5"
        file.parent.mkdir()
        file.write_bytes(b"weights")
        return {"kind": "exported", "file": file.name}

    requests = studio(monkeypatch, {"export": write})
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
    assert [(r["reference"], r["format"], r["most_bytes"]) for r in requests] == [("one/4", "weights.h5", None)]
    assert any("Download" in element.proto.label for element in app.get("download_button"))
    (root / ".exports" / f"one-4-{'0' * 16}.weights.h5").unlink()
    app.run()
    assert "was removed meanwhile" in texts(app)
    monkeypatch.setattr(access, "is_owner", lambda: False)
    app.button(key="export_write").click().run()
    assert requests[-1]["most_bytes"] == 1_000_000_000


def test_a_checkpoint_is_converted_in_place_by_its_owner_into_the_formats_it_is_not_in(root, chosen, monkeypatch):
    requests = studio(monkeypatch, {"convert": lambda request: {"kind": "converted", "reference": "one-4-as-keras/4"}})
    a_run(root)
    app = open_page("checkpoints")
    for form, offered in (("keras", True), ("weights.h5", False), ("preset", False)):
        app.selectbox(key="export_format").set_value(form).run()
        assert ("export_convert" in [b.key for b in app.button]) == offered, form
    app.selectbox(key="export_format").set_value("keras").run()
    app.button(key="export_convert").click().run()
    assert not app.exception and not app.error
    assert requests == [{"kind": "convert", "reference": "one/4", "format": "keras"}]
    assert "one-4-as-keras/4 is there now." in [toast.value for toast in app.toast]
    monkeypatch.setattr(access, "is_owner", lambda: False)
    assert "export_convert" not in [b.key for b in app.run().button]


def test_the_form_of_a_run_says_what_its_format_loses(root):
    app = open_page("train")
    the(app.selectbox, "Checkpoint format").set_value("weights.h5").run()
    assert "loses the optimizer" in texts(app)


def test_the_form_of_a_run_offers_warm_up_weight_decay_and_dropout(root):
    app = open_page("train")
    the(app.number_input, "Warm-up steps").set_value(7)
    the(app.text_input, "Weight decay").set_value("0.1")
    the(app.text_input, "Dropout").set_value("0.2")
    the(app.button, "Start the run").click().run()
    assert not app.exception and not app.error
    (made,) = lifecycle.all_runs(root)
    assert (made.settings.warmup_steps, made.settings.weight_decay, made.settings.dropout) == (7, 0.1, 0.2)


def test_a_run_is_deleted_after_its_name_has_been_typed(root, chosen):
    a_run(root)
    app = open_page("checkpoints")
    press(app, "checkpoint_remove")
    assert "its 1 checkpoint, its curve and its samples" in texts(app)
    app.text_input(key="removal_name").set_value("on")
    press(app, "checkpoint_remove", app.button(key="removal_yes"))
    assert the(app.error, "nothing was deleted") and lifecycle.all_runs(root)
    app.text_input(key="removal_name").set_value("one")
    press(app, "checkpoint_remove", app.button(key="removal_yes"))
    assert lifecycle.all_runs(root) == []


def test_a_run_that_others_came_from_says_so_in_the_question(root):
    a_run(root)
    lifecycle.create(RunSettings(preset=MINI, articles=SAMPLE, name="two", steps=4, parent="one/4"))
    app = open_page("curve")
    look_at(app, "one")
    press(app, "curve_remove")
    assert the(app.error, "came from one")
    assert "removal_yes" not in [b.key for b in app.button]


def test_who_is_not_the_owner_deletes_nothing(root, chosen, monkeypatch):
    a_run(root)
    monkeypatch.setattr(access, "is_owner", lambda: False)
    for page in ("checkpoints", "curve"):
        assert not [b.key for b in open_page(page).button if b.key and b.key.endswith("_remove")]


def test_a_checkpoint_is_deleted_after_a_question_and_the_last_one_is_not(root, chosen):
    run = a_run(root)
    app = open_page("checkpoints")
    assert app.button(key="checkpoint_delete").disabled
    first = checkpoints.of_run(run)[0]
    with checkpoints.commit(
        run, 8, {name: first.manifest[name] for name in ("preset", "tokens", "parent", "metrics")}
    ) as f:
        (f / checkpoints.WEIGHTS).write_bytes(b"more weights")
    app.run()
    press(app, "checkpoint_delete")
    assert "**one/8** is deleted" in texts(app).replace("\\", "")
    press(app, "checkpoint_delete", app.button(key="checkpoint_delete_yes"))
    assert [c.step for c in checkpoints.of_run(run)] == [4]


def test_a_run_is_queued_again_with_changes_and_its_preset_stays(root, sample_folder, monkeypatch):
    monkeypatch.setattr(access, "is_local", lambda: True)
    a_run(root)
    app = open_page("curve")
    press(app, "clone")
    assert "It starts where one started: from gpt2_mini_en." in texts(app).replace("\\", "")
    app.text_input(key="again_steps").set_value("7")
    app.number_input(key="again_batch").set_value(2)
    app.number_input(key="again_lora").set_value(4)
    app.selectbox(key="again_format").set_value("keras")
    app.pills(key="again_source").set_value("path")
    press(app, "clone")
    app.text_input(key="again_path").set_value(str(sample_folder))
    press(app, "clone")
    press(app, "clone", the(app.button, "Prepare"))
    press(app, "clone", the(app.button, "Queue it"))
    assert not app.error
    made = next(run for run in lifecycle.all_runs(root) if run.name != "one").settings
    assert (made.steps, made.batch_size, made.lora_rank, made.checkpoint_format) == (7, 2, 4, "keras")
    assert (made.preset, made.parent) == (MINI, None)
    assert Corpus(Path(made.articles)).card["source"] == str(sample_folder)


def test_a_run_is_extended_on_the_same_articles_and_what_begins_anew_is_said(root):
    a_run(root)
    app = open_page("curve")
    press(app, "extend")
    assert "the optimizer, the warm-up and the learning rate begin anew" in texts(app)
    app.text_input(key="again_steps").set_value("9")
    press(app, "extend", the(app.button, "Queue it"))
    assert not app.error
    made = next(run for run in lifecycle.all_runs(root) if run.name != "one").settings
    assert (made.steps, made.parent, made.articles) == (9, "one/4", SAMPLE)


def test_an_import_is_looked_through_measured_and_its_report_is_there_after_a_reload(root, chosen, monkeypatch):
    monkeypatch.setattr(access, "is_local", lambda: True)
    requests = studio(monkeypatch, {"parity": lambda request: {"kind": "result", "figures": {}}})
    app = open_page("checkpoints")
    app.text_input(key="adoption_path").set_value(f"{MINI}/model.weights.h5").run()
    app.text_input(key="adoption_name").set_value("theirs").run()
    app.button(key="adoption_start").click().run()
    assert not app.exception and not app.error
    assert requests == [{"kind": "parity", "reference": "theirs/0"}]
    app = open_page("checkpoints")  # another session
    assert "has not been measured" in texts(app)
    app.button(key="adoption_measure").click().run()
    assert len(requests) == 2
    for model, accuracy in (("run", 0.2), ("base", 0.25)):
        figures = {"accuracy": accuracy, "loss": 5.0, "bits_per_byte": 2.0, "perplexity": 148.0, "evaluated_tokens": 9}
        lifecycle.find("theirs").append_event(
            "evaluation", step=0, split="validation", model=model, whole=True, **figures
        )
    metric = the(open_page("checkpoints").metric, "Accuracy on the sample's validation")
    assert (metric.value, metric.delta) == ("20.0\u00a0%", "-5.0 points against its base (25.0\u00a0%)")


def test_all_presets_that_an_import_fits_are_named(root, chosen, monkeypatch):
    twin = shutil.copytree(PROJECT / MINI, root.parent / "twin")
    monkeypatch.setattr(
        importing, "known_presets", lambda root=None, found=None: [catalogue.find(MINI), catalogue.find(twin)]
    )
    importing.import_checkpoint(PROJECT / MINI / "model.weights.h5", "theirs", root=root)
    assert "It fits these presets as well: twin." in texts(open_page("checkpoints"))


def test_a_run_that_waits_is_told_what_for(root):
    for name, after in (("one", None), ("two", "one")):
        lifecycle.create(RunSettings(preset=MINI, articles=SAMPLE, name=name, steps=4, parent=after, after=after))
    app = open_page("curve")
    look_at(app, "two")
    assert any("when one is finished" in bar.proto.text for bar in app.get("progress"))
