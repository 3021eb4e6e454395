"""What visitors may set going and see: every limit has its sentence, together they have a bound, uploads are deleted."""

import dataclasses
import json
import os
import threading
import time

import pytest
from conftest import article_line
from pages_helpers import a_run, open_page
from project import PAGES, PROJECT
from streamlit.testing.v1 import AppTest

from engine.articles import isolation
from engine.core import paths
from engine.core.errors import EngineError, SettingsError
from engine.corpus import preparation, store
from engine.evaluation import cache
from engine.memorisation import search
from engine.presets import catalogue
from engine.runs import articles_read, budget, lifecycle, states
from engine.runs.budget import Limits
from engine.runs.settings import RunSettings
from engine.services import import_job, uploads
from ui import budget as session
from ui import importing_view, owner, owner_file, preview_view, server_paths, sources, upload_memory

MINI, SAMPLE = "checkpoints/presets/gpt2_mini_en", "articles/sample"


@pytest.fixture(autouse=True)
def nothing_started(monkeypatch, sample_is_copied):
    from engine.services import dispatcher, inference_client

    monkeypatch.setattr(inference_client, "ensure", lambda root=None: None)
    monkeypatch.setattr(dispatcher, "ensure", lambda root=None: None)


@pytest.fixture
def visitor(monkeypatch):
    """A server with an owner, seen by somebody else; gives the session's state and the secrets."""
    import streamlit as st

    kept, state = {"owner_code": "s3cret-of-hers"}, {}
    monkeypatch.setattr(owner_file, "read", lambda: owner_file.OwnerFile(True, "s3cret-of-hers", values=kept))
    monkeypatch.setattr(st, "session_state", state)
    return state, kept


def entered(asked: RunSettings):
    """The run of a request, as the pages make one."""
    return session.enter(asked, "", join=False).run


def settings(**changes) -> RunSettings:
    return RunSettings(**{"preset": MINI, "articles": SAMPLE, "name": "mine", "steps": 100, **changes})


def over(**changes) -> list[str]:
    asked = settings(**changes)
    return [str(error) for error in budget.exceeded(asked, budget.cost(asked), Limits())]


def test_what_the_lab_and_the_form_offer_first_is_within_the_budget(prepared_sample):
    assert over(steps=None, minutes=1.0) == []
    assert over(steps=200) == []
    assert over(steps=None, epochs=3.0) == []


def test_five_hundred_steps_of_a_large_batch_with_a_checkpoint_each_are_named_by_what_they_take(prepared_sample):
    found = over(steps=500, batch_size=1024, evaluate_steps=1)
    assert found == [
        "A step of this run takes 262144 tokens; a visitor's may take 16384: choose a smaller batch or sequence.",
        "This run learns from 131072000 tokens; a visitor's run may learn from 2000000: take fewer steps or a smaller "
        "batch.",
        "The checkpoints of this run take 15693 MB; a visitor's may take 500 MB: keep fewer, or put more steps between "
        "them.",
        "The samples of this run have 72144 tokens together; a visitor's may have 10000: give fewer prompts, or put more "
        "steps between checkpoints.",
        found[4],
        found[5],
    ]
    assert found[4].startswith("This run is measured on 5") and found[5].startswith("This run would take about ")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"steps": None, "minutes": 2.5}, "This run trains for 2.5 minutes; a visitor's run may train for 2.0."),
        ({"steps": 501}, "This run takes 501 steps; a visitor's run may take 500."),
        ({"steps": None, "minutes": 1, "evaluate_steps": 1}, "A visitor's run in minutes chooses its own checkpoints"),
        ({"prompts": ("a",) * 6}, "This run has 6 prompts; a visitor's run may have 5."),
        ({"prompts": ("a" * 501,)}, "A prompt of this run has 501 characters; a visitor's may have 500."),
        ({"sample_tokens": 512}, "The samples of this run have 16896 tokens together"),
        ({"interval_tokens": 200_000}, "This run is measured on 2"),
    ],
)
def test_each_limit_has_one_sentence(prepared_sample, changes, said):
    (found,) = over(**changes)
    assert found.startswith(said)


