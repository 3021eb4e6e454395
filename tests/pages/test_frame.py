"""The frame of the rooms: the menu, the header's pair, the tabs, former addresses, links, and what stays when one leaves."""

import json

import pytest
import streamlit as st
from pages_helpers import a_run, go_to, look_at, open_page, texts, the
from pages_helpers import written as wrote
from project import PAGES, PLACES, PROJECT

from engine.runs import lifecycle, states
from engine.runs.settings import RunSettings
from ui import former, pair, rooms
from ui.components.history import history

pytestmark = pytest.mark.usefixtures("no_studio")


@pytest.fixture
def written(monkeypatch):
    """What the browser's part is told to write: a dictionary a page that was drawn."""
    calls = []

    def write(language, page="", query=None, names=(), pages=(), to="", key="history"):
        calls.append({"page": page, "query": query, "to": to})

    monkeypatch.setattr(history, "write", write)
    return calls


def test_the_places_that_tests_open_are_all_there_are():
    assert {path.stem for path in PAGES} == set(rooms.ROOMS)
    assert set(PLACES) == {place for room, tabs in rooms.ROOMS.items() for place in tabs or (room,)}


def test_only_the_tab_in_view_is_computed(root, monkeypatch):
    from ui.explore import copied, curve, score, time, words, write

    drawn = []
    for module in (copied, curve, score, time, words, write):
        monkeypatch.setattr(module, "show", lambda module=module: drawn.append(module.__name__.rpartition(".")[2]))
    app = open_page("lab")
    for tab in rooms.ROOMS[rooms.EXPLORE]:
        drawn.clear()
        go_to(app, tab)
        assert drawn == [tab]


def test_the_run_of_the_header_serves_every_tab_and_none_asks_again(root):
    for name in ("one", "two"):
        a_run(root, name)
    app = look_at(open_page("curve"), "one")
    for place in PLACES:
        go_to(app, place)
        assert not app.exception and app.selectbox(key="run").value == "one", place
        if place in rooms.ROOMS[rooms.EXPLORE]:
            others = [box for box in app.selectbox if box.key not in ("run", "against") and "two" in box.options]
            assert not others, (place, [box.label for box in others])


def test_recorded_runs_are_marked_and_a_checkpoint_can_be_in_view(root):
    run = a_run(root)
    (run.folder / "recorded.json").write_text(json.dumps({"command": "c", "date": "2026-01-01", "commit": "0" * 40}))
    app = go_to(open_page("lab"), "curve", run="one/4")
    assert app.selectbox(key="run").options == ["one (recorded)", "one · step 4 (recorded)"]
    assert app.selectbox(key="run").value == "one/4"
    assert app.query_params["run"] == "one/4"


def test_where_nobody_chose_the_run_at_work_is_in_view_and_then_the_newest(root):
    a_run(root, "one")
    app = open_page("lab")
    assert app.selectbox(key="run").value == "one" and "run" not in app.query_params
    waiting = lifecycle.create(
        RunSettings(preset="checkpoints/presets/gpt2_mini_en", articles="articles/sample", name="two", steps=4)
    )
    assert app.run().selectbox(key="run").value == "two"
    look_at(app, "one")
    waiting.request_stop()
    assert app.run().selectbox(key="run").value == "one" and app.query_params["run"] == "one"


def test_a_run_held_against_another_is_laid_over_it_and_read_beside_it(root):
    for name in ("one", "two"):
        a_run(root, name)
    app = go_to(open_page("lab"), "curve", run="one", against="two")
    assert app.selectbox(key="against").value == "two"
    chart = next(
        c
        for c in app.get("plotly_chart")
        if {t.get("name") for t in json.loads(c.proto.spec)["data"]} == {"one", "two"}
    )
    assert chart
    go_to(app, "words")
    models = [model.reference for model in pair_of(app)]
    assert models == ["two/4", "one/4"]


def test_a_run_that_is_called_base_is_no_base_model(root):
    for name in ("one", "base"):
        a_run(root, name)
    app = go_to(open_page("lab"), "words", run="one")
    assert app.selectbox(key="against").value == pair.BASE
    app.selectbox(key="against").select("base").run()
    assert not app.exception and app.query_params["against"] == "base"
    assert [model.reference for model in pair_of(app)] == ["base/4", "one/4"]


def pair_of(app):
    """The models that the tab Words has been given."""
    found = []
    real = pair.models
    try:
        pair.models = lambda: found.extend(real()) or found
        app.run()
    finally:
        pair.models = real
    return found


