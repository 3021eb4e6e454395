"""No address gives an error page: every parameter that a page reads goes through values that nobody should send."""

import re

import pytest
from pages_helpers import a_run, new_session, the
from project import PAGES, PROJECT
from streamlit.testing.v1 import AppTest

from engine.core import paths
from engine.core.errors import EngineError
from engine.presets import catalogue
from engine.runs import checkpoints, lifecycle, references

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
                 "length": "4", "click": "1"},
    "microscope": {"articles": "articles/sample", "article": "2", "token": "3"},
    "side_by_side": {"model": "one/4", "write": "1"},
    "memorisation": {"run": "one"},
    "fine_tune": {"parent": "one/4", "run": "one"},
}  # fmt: skip


def parameters() -> set[str]:
    """The names that pages read from an address, by their sources."""
    found: set[str] = {"click"}
    for file in [*PROJECT.glob("pages/*.py"), *PROJECT.glob("ui/**/*.py")]:
        text = file.read_text(encoding="utf-8")
        found.update(re.findall(r"query_params(?:\.get\(|\.pop\(|\[)\"(\w+)\"", text))
        found.update(re.findall(r"\"(\w+)\" (?:not )?in st\.query_params", text))
        for names in re.findall(r"links\.requested\(([^)]*)\)", text):
            found.update(re.findall(r"\"(\w+)\"", names))
    return found


def test_every_parameter_that_is_read_is_tried():
    assert parameters() == set().union(*GOOD.values())


def visit(app: AppTest, query: dict[str, str]) -> None:
    app.query_params.clear()
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    shown = {name: value[:40] for name, value in query.items()}
    assert not app.exception, (shown, [e.message for e in app.exception])
    assert all(len(box.value) < 1500 for box in app.error), shown


def opened(page: str) -> AppTest:
    app = new_session()
    app.session_state["language"] = "en"
    app.run()
    if page != "lab":
        app.switch_page(str(PROJECT / "pages" / f"{page}.py")).run()
    return app


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.long)], ids=["some", "every"])
@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_no_address_gives_an_error_page(page, every, root, monkeypatch):
    from engine.services import inference_client

    def ended(request, root=None):
        raise EngineError("The studio ended while it was working: try again, it starts anew.")
        yield

    monkeypatch.setattr(inference_client, "phase", lambda root=None: "ready")
    monkeypatch.setattr(inference_client, "stream", ended)
    a_run(root)
    app = opened(page.stem)
    good = GOOD.get(page.stem, {})
    number = PAGES.index(page)  # each page tries some of the values, all pages together every one
    for value in HOSTILE if every else HOSTILE[number % 4 :: 4]:
        visit(app, dict.fromkeys(parameters(), value))
    wrong = ("~nobodyzz/x", "a\0b", "/" + "a" * 10_000, "999999999")
    for place, name in enumerate(good):
        for at, value in enumerate(wrong) if every else [(place, wrong[(place + number) % 4])]:
            visit(app, {**good, "click": str(at), name: value})


@pytest.mark.parametrize("query", [
    {"split": "train", "article": "1", "articles": "~nobodyzz/x"},
    {"split": "train", "article": "1", "articles": "a\0b"},
    {"split": "train", "article": "1", "articles": "a" * 5000},
    {"split": "train", "article": "999999999", "articles": "articles/sample"},
    {"split": "validation", "article": "999999999", "articles": "articles/sample"},
], ids=lambda query: str(query)[:60])  # fmt: skip
def test_the_articles_page_passes_over_what_is_not_there(query, root):
    app = opened("articles")
    visit(app, query)
    assert not app.error
    assert app.number_input(key=f"number_{app.segmented_control(key='articles_split').value}").value == 1


def test_a_parent_that_can_be_no_run_is_a_sentence(root):
    a_run(root)
    app = opened("fine_tune")
    visit(app, {"parent": "/" + "a" * 5000})
    said = the(app.error, "There is no run aaaa").value
    assert said.startswith("There is no run aaaa") and len(said) < 300


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
