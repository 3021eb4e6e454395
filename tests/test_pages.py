"""Every page through the frame, in both languages, with nothing, with a run, and with what goes wrong."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine import checkpoints, runs
from engine.locks import Lock
from engine.settings import RunSettings

PROJECT = Path(__file__).resolve().parent.parent
PAGES = sorted((PROJECT / "pages").glob("*.py"))


@pytest.fixture(autouse=True)
def no_studio(monkeypatch):
    """Pages are rendered here, not generated with: no process is started."""
    from engine import studio_client

    monkeypatch.setattr(studio_client, "ensure", lambda root=None: None)


def open_page(name: str, language: str = "en") -> AppTest:
    app = AppTest.from_file(str(PROJECT / "streamlit_app.py"), default_timeout=60)
    app.session_state["language"] = language
    app.run()
    if name != "lab":
        app.switch_page(str(PROJECT / "pages" / f"{name}.py")).run()
    assert not app.exception, [e.message for e in app.exception]
    return app


def a_run(root, name="one", state=runs.FINISHED, preset="checkpoints/presets/gpt2_mini_en"):
    run = runs.create(RunSettings(preset=preset, articles="articles/sample", name=name, steps=4), root=root)
    figures = {"loss": 5.0, "accuracy": 0.2, "bits_per_byte": 2.5, "perplexity": 148.4, "evaluated_tokens": 500}
    for model, step in (("base", 0), ("run", 4)):
        run.append_event("evaluation", step=step, split="validation", model=model, whole=False, **figures)
        run.append_event("evaluation", step=step, split="test", model=model, whole=True, **figures)
        run.append_event("sample", step=step, model=model, prompt="The", text=f" <b>{model}</b> wrote *this*", seed=1)
    run.append_event("step", step=4, loss=5.0, accuracy=0.2, tokens=100, seconds=2.0, learning_rate=1e-3,
                     tokens_per_second=50.0, memory_bytes=10**9)  # fmt: skip
    facts = {"preset": checkpoints.presets.json_of(checkpoints.presets.find(preset)), "tokens": 100, "parent": None}
    with checkpoints.commit(run, 4, {**facts, "metrics": {"validation": figures}}) as staging:
        (staging / checkpoints.WEIGHTS).write_bytes(b"weights")
    with Lock(run.folder / "lock") as lock:
        lock.acquire()
        run.write_state(state=state, step=4, steps=4)
    return run


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_a_page_opens_with_nothing_trained(page, language, root):
    app = open_page(page.stem, language)
    assert app.title
    assert not app.error


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_a_page_opens_with_a_run(page, language, root):
    a_run(root)
    app = open_page(page.stem, language)
    assert app.title
    assert not app.error


def test_the_language_is_a_matter_of_the_session(root):
    french, english = open_page("side_by_side", "fr"), open_page("side_by_side", "en")
    assert french.title[0].value == "Côte à côte"
    assert english.title[0].value == "Side by side"
    french.run()
    assert french.title[0].value == "Côte à côte"


def test_a_trainer_that_died_is_named_with_its_reason_in_the_language(root):
    a_run(root, state=runs.RUNNING)  # nobody holds its lock
    app = open_page("fine_tune")
    assert "ended without a word" in app.warning[0].value
    assert "sans un mot" in open_page("fine_tune", "fr").warning[0].value


def test_the_button_queues_a_run_of_a_minute_and_starts_the_dispatcher(root, monkeypatch):
    from engine import dispatcher

    started = []
    monkeypatch.setattr(dispatcher, "ensure", lambda root=None: started.append(root))
    app = open_page("lab")
    app.button[0].click().run()
    assert not app.exception
    (run,) = runs.all_runs(root)
    assert (run.state().state, run.settings.minutes) == (runs.QUEUED, 1.0)
    assert started


def test_the_form_says_everything_that_is_wrong_at_once(root):
    app = open_page("fine_tune")
    next(n for n in app.number_input if n.label == "Learning rate (0 = automatic)").set_value(0.5)
    next(n for n in app.number_input if n.label == "Sequence length (0 = automatic)").set_value(3)
    next(t for t in app.text_input if t.label.startswith("Name of the run")).set_value("../up")
    app.run()
    problems = " ".join(e.value for e in app.error)
    assert "learning_rate must be 0 (automatic)" in problems
    assert "sequence_length must be 0 (automatic) or at least 8" in problems
    assert "cannot be a folder" in problems
    assert next(b for b in app.button if b.label == "Start the run").disabled


def test_generated_text_is_shown_as_text(root):
    a_run(root)
    app = open_page("lab")
    assert any("<b>run</b> wrote *this*" in t.value for t in app.text)
    assert not any("<b>run</b>" in m.value for m in app.markdown)


def test_a_run_deleted_while_shown_is_no_traceback(root):
    import shutil

    run = a_run(root)
    app = open_page("fine_tune")
    shutil.rmtree(run.folder)
    app.run()
    assert not app.exception


def test_visitors_without_the_owners_code_neither_stop_nor_queue_much(root, monkeypatch):
    import streamlit as st

    from engine.errors import EngineError
    from ui import access

    monkeypatch.setattr(access, "_secret", {"owner_code": "s3cret"}.get)
    monkeypatch.setattr(st, "session_state", {})
    small = RunSettings(preset="p", articles="a", name="n", minutes=1)
    access.check_queue(small)
    with pytest.raises(EngineError, match="at most 2.0 minutes or 500 steps"):
        access.check_queue(RunSettings(preset="p", articles="a", name="n", epochs=3))
    runs.create(RunSettings(preset="p", articles="a", name="waits", minutes=1), root=root)
    with pytest.raises(EngineError, match="one at a time"):
        access.check_queue(small)
    monkeypatch.setattr(st, "session_state", {"owner_code": "s3cret"})
    access.check_queue(RunSettings(preset="p", articles="a", name="n", epochs=3))


def test_paths_are_offered_on_loopback_or_under_named_folders_with_links_resolved(tmp_path, monkeypatch):
    import streamlit as st

    from engine.errors import EngineError
    from ui import access

    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (inside / "link").symlink_to(outside)
    monkeypatch.setattr(st, "get_option", lambda name: "0.0.0.0")
    monkeypatch.setattr(access, "_secret", lambda name: None)
    with pytest.raises(EngineError, match="not offered here"):
        access.check_path(str(inside))
    monkeypatch.setattr(access, "_secret", {"article_folders": [str(inside)]}.get)
    access.check_path(str(inside / "a.jsonl"))
    for path in (inside / "link" / "a.jsonl", inside / ".." / "outside", Path("/etc/passwd")):
        with pytest.raises(EngineError, match="outside the folders"):
            access.check_path(str(path))
    monkeypatch.setattr(st, "get_option", lambda name: "127.0.0.1")
    access.check_path("/etc/passwd")


def test_a_base_is_grey_and_a_runs_checkpoints_deepen_along_one_hue(root):
    from ui import colours

    run = a_run(root)
    (checkpoint,) = checkpoints.of_run(run)
    preset = checkpoints.presets.find("checkpoints/presets/gpt2_mini_en")
    assert colours.of_model(checkpoints.ModelReference(preset)) == colours.BASE
    hue = colours.of_model(checkpoints.ModelReference(preset, checkpoint))
    assert hue == colours.of_run("one") == colours.HUES[0]
    assert colours.deepened(hue, 0.0) != colours.deepened(hue, 0.5) != hue


def test_thinned_curves_keep_their_extremes():
    from ui import charts

    ys = [0.0] * 5000
    ys[1234], ys[4321] = 9.0, -9.0
    xs, kept = charts.thinned(list(range(5000)), ys)
    assert len(kept) <= charts.MOST_POINTS
    assert (max(kept), min(kept)) == (9.0, -9.0)
    assert xs == sorted(xs)