def test_a_run_against_itself_is_a_run_against_its_base(root):
    for name in ("one", "two"):
        a_run(root, name)
    app = go_to(open_page("lab"), "curve", run="one", against="two")
    look_at(app, "two")
    assert not app.exception and app.selectbox(key="against").value == pair.BASE
    assert "two" not in app.selectbox(key="against").options


def test_a_run_without_a_checkpoint_is_told_of_and_its_base_writes(root):
    lifecycle.create(
        RunSettings(preset="checkpoints/presets/gpt2_mini_en", articles="articles/sample", name="x", steps=4)
    )
    app = open_page("write")
    assert the(app.info, "The run x has no checkpoint yet.")
    assert not app.button(key="side_generate").disabled


def test_what_was_typed_is_there_when_one_comes_back(root):
    a_run(root)
    app = open_page("write")
    app.text_area(key="side_prompt").set_value("Insulin lowers").run()
    app.select_slider(key="side_temperature").set_value(0.3).run()
    go_to(app, "checkpoints")
    go_to(app, "curve")
    go_to(app, "write")
    assert app.text_area(key="side_prompt").value == "Insulin lowers"
    assert app.select_slider(key="side_temperature").value == 0.3


def test_the_live_address_is_short_and_a_shared_one_has_everything(root):
    a_run(root)
    app = go_to(open_page("lab"), "write", run="one", prompt="The cells", seed="7", top_k="10")
    assert (app.text_area(key="side_prompt").value, app.number_input(key="side_seed").value) == ("The cells", 7)
    app.segmented_control(key="side_source").set_value("article").run()
    assert app.query_params["tab"] == "write" and app.query_params["run"] == "one"
    app.button(key="share").click().run()
    (link,) = [code.value for code in app.code if "tab=write" in code.value]
    for part in ("run=one", "prompt=The+cells", "seed=7", "top_k=10", "from=article"):
        assert part in link
    assert "temperature" not in link  # as it is anyway


def test_a_choice_is_written_at_once_and_a_page_that_is_come_to_completes_its_address_in_place(root, written):
    a_run(root, "one")
    a_run(root, "two")
    app = open_page("curve")
    assert written[-1] == {"page": "explore", "query": {"run": "two", "tab": "curve"}, "to": ""}
    look_at(app, "one")
    assert dict(app.query_params) == {"run": "one", "tab": "curve"}  # Streamlit's own way: a new entry of the history
    assert written[-1]["query"] is None
    go_to(app, "write")
    assert written[-1]["query"] == {"run": "one", "tab": "write"}


def test_a_moment_stands_in_the_address_without_an_entry_of_its_own_and_a_reload_shows_it(root, written):
    run = a_run(root, "one")
    run.append_event("sample", step=2, model="run", prompt="The", text=" halfway", seed=1)
    app = go_to(open_page("lab"), "time", run="one")
    assert not any("moment" in call["query"] for call in written if call["query"])  # it opens at the base
    app.select_slider(key="time_slider").set_value(1).run()
    assert written[-2]["query"] == {"run": "one", "tab": "time", "moment": "one/2"} and written[-1]["query"] is None
    assert dict(app.query_params) == {"run": "one", "tab": "time"}
    again = go_to(open_page("lab"), "time", run="one", moment="one/2")
    assert again.select_slider(key="time_slider").value == 1 and "The halfway" in wrote(again)
    assert the(go_to(again, "time", run="one", moment="one/77").error, "moment=one/77")


def test_back_to_an_address_in_the_same_room_shows_it_again(root):
    a_run(root, "one")
    a_run(root, "two")
    app = go_to(open_page("lab"), "curve", run="one")
    for query in ({"run": "two", "tab": "write"}, {"run": "one", "tab": "curve"}, {"tab": "curve"}):
        app.query_params.clear()
        app.query_params.update(query)
        app.run()
        assert app.selectbox(key="run").value == query.get("run", "two")
        assert app.session_state["tabs_explore"] == rooms.tab_title(query["tab"])


def test_the_menus_address_has_no_tab_and_leads_to_where_one_was(root):
    a_run(root)
    app = open_page("words")
    go_to(app, "train")
    app.query_params.clear()
    app.switch_page(str(PROJECT / "pages" / "explore.py")).run()
    assert app.session_state["tabs_explore"] == "Words"


