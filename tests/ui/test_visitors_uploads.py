"""Visitors' uploads: bounded, prepared within bounds, deleted in time with all that was made of them."""

import json
import os
import threading
import time

import numpy as np
import pytest
from pages_helpers import open_page, the
from pubmed_helpers import article_line
from runs_helpers import MINI, a_request

from engine.articles import isolation
from engine.core import paths
from engine.core.errors import EngineError
from engine.corpus import finishing, near_copies, preparation, store
from engine.evaluation import cache
from engine.memorisation import search
from engine.presets import catalogue
from engine.runs import articles_read, lifecycle
from engine.services import import_job, uploads
from ui import budget as session
from ui import importing_view, owner, preview_view, sources, upload_memory

pytestmark = pytest.mark.usefixtures("nothing_started")


def upload(state, name="a.jsonl", articles=6) -> str:
    return sources.save_uploads([(name, "\n".join(article_line(n) for n in range(articles)).encode())])


def prepared_of(path: str) -> store.Corpus:
    found = import_job.prepared_apart(import_job.Request(path, MINI))
    assert found is not None
    return found


def age(path: str, hours: float) -> None:
    then = time.time() - 3600 * hours
    os.utime(uploads.of_visitors(path), (then, then))


def test_a_visitors_upload_goes_after_its_time_with_all_that_was_made_of_it(root, visitor):
    state, _secrets = visitor
    path, other = upload(state), upload(state, "b.jsonl", 7)
    made, stays = prepared_of(path), prepared_of(other)
    whole = (articles_read.Range(made, 1, made.articles("train")),)
    search.build(whole)
    cache.write({"kind": "places", "corpus": made.content_hash}, {"text": "a sentence of it"})
    index = search.shards(whole)[0].path
    assert index.exists()
    assert uploads.sweep(24 * 3600) == 0
    age(path, 25)
    assert uploads.sweep(24 * 3600) == 1
    assert not paths.locate(path).exists() and not made.folder.exists() and not index.exists()
    assert cache.read({"kind": "places", "corpus": made.content_hash}) is None
    assert paths.locate(other).exists() and store.is_corpus(stays.folder)
    (job,) = import_job.folder().glob("*.json")
    assert json.loads(job.read_text())["request"]["source"] == other


def test_an_upload_that_a_waiting_run_needs_stays(root, visitor):
    state, _secrets = visitor
    path = upload(state)
    made = prepared_of(path)
    waits = lifecycle.create(a_request(articles=paths.portable(made.folder), name="waits"))
    age(path, 25)
    assert uploads.sweep(24 * 3600) == 0
    waits.request_stop()
    assert uploads.sweep(24 * 3600) == 1


def test_what_a_kill_left_of_an_upload_goes_and_the_owners_uploads_stay(root, visitor):
    state, _secrets = visitor
    torn = uploads.folder(visitors=True) / ".abc.123.tmp"
    torn.mkdir(parents=True)
    (torn / "half.jsonl").write_text("{")
    uploads.sweep(24 * 3600)
    assert torn.exists()  # it may still be written
    os.utime(torn, (0, 0))
    upload(state)  # each upload sweeps
    assert not torn.exists()
    assert owner.enter("s3cret-of-hers").right
    hers = upload(state, "hers.jsonl")
    os.utime(paths.locate(hers).parent, (0, 0))
    assert uploads.sweep(0.0) == 1  # the visitor's
    assert paths.locate(hers).exists()


