"""What a visitor is shown: no folder of the server, and no passage of the owner's articles."""

import json

import pytest
from pages_helpers import a_run, go_to, look_at, open_page
from project import PLACES
from pubmed_helpers import article_line
from runs_helpers import MINI
from streamlit.testing.v1 import AppTest

from engine.core import paths
from engine.core.errors import EngineError
from engine.corpus import preparation
from engine.presets import catalogue
from ui import owner, owner_file, server_paths

pytestmark = pytest.mark.usefixtures("nothing_started")


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("/srv/my articles/x.zip", "x.zip"),
        ("C:\\Users\\marie\\x.csv", "x.csv"),
        ("[Errno 13] Permission denied: '/srv/my data/y.json'", "[Errno 13] Permission denied: 'y.json'"),
        ("No such file: ~/data/x.zip", "No such file: x.zip"),
        ("checkpoints/.uploads/visitors/0123456789abcdef0123456789abcdef/a.jsonl", "a.jsonl"),
        ("see https://huggingface.co/a/b", "see https://huggingface.co/a/b"),
        ("articles/sample, 1/2, and/or", "articles/sample, 1/2, and/or"),
    ],
)
def test_folders_of_the_server_are_cut_off(text, seen):
    assert server_paths.hidden(text) == seen


def test_errors_show_folders_to_the_owner_alone(visitor, monkeypatch):
    from ui import errors, i18n

    monkeypatch.setattr(i18n, "language", lambda: "en")
    error = EngineError("There are no articles at {path}: check the path.", path=paths.Path("/srv/my_articles/x_1.zip"))
    assert i18n.error_text(error) == "There are no articles at x_1.zip: check the path."
    assert errors.markdown(error) == "There are no articles at x\\_1.zip: check the path."
    assert owner.enter("s3cret-of-hers").right
    assert i18n.error_text(error) == "There are no articles at /srv/my_articles/x_1.zip: check the path."


@pytest.fixture
def hers(root, tmp_path):
    """The owner's articles, prepared, and a run on them with a recorded passage and a sample copied from them."""
    source = tmp_path / "secret-folder" / "hers.jsonl"
    source.parent.mkdir()
    source.write_text("\n".join(article_line(n) for n in range(12)))
    made = preparation.prepare(source, catalogue.tokenizer(catalogue.find(MINI)))
    run = a_run(root, "hers")
    config = json.loads((run.folder / "config.json").read_text())
    (run.folder / "config.json").write_text(json.dumps({**config, "articles": str(source)}))
    text = made.sections("train", 1, catalogue.tokenizer(catalogue.find(MINI)))[0].paragraphs[0]
    run.append_event("sample", step=4, model="run", prompt="So", text=f" {text}", seed=1)
    for model, step in (("base", 0), ("run", 4)):
        run.append_event("passage", step=step, model=model, pieces=["SECRET"], probabilities=[0.5], ranks=[1])
    return made


def seen(app: AppTest) -> str:
    """Everything that a page sent to the browser."""
    return "\n".join(str(element.proto) for element in app.main) + "\n".join(str(e.proto) for e in app.sidebar)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("page", PLACES)
def test_no_page_shows_a_visitor_a_passage_of_the_owners_articles_nor_where_they_lie(page, shared, hers, monkeypatch):
    values = {"owner_code": "s3cret-of-hers", "visitors": {"share_articles": shared}}
    monkeypatch.setattr(owner_file, "read", lambda: owner_file.OwnerFile(True, "s3cret-of-hers", values=values))
    app = open_page(page)
    look_at(app, "hers")
    text = seen(app)
    assert "secret-folder" not in text
    if page == "time":
        assert ("SECRET" in text) == shared
    if page == "copied":
        assert ("Where they stand is not shown" in text) != shared


def test_an_address_does_not_lead_a_visitor_into_the_owners_articles(hers, monkeypatch):
    from ui import studio_view

    def none() -> None:
        raise EngineError("There is no studio here.")

    monkeypatch.setattr(studio_view, "wait_until_ready", none)
    monkeypatch.setattr(owner_file, "read", lambda: owner_file.OwnerFile(True, "s3cret-of-hers"))
    for page, address in (
        ("articles", {"articles": paths.portable(hers.folder), "split": "train", "article": "1"}),
        ("words", {"articles": paths.portable(hers.folder), "article": "1", "token": "1"}),
    ):
        app = go_to(open_page("lab"), page, **address)
        assert not app.exception
        assert paths.portable(hers.folder) not in [v for box in app.selectbox for v in box.options]
        assert session_source(app, page) == paths.portable(paths.SAMPLE_ARTICLES)


def session_source(app: AppTest, page: str) -> str:
    if page == "words":
        return app.session_state["scope_articles"]
    way = app.session_state["articles_source"]
    return paths.portable(paths.SAMPLE_ARTICLES) if way == "sample" else way


def test_a_kept_result_that_quotes_the_owners_articles_is_not_listed_for_visitors(hers, root, monkeypatch):
    from engine.inference.samples import saved
    from engine.inference.samples.outcome import Column, GenerationResult, Sample

    def result(passage):
        column = Column(MINI, "base", "h", "p", [Sample(1, "a", 1, [1], ["a"], None, True)])
        facts = {"device": "cpu", "precision": "float32", "versions": {}}
        drawn = {"temperature": 0.8, "top_k": 40, "top_p": 1.0, "beams": 0}
        return GenerationResult("SECRET prompt", drawn, 1, 10, [column], passage, "SECRET article", facts)

    saved.save(result({"articles": paths.portable(hers.folder), "number": 1, "tokens": 4}))
    sample = saved.save(result({"articles": paths.portable(paths.SAMPLE_ARTICLES), "number": 1, "tokens": 4}))
    assert len(open_page("write").selectbox(key="side_kept").options) == 2
    monkeypatch.setattr(owner_file, "read", lambda: owner_file.OwnerFile(True, "s3cret-of-hers"))
    app = open_page("write")
    assert app.selectbox(key="side_kept").value == sample
    assert len(app.selectbox(key="side_kept").options) == 1