@pytest.mark.parametrize(
    ("page", "query", "room", "there"),
    [
        ("articles", {"articles": "articles/sample", "article": "3", "click": "2"}, "library",
         {"articles": "articles/sample", "article": "3", "tab": "articles"}),
        ("fine_tune", {"run": "one"}, "explore", {"run": "one", "tab": "curve"}),
        ("fine_tune", {"parent": "one/4"}, "train", {"parent": "one/4"}),
        ("fine_tune", {}, "train", {}),
        ("compare", {}, "library", {"tab": "runs"}),
        ("checkpoints", {}, "library", {"tab": "checkpoints"}),
        ("side_by_side", {"model": "one/4", "write": "1"}, "explore", {"run": "one/4", "write": "1", "tab": "write"}),
        ("evaluate", {}, "explore", {"tab": "score"}),
        ("microscope", {"article": "3", "token": "41"}, "explore", {"article": "3", "token": "41", "tab": "words"}),
        ("memorisation", {"run": "one"}, "explore", {"run": "one", "tab": "copied"}),
        ("time_machine", {"run": "one"}, "explore", {"run": "one", "tab": "time"}),
        ("lab", {"run": "one"}, "lab", {"run": "one"}),
    ],
)  # fmt: skip
def test_a_former_address_leads_to_what_has_taken_its_place(page, query, room, there):
    assert former.target(page, query) == (room, there)
    assert page in former.PLACES


def test_every_former_page_stands_in_no_menu(monkeypatch):
    assert set(former.PLACES) == {"articles", "fine_tune", "compare", "checkpoints", "side_by_side", "evaluate",
                                  "microscope", "memorisation", "time_machine", "lab"}  # fmt: skip
    made = []
    monkeypatch.setattr(st, "Page", lambda page, **of: made.append((of["url_path"], of["visibility"])))
    former.pages()
    assert made == [(page, "hidden") for page in former.PLACES]


def test_after_the_press_in_train_explores_curve_opens(root):
    app = open_page("train")
    the(app.button, "Start the run").click().run()
    assert not app.exception and not app.error
    (run,) = lifecycle.all_runs(root)
    assert the(app.title, "Explore") and app.session_state["tabs_explore"] == "Curve"
    assert app.selectbox(key="run").value == run.name and run.state().state == states.QUEUED
    assert run.name.replace("-", r"\-") in texts(app) or run.name in texts(app)


def test_a_page_that_is_gone_to_and_draws_itself_anew_still_takes_the_place_of_one_entry(root, written, monkeypatch):
    from ui.explore import curve

    real, drawn = curve.show, []

    def show() -> None:
        drawn.append(1)
        if len(drawn) == 1:
            st.rerun()
        real()

    monkeypatch.setattr(curve, "show", show)
    app = open_page("train")
    the(app.button, "Start the run").click().run()
    (run,) = lifecycle.all_runs(root)
    assert len(drawn) == 2 and written[-1]["query"] == {"run": run.name, "tab": "curve"}
    assert "tab" not in app.query_params  # so Streamlit has made no entry of its own


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_language_changes_under_the_tab_that_is_in_view(root, language):
    a_run(root)
    app = open_page("time", "fr" if language == "en" else "en")
    app.segmented_control(key="language").set_value(language).run()
    assert not app.exception
    assert app.session_state["tabs_explore"] == {"en": "Time", "fr": "Temps"}[language]
    assert app.session_state["tab_explore"] == "time"


def test_the_language_stays_with_the_browser(monkeypatch):
    from types import SimpleNamespace

    from ui import i18n

    for cookie, locale, wanted in (
        ("fr", "en-GB", "fr"),
        (None, "fr-FR", "fr"),
        ("xx", "en-GB", "en"),
        (None, None, "en"),
    ):
        cookies = {} if cookie is None else {i18n.LANGUAGE_COOKIE: cookie}
        monkeypatch.setattr(st, "context", SimpleNamespace(cookies=cookies, locale=locale))
        assert i18n.browser_language() == wanted


def test_many_runs_of_which_some_are_broken_are_all_searchable_in_the_header(root):
    first = a_run(root)
    import shutil

    for number in range(120):
        shutil.copytree(first.folder, root / f"run-{number:03d}")
        config = json.loads((root / f"run-{number:03d}" / "config.json").read_text())
        broken = "{" if number % 40 == 0 else json.dumps({**config, "name": f"run-{number:03d}"})
        (root / f"run-{number:03d}" / "config.json").write_text(broken)
    app = open_page("curve")
    assert not app.exception
    assert len(app.selectbox(key="run").options) == 118
