"""Present: one figure a screen, moved through the screens of a tab and on through the tabs; in the address, and back."""

import plotly.io as pio
import pytest
from pages_helpers import a_run, go_to, new_session, open_page, texts
from project import PLACES
from streamlit.testing.v1 import AppTest

from ui.charts import style

# How many figures the screens of a place hold, of the run of `a_run`.
PRESENTED_FIGURES = {"curve": 6, "time": 1, "copied": 1, "score": 2, "runs": 1, "articles": 6}

pytestmark = pytest.mark.usefixtures("no_studio")


def presented(place: str = "curve", **query: str):
    app = go_to(open_page("lab"), place, **query)
    return app.button(key="present_start").click().run()


def at(app) -> tuple[str | None, str]:
    """The tab and the screen that are in view, as the bar says it."""
    return app.session_state["tab_explore"], next(
        m.value for m in app.markdown if " / " in m.value and len(m.value) < 9
    )


def here(app) -> str:
    """The screen in view, as the bar says it."""
    return next(m.value for m in app.markdown if " / " in m.value and len(m.value) < 9)


def a_table():
    import pandas as pd
    import streamlit as st

    from ui import tables

    frame = pd.DataFrame({"name": [f"<b>{n}</b>" for n in range(12)], "n": [50.0] * 12, "hidden": [0] * 12})
    names = {"name": st.column_config.TextColumn("Name")}
    tables.show(frame, {"n": lambda x: f"{x:.1f}"}, presented=["name", "n"], column_config=names)


def press(app, key: str):
    app.button(key=f"present_{key}").click().run()
    assert not app.exception
    return app


def test_the_keys_of_a_clicker_go_through_the_screens_of_a_tab_and_on_to_the_next_and_back(root):
    a_run(root)
    app = presented()
    first = at(app)
    assert first[0] in (None, "curve") and first[1].startswith("1 / ")
    count = int(first[1].partition(" / ")[2])
    assert count > 3
    for number in range(2, count + 1):
        assert at(press(app, "pagedown"))[1] == f"{number} / {count}"
    assert at(press(app, "pagedown"))[0] == "time"
    assert at(press(app, "pageup")) == ("curve", f"{count} / {count}")
    assert app.query_params["present"] == "1" and app.query_params["tab"] == "curve"


def test_the_first_screen_has_nothing_before_it_and_the_last_nothing_behind(root):
    a_run(root)
    app = presented()
    assert app.button(key="present_pageup").disabled and not app.button(key="present_pagedown").disabled
    app = presented("score", screen="99")
    while not app.button(key="present_pagedown").disabled:
        press(app, "pagedown")
    assert at(app)[0] == "score"


def test_what_is_presented_has_one_part_of_the_page_and_neither_its_buttons_nor_the_menu(root):
    a_run(root)
    app = go_to(open_page("lab"), "curve")
    assert len(app.metric) == 3
    usual = {b.key for b in app.button}
    app.button(key="present_start").click().run()
    assert len(app.metric) == 3 and not app.get("plotly_chart")  # the outcome alone
    assert {b.key for b in app.button} < usual | {"present_pageup", "present_pagedown", "present_end"}
    assert not app.sidebar.children
    press(app, "pagedown")
    assert not app.metric and len(app.get("plotly_chart")) == 1
    assert "one against its base, gpt2" in texts(app).replace("\\", "")


def test_the_end_shows_the_page_as_it_was(root):
    a_run(root)
    app = presented()
    press(app, "pagedown")
    press(app, "end")
    assert "present" not in app.query_params and "screen" not in app.query_params
    assert len(app.get("plotly_chart")) > 1 and len(app.metric) == 3
    assert "present_end" not in {b.key for b in app.button}


def test_a_link_presents_the_same_screen_and_back_ends_it(root):
    a_run(root)
    app = new_session()
    app.query_params.update({"present": "1", "screen": "2", "tab": "curve", "run": "one"})
    app = go_to(app.run(), "curve", run="one", present="1", screen="2")
    assert at(app)[1].startswith("2 / ")
    app.query_params.clear()
    app.query_params.update({"tab": "curve", "run": "one"})  # as Back leaves it
    app.run()
    assert not app.session_state["present"] and "present_end" not in {b.key for b in app.button}


