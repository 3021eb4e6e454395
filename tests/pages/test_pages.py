"""Every page through the frame, in both languages, with nothing, with a run, and with what goes wrong."""

import json
import os
import time
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from conftest import article_line
from pages_helpers import a_run, open_page, open_path, texts
from project import BROUGHT, PAGES, PROJECT
from streamlit.testing.v1 import AppTest

from engine.core import paths
from engine.core.errors import ArticlesError, EngineError, SettingsError
from engine.core.locks import Lock
from engine.corpus import store
from engine.presets import catalogue
from engine.runs import checkpoints, lifecycle
from engine.runs.settings import RunSettings
from engine.services import ending
from ui import access, errors, i18n, importing_view, words

pytestmark = pytest.mark.usefixtures("no_studio")


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_a_page_opens_with_nothing_trained(page, language, root):
    app = open_page(page.stem, language)
    assert app.title
    assert not app.error


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_a_page_opens_with_a_run(page, language, root):
    a_run(root)
    app = open_page(page.stem, language)
    assert app.title
    assert not app.error


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_a_page_opens_beside_a_run_whose_configuration_is_damaged(page, root):
    a_run(root)
    damaged = a_run(root, "damaged")
    (damaged.folder / "config.json").write_text('{"schema_version": 1, "name": "damaged"}')
    open_page(page.stem)
    damaged.write_state(state=lifecycle.QUEUED)
    app = open_page(page.stem)
    if page.stem in ("lab", "checkpoints", "compare"):
        told = "**damaged** · The run's config.json is damaged. Missing or of the wrong kind: articles, preset"
        assert any(m.value.startswith(told) for m in app.markdown)


def test_the_language_is_a_matter_of_the_session(root):
    french, english = open_page("side_by_side", "fr"), open_page("side_by_side", "en")
    assert french.title[0].value == "Côte à côte"
    assert english.title[0].value == "Side by side"
    french.run()
    assert french.title[0].value == "Côte à côte"


def test_a_trainer_that_died_is_named_with_its_reason_in_the_language(root):
    a_run(root, state=lifecycle.RUNNING)  # nobody holds its lock
    app = open_page("fine_tune")
    assert "ended without a word" in app.warning[0].value
    assert "sans un mot" in open_page("fine_tune", "fr").warning[0].value


def test_the_button_queues_a_run_of_a_minute_and_starts_the_dispatcher(root, monkeypatch):
    from engine.services import dispatcher

    started = []
    monkeypatch.setattr(dispatcher, "ensure", lambda root=None: started.append(root))
    app = open_page("lab")
    app.button[0].click().run()
    assert not app.exception
    (run,) = lifecycle.all_runs(root)
    assert (run.state().state, run.settings.minutes) == (lifecycle.QUEUED, 1.0)
    assert started


def test_the_form_says_everything_that_is_wrong_at_once(root):
    app = open_page("fine_tune")
    next(n for n in app.number_input if n.label == "Learning rate (0 = automatic)").set_value(0.5)
    next(n for n in app.number_input if n.label == "Sequence length (0 = automatic)").set_value(3)
    next(t for t in app.text_input if t.label.startswith("Name of the run")).set_value("../up")
    app.run()
    problems = " ".join(e.value for e in app.error)
    assert "learning_rate must be 0 (automatic)" in problems
    assert "sequence_length must be 0 (automatic) or at least 8" in problems
    assert "cannot be a folder" in problems
    assert next(b for b in app.button if b.label == "Start the run").disabled


def test_generated_text_is_shown_as_text(root):
    a_run(root)
    app = open_page("lab")
    assert any("<b>run</b> wrote *this*" in t.value for t in app.text)
    assert not any("<b>run</b>" in m.value for m in app.markdown)


def test_a_run_deleted_while_shown_is_no_traceback(root):
    import shutil

    run = a_run(root)
    app = open_page("fine_tune")
    shutil.rmtree(run.folder)
    app.run()
    assert not app.exception


def test_visitors_without_the_owners_code_neither_stop_nor_queue_much(root, monkeypatch):
    import streamlit as st

    from ui import access, budget, owner, owner_file

    monkeypatch.setattr(owner_file, "read", lambda: owner_file.OwnerFile(exists=True, code="the secret"))
    monkeypatch.setattr(st, "session_state", {})
    sample = {"preset": "checkpoints/presets/gpt2_mini_en", "articles": "articles/sample"}
    with pytest.raises(EngineError, match="trains for 3 minutes; a visitor's run may train for 2"):
        budget.enter(RunSettings(**sample, name="long", minutes=3), "", join=False)
    for number in range(30):
        budget.enter(RunSettings(**sample, name=f"waits-{number}", minutes=1, seed=number), "", join=False)
    with pytest.raises(EngineError, match="room for 30 of visitors' runs, and 30 of them wait"):
        budget.enter(RunSettings(**sample, name="next", minutes=1), "", join=False)
    monkeypatch.setattr(st, "session_state", {"owner_code": "the secret"})  # typing alone is nothing
    assert not access.is_owner()
    assert owner.enter("the secret").right
    budget.enter(RunSettings(**sample, name="hers", epochs=3), "", join=False)


def test_paths_are_offered_on_loopback_or_under_named_folders_with_links_resolved(tmp_path, monkeypatch):
    import streamlit as st

    from ui import access, owner_file

    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (inside / "link").symlink_to(outside)
    monkeypatch.setattr(st, "get_option", lambda name: "0.0.0.0")
    with pytest.raises(EngineError, match="not offered here"):
        access.check_path(str(inside))
    monkeypatch.setattr(access, "is_owner", lambda: True)
    monkeypatch.setattr(owner_file, "read", lambda: owner_file.OwnerFile(True, article_folders=(inside.resolve(),)))
    access.check_path(str(inside / "a.jsonl"))
    for path in (inside / "link" / "a.jsonl", inside / ".." / "outside", Path("/etc/passwd")):
        with pytest.raises(EngineError, match="outside the folders"):
            access.check_path(str(path))
    monkeypatch.setattr(st, "get_option", lambda name: "127.0.0.1")
    access.check_path("/etc/passwd")


@pytest.mark.parametrize("path", ["x" * 5000, "/" + "x" * 5000, "~nobodyhere/x", "a\0b", "/a\0b"], ids=repr)
def test_what_can_be_no_path_is_a_sentence(path, monkeypatch):
    from engine.core import paths
    from engine.core.errors import ArticlesError
    from engine.runs import submission

    monkeypatch.setattr(access, "is_local", lambda: True)
    for look in (paths.locate, access.check_path, submission.articles_path):
        with pytest.raises(ArticlesError, match="no path on this machine") as raised:
            look(path)
        assert len(str(raised.value)) < 200