def test_a_large_model_is_bounded_by_its_time_and_a_timed_speed_counts(prepared_sample):
    asked = settings(steps=400)
    slow = budget.exceeded(asked, budget.cost(asked, tokens_per_second=100.0), Limits())
    assert [str(error) for error in slow] == [
        f"This run would take about {round(budget.cost(asked, 100.0).seconds / 60)} minutes with its measurements and "
        "samples; a visitor's run may take 15.0."
    ]
    assert budget.exceeded(asked, budget.cost(asked, tokens_per_second=8000.0), Limits()) == []


def test_the_owner_changes_limits_and_what_cannot_be_read_leaves_the_default():
    limits, problems = budget.limits_of(
        {
            "minutes": 5,
            "steps": 1.5,
            "share_articles": "yes",
            "tokens": -1,
            "prompts": True,
            "what": 1,
            "upload_hours": 2,
        }
    )
    assert (limits.minutes, limits.upload_hours) == (5.0, 2.0)
    assert (limits.steps, limits.share_articles, limits.tokens, limits.prompts) == (500, False, 2_000_000, 5)
    assert [p.values["name"] for p in problems] == ["steps", "share_articles", "tokens", "prompts", "what"]
    assert budget.limits_of("all")[0] == budget.limits_of(None)[0] == Limits()
    for field in dataclasses.fields(Limits):
        assert budget.limits_of({field.name: field.default}) == (Limits(), [])


def test_a_visitors_run_is_marked_and_bounded_in_time_and_an_owners_is_not(root, visitor, prepared_sample):
    _state, _kept = visitor
    run = entered(settings())
    assert (run.config["visitor"], run.config["most_seconds"]) == (True, 900.0)
    with pytest.raises(SettingsError, match="takes 501 steps"):
        entered(settings(name="long", steps=501))
    assert owner.enter("s3cret-of-hers").right
    assert "visitor" not in entered(settings(name="hers", steps=5000)).config


def test_thirty_visitors_at_once_queue_no_more_than_may_wait(root, monkeypatch, visitor, prepared_sample):
    _state, kept = visitor
    kept["visitors"] = {"waiting_runs": 3}
    said = []

    def queue(number: int) -> None:
        try:
            entered(settings(name=f"run-{number}"))
        except EngineError as error:
            said.append(str(error))

    threads = [threading.Thread(target=queue, args=(n,)) for n in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lifecycle.all_runs(root)) == 3
    assert set(said) == {
        "The queue has room for 3 of visitors' runs, and 3 of them wait: try again when one has started."
    }


def test_visitors_runs_have_a_bound_on_the_disk_together(root, visitor, prepared_sample):
    _state, kept = visitor
    kept["visitors"] = {"runs_megabytes": 400, "waiting_runs": 9}
    entered(settings(name="first"))
    with pytest.raises(EngineError, match="those of all visitors would take 62. MB; they may take 400 MB together"):
        entered(settings(name="second"))


