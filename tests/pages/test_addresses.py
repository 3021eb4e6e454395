"""No address gives an error page: every parameter that a page reads goes through values that nobody should send."""

import pytest
from pages_helpers import a_run, go_to, open_page, the
from project import PLACES, PROJECT
from streamlit.testing.v1 import AppTest

from engine.core import paths
from engine.core.errors import EngineError
from engine.presets import catalogue
from engine.runs import checkpoints, lifecycle, references
from ui import address, pair, rooms

pytestmark = pytest.mark.usefixtures("no_studio")

HOSTILE = [
    "",
    "~nobodyzz/x",
    "~",
    "a\0b",
    "a" * 300,
    "/" + "a" * 5000,
    "a/" * 5000,
    "../../../etc/passwd",
    "/etc/passwd",
    "C:\\Windows\\x",
    "<script>alert(1)</script>",
    "-1",
    "0",
    "999999999",
    "9" * 400,
    "٣",
    "1e5",
    "%00%2e{n}{}",
    "\u202e\ud7ff🙂",
]
# A query that leads somewhere: one parameter at a time is then replaced.
GOOD = {
    "articles": {"articles": "articles/sample", "split": "train", "article": "2", "corpus": "0123", "token": "3",
                 "length": "4"},
    "words": {"articles": "articles/sample", "article": "2", "token": "3"},
    "write": {"run": "one/4"},
    "copied": {"run": "one", "from": "text", "text": "So were the cells that grew in it"},
    "train": {"parent": "one/4"},
}  # fmt: skip


def visit(app: AppTest, place: str, query: dict[str, str]) -> None:
    go_to(app, place, **query)
    shown = {name: value[:40] for name, value in query.items()}
    assert not app.exception, (shown, [e.message for e in app.exception])
    assert all(len(box.value) < 1500 for box in app.error), shown


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.long)], ids=["some", "every"])
@pytest.mark.parametrize("place", PLACES)
def test_no_address_gives_an_error_page(place, every, root, monkeypatch):
    from engine.services import inference_client

    def ended(request, root=None):
        raise EngineError("The studio ended while it was working: try again, it starts anew.")
        yield

    monkeypatch.setattr(inference_client, "phase", lambda root=None: "ready")
    monkeypatch.setattr(inference_client, "stream", ended)
    a_run(root)
    app = open_page("lab")
    room = place if place in rooms.ROOMS else rooms.room_of(place)
    read = {parameter.name for parameter in address.parameters(room, place)} - {"tab"}
    good = GOOD.get(place, {})
    number = PLACES.index(place)  # each tries some of the values, all together every one
    for value in HOSTILE if every else HOSTILE[number % 4 :: 4]:
        visit(app, place, dict.fromkeys(read, value))
    wrong = ("~nobodyzz/x", "a\0b", "/" + "a" * 10_000, "999999999")
    for at, name in enumerate(good):
        for value in wrong if every else [wrong[(at + number) % 4]]:
            visit(app, place, {**good, name: value})


@pytest.mark.parametrize("tab", [*HOSTILE, "copied", "no-such"], ids=lambda tab: ascii(tab)[:30])
def test_a_tab_that_is_none_of_the_room_is_said_and_the_first_one_shown(tab, root):
    app = open_page("lab")
    app.query_params["tab"] = tab
    app.switch_page(str(PROJECT / "pages" / "library.py")).run()
    assert not app.exception
    assert the(app.error, "What this address asks for").value.count("tab=") == 1
    assert app.query_params["tab"] == tab  # what stands in the browser is put right by the browser's part
    assert app.session_state["tabs_library"] == "Runs"


@pytest.mark.parametrize("query", [
    {"split": "train", "article": "1", "articles": "~nobodyzz/x"},
    {"split": "train", "article": "1", "articles": "a\0b"},
    {"split": "train", "article": "1", "articles": "a" * 5000},
    {"split": "train", "article": "9999999999", "articles": "articles/sample"},
], ids=lambda query: str(query)[:60])  # fmt: skip
def test_what_is_not_there_of_an_article_is_one_sentence_and_the_rest_is_shown(query, root):
    app = open_page("lab")
    visit(app, "articles", query)
    (said,) = app.error
    assert said.value.startswith("What this address asks for is not here, or is nothing: ") and len(said.value) < 300
    assert app.number_input(key=f"number_{app.segmented_control(key='articles_split').value}").value == 1
    app.run()
    assert not app.error  # said once


def test_all_that_an_address_asks_for_in_vain_is_one_sentence_and_what_is_right_is_done(root):
    a_run(root)
    app = open_page("lab")
    hostile = "<script>alert(1)</script>"
    visit(app, "write", {"run": hostile, "against": "gone/7", "seed": "x", "temperature": "nan", "top_k": "5",
                         "models": "one/4,gone/1", "prompt": "a" * 501})  # fmt: skip
    (said,) = [error.value for error in app.error]
    for name in ("run=", "against=", "seed=x", "temperature=nan", "models=", "prompt=aaa"):
        assert said.count(name) == 1, name
    assert "top_k" not in said and r"\<script>alert" in said and len(said) < 600  # as text
    assert app.slider(key="side_top_k").value == 5 and app.number_input(key="side_seed").value == 1
    assert app.selectbox(key="run").value == "one" and app.selectbox(key="against").value == pair.BASE


def test_a_parent_that_can_be_no_run_is_a_sentence(root):
    a_run(root)
    app = open_page("lab")
    visit(app, "train", {"parent": "aaaa/5"})
    assert the(app.error, "There is no run aaaa")
    visit(app, "train", {"parent": "/" + "a" * 5000})
    assert len(the(app.error, "parent=/aaa").value) < 300


@pytest.mark.parametrize(
    "name", [*HOSTILE, "\ud800", "hf://../..", "kaggle://" + "a/" * 300, "modelscope://.."], ids=lambda n: ascii(n)[:30]
)
def test_whatever_a_name_is_it_is_found_or_a_sentence(name, root):
    looks = (lifecycle.find, checkpoints.find, references.resolve, paths.locate)
    for look in looks:
        try:
            look(name)
        except EngineError as error:
            assert len(str(error)) < 800 and str(error).encode()
    try:
        catalogue.cached(catalogue.find(name))
    except EngineError as error:
        assert len(str(error)) < 800 and str(error).encode()