def test_a_base_is_grey_and_a_runs_checkpoints_deepen_along_one_hue(root):
    from ui.charts import colours

    run = a_run(root)
    (checkpoint,) = checkpoints.of_run(run)
    preset = catalogue.find("checkpoints/presets/gpt2_mini_en")
    assert colours.of_model(checkpoints.ModelReference(preset)) == colours.BASE
    hue = colours.of_model(checkpoints.ModelReference(preset, checkpoint))
    assert hue == colours.of_run("one") == colours.HUES[0]
    assert colours.deepened(hue, 0.0) != colours.deepened(hue, 0.5) != hue


def test_thinned_curves_keep_their_extremes():
    from ui.charts import style

    ys = [0.0] * 5000
    ys[1234], ys[4321] = 9.0, -9.0
    xs, kept = style.thinned(list(range(5000)), ys)
    assert len(kept) <= style.MOST_POINTS
    assert (max(kept), min(kept)) == (9.0, -9.0)
    assert xs == sorted(xs)


# Articles: import, figures, reader


def test_a_source_by_path_is_prepared_and_can_be_read_by_number_and_identifier(root, local, sample_folder):
    app = open_path(sample_folder)
    assert app.metric[0].value == "32"
    app.number_input(key="number_train").set_value(3).run()
    assert "article-2" in texts(app)
    app.text_input(key="id_train").set_value("article-7").run()
    assert "Article 8, article-7" in texts(app)
    app.text_input(key="id_train").set_value("nobody").run()
    assert "No article of this split has the identifier nobody." in texts(app)


def test_an_article_is_read_as_it_is_written(root, local, tmp_path):
    said = "x <= y -> z, &lt;b&gt; at http://a.com, :material/home: 5$ to 6$"
    lines = [{"article": f"{said}\n\ntitle\n===", "abstract": f"{n} cells"} for n in range(3)]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    app = open_path(tmp_path / "a.jsonl")
    assert said in [element.value for element in app.text]


@pytest.mark.parametrize(
    ("name", "markdown"),
    [
        ("a_b.zip", "a\\_b.zip"),
        ("&lt;b&gt; <b>", "\\&lt;b\\&gt; \\<b>"),
        ("title\n===", "title\n\\==="),
        ("1. one\n    code", "1\\. one\ncode"),
        # What no escape reaches is parted by a character without width.
        ("x >= y -> z", "x >\u2060= y -\u2060> z"),
        ("http://a.com www.b.org c@d.org", "http\\:\u2060//a.com www\u2060.b.org c\u2060@d.org"),
        (":material/home:", "\\:\u2060material/home\\:"),
        ("12:30 a--b a>=b", "12\\:30 a--b a>=b"),
    ],
)
def test_a_name_is_no_markdown(name, markdown):
    assert words.plain(name) == markdown


def test_what_an_error_tells_is_no_markdown(root, local):
    app = open_path("![x](http://e/x.png)")
    assert "!\\[x\\](http\\:/e/x.png)" in app.error[0].value
    both = SettingsError([EngineError("{v} is **bold**.", v="*a*"), EngineError("{n:,} is not.", n=1000)])
    assert errors.markdown(both) == "\\*a\\* is **bold**.\n\n1,000 is not."


def test_the_reason_that_an_error_gives_is_translated_with_it_out_of_a_file_too(monkeypatch):
    reason = ArticlesError("{path} is empty.", path="*a*.txt")
    error = ArticlesError("{path} holds no article that can be used. {reason}", path="a.zip", reason=reason)
    assert str(error) == "a.zip holds no article that can be used. *a*.txt is empty."
    monkeypatch.setattr(i18n, "language", lambda: "fr")
    for told in (error, EngineError.from_json(json.loads(json.dumps(error.to_json())))):
        assert i18n.error_text(told) == "a.zip ne contient aucun article utilisable. *a*.txt est vide."
        assert errors.markdown(told) == "a.zip ne contient aucun article utilisable. \\*a\\*.txt est vide."


def test_what_a_window_length_covers_is_the_share_of_the_tokens(root, local, sample_folder):
    from ui.readers import statistics

    app = open_path(sample_folder)
    prepared = store.all_corpora()[0]  # the newest; the sample that the page opened with is there too
    counts = prepared.token_counts("train")
    next(n for n in app.number_input if n.label == "Tokens taken of each article").set_value(64).run()
    shown = app.metric[4]
    assert shown.label == "Covered by the first 64 tokens of each article"
    assert shown.value.startswith(f"{100 * statistics.coverage(counts, 64):.1f}")