def test_several_sweeps_at_once_take_each_upload_once(root, visitor):
    sources_ = []
    for number in range(10):
        sources_.append(upload(visitor[0], f"{number}.jsonl", 2 + number))
    for one in sources_:
        age(one, 25)
    gone = []
    threads = [threading.Thread(target=lambda: gone.append(uploads.sweep(24 * 3600))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(gone) == 10
    assert not [path for path in uploads.folder(visitors=True).iterdir() if not path.name.endswith(".gone")]


def test_an_upload_is_bounded_alone_and_with_all_others(root, visitor):
    _state, secrets = visitor
    secrets["visitors"] = {"upload_megabytes": 1, "uploads_megabytes": 2}
    with pytest.raises(EngineError, match=r"This upload has 1.1 MB; a visitor's may have 1 MB."):
        sources.save_uploads([("a.txt", b"a" * 600_000), ("b.txt", b"b" * 500_000)])
    sources.save_uploads([("a.txt", b"a" * 900_000)])
    sources.save_uploads([("a.txt", b"b" * 900_000)])
    with pytest.raises(EngineError, match="the uploads of all visitors would take 3 MB; they may take 2 MB together"):
        sources.save_uploads([("a.txt", b"c" * 900_000)])


def test_what_is_prepared_of_an_upload_is_bounded(root, visitor, monkeypatch):
    state, _secrets = visitor
    path = upload(state, articles=40)
    with pytest.raises(EngineError, match=r"Prepared, a.jsonl takes more than 0 MB: give fewer articles."):
        import_job.prepared_apart(import_job.Request(path, MINI, most_bytes=5_000))
    assert store.all_corpora() == []


def test_the_same_upload_of_two_visitors_lies_under_names_that_neither_can_guess(root, visitor):
    state, _secrets = visitor
    mine = upload(state)
    assert upload(state) == mine
    state.clear()
    theirs = upload(state)
    assert theirs != mine
    assert session.may_read(theirs) and not session.may_read(mine)


@pytest.mark.parametrize("compared", [False, pytest.param(True, marks=pytest.mark.long)])
def test_many_tiny_articles_are_prepared_in_little_memory(root, tmp_path, monkeypatch, compared):
    psutil = pytest.importorskip("psutil")
    if not compared:  # with one another, which takes most of the time
        monkeypatch.setattr(finishing, "add_near_copies", lambda *rest: np.empty(0, near_copies.PAIR))
    (tmp_path / "tiny.jsonl").write_text('{"text":"word01234"}\n' * 60_000)
    before = psutil.Process().memory_info().rss
    most = [before]
    preparation.prepare(
        tmp_path / "tiny.jsonl",
        catalogue.tokenizer(catalogue.find(MINI)),
        on_progress=lambda _progress: most.append(psutil.Process().memory_info().rss),
    )
    assert max(most) - before < 60e6  # 60,000 at once took 90 MB and more


def test_counting_articles_gives_a_number_and_no_article(tmp_path, monkeypatch):
    (tmp_path / "tiny.jsonl").write_text("\n".join(article_line(n) for n in range(30)))
    seen = []
    iterate = isolation.Reading.__iter__

    def noted(self):
        for message in iterate(self):
            seen.append(message[0]["kind"])
            yield message

    monkeypatch.setattr(isolation.Reading, "__iter__", noted)
    assert isolation.count(tmp_path / "tiny.jsonl") == {"train": 30}
    assert set(seen) <= {"counts", "progress"}


def test_a_preview_is_bounded(tmp_path):
    (tmp_path / "wide.csv").write_text(
        ",".join("n" * 300 + str(n) for n in range(5000)) + "\n" + ",".join(["x" * 900] * 5000)
    )
    seen = isolation.preview(tmp_path / "wide.csv")
    assert (len(seen.columns), len(seen.columns[0]), len(seen.rows[0])) == (200, 200, 200)
    assert len(seen.problem.values["names"]) == 2000  # the columns of which one is to be chosen


def test_the_first_articles_of_a_preview_are_bounded(tmp_path):
    articles = [{"id": "i" * 10_000, "text": "word " * 100_000} for _ in range(100)]
    (tmp_path / "long.jsonl").write_text("\n".join(map(json.dumps, articles)))
    seen = isolation.preview(tmp_path / "long.jsonl")
    assert [(len(article["id"]), len(article["text"])) for article in seen.articles] == [(200, 2000)] * 3


def test_a_visitor_is_shown_the_first_articles_of_own_uploads_alone(root, visitor, tmp_path, monkeypatch):
    state, _secrets = visitor
    tokenizer = catalogue.tokenizer(catalogue.find(MINI))
    another = upload(state)
    state.clear()  # somebody else
    shown = []
    monkeypatch.setattr(preview_view, "first_articles", lambda seen: shown.append(seen.articles[0]["id"]))
    monkeypatch.setattr(preview_view, "describe", lambda seen: None)
    for articles in (another, str(tmp_path / "hers.jsonl"), "ccdv/pubmed-summarization"):
        with pytest.raises(EngineError, match="These articles are the owner's"):
            importing_view.prepared_or_offer(articles, MINI, tokenizer)
    assert importing_view.prepared_or_offer(upload(state, "b.jsonl"), MINI, tokenizer) is None  # until it is asked for
    assert shown == ["article-0"]


def test_an_upload_whose_text_a_program_makes_out_is_not_used_unseen(root, visitor):
    path = sources.save_uploads([("a.pdf", b"%PDF-1.7")])
    with pytest.raises(EngineError, match="look at what was read, then train on that"):
        session.enter(a_request(articles=path, name="mine"), "", join=False)


def test_an_uploaded_file_is_let_go_of_once_it_is_on_the_disk(root, monkeypatch):
    app = open_page("articles")
    app.pills(key="articles_source").set_value("upload").run()
    let_go = []
    monkeypatch.setattr(upload_memory, "let_go", lambda uploaded: let_go.append(uploaded.name))
    monkeypatch.setattr(preparation, "prepare", None)  # not in this process
    content = "\n".join(article_line(n) for n in range(8)).encode()
    app.file_uploader(key="articles_upload").upload("mine.jsonl", content).run(timeout=90)
    assert not app.metric and let_go == ["mine.jsonl"]
    the(app.button, "Prepare").click().run(timeout=90)
    assert not app.exception and not app.error, [e.value for e in app.error]
    assert let_go == ["mine.jsonl"]
    assert the(app.metric, "Articles").value == "8"


def test_uploads_are_refused_while_the_server_holds_as_many_as_it_can(monkeypatch):
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route
    from starlette.testclient import TestClient

    async def take(request):
        return PlainTextResponse("taken")

    routes = [
        Route("/_stcore/upload_file/s/f", take, methods=["PUT", "DELETE"]),
        Route("/other", take, methods=["PUT"]),
    ]
    client = TestClient(Starlette(routes=routes, middleware=[Middleware(upload_memory.Guard)]))
    held = [0]
    monkeypatch.setattr(upload_memory, "held", lambda: held[0])
    assert client.put("/_stcore/upload_file/s/f", content=b"x" * 1000).status_code == 200
    held[0] = upload_memory.MOST_BYTES - 500
    assert client.put("/_stcore/upload_file/s/f", content=b"x" * 1000).status_code == 503
    assert client.put("/_stcore/upload_file/s/f", content=b"x" * 400).status_code == 200
    assert client.put("/other", content=b"x" * 1000).status_code == 200
    assert client.delete("/_stcore/upload_file/s/f").status_code == 200
