"""Words: what the studio saw, places as text, links that lead to them."""

import json
from urllib.parse import parse_qsl

import pytest
from pages_helpers import a_run, go_to, open_page, the

from engine.core import paths
from engine.core.errors import EngineError

pytestmark = pytest.mark.usefixtures("no_studio")


def test_the_microscope_shows_what_the_studio_saw_and_says_where_it_could_not(root, monkeypatch):
    from engine.services import inference_client

    scores = {
        "kind": "looked",
        "column": 0,
        "hash": "0",
        "probabilities": [0.5, 0.0],
        "ranks": [1, 4000],
        "entropies": [1.0, 11.0],
        "alternatives": [[["<b>", 0.5]], [["x", 0.2]]],
    }
    other = {"kind": "error", "column": 1, "template": "{name} has another vocabulary.", "values": {"name": "two/1"}}
    answers = [{"kind": "passage", "pieces": ["<b>", "*x*"], "cut": True}, scores, other]
    monkeypatch.setattr(inference_client, "phase", lambda root=None: "ready")
    monkeypatch.setattr(inference_client, "stream", lambda request, root=None: iter(answers))
    a_run(root, "two")
    app = open_page("words")
    app.button(key="scope_look").click().run()
    assert not app.exception
    assert [w.value for w in app.warning] == ["two/1 has another vocabulary."]
    assert the(app.caption, "the text goes on behind them")

    def ended(request, root=None):
        raise EngineError("The studio ended while it was working: try again, it starts anew.")
        yield

    monkeypatch.setattr(inference_client, "stream", ended)
    app.number_input(key="scope_article").set_value(2).run()
    assert the(app.error, "studio ended")


@pytest.fixture
def looking(monkeypatch):
    """A studio that has looked at everything: what it was asked, and what it answers to places."""
    from engine.services import inference_client

    def stream(request, root=None):
        requests.append(request)
        if request["kind"] == "places":
            yield {"kind": "waiting"}
            yield {"kind": "progress", "phase": "scoring", "done": 1, "total": 2}
            yield {"kind": "result", "places": found}
            return
        yield {"kind": "passage", "pieces": [" <b>", " *x*", "y"], "cut": False}
        for column, shares in enumerate(([0.5, 0.1, 0.2], [0.5, 0.4, 0.1])[: len(request["references"])]):
            scores = {"ranks": [1] * 3, "entropies": [1.0] * 3, "alternatives": [[["x", 0.2]]] * 3, "hash": ""}
            yield {"kind": "looked", "column": column, "probabilities": shares, **scores}

    requests: list[dict] = []
    found: dict[str, list[dict]] = {}
    monkeypatch.setattr(inference_client, "phase", lambda root=None: "ready")
    monkeypatch.setattr(inference_client, "stream", stream)
    return requests, found


def test_places_are_text_and_the_same_link_is_followed_twice(root, local, looking, tmp_path):
    from engine.corpus import preparation
    from engine.presets import tokenizers

    said = "the *cells* were<unk> deleted 🧪 twice & for all"  # no tag that reading takes away
    lines = [json.dumps({"article": said, "abstract": f"{n} <i>cells</i>"}) for n in range(8)]
    for split in ("train", "validation", "test"):
        (tmp_path / f"{split}.jsonl").write_text("\n".join(lines))
    tokenizer = tokenizers.load(paths.MINI_PRESET)
    prepared = preparation.prepare(tmp_path, tokenizer)
    stream = prepared.tokens("test", 2, 2)
    pieces = list(tokenizers.spans(tokenizer, stream.tolist()))
    split_at = next(at for at, piece in enumerate(pieces) if at and not piece)  # begins the test tube's four bytes
    place = {
        "article": 2,
        "first": split_at,
        "last": split_at + 1,
        "bits": 3.26,
        "before": "�",
        "text": "�",
        "after": "�",
    }
    requests, found = looking
    found |= {name: [place] for name in ("gained_tokens", "lost_tokens", "gained_sentences", "lost_sentences")}
    a_run(root)
    app = open_page("words")
    app.selectbox(key="scope_articles").set_value(paths.portable(prepared.folder)).run()
    app.button(key="scope_find").click().run()
    assert not app.exception and not app.error
    shown = [element.proto.body for element in app.get("html")]
    assert any("were&lt;unk&gt; deleted <b>🧪</b> twice &amp; for" in text for text in shown), shown
    assert not any("�" in text for text in shown)
    for _click in range(2):
        app.number_input(key="scope_article").set_value(1).run()
        (query,) = {link.proto.query_string for link in app.get("page_link")}  # one place, in each of the four lists
        assert "article=2" in query
        go_to(app, "words", **{name: value for name, value in parse_qsl(query) if name != "tab"})
        assert app.number_input(key="scope_article").value == 2
    assert [request["kind"] for request in requests].count("places") == 1  # the lists stay


def test_a_text_of_ones_own_has_its_gained_and_lost_tokens_too(root, looking):
    a_run(root)
    app = open_page("words")
    app.segmented_control(key="scope_way").set_value("text").run()
    app.button(key="scope_look").click().run()
    assert not app.exception
    lists = [element.proto.body for element in app.get("html")]
    (gained,) = [body for body in lists if "+" in body]
    (lost,) = [body for body in lists if "−" in body]
    shown = gained.replace("… &nbsp;", "… ").replace("…  ", "… ")
    assert "+2.0 bits" in gained and "… &lt;b&gt;<b> *x*</b>y …" in shown
    assert "−1.0 bits" in lost and "<b>y</b>" in lost
    app.pills(key="scope_what").set_value("rank").run()
    assert len([element for element in app.get("html") if "bits" in element.proto.body]) == 2


@pytest.mark.parametrize("chosen", ["one", "one/4"])
@pytest.mark.parametrize("page", ["curve", "time", "write", "words", "copied", "score"])
def test_what_is_deleted_while_it_is_shown_is_named_and_the_page_goes_on(root, looking, page, chosen):
    import shutil

    a_run(root, "other")
    run = a_run(root)
    app = go_to(open_page("lab"), page, run=chosen)
    assert not app.error and app.selectbox(key="run").value == chosen
    shutil.rmtree(run.folder)
    app.run()
    assert not app.exception
    assert [error.value.split(" has been deleted")[0] for error in app.error] == [chosen]
    assert app.selectbox(key="run").value == "other"
    app.run()
    assert not app.error


def test_a_link_opens_the_microscope_at_its_place(root, monkeypatch):
    from engine.services import inference_client

    def ended(request, root=None):
        raise EngineError("The studio ended while it was working: try again, it starts anew.")
        yield

    monkeypatch.setattr(inference_client, "phase", lambda root=None: "ready")
    monkeypatch.setattr(inference_client, "stream", ended)
    app = go_to(open_page("lab"), "words", article="3", token="41")
    assert (app.number_input(key="scope_article").value, app.number_input(key="scope_first").value) == (3, 41)