def test_a_table_asks_for_its_column_with_a_preview(root, local, tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("key,words\n1,first text here\n2,second text here\n3,third text here\n")
    app = open_path(path)
    assert list(app.dataframe[0].value.columns) == ["key", "words"]
    assert (
        app.selectbox(key=f"text_column_{importing_view.name_of(str(path))}").value is None
    )  # no guess where nothing tells
    assert not app.metric  # nothing is prepared before the column is chosen
    app.selectbox(key=f"text_column_{importing_view.name_of(str(path))}").set_value("words").run()
    assert "second text here\n" in texts(app)  # the first articles as they will be read
    assert not app.metric
    next(button for button in app.button if button.label == "Prepare").click().run()
    assert not app.exception
    assert app.metric[0].value == "3"
    assert "second text here" in "\n".join(corpus_texts())


def corpus_texts() -> list[str]:
    from engine.core import paths
    from engine.presets import tokenizers

    tokenizer = tokenizers.load(paths.MINI_PRESET)
    prepared = store.all_corpora()[0]  # the newest; the sample that the page opened with is there too
    return [tokenizer.decode(prepared.tokens(split)) for split in prepared.splits]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.zip", b"PK\x03\x04 cut off", "a.zip is a zip archive that is damaged or cut off"),
        ("a.pdf", b"%PDF-1.4", "a.pdf is a PDF that is damaged or cannot be read"),
        ("a.jsonl", b"{broken\n", "holds no article that can be used. a.jsonl, line 1: not JSON."),
        ("a.jsonl", b"", "a.jsonl is empty."),
    ],
)
def test_a_source_that_cannot_be_used_is_one_sentence_and_the_page_stays(root, local, tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    app = open_path(tmp_path / name)
    assert [said in error.value for error in app.error] == [True]
    app.pills(key="articles_source").set_value("sample").run()
    assert app.metric[0].value == "124"


def test_duplicates_between_the_splits_are_said(root, local, tmp_path):
    folder = tmp_path / "source"  # the corpora of the test lie beside it
    folder.mkdir()
    (folder / "train.jsonl").write_text("".join(article_line(n) + "\n" for n in range(6)))
    (folder / "val.jsonl").write_text(article_line(9) + "\n")
    (folder / "test.jsonl").write_text(article_line(2) + "\n")
    app = open_path(folder)
    assert "0 articles repeat an earlier one of their split word for word, 1 stand in two splits" in " ".join(
        w.value for w in app.warning
    )
    assert any(text.value == "test 1 (article-2) is train 3 (article-2) again" for text in app.text)


def test_near_copies_are_shown_with_their_likeness_and_a_link_to_both(root, local, tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    texts = [" ".join(f"{word}{n}" for word in range(200)) for n in range(5)]
    for name, these in (("train", texts[:4]), ("val", texts[4:]), ("test", [texts[2].replace("50", "other")])):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps({"article": t}) + "\n" for t in these))
    app = open_path(folder)
    assert "1 pair of articles is nearly the same text, 1 of them in two splits" in " ".join(
        w.value for w in app.warning
    )
    links = [link.proto for link in app.get("page_link") if "article=" in link.proto.query_string]
    queries = [dict(parse_qsl(link.query_string)) for link in links]
    assert [(q["split"], q["article"]) for q in queries] == [("train", "3"), ("test", "1")]
    assert [link.label for link in links] == ["train 3 (train-3)", "test 1 (test-1)"]
    assert any(m.value.startswith("**9") and m.value.endswith("%**") for m in app.markdown)
    for name, value in queries[1].items():
        app.query_params[name] = value
    app.run()
    assert app.segmented_control(key="articles_split").value == "test"
    assert app.subheader[0].value == "Read an article" and app.number_input(key="number_test").value == 1
    cards = {card: json.loads(card.read_text()) for card in (root.parent / "corpora").glob("*/card.json")}
    card, value = next((card, value) for card, value in cards.items() if value["source"] == str(folder))
    del value["near_copies"], value["files"]["near_copies.idx"]  # as an earlier version prepared it
    card.write_text(json.dumps(value))
    app = open_path(folder)
    assert any("were not looked for when these were prepared" in c.value for c in app.caption)
    next(b for b in app.button if b.label == "Look for near-copies").click().run()
    end = time.monotonic() + 60  # a process of its own looks
    while not (said := " ".join(w.value for w in app.warning if "nearly" in w.value)) and time.monotonic() < end:
        app.run()
    assert "1 pair of articles is nearly the same text" in said


def test_near_copies_are_said_where_figures_stand(root, monkeypatch):
    run = a_run(root)
    report = {**a_report(0.2), "near_copies": 3}
    app = measure(monkeypatch, lambda reference: report)
    assert any("3 test articles are nearly the same text as a training article" in w.value for w in app.warning)
    app = measure(monkeypatch, lambda reference: {**report, "left_out": True})
    assert any("3 test articles that are nearly" in w.value and "left out" in w.value for w in app.warning)
    figures = {"loss": 5.0, "accuracy": 0.4, "bits_per_byte": 2.5, "perplexity": 148.4, "evaluated_tokens": 500}
    run.append_event("evaluation", step=4, split="test", model="run", whole=True, near_copies=1, **figures)
    assert any("1 test article is nearly the same text" in w.value for w in open_page("lab").warning)


def test_how_much_any_number_of_tokens_an_article_covers_is_told(root):
    app = open_page("articles")
    for taken, share in ((1, "0.1"), (100_000, "100.0")):
        next(n for n in app.number_input if n.label == "Tokens taken of each article").set_value(taken).run()
        covered = next(m for m in app.metric if m.label.startswith("Covered by the first"))
        assert covered.value == f"{share}\u00a0%"


def test_all_prepared_articles_are_listed(root, local, tmp_path):
    (tmp_path / "train.jsonl").write_text("".join(article_line(n) + "\n" for n in range(6)))
    app = open_path(tmp_path)
    rows = next(frame.value for frame in app.dataframe if "source" in frame.value.columns)
    assert rows["articles"].tolist()[0] == 6 and str(tmp_path) in rows["source"].tolist()[0]


def test_stages_are_queued_from_the_form_each_for_its_parent(root):
    from engine.runs import queue

    app = open_page("fine_tune")
    app.segmented_control(key="tune_kind").set_value("stages").run()
    assert not app.error
    app.text_input(key="plan_prefix").set_value("chain").run()
    next(button for button in app.button if button.label == "Queue the stages").click().run()
    assert not app.exception and not app.error
    waiting = queue.waiting(root)
    assert [run.name for run in waiting] == [
        "chain-first-10",
        "chain-first-10000",
        "chain-first-80000",
        "chain-the-rest",
    ]
    assert [run.waits_for() for run in waiting][1:] == ["chain-first-10", "chain-first-10000", "chain-first-80000"]


def test_an_uploaded_name_is_a_name_and_no_path(root):
    from ui import sources

    assert [sources.safe_name(n) for n in ("../../x.csv", "C:\\a\\b.txt", ".bashrc", "")] == [
        "x.csv",
        "b.txt",
        "bashrc",
        "articles.txt",
    ]
    one = sources.save_uploads([("../a.jsonl", b"{}")])
    assert one.endswith("a.jsonl") and ".uploads" in one
    assert sources.save_uploads([("a.xml", b"1"), ("b.xml", b"2")]).count(".") == 1


def test_uploads_whose_names_are_alike_are_all_kept(root):
    from ui import sources

    files = [("a b.txt", b"1"), ("a_b.txt", b"2"), ("A_B.txt", b"3"), ("train.jsonl", b"4"), ("train.jsonl", b"5")]
    folder = paths.locate(sources.save_uploads(files))
    kept = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert sorted(kept.values()) == [b"1", b"2", b"3", b"4", b"5"]
    assert kept["train-2.jsonl"] == b"5"


def test_the_table_of_stages_changes_what_it_shows_and_nothing_else():
    from ui.stages_form import changed

    row = {"steps": None, "epochs": 2.0, "learning_rate": 0.0, "batch_size": 0, "sequence_length": 0}
    kept = {"method": "report", "batch_size": 32}
    assert changed(kept | {"minutes": 3}, row) == {"method": "report", "epochs": 2.0, "batch_size": 0}
    by_steps = changed(kept | {"epochs": 1.0}, row | {"epochs": float("nan"), "steps": 40.0, "batch_size": 8})
    assert by_steps == {"method": "report", "steps": 40, "batch_size": 8}
    assert isinstance(by_steps["steps"], int)
    assert changed({"minutes": 3}, row | {"epochs": None, "sequence_length": 64}) == {
        "minutes": 3,
        "sequence_length": 64,
    }