def test_a_visitors_run_ends_when_its_time_is_over(root, tiny_preset, sample_folder):
    from engine.services import worker

    run = lifecycle.create(
        RunSettings(str(tiny_preset), str(sample_folder), "late", steps=100_000, batch_size=2, sequence_length=16),
        {"visitor": True, "most_seconds": 2.0, "preset_hash": catalogue.find(tiny_preset).hash(), "lineage": []},
    )
    worker.work(run)
    state = run.state()
    assert state.state == states.STOPPED
    assert str(state.error).startswith("It was stopped after 0.0 minutes, the most that a visitor's run may take")
    assert run.saved_step() == state.step


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"kind": "generate", "prompt": "a" * 20_001, "columns": []}, "This text has 20,001 characters"),
        (
            {"kind": "generate", "prompt": "a", "columns": [{"max_new_tokens": 200, "samples": 4}] * 6},
            "This asks for 4,800 tokens in all columns, samples and beams; a visitor may ask for 4,000 at a time.",
        ),
        ({"kind": "generate", "columns": [{"max_new_tokens": 1024, "beams": 8}]}, "This asks for 8,192 tokens"),
        ({"kind": "look", "text": "a" * 20_001}, "This text has 20,001 characters"),
        ({"kind": "convert"}, "Only the owner adds models"),
        ({"kind": "look", "passage": {"articles": "corpora/hers"}}, "These articles are the owner's"),
        ({"kind": "evaluate", "articles": "/srv/hers.jsonl"}, "These articles are the owner's"),
    ],
)
def test_requests_to_the_studio_are_within_the_budget(visitor, request_, said):
    with pytest.raises(EngineError, match=said.replace("(", r"\(")[:40]):
        session.check_request(request_)
    assert owner.enter("s3cret-of-hers").right
    session.check_request(request_)


def test_an_evaluation_counts_its_overlapping_windows(root, visitor, prepared_sample):
    _state, kept = visitor
    tokens = len(prepared_sample.tokens("test"))
    kept["visitors"] = {"evaluation_tokens": tokens}
    whole = {"kind": "evaluate", "articles": SAMPLE, "split": "test", "reference": MINI, "tokens": 0}
    session.check_request({**whole, "sequence_length": 128, "stride": 128})
    with pytest.raises(EngineError, match="This measures "):
        session.check_request({**whole, "sequence_length": 128, "stride": 64})
    with pytest.raises(EngineError, match="This measures "):
        session.check_request({"kind": "places", "articles": SAMPLE, "split": "test", "references": [MINI, MINI]})