@pytest.mark.parametrize("value", ["2", "true", "<script>alert(1)</script>", "1" * 10_000, "-1", ""])
def test_a_hostile_address_presents_nothing_is_told_of_and_the_rest_is_shown(root, value):
    a_run(root)
    app = go_to(open_page("lab"), "curve", run="one", present=value)
    assert not app.exception and "present_end" not in {b.key for b in app.button}
    assert any("present=" in box.value for box in app.error) and len(app.metric) == 3


@pytest.mark.parametrize("screen", ["99", "57"])
def test_a_screen_that_is_not_there_is_the_last(root, screen):
    a_run(root)
    app = go_to(open_page("lab"), "curve", run="one", present="1", screen=screen)
    shown, _slash, count = at(app)[1].partition(" / ")
    assert shown == count


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_place_is_presented_in_both_languages(root, place, language):
    a_run(root)
    app = open_page("lab", language)
    app = go_to(app, place, present="1")
    assert not app.exception and app.title and app.button(key="present_end")
    app = new_session()
    app.session_state["language"] = language
    app.query_params["present"] = "1"
    assert not app.run().exception  # nothing is trained: the Lab


@pytest.mark.parametrize("place", PLACES)
def test_a_screen_holds_one_figure_at_most_and_no_place_ends_without_a_next(root, place):
    a_run(root)
    app = go_to(open_page("lab"), place, run="one", present="1")
    count = int(here(app).partition(" / ")[2])
    usual = go_to(open_page("lab"), place, run="one")
    assert count >= min(2, len(usual.get("plotly_chart")))
    seen = []
    for number in range(1, count + 1):
        assert here(app) == f"{number} / {count}" and not app.exception
        assert len(app.get("plotly_chart")) <= 1, number
        seen.append((len(app.get("plotly_chart")), texts(app)))
        if number < count:
            press(app, "pagedown")
    assert sum(figures for figures, _texts in seen) == PRESENTED_FIGURES.get(place, 0)
    assert len(set(seen)) >= min(2, count)  # another screen shows another thing


def test_what_is_chosen_on_one_screen_leads_the_others(root):
    a_run(root)
    app = go_to(open_page("lab"), "articles", present="1", split="validation")
    for _screen in range(2):
        press(app, "pagedown")
    assert app.session_state["articles_split"] == "validation"
    app = go_to(open_page("lab"), "write", present="1")
    app.text_area(key="side_prompt").set_value("Once upon a time").run()
    press(app, "pagedown")  # Words
    press(app, "pageup")
    assert app.text_area(key="side_prompt").value == "Once upon a time"


def test_a_table_that_is_presented_is_text_of_its_first_rows_escaped(root):
    app = AppTest.from_function(a_table)
    app.session_state["present"] = True
    (table,) = app.run().html
    html = table.value
    assert not app.exception and not app.dataframe
    assert '<th scope="col">Name</th>' in html and "hidden" not in html
    assert "&lt;b&gt;0&lt;/b&gt;" in html and "&lt;b&gt;4&lt;/b&gt;" in html and "&lt;b&gt;5&lt;/b&gt;" not in html
    assert "50.0" in html and any("7" in caption.value for caption in app.caption)


def test_figures_that_are_presented_have_text_of_20_pixels_and_more(monkeypatch):
    usual = style.template()
    monkeypatch.setattr("ui.present.on", lambda: True)
    large = style.template()
    assert large != usual

    def sizes(value, name=""):
        if isinstance(value, dict):
            for key, inner in value.items():
                yield from sizes(inner, f"{name}.{key}")
        elif name.endswith("font.size"):
            yield name, value

    layout = pio.templates[large].layout.to_plotly_json()
    assert layout["font"]["size"] >= 20
    assert {name: size for name, size in sizes(layout) if size < 20} == {}


def test_a_figure_that_was_built_for_the_page_is_not_the_one_that_is_presented(monkeypatch):
    import plotly.graph_objects as go

    from ui.components.figure import live

    usual = live.content(go.Figure, "a figure of this test", 1)
    monkeypatch.setattr("ui.present.on", lambda: True)
    assert live.content(go.Figure, "a figure of this test", 1) != usual