def test_the_queue_is_shown_in_order_and_changed(root):
    from engine.runs import queue

    for name in "abc":
        lifecycle.create(
            RunSettings(preset="checkpoints/presets/gpt2_mini_en", articles="articles/sample", name=name, steps=4)
        )
    app = open_page("fine_tune")
    app.button(key="queue_up_c").click().run()
    assert [run.name for run in queue.waiting(root)] == ["a", "c", "b"]
    app.button(key="queue_cancel_a").click().run()
    assert [run.name for run in queue.waiting(root)] == ["c", "b"]
    assert not app.exception


def test_a_run_is_paused_resumed_and_queued_again_with_changes(root):
    from engine.runs import queue

    a_run(root)
    waiting = lifecycle.create(
        RunSettings(preset="checkpoints/presets/gpt2_mini_en", articles="articles/sample", name="w", steps=4)
    )
    app = open_page("fine_tune")
    app.selectbox[-1].set_value("w").run()
    app.button(key="tune_pause").click().run()
    assert waiting.state().state == lifecycle.PAUSED
    app.button(key="tune_resume").click().run()
    assert waiting.state().state == lifecycle.QUEUED
    clone = queue.clone(waiting, "again", steps=9)
    assert (clone.settings.steps, clone.settings.preset) == (9, waiting.settings.preset)


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0.26, {"delta": "+0.3", "delta_color": "normal"}),
        (-0.26, {"delta": "-0.3", "delta_color": "normal"}),
        (-0.04, {"delta": "0.0", "delta_color": "off", "delta_arrow": "off"}),
    ],
)
def test_a_change_that_rounds_to_nothing_has_neither_sign_nor_colour(number, shown):
    assert words.delta(number) == shown


def test_a_checkpoint_is_pinned_and_the_tree_shows_where_runs_came_from(root):
    from ui.readers import lineage

    run = a_run(root)
    child = lifecycle.create(
        RunSettings(
            preset="checkpoints/presets/gpt2_mini_en", articles="articles/sample", name='x"y'.replace('"', "-"),
            steps=4, parent="one/4", last_article=80_000,
        )
    )  # fmt: skip
    tree = lineage.dot([run, child])
    assert '"run one" -> "run x-y" [label="step 4"]' in tree
    assert '"base checkpoints/presets/gpt2_mini_en" -> "run one"' in tree
    assert "articles 1-80,000" in tree
    assert 'fillcolor="#0072B2" fontcolor="#fff"' in tree and 'fillcolor="#D55E00" fontcolor="#000"' in tree
    app = open_page("checkpoints")
    assert not app.exception
    assert "Where each came from" in [element.value for element in app.subheader]


def test_an_imported_checkpoint_is_told_from_trained_ones(root):
    from engine.exchange.foreign import adoption

    adoption.adopt(PROJECT / "checkpoints" / "presets" / "gpt2_mini_en" / "model.weights.h5", "theirs", root=root)
    app = open_page("checkpoints")
    assert app.dataframe[0].value["run"].tolist() == ["theirs"]
    assert "imported" in app.get("graphviz_chart")[0].proto.spec
    app.session_state["adopted"] = "theirs/0"
    app.run()
    assert any("theirs" in m.value.replace("\\", "") for m in app.markdown)
    assert any("has not been measured" in info.value for info in app.info)
    assert not app.exception
    assert "theirs" not in [r.label for r in open_page("fine_tune").selectbox]


def test_checkpoints_can_be_filtered(root):
    a_run(root, "one")
    run = a_run(root, "two")
    from engine.runs import retention

    retention.pin(checkpoints.of_run(run)[0], True)
    app = open_page("checkpoints")
    app.selectbox(key="filter_run").set_value("one").run()
    assert app.dataframe[0].value["run"].tolist() == ["one"]
    app.selectbox(key="filter_run").set_value("all runs").run()
    app.toggle(key="filter_pinned").set_value(True).run()
    assert app.dataframe[0].value["run"].tolist() == ["two"]


def test_a_page_says_that_memory_ran_out_and_what_follows(root):
    run = a_run(root)
    run.append_event("memory", step=3, failed_step=12, micro_batch=4, batch_size=16)
    app = open_page("fine_tune")
    said = [element.value for element in app.caption if "Memory ran out at step 12" in element.value]
    assert len(said) == 1
    assert "from step 4 on each batch of 16 is worked off in pieces of 4" in said[0]


def test_damaged_checkpoints_are_named_where_they_stood_and_by_the_run_that_passed_over_them(root):
    run = a_run(root)
    with checkpoints.commit(run, 5, {}) as staging:
        (staging / checkpoints.WEIGHTS).write_bytes(b"weights")
    (run.folder / "step-00000005" / checkpoints.MANIFEST).write_text("{}")
    (error,) = checkpoints.newest_and_damaged(run)[1]
    run.append_event("damaged", checkpoint="one/5", reason=error.to_json())
    run.append_event("parent_lost", checkpoint="two/1", reason=EngineError("There is no run two.").to_json())
    said = "The checkpoint one/5 is damaged: its manifest.json is not what was written. The one before it serves."
    assert [warning.value for warning in open_page("checkpoints").warning] == [said]
    captions = [element.value for element in open_page("fine_tune").caption]
    assert f":material/heart_broken: {said} What one/5 held was trained again." in captions
    assert any("There is no run two. So the figures" in caption for caption in captions)


def test_a_frozen_trainer_is_ended_from_the_page_after_a_question(root, monkeypatch):
    run, ended = a_run(root), []
    with Lock(run.folder / "lock") as lock:
        lock.acquire()
        run.write_state(state=lifecycle.RUNNING)
        (run.folder / lifecycle.HEARTBEAT).touch()
        os.utime(run.folder / lifecycle.HEARTBEAT, (1, 1))
        app = open_page("fine_tune")
        assert "What it did since its newest checkpoint is done again" in texts(app)
        app.button(key="tune_end_yes").click().run().run()
        assert "is not certain to be it, so nothing was ended" in app.error[0].value  # nobody wrote owner.json
        monkeypatch.setattr(ending, "end_trainer", lambda run: ended.append(run.name))
        app.button(key="tune_end_yes").click().run()
        assert ended == ["one"]
        monkeypatch.setattr(access, "is_owner", lambda: False)
        assert "tune_end_yes" not in [button.key for button in open_page("fine_tune").button]


