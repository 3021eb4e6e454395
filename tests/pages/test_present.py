"""Present: one figure a screen, moved through the screens of a tab and on through the tabs; in the address, and back."""

import plotly.io as pio
import pytest
from pages_helpers import a_run, go_to, new_session, open_page, texts
from project import PLACES

from ui.charts import style

pytestmark = pytest.mark.usefixtures("no_studio")


def presented(place: str = "curve", **query: str):
    app = go_to(open_page("lab"), place, **query)
    return app.button(key="present_start").click().run()


def at(app) -> tuple[str | None, str]:
    """The tab and the screen that are in view, as the bar says it."""
    return app.session_state["tab_explore"], next(
        m.value for m in app.markdown if " / " in m.value and len(m.value) < 9
    )


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