def test_no_page_asks_the_studio_without_a_look_at_the_budget():
    for path in [*(PROJECT / "pages").glob("*.py"), *(PROJECT / "ui").rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        asked = text.count("inference_client.stream(") + text.count("inference_client.answers(")
        assert text.count("budget.check_request(") >= asked, path.name
        if path.name != "budget.py":
            assert "submission.submit(" not in text, path.name


# Uploads


def upload(state, name="a.jsonl", articles=6) -> str:
    return sources.save_uploads([(name, "\n".join(article_line(n) for n in range(articles)).encode())])


def prepared_of(kept: str) -> store.Corpus:
    found = import_job.prepared_apart(import_job.Request(kept, MINI))
    assert found is not None
    return found


def age(kept: str, hours: float) -> None:
    then = time.time() - 3600 * hours
    os.utime(uploads.of_visitors(kept), (then, then))


def test_a_visitors_upload_goes_after_its_time_with_all_that_was_made_of_it(root, visitor):
    state, _kept = visitor
    kept, other = upload(state), upload(state, "b.jsonl", 7)
    made, stays = prepared_of(kept), prepared_of(other)
    whole = (articles_read.Range(made, 1, made.articles("train")),)
    search.build(whole)
    cache.keep({"kind": "places", "corpus": made.content_hash}, {"text": "a sentence of it"})
    index = search.shards(whole)[0].path
    assert index.exists()
    assert uploads.sweep(24 * 3600) == 0
    age(kept, 25)
    assert uploads.sweep(24 * 3600) == 1
    assert not paths.locate(kept).exists() and not made.folder.exists() and not index.exists()
    assert cache.kept({"kind": "places", "corpus": made.content_hash}) is None
    assert paths.locate(other).exists() and store.is_corpus(stays.folder)
    (job,) = import_job.folder().glob("*.json")
    assert json.loads(job.read_text())["request"]["source"] == other


def test_an_upload_that_a_waiting_run_needs_stays(root, visitor):
    state, _kept = visitor
    kept = upload(state)
    made = prepared_of(kept)
    waits = lifecycle.create(settings(articles=paths.portable(made.folder), name="waits"))
    age(kept, 25)
    assert uploads.sweep(24 * 3600) == 0
    waits.request_stop()
    assert uploads.sweep(24 * 3600) == 1


def test_what_a_kill_left_of_an_upload_goes_and_the_owners_uploads_stay(root, visitor):
    state, _kept = visitor
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
    kept = []
    for number in range(10):
        kept.append(upload(visitor[0], f"{number}.jsonl", 2 + number))
    for one in kept:
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
    _state, kept = visitor
    kept["visitors"] = {"upload_megabytes": 1, "uploads_megabytes": 2}
    with pytest.raises(EngineError, match=r"This upload has 1.1 MB; a visitor's may have 1 MB."):
        sources.save_uploads([("a.txt", b"a" * 600_000), ("b.txt", b"b" * 500_000)])
    sources.save_uploads([("a.txt", b"a" * 900_000)])
    sources.save_uploads([("a.txt", b"b" * 900_000)])
    with pytest.raises(EngineError, match="the uploads of all visitors would take 3 MB; they may take 2 MB together"):
        sources.save_uploads([("a.txt", b"c" * 900_000)])


def test_what_is_prepared_of_an_upload_is_bounded(root, visitor, monkeypatch):
    state, _kept = visitor
    kept = upload(state, articles=40)
    with pytest.raises(EngineError, match=r"Prepared, a.jsonl takes more than 0 MB: give fewer articles."):
        import_job.prepared_apart(import_job.Request(kept, MINI, most_bytes=5_000))
    assert store.all_corpora() == []


def test_the_same_upload_of_two_visitors_lies_under_names_that_neither_can_guess(root, visitor):
    state, _kept = visitor
    mine = upload(state)
    assert upload(state) == mine
    state.clear()
    theirs = upload(state)
    assert theirs != mine
    assert session.may_read(theirs) and not session.may_read(mine)


def test_many_tiny_articles_are_prepared_in_little_memory(root, tmp_path):
    psutil = pytest.importorskip("psutil")
    (tmp_path / "tiny.jsonl").write_text('{"text":"word01234"}\n' * 60_000)
    before = psutil.Process().memory_info().rss
    most = [before]
    preparation.prepare(
        tmp_path / "tiny.jsonl",
        catalogue.tokenizer(catalogue.find(MINI)),
        report=lambda _progress: most.append(psutil.Process().memory_info().rss),
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
    state, _kept = visitor
    tokenizer = catalogue.tokenizer(catalogue.find(MINI))
    another = upload(state)
    state.clear()  # somebody else
    shown = []
    monkeypatch.setattr(preview_view, "first_articles", lambda seen: shown.append(seen.articles[0]["id"]))
    monkeypatch.setattr(preview_view, "describe", lambda seen: None)
    for articles in (another, str(tmp_path / "hers.jsonl"), "ccdv/pubmed-summarization"):
        with pytest.raises(EngineError, match="These articles are the owner's"):
            importing_view.prepared_or_asked(articles, MINI, tokenizer)
    assert importing_view.prepared_or_asked(upload(state, "b.jsonl"), MINI, tokenizer) is None  # until it is asked for
    assert shown == ["article-0"]


def test_an_upload_whose_text_a_program_makes_out_is_not_used_unseen(root, visitor):
    kept = sources.save_uploads([("a.pdf", b"%PDF-1.7")])
    with pytest.raises(EngineError, match="look at what was read, then train on that"):
        session.enter(settings(articles=kept), "", join=False)


def test_an_uploaded_file_is_let_go_of_once_it_is_on_the_disk(root, monkeypatch):
    app = open_page("articles")
    app.pills(key="articles_source").set_value("upload").run()
    let_go = []
    monkeypatch.setattr(upload_memory, "let_go", lambda uploaded: let_go.append(uploaded.name))
    monkeypatch.setattr(preparation, "prepare", None)  # not in this process
    content = "\n".join(article_line(n) for n in range(8)).encode()
    app.file_uploader(key="articles_upload").upload("mine.jsonl", content).run(timeout=90)
    assert not app.metric and let_go == ["mine.jsonl"]
    next(button for button in app.button if button.label == "Prepare").click().run(timeout=90)
    assert not app.exception and not app.error, [e.value for e in app.error]
    assert let_go == ["mine.jsonl"]
    assert [m.value for m in app.metric if m.label == "Articles"] == ["8"]


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


# What visitors see


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
@pytest.mark.parametrize("page", [page.stem for page in PAGES])
def test_no_page_shows_a_visitor_a_passage_of_the_owners_articles_nor_where_they_lie(page, shared, hers, monkeypatch):
    kept = {"owner_code": "s3cret-of-hers", "visitors": {"share_articles": shared}}
    monkeypatch.setattr(owner_file, "read", lambda: owner_file.OwnerFile(True, "s3cret-of-hers", values=kept))
    app = open_page(page)
    if page == "memorisation":
        app.selectbox(key="copied_run").set_value("hers").run(timeout=60)
    told = seen(app)
    assert "secret-folder" not in told
    if page == "time_machine":
        assert ("SECRET" in told) == shared
    if page == "memorisation":
        assert ("Where they stand is not shown" in told) != shared


def test_an_address_does_not_lead_a_visitor_into_the_owners_articles(hers, monkeypatch):
    from ui import studio_view

    def none() -> None:
        raise EngineError("There is no studio here.")

    monkeypatch.setattr(studio_view, "wait_until_ready", none)
    monkeypatch.setattr(owner_file, "read", lambda: owner_file.OwnerFile(True, "s3cret-of-hers"))
    for page, address in (
        ("articles", {"articles": paths.portable(hers.folder), "split": "train", "article": "1"}),
        ("microscope", {"articles": paths.portable(hers.folder), "article": "1", "token": "1"}),
    ):
        app = open_page(page)
        for name, value in address.items():
            app.query_params[name] = value
        app.run()
        assert not app.exception
        assert paths.portable(hers.folder) not in [v for box in app.selectbox for v in box.options]
        assert session_source(app, page) == paths.portable(paths.SAMPLE_ARTICLES)


def session_source(app: AppTest, page: str) -> str:
    if page == "microscope":
        return app.session_state["scope_articles"]
    way = app.session_state["articles_source"]
    return paths.portable(paths.SAMPLE_ARTICLES) if way == "sample" else way


def test_a_kept_result_that_quotes_the_owners_articles_is_not_listed_for_visitors(hers, root, monkeypatch):
    from engine.inference.samples import saved as kept
    from engine.inference.samples.outcome import Column, Sample, Written

    def written(passage):
        column = Column(MINI, "base", "h", "p", [Sample(1, "a", 1, [1], ["a"], None, True)])
        facts = {"device": "cpu", "precision": "float32", "versions": {}}
        drawn = {"temperature": 0.8, "top_k": 40, "top_p": 1.0, "beams": 0}
        return Written("SECRET prompt", drawn, 1, 10, [column], passage, "SECRET article", facts)

    kept.save(written({"articles": paths.portable(hers.folder), "number": 1, "tokens": 4}))
    sample = kept.save(written({"articles": paths.portable(paths.SAMPLE_ARTICLES), "number": 1, "tokens": 4}))
    assert len(open_page("side_by_side").selectbox(key="side_kept").options) == 2
    monkeypatch.setattr(owner_file, "read", lambda: owner_file.OwnerFile(True, "s3cret-of-hers"))
    app = open_page("side_by_side")
    assert app.selectbox(key="side_kept").value == sample
    assert len(app.selectbox(key="side_kept").options) == 1