def test_the_microscope_shows_what_the_studio_saw_and_says_where_it_could_not(root, monkeypatch):
    from engine.services import inference_client

    looked = {
        "kind": "looked",
        "column": 0,
        "hash": "0",
        "probabilities": [0.5, 0.0],
        "ranks": [1, 4000],
        "entropies": [1.0, 11.0],
        "alternatives": [[["<b>", 0.5]], [["x", 0.2]]],
    }
    other = {"kind": "error", "column": 1, "template": "{name} has another vocabulary.", "values": {"name": "two/1"}}
    answers = [{"kind": "passage", "pieces": ["<b>", "*x*"], "cut": True}, looked, other]
    monkeypatch.setattr(inference_client, "phase", lambda root=None: "ready")
    monkeypatch.setattr(inference_client, "stream", lambda request, root=None: iter(answers))
    a_run(root, "two")
    app = open_page("microscope")
    app.button(key="scope_look").click().run()
    assert not app.exception
    assert [w.value for w in app.warning] == ["two/1 has another vocabulary."]
    assert "the text goes on behind them" in app.caption[-1].value

    def ended(request, root=None):
        raise EngineError("The studio ended while it was working: try again, it starts anew.")
        yield

    monkeypatch.setattr(inference_client, "stream", ended)
    app.number_input(key="scope_article").set_value(2).run()
    assert "studio ended" in app.error[0].value


@pytest.fixture
def looking(monkeypatch):
    """A studio that has looked at everything: what it was asked, and what it answers to places."""
    from engine.services import inference_client

    def stream(request, root=None):
        asked.append(request)
        if request["kind"] == "places":
            yield {"kind": "waiting"}
            yield {"kind": "progress", "done": 1, "total": 2}
            yield {"kind": "result", "places": found}
            return
        yield {"kind": "passage", "pieces": [" <b>", " *x*", "y"], "cut": False}
        for column, shares in enumerate(([0.5, 0.1, 0.2], [0.5, 0.4, 0.1])[: len(request["references"])]):
            looked = {"ranks": [1] * 3, "entropies": [1.0] * 3, "alternatives": [[["x", 0.2]]] * 3, "hash": ""}
            yield {"kind": "looked", "column": column, "probabilities": shares, **looked}

    asked: list[dict] = []
    found: dict[str, list[dict]] = {}
    monkeypatch.setattr(inference_client, "phase", lambda root=None: "ready")
    monkeypatch.setattr(inference_client, "stream", stream)
    return asked, found


def test_whoever_waits_for_the_studio_is_told_for_what(monkeypatch):
    from engine.services import inference_client
    from ui import studio_view

    messages = [
        {"kind": "waiting"},
        {"kind": "begun"},
        {"kind": "progress", "done": 1, "total": 2},
        {"kind": "exported"},
    ]
    monkeypatch.setattr(inference_client, "answers", lambda request: (message for message in messages))
    said: list[tuple[str, float]] = []
    assert studio_view.told({"kind": "export"}, lambda *told: said.append(told), "it is written") == messages
    assert said == [
        ("it is written", 0.0),
        ("The studio is answering somebody else: this waits for its turn.", 0.0),
        ("it is written", 0.0),
        ("measuring: 1 of 2 windows", 0.5),
        ("it is written", 0.0),
    ]


def test_places_are_text_and_the_same_link_is_followed_twice(root, local, looking, tmp_path):
    from engine.core import paths
    from engine.corpus import preparation
    from engine.presets import tokenizers

    said = "the *cells* were</cite> deleted 🧪 twice & for all"  # no tag that reading takes away
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
    asked, found = looking
    found |= {name: [place] for name in ("gained_tokens", "lost_tokens", "gained_sentences", "lost_sentences")}
    a_run(root)
    app = open_page("microscope")
    app.selectbox(key="scope_articles").set_value(paths.portable(prepared.folder)).run()
    app.button(key="scope_find").click().run()
    assert not app.exception and not app.error
    shown = [element.proto.body for element in app.get("html")]
    assert any("were&lt;/cite&gt; deleted <b>🧪</b> twice &amp; for" in text for text in shown), shown
    assert not any("�" in text for text in shown)
    links = [link.proto.query_string for link in app.get("page_link")]
    assert all("article=2" in link for link in links)
    for _click in range(2):
        app.number_input(key="scope_article").set_value(1).run()
        for name, value in parse_qsl(app.get("page_link")[0].proto.query_string):
            app.query_params[name] = value
        app.run()
        assert app.number_input(key="scope_article").value == 2
    assert [request["kind"] for request in asked].count("places") == 1  # the lists stay


def test_a_text_of_ones_own_has_its_gained_and_lost_tokens_too(root, looking):
    a_run(root)
    app = open_page("microscope")
    app.segmented_control(key="scope_way").set_value("text").run()
    app.button(key="scope_look").click().run()
    assert not app.exception
    shown = [element.proto.body for element in app.get("html")]
    assert "+2.0 bits" in shown[0] and "… &lt;b&gt;<b> *x*</b>y …" in shown[0].replace("… &nbsp;", "… ").replace(
        "…  ", "… "
    )
    assert "−1.0 bits" in shown[1] and "<b>y</b>" in shown[1]
    app.pills(key="scope_what").set_value("rank").run()
    assert len(app.get("html")) == 2


@pytest.mark.parametrize(
    ("page", "key"),
    [
        ("microscope", "scope_model_1"),
        ("evaluate", "evaluate_model"),
        ("memorisation", "copied_run"),
        ("time_machine", "time_run"),
    ],
)
def test_what_is_deleted_while_it_is_shown_is_named_and_the_page_goes_on(root, looking, page, key):
    import shutil

    a_run(root, "other")
    run = a_run(root)
    app = open_page(page)
    app.selectbox(key=key).set_value("one/4" if "model" in key else "one").run()
    shutil.rmtree(run.folder)
    app.run()
    assert not app.exception
    assert [error.value.split(" has been deleted")[0] for error in app.error] == ["one/4" if "model" in key else "one"]
    assert app.selectbox(key=key).value != run.name
    app.run()
    assert not app.error


def test_a_link_opens_the_microscope_at_its_place(root, monkeypatch):
    from engine.services import inference_client

    def ended(request, root=None):
        raise EngineError("The studio ended while it was working: try again, it starts anew.")
        yield

    monkeypatch.setattr(inference_client, "phase", lambda root=None: "ready")
    monkeypatch.setattr(inference_client, "stream", ended)
    app = AppTest.from_file(str(PROJECT / "streamlit_app.py"), default_timeout=60)
    app.run()
    app.query_params["article"], app.query_params["token"] = "3", "41"
    app.switch_page(str(PROJECT / "pages" / "microscope.py"))
    app.query_params["article"], app.query_params["token"] = "3", "41"
    app.run()
    assert (app.number_input(key="scope_article").value, app.number_input(key="scope_first").value) == (3, 41)


