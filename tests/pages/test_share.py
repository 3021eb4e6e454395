"""Share: a link and a code that a phone reads, the report and the data of the run in view."""

import csv
import io
from types import SimpleNamespace

import pytest
import streamlit as st
from pages_helpers import a_run, go_to, open_page, press

from engine.core.locks import Lock
from engine.runs import states
from ui import access, network, phone_address, share_view

pytestmark = pytest.mark.usefixtures("no_studio")


def shared(app):
    return app.button(key="share").click().run()


def test_the_report_is_made_when_it_is_asked_for_and_is_then_one_press_away(root, prepared_sample):
    a_run(root)
    app = shared(go_to(open_page("lab", "fr"), "curve", run="one"))
    assert "share_report_download" not in {b.key for b in app.get("download_button")}
    press(app, "share", app.button(key="share_report_make"))
    name, page = app.session_state["share_report"]
    assert '<html lang="fr">' in page and str(root) not in page and "one" in name


def test_a_report_of_other_figures_or_another_language_is_made_anew(root, prepared_sample):
    run = a_run(root)
    app = shared(go_to(open_page("lab"), "curve", run="one"))
    press(app, "share", app.button(key="share_report_make"))
    shared(app)
    assert "share_report_make" not in {b.key for b in app.button}
    run.append_event("step", step=5, loss=4.0, accuracy=0.3, tokens=125, seconds=2.5, learning_rate=1e-3,
                     tokens_per_second=50.0, memory_bytes=10**9)  # fmt: skip
    shared(app)
    assert "share_report_make" in {b.key for b in app.button}


@pytest.mark.parametrize("change", ["state", "index"])
def test_a_report_of_a_run_that_stands_otherwise_or_is_indexed_now_is_made_anew(
    root, prepared_sample, monkeypatch, change
):
    run = a_run(root)
    indexed = [""]
    monkeypatch.setattr(share_view, "_is_indexed", lambda _run: indexed[0])
    app = shared(go_to(open_page("lab"), "curve", run="one"))
    press(app, "share", app.button(key="share_report_make"))
    shared(app)
    assert "share_report_make" not in {b.key for b in app.button}
    if change == "index":
        indexed[0] = "indexed"
    else:
        with Lock(run.folder / "lock") as lock:
            lock.acquire()
            run.write_state(state=states.STOPPED)
    shared(app)
    assert "share_report_make" in {b.key for b in app.button}


def test_where_there_is_no_run_the_page_is_shared_all_the_same(root):
    app = shared(open_page("articles"))
    assert not app.exception and app.code and "share_report_make" not in {b.key for b in app.button}


@pytest.mark.parametrize(
    "url, local, others, reached",
    [
        ("https://lab.school.fr/explore?run=a", True, [], "https://lab.school.fr/explore?run=a"),  # through a proxy
        ("http://192.168.1.7:8501/?a=1", False, [], "http://192.168.1.7:8501/?a=1"),
        ("http://localhost:8501/explore?run=a", True, ["http://localhost:8501"], None),
        ("http://127.0.0.1:8501/", True, [], None),
        ("http://[::1]:8501/", False, ["http://localhost:8501"], None),  # no other address: no network
        ("http://localhost:8501/x?a=1", False, ["http://localhost:8501", "http://10.0.0.5:8501"], "http://10.0.0.5:8501/x?a=1"),
        ("http://0.0.0.0:8501/x", False, ["http://localhost:8501", "http://10.0.0.5:8501"], "http://10.0.0.5:8501/x"),
        ("http://127.9.9.9:8501/x", False, ["http://10.0.0.5:8501/lab"], "http://10.0.0.5:8501/x"),
    ],
)  # fmt: skip
def test_a_phone_gets_the_address_that_it_reaches_or_none(monkeypatch, url, local, others, reached):
    monkeypatch.setattr(access, "is_local", lambda: local)
    monkeypatch.setattr(network, "addresses", lambda: others)
    assert phone_address.reachable(url) == reached


def test_a_server_for_this_machine_alone_says_so_in_the_place_of_the_code(root, monkeypatch):
    monkeypatch.setattr(access, "is_local", lambda: True)
    monkeypatch.setattr(phone_address, "reachable", lambda url: None)
    app = shared(open_page("lab"))
    assert any("no phone reaches it" in box.value for box in app.info)
    monkeypatch.setattr(phone_address, "reachable", lambda url: "http://10.0.0.5:8501/" + url)
    app = shared(open_page("lab"))
    assert not any("no phone reaches it" in box.value for box in app.info)
    assert any("data:image/svg+xml" in element.proto.body for element in app.get("html"))


def test_the_code_is_of_the_address_and_one_too_long_for_a_camera_is_refused():
    found = phone_address.picture("http://10.0.0.5:8501/explore?run=one")
    assert found.startswith("data:image/svg+xml")
    with pytest.raises(ValueError):
        phone_address.picture("http://10.0.0.5/?a=" + "a" * phone_address.LONGEST)


def test_the_code_leaves_out_typed_texts_where_the_link_is_too_long(monkeypatch):
    from ui import address

    asked, drawn = [], []

    def whole(room, run, typed=True):
        asked.append(typed)
        return "http://10.0.0.5/?" + "a" * (phone_address.LONGEST if typed else 10)

    monkeypatch.setattr(address, "shared", whole)
    monkeypatch.setattr(address, "too_long", lambda room: iter(()))
    monkeypatch.setattr(phone_address, "picture", lambda url: drawn.append(url) or "data:")
    share_view.link("lab", "")
    assert asked == [True, False] and drawn == ["http://10.0.0.5/?aaaaaaaaaa"]


def test_the_link_without_typed_texts_keeps_all_else(monkeypatch):
    from ui import address

    state = {"tab_explore": "write", "side_prompt": "The cells", "side_seed": 7}
    monkeypatch.setattr(st, "session_state", state)
    monkeypatch.setattr(st, "context", SimpleNamespace(url="http://lab/explore"))
    assert "prompt=The+cells" in address.shared("explore", "one")
    without = address.shared("explore", "one", typed=False)
    assert "prompt" not in without and "seed=7" in without and "run=one" in without


def test_downloads_of_the_library_quote_what_a_spreadsheet_would_run(root, monkeypatch):
    from ui.library import runs as library
    from ui.readers import comparison, folders

    run = a_run(root)
    monkeypatch.setattr(folders, "columns", lambda run, every=False: None)
    monkeypatch.setattr(comparison, "curve", lambda *rest: ([1, 2], [-0.5, 0.25]))
    run.name = "=cmd"
    rows = list(csv.reader(io.StringIO(library.as_csv([(run, 1)], "accuracy", "steps"), newline="")))
    assert rows == [["run", "steps", "accuracy"], ["'=cmd", "1", "-0.5"], ["'=cmd", "2", "0.25"]]