# Evaluate


def a_report(accuracy: float, articles: int = 6) -> dict:
    """A report as the studio gives it, of articles of 100 tokens, and one of which nothing was scored."""
    from engine.evaluation import intervals

    tokens = [100] * articles + [0]
    columns = {"tokens": tokens, "bytes": [3 * n for n in tokens], "loss": [4.75 * n for n in tokens]}
    columns |= {name: [round(accuracy * n * k) for n in tokens] for name, k in
                (("top_1", 1), ("top_5", 2), ("top_10", 3))}  # fmt: skip
    figures = {name: float(x) for name, x in intervals.figures_of({k: sum(v) for k, v in columns.items()}).items()}
    group = [{"name": "other", "tokens": 100 * articles, **figures}]
    simple = {"accuracy": 0.05, "loss": 7.0, "perplexity": 1096.6, "bits_per_byte": 3.4}
    padded = {"windows": "paragraph", "count": 5, "length": 128, "padding_share": 0.25, "accuracy": 0.24, "loss": 5.0,
              "accuracy_with_padding": 0.18, "loss_with_padding": 6.0, "accuracy_learnt": 0.43}  # fmt: skip
    return {
        **figures,
        "evaluated_tokens": 100 * articles,
        "sequence_length": 256,
        "stride": 256,
        "intervals": intervals.intervals(columns),
        "by_article": columns,
        "by_section": group,
        "by_position": group,
        "by_kind": group,
        "calibration": {"error": 0.1, "bins": [{"tokens": 600, "confidence": 0.3, "accuracy": 0.2}]},
        "baselines": {
            "training_tokens": 1000,
            "counted_on": "run",
            "token": " *the*",
            "most_frequent": simple,
            "bigram": simple,
        },
        "split": "test",
        "near_copies": 0,
        "left_out": False,
        "padding": [padded],
        "checked": {"tokens": 100, "loss": 4.75, "accuracy": accuracy},
        "keras": {"tokens": 100, "loss": 4.7500003, "accuracy": accuracy},
    }


def measure(monkeypatch, report) -> AppTest:
    """The Evaluate page after Measure was pressed, with a studio that gives `report(reference)`."""
    from engine.services import inference_client

    def stream(request, root=None):
        asked.append(request)
        yield {"kind": "progress", "phase": "preparing", "articles": 7}
        yield {"kind": "progress", "phase": "measuring", "done": 1, "total": 2}
        yield {"kind": "result", "scores": report(request["reference"])}

    asked: list[dict] = []
    monkeypatch.setattr(inference_client, "stream", stream)
    monkeypatch.setattr(inference_client, "wait_until_ready", lambda root=None: None)
    app = open_page("evaluate")
    next(b for b in app.button if b.label == "Measure").click().run()
    assert not app.exception and not app.error
    assert [r["reference"] for r in asked] == ["checkpoints/presets/gpt2_mini_en", "one/4"]
    assert len({(r["articles"], r["split"], r["tokens"], r["stride"]) for r in asked}) == 1
    return app


def test_a_report_says_the_difference_to_the_base_in_words_and_what_43_percent_can_mean(root, monkeypatch):
    a_run(root)
    app = measure(monkeypatch, lambda reference: a_report(0.2 if reference == "one/4" else 0.1))
    said = " ".join(m.value for m in app.markdown)
    assert "points" in said and "interval of the difference" in said
    assert any("43.0" in str(table.value) for table in app.dataframe)
    next(c for c in app.segmented_control if c.label == "Split").set_value("validation").run()
    assert "interval of the difference" not in " ".join(m.value for m in app.markdown)  # of another split


def test_figures_of_windows_of_different_lengths_do_not_stand_side_by_side(root):
    """An older report that does not say its window has that of its run's settings."""
    run = a_run(root)
    longer = {"loss": 4.0, "accuracy": 0.3, "bits_per_byte": 2.0, "perplexity": 54.6, "evaluated_tokens": 500}
    other = a_run(root, "two")
    for model in ("base", "run"):
        other.append_event("evaluation", step=4, split="test", model=model, whole=True, sequence_length=64, **longer)
    app = open_page("evaluate")
    window = next(s for s in app.selectbox if s.label == "Tokens scored")
    assert window.options == ["500 tokens in windows of 256", "500 tokens in windows of 64"]
    assert app.dataframe[0].value["accuracy"].tolist() == [20.0, 20.0]
    assert any("Windows of 256 tokens, 256 from one to the next" in c.value for c in app.caption)
    window.set_value((500, 64)).run()
    assert app.dataframe[0].value["accuracy"].tolist() == [30.0, 30.0]
    assert run.name not in " ".join(app.dataframe[0].value["model"])


def test_prepared_articles_are_offered_where_paths_are_not(root, monkeypatch, sample_folder):
    from engine.core import paths
    from engine.corpus import preparation
    from engine.presets import catalogue

    monkeypatch.setattr(access, "is_local", lambda: False)
    made = preparation.prepare(sample_folder, catalogue.tokenizer(catalogue.find(paths.MINI_PRESET)))
    a_run(root)
    app = open_page("evaluate")
    articles = next(s for s in app.selectbox if s.label == "Articles")
    assert len(articles.options) == 2 and articles.options[0] == "The sample that ships"
    assert not any("path" in option for option in articles.options)
    articles.set_value(paths.portable(made.folder)).run()
    assert not app.exception
    monkeypatch.setattr(access, "is_local", lambda: True)
    app = open_page("evaluate")
    next(s for s in app.selectbox if s.label == "Articles").set_value("").run()
    next(t for t in app.text_input if t.label.startswith("Articles on this machine")).set_value("x" * 5000).run()
    assert not app.exception
    next(b for b in app.button if b.label == "Measure").click().run()
    assert not app.exception and "no path on this machine" in app.error[0].value


def test_full_context_is_one_choice_and_a_window_can_be_chosen(root, monkeypatch):
    from engine.services import inference_client

    a_run(root)
    asked = []

    def stream(request, root=None):
        asked.append(request)
        yield {"kind": "result", "scores": a_report(0.2)}

    monkeypatch.setattr(inference_client, "stream", stream)
    monkeypatch.setattr(inference_client, "wait_until_ready", lambda root=None: None)
    app = open_page("evaluate")
    app.pills(key="report_way").set_value("full").run()
    assert any("with 129 to 256 tokens before it" in c.value for c in app.caption)
    next(b for b in app.button if b.label == "Measure").click().run()
    app.pills(key="report_way").set_value("own").run()
    next(n for n in app.number_input if n.label == "Window, in tokens").set_value(64).run()
    next(b for b in app.button if b.label == "Measure").click().run()
    assert not app.exception and not app.error
    ways = [(r["tokens"], r["sequence_length"], r["stride"]) for r in asked]
    assert ways == [(0, 256, 128)] * 2 + [(0, 64, 0)] * 2


def test_a_report_of_articles_that_have_changed_since_is_not_shown(root, monkeypatch):
    from engine.evaluation import cache

    a_run(root)
    hashes = {"corpus": "one"}
    monkeypatch.setattr(cache, "key_if_prepared", lambda *a, **b: dict(hashes))
    app = measure(monkeypatch, lambda reference: a_report(0.2 if reference == "one/4" else 0.1))
    assert "interval of the difference" in " ".join(m.value for m in app.markdown)
    hashes["corpus"] = "another"
    app.run()
    assert "interval of the difference" not in " ".join(m.value for m in app.markdown)


def test_the_headline_stands_below_simpler_guesses_and_beside_keras(root, monkeypatch):
    a_run(root)
    app = measure(monkeypatch, lambda reference: a_report(0.2 if reference == "one/4" else 0.1))
    headline, difference = (table.value for table in app.dataframe[1:3])
    assert headline["Model"].tolist()[:2] == ["most frequent token", "bigram"]
    assert headline["Perplexity"].tolist()[0] == "1,096.6" and headline["Among the first 5"].tolist()[0] == "—"
    assert difference["Difference to the base"].tolist() == [
        "Accuracy", "Among the first 5", "Among the first 10", "Bits per byte", "Perplexity", "Loss",
    ]  # fmt: skip
    assert difference["95 % interval of the difference"].tolist()[0] == "+10.0 to +10.0"
    said = " ".join(c.value for c in app.caption)
    assert "On 600 tokens of 6 articles, in windows of 256 tokens, 256 from one to the next" in said
    assert "agrees with the sums above: over these tokens the two are 0.0000003 apart in loss, and in 0 tokens" in said


def test_keras_and_the_report_apart_is_said_aloud(root, monkeypatch):
    a_run(root)
    apart = {"tokens": 100, "loss": 4.8, "accuracy": 0.2}
    app = measure(monkeypatch, lambda reference: {**a_report(0.2), "keras": apart})
    assert any("disagrees" in c.value for c in app.caption)


def test_of_a_few_articles_the_page_tells_no_interval(root, monkeypatch):
    a_run(root)
    app = measure(monkeypatch, lambda reference: a_report(0.2 if reference == "one/4" else 0.1, articles=1))
    said = " ".join(element.value for element in (*app.markdown, *app.caption))
    assert "cannot be told whether chance made the difference" in said and "On 100 tokens of 1 article," in said
    assert "95 %" not in said
    assert app.dataframe[1].value["Accuracy"].tolist()[-1] == "20.0\u00a0%"


def test_a_run_made_the_original_reports_way_shows_what_keras_said(root):
    run = a_run(root)
    run.append_event("keras_evaluate", step=4, split="test", loss=4.5, accuracy=0.25, loss_with_padding=4.0,
                     accuracy_with_padding=0.43, tokens=700, targets=1024)  # fmt: skip
    said = " ".join(c.value for c in open_page("lab").caption)
    assert "(700 tokens): accuracy 25.0\u00a0%, loss 4.500" in said and "1,024 places: accuracy 43.0" in said


def test_the_forgetting_meter_says_what_was_gained_and_what_it_cost(root):
    run = a_run(root)
    assert any("No run has scored general English" in i.value for i in open_page("evaluate").info)
    for model, step, split, accuracy in (("base", 0, "english", 0.3), ("run", 4, "english", 0.25)):
        run.append_event("evaluation", step=step, split=split, model=model, whole=False, accuracy=accuracy,
                         bits_per_byte=2.0, loss=4.0, perplexity=54.6, evaluated_tokens=2048)  # fmt: skip
    said = " ".join(m.value for m in open_page("evaluate").markdown)
    assert "on general English from 30.0" in said and "−5.0 points" in said


def test_english_is_not_mixed_into_the_curve_of_validation():
    import numpy as np

    from ui.charts import style
    from ui.readers.records import Record

    events = [
        {"kind": "evaluation", "split": split, "model": model, "step": step, "whole": False, "accuracy": accuracy}
        for model, step in (("base", 0), ("run", 4))
        for split, accuracy in (("english", 0.9), ("validation", 0.2))
    ]
    nothing = {"step": np.empty(0)}
    figure = style.validation(Record(nothing, nothing, events), "accuracy", "#000000", "accuracy")
    assert [list(trace.y) for trace in figure.data] == [[0.2, 0.2]]
    assert figure.layout.shapes[0].y0 == 0.2


# Compare runs, time machine


def test_runs_are_laid_over_one_another(root):
    for name in ("one", "two"):
        a_run(root, name)
    app = open_page("compare")
    assert app.multiselect(key="compare_runs").value == ["two", "one"]
    assert len(app.get("plotly_chart")) == 1
    for figure in ("training_loss", "learning_rate"):
        app.selectbox(key="compare_figure").set_value(figure).run()
        assert not app.exception
    app.toggle(key="compare_smooth").set_value(True).run()
    app.session_state["compare_axis"] = "articles"
    app.run()
    assert not app.exception
    app.multiselect(key="compare_runs").set_value([]).run()
    assert app.info[0].value == "Choose at least one run."


def test_the_files_of_a_comparison_hold_every_point_and_every_run(root, monkeypatch):
    import streamlit as st

    files = {}
    monkeypatch.setattr(
        st, "download_button", lambda label, data, name, *a, **k: files.__setitem__(k["key"], (name, data()))
    )
    for number, name in enumerate(("one", "two")):
        run = a_run(root, name)
        run.append_event("step", step=6, loss=4.0 + number, accuracy=0.2, tokens=150, seconds=3.0,
                         learning_rate=1e-3, tokens_per_second=50.0, memory_bytes=10**9)  # fmt: skip
    app = open_page("compare")
    app.selectbox(key="compare_figure").set_value("training_loss").run()
    name, curves = files["compare_csv"]
    assert name == "atelier-training-loss-steps.csv"
    assert curves.splitlines() == [
        "run,steps,training_loss",
        "two,4.0,5.0", "two,6.0,5.0", "one,4.0,5.0", "one,6.0,4.0",
    ]  # fmt: skip
    name, table = files["compare_table_csv"]
    lines = [line.split(",") for line in table.splitlines()]
    assert name == "atelier-runs.csv" and [line[0] for line in lines] == ["run", "two", "one"]
    row = dict(zip(lines[0], lines[1], strict=True))
    assert (row["steps"], row["tokens"], row["loss"], row["accuracy"], row["test_bits"]) == (
        "4", "150.0", "5.0", "20.0", "2.5",
    )  # fmt: skip


def test_the_time_machine_moves_and_says_what_was_not_recorded(root):
    run = a_run(root, "one")
    run.append_event("passage", step=4, model="run", pieces=["<b>", "x"], probabilities=[0.5, 0.1], ranks=[1, 9])
    app = open_page("time_machine")
    assert "<b>run</b> wrote *this*" in texts(app)
    app.select_slider(key="time_slider").set_value(0).run()
    assert "<b>base</b> wrote *this*" in texts(app)
    assert any("made before passages were recorded" in caption.value for caption in app.caption)
    app.button(key="time_play").click().run()
    assert not app.exception


def test_play_at_the_end_begins_again_at_the_base_and_stops_at_the_end(root):
    run = a_run(root)
    run.append_event("sample", step=2, model="run", prompt="The", text=" halfway", seed=1)
    app = open_page("time_machine")
    app.button(key="time_play").click().run()
    seen = [texts(app)]
    while app.session_state["time_playing"]:
        app.run()
        seen.append(texts(app))
    assert ["<b>base</b>" in seen[0], " halfway" in seen[1], "<b>run</b>" in seen[2]] == [True] * 3 and len(seen) == 3
    assert app.button(key="time_play").label == "Play"


def test_a_run_that_has_only_its_base_is_waited_for(root):
    lifecycle.create(
        RunSettings(preset="checkpoints/presets/gpt2_mini_en", articles="articles/sample", name="x", steps=4)
    )
    app = open_page("time_machine")
    assert "has not measured anything behind its base yet" in app.info[0].value


def test_the_time_machine_follows_a_run_that_goes_on_for_who_looks_at_its_newest_moment(root):
    run = a_run(root)
    app = open_page("time_machine")
    assert app.select_slider(key="time_slider").value == 1
    run.append_event("sample", step=6, model="run", prompt="The", text=" newest", seed=1)
    app.run()
    assert app.select_slider(key="time_slider").value == 2
    app.select_slider(key="time_slider").set_value(0).run()
    run.append_event("sample", step=8, model="run", prompt="The", text=" newer still", seed=1)
    app.run()
    assert app.select_slider(key="time_slider").value == 0
    assert not app.exception


def test_the_first_articles_are_shown_before_anything_is_prepared(root, local, sample_folder):
    app = open_path(sample_folder, prepares=False)
    assert not app.metric
    assert [c.value for c in app.caption if c.value.startswith("article")] == ["article-0", "article-1", "article-2"]
    app.button(key=f"prepare_{importing_view.name_of(str(sample_folder))}").click().run()
    assert app.metric[0].value == "32"


def test_each_file_of_several_is_shown_and_the_table_that_is_asked_about_is_named(root, local, tmp_path):
    brought, folder = BROUGHT, tmp_path / "mixed"
    folder.mkdir()
    for name in ("abstracts_kaggle.csv", "id_content.csv", "twenty_lines.txt"):
        (folder / name).write_bytes((brought / name).read_bytes())
    app = open_path(folder, prepares=False)
    captions = [caption.value for caption in app.caption]
    assert "The columns of abstracts\\_kaggle.csv:" in captions
    assert any("goes for the other tables too" in caption for caption in captions)
    for name in ("abstracts\\_kaggle.csv · 0", "id\\_content.csv · 1", "twenty\\_lines.txt"):
        assert any(caption.startswith(name) for caption in captions), captions
    unit = app.segmented_control(key=f"unit_{importing_view.name_of(str(folder))}")
    assert unit.label == "In plain text files, one article is" and unit.value == "line"
    unit.set_value("file").run()
    assert not app.exception and "twenty" in texts(app)


def test_a_column_that_a_name_or_long_texts_tell_is_offered(root, local, tmp_path):
    brought = BROUGHT
    app = open_path(brought / "id_content.csv", prepares=False)
    assert (
        app.selectbox(key=f"text_column_{importing_view.name_of(str(brought / 'id_content.csv'))}").value == "content"
    )
    path = tmp_path / "long.csv"
    path.write_text("n,words\n" + "".join(f"{n},{'word ' * 60}{n}\n" for n in range(4)))
    app = open_path(path, prepares=False)
    assert app.selectbox(key=f"text_column_{importing_view.name_of(str(path))}").value == "words"
    assert not app.metric


def test_the_encoding_and_what_so_little_can_show_are_said(root, local):
    brought = BROUGHT
    app = open_path(brought / "excel_fr.csv")
    assert "excel\\_fr.csv is not in UTF-8: it was read in the usual encoding of Excel on Windows" in texts(app)
    assert app.metric[0].value == "12"
    app = open_path(brought / "twenty_lines.txt")
    assert app.metric[0].value == "20"
    assert "little to learn from" in texts(app)
    assert "of the tokens of the validation texts" in texts(app) and "87\\.0 %" in texts(app)


def test_less_than_half_is_a_question_on_the_page(root, local, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join([article_line(n) for n in range(4)] + ["{broken"] * 5))
    app = open_path(path)
    assert not app.metric
    assert "Of 9 texts" in texts(app) and "only 4 can be read" in texts(app)
    app.button(key=f"accept_{importing_view.name_of(str(path))}").click().run()
    assert not app.exception
    assert (app.metric[0].value, app.metric[3].value) == ("4", "5")


def test_the_form_of_a_run_asks_for_the_column_and_prepares_first(root, local, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("key,words\n" + "".join(f"{n},some text of number {n}\n" for n in range(6)))
    app = open_page("fine_tune")
    app.pills(key="tune_source").set_value("path").run()
    app.text_input(key="tune_path").set_value(str(path)).run()
    assert "Start the run" not in [button.label for button in app.button]
    app.selectbox(key=f"text_column_{importing_view.name_of(str(path))}").set_value("words").run()
    app.button(key=f"prepare_{importing_view.name_of(str(path))}").click().run()
    assert not app.exception
    assert "Start the run" in [button.label for button in app.button]
    assert [c.card["source"] for c in store.all_corpora() if c.card["source"].endswith("t.csv")]
