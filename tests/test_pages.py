"""Every page through the frame, in both languages, with nothing, with a run, and with what goes wrong."""

import os
from pathlib import Path

import pytest
from conftest import article_line
from streamlit.testing.v1 import AppTest

from engine import checkpoints, corpus, ending, paths, runs
from engine.errors import EngineError
from engine.locks import Lock
from engine.settings import RunSettings
from ui import access

PROJECT = Path(__file__).resolve().parent.parent
PAGES = sorted((PROJECT / "pages").glob("*.py"))


@pytest.fixture(autouse=True)
def no_studio(monkeypatch):
    """Pages are rendered here, not generated with: no process is started."""
    from engine import dispatcher, studio_client

    monkeypatch.setattr(studio_client, "ensure", lambda root=None: None)
    monkeypatch.setattr(dispatcher, "ensure", lambda root=None: None)


def open_page(name: str, language: str = "en") -> AppTest:
    app = AppTest.from_file(str(PROJECT / "streamlit_app.py"), default_timeout=60)
    app.session_state["language"] = language
    app.run()
    if name != "lab":
        app.switch_page(str(PROJECT / "pages" / f"{name}.py")).run()
    assert not app.exception, [e.message for e in app.exception]
    return app


def a_run(root, name="one", state=runs.FINISHED, preset="checkpoints/presets/gpt2_mini_en"):
    run = runs.create(RunSettings(preset=preset, articles="articles/sample", name=name, steps=4), root=root)
    figures = {"loss": 5.0, "accuracy": 0.2, "bits_per_byte": 2.5, "perplexity": 148.4, "evaluated_tokens": 500}
    for model, step in (("base", 0), ("run", 4)):
        run.append_event("evaluation", step=step, split="validation", model=model, whole=False, **figures)
        run.append_event("evaluation", step=step, split="test", model=model, whole=True, **figures)
        run.append_event("sample", step=step, model=model, prompt="The", text=f" <b>{model}</b> wrote *this*", seed=1)
    run.append_event("step", step=4, loss=5.0, accuracy=0.2, tokens=100, seconds=2.0, learning_rate=1e-3,
                     tokens_per_second=50.0, memory_bytes=10**9)  # fmt: skip
    facts = {"preset": checkpoints.presets.json_of(checkpoints.presets.find(preset)), "tokens": 100, "parent": None}
    with checkpoints.commit(run, 4, {**facts, "metrics": {"validation": figures}}) as staging:
        (staging / checkpoints.WEIGHTS).write_bytes(b"weights")
    with Lock(run.folder / "lock") as lock:
        lock.acquire()
        run.write_state(state=state, step=4, steps=4)
    return run


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


def test_the_language_is_a_matter_of_the_session(root):
    french, english = open_page("side_by_side", "fr"), open_page("side_by_side", "en")
    assert french.title[0].value == "Côte à côte"
    assert english.title[0].value == "Side by side"
    french.run()
    assert french.title[0].value == "Côte à côte"


def test_a_trainer_that_died_is_named_with_its_reason_in_the_language(root):
    a_run(root, state=runs.RUNNING)  # nobody holds its lock
    app = open_page("fine_tune")
    assert "ended without a word" in app.warning[0].value
    assert "sans un mot" in open_page("fine_tune", "fr").warning[0].value


def test_the_button_queues_a_run_of_a_minute_and_starts_the_dispatcher(root, monkeypatch):
    from engine import dispatcher

    started = []
    monkeypatch.setattr(dispatcher, "ensure", lambda root=None: started.append(root))
    app = open_page("lab")
    app.button[0].click().run()
    assert not app.exception
    (run,) = runs.all_runs(root)
    assert (run.state().state, run.settings.minutes) == (runs.QUEUED, 1.0)
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

    from engine.errors import EngineError
    from ui import access

    monkeypatch.setattr(access, "_secret", {"owner_code": "s3cret"}.get)
    monkeypatch.setattr(st, "session_state", {})
    small = RunSettings(preset="p", articles="a", name="n", minutes=1)
    access.check_queue(small)
    with pytest.raises(EngineError, match="at most 2.0 minutes or 500 steps"):
        access.check_queue(RunSettings(preset="p", articles="a", name="n", epochs=3))
    runs.create(RunSettings(preset="p", articles="a", name="waits", minutes=1), root=root)
    with pytest.raises(EngineError, match="one at a time"):
        access.check_queue(small)
    monkeypatch.setattr(st, "session_state", {"owner_code": "s3cret"})
    access.check_queue(RunSettings(preset="p", articles="a", name="n", epochs=3))


def test_paths_are_offered_on_loopback_or_under_named_folders_with_links_resolved(tmp_path, monkeypatch):
    import streamlit as st

    from engine.errors import EngineError
    from ui import access

    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (inside / "link").symlink_to(outside)
    monkeypatch.setattr(st, "get_option", lambda name: "0.0.0.0")
    monkeypatch.setattr(access, "_secret", lambda name: None)
    with pytest.raises(EngineError, match="not offered here"):
        access.check_path(str(inside))
    monkeypatch.setattr(access, "_secret", {"article_folders": [str(inside)]}.get)
    access.check_path(str(inside / "a.jsonl"))
    for path in (inside / "link" / "a.jsonl", inside / ".." / "outside", Path("/etc/passwd")):
        with pytest.raises(EngineError, match="outside the folders"):
            access.check_path(str(path))
    monkeypatch.setattr(st, "get_option", lambda name: "127.0.0.1")
    access.check_path("/etc/passwd")


def test_a_base_is_grey_and_a_runs_checkpoints_deepen_along_one_hue(root):
    from ui import colours

    run = a_run(root)
    (checkpoint,) = checkpoints.of_run(run)
    preset = checkpoints.presets.find("checkpoints/presets/gpt2_mini_en")
    assert colours.of_model(checkpoints.ModelReference(preset)) == colours.BASE
    hue = colours.of_model(checkpoints.ModelReference(preset, checkpoint))
    assert hue == colours.of_run("one") == colours.HUES[0]
    assert colours.deepened(hue, 0.0) != colours.deepened(hue, 0.5) != hue


def test_thinned_curves_keep_their_extremes():
    from ui import charts

    ys = [0.0] * 5000
    ys[1234], ys[4321] = 9.0, -9.0
    xs, kept = charts.thinned(list(range(5000)), ys)
    assert len(kept) <= charts.MOST_POINTS
    assert (max(kept), min(kept)) == (9.0, -9.0)
    assert xs == sorted(xs)


# Articles: import, figures, reader


@pytest.fixture
def local(monkeypatch):
    """A server on this machine alone: files may be named by path."""
    from ui import access

    monkeypatch.setattr(access, "is_local", lambda: True)


def open_path(path) -> AppTest:
    app = open_page("articles")
    app.pills(key="articles_source").set_value("path").run()
    app.text_input(key="articles_path").set_value(str(path)).run()
    assert not app.exception, [e.message for e in app.exception]
    return app


def texts(app) -> str:
    return "\n".join(element.value for element in [*app.markdown, *app.caption, *app.text, *app.info, *app.warning])


def test_a_source_by_path_is_prepared_and_can_be_read_by_number_and_identifier(root, local, sample_folder):
    app = open_path(sample_folder)
    assert app.metric[0].value == "32"
    app.number_input(key="number_train").set_value(3).run()
    assert "article\\-2" in texts(app)
    app.text_input(key="id_train").set_value("article-7").run()
    assert "Article 8, article\\-7" in texts(app)
    app.text_input(key="id_train").set_value("nobody").run()
    assert "No article of this split has the identifier nobody." in texts(app)


def test_what_a_window_length_covers_is_the_share_of_the_tokens(root, local, sample_folder):
    from ui import statistics

    app = open_path(sample_folder)
    prepared = corpus.all_corpora()[0]  # the newest; the sample that the page opened with is there too
    counts = prepared.token_counts("train")
    app.select_slider[0].set_value(64).run()
    shown = app.metric[4]
    assert shown.label == "Covered by the first 64 tokens of each article"
    assert shown.value.startswith(f"{100 * statistics.coverage(counts, 64):.1f}")


def test_a_table_asks_for_its_column_with_a_preview(root, local, tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("key,contents\n1,first text here\n2,second text here\n3,third text here\n")
    app = open_path(path)
    assert list(app.dataframe[0].value.columns) == ["key", "contents"]
    assert not app.metric  # nothing is prepared before the column is chosen
    app.selectbox(key=f"text_column_{path}").set_value("contents").run()
    next(button for button in app.button if button.label == "Prepare").click().run()
    assert not app.exception
    assert app.metric[0].value == "3"
    assert "second text here" in "\n".join(corpus_texts())


def corpus_texts() -> list[str]:
    from engine import paths, tokenizers

    tokenizer = tokenizers.load(paths.MINI_PRESET)
    prepared = corpus.all_corpora()[0]  # the newest; the sample that the page opened with is there too
    return [tokenizer.decode(prepared.tokens(split)) for split in prepared.splits]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.zip", b"PK\x03\x04 cut off", "a.zip is a zip archive that is damaged or cut off"),
        ("a.pdf", b"%PDF-1.4", "a.pdf is a PDF file, which is not read"),
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
    (tmp_path / "train.jsonl").write_text("".join(article_line(n) + "\n" for n in range(6)))
    (tmp_path / "val.jsonl").write_text(article_line(9) + "\n")
    (tmp_path / "test.jsonl").write_text(article_line(2) + "\n")
    app = open_path(tmp_path)
    assert (
        "0 articles repeat an earlier one of their split word for word, 1 stand in two splits" in app.warning[0].value
    )


def test_stages_are_queued_from_the_form_each_for_its_parent(root):
    from engine import queue

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
    from engine import queue

    for name in "abc":
        runs.create(
            RunSettings(preset="checkpoints/presets/gpt2_mini_en", articles="articles/sample", name=name, steps=4)
        )
    app = open_page("fine_tune")
    app.button(key="queue_up_c").click().run()
    assert [run.name for run in queue.waiting(root)] == ["a", "c", "b"]
    app.button(key="queue_cancel_a").click().run()
    assert [run.name for run in queue.waiting(root)] == ["c", "b"]
    assert not app.exception


def test_a_run_is_paused_resumed_and_queued_again_with_changes(root):
    from engine import queue

    a_run(root)
    waiting = runs.create(
        RunSettings(preset="checkpoints/presets/gpt2_mini_en", articles="articles/sample", name="w", steps=4)
    )
    app = open_page("fine_tune")
    app.selectbox[-1].set_value("w").run()
    app.button(key="tune_pause").click().run()
    assert waiting.state().state == runs.PAUSED
    app.button(key="tune_resume").click().run()
    assert waiting.state().state == runs.QUEUED
    clone = queue.clone(waiting, "again", steps=9)
    assert (clone.settings.steps, clone.settings.preset) == (9, waiting.settings.preset)


def test_a_checkpoint_is_pinned_and_the_tree_shows_where_runs_came_from(root):
    from ui import lineage

    run = a_run(root)
    child = runs.create(
        RunSettings(
            preset="checkpoints/presets/gpt2_mini_en", articles="articles/sample", name='x"y'.replace('"', "-"),
            steps=4, parent="one/4", last_article=80_000,
        )
    )  # fmt: skip
    tree = lineage.dot([run, child])
    assert '"run one" -> "run x-y" [label="step 4"]' in tree
    assert '"base checkpoints/presets/gpt2_mini_en" -> "run one"' in tree
    assert "articles 1-80,000" in tree
    app = open_page("checkpoints")
    assert not app.exception
    assert "Where each came from" in [element.value for element in app.subheader]


def test_an_imported_checkpoint_is_told_from_trained_ones(root):
    from engine.foreign import adoption

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
    from engine import retention

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


def test_a_frozen_trainer_is_ended_from_the_page_after_a_question(root, monkeypatch):
    run, ended = a_run(root), []
    with Lock(run.folder / "lock") as lock:
        lock.acquire()
        run.write_state(state=runs.RUNNING)
        (run.folder / runs.HEARTBEAT).touch()
        os.utime(run.folder / runs.HEARTBEAT, (1, 1))
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
    from engine import studio_client

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
    monkeypatch.setattr(studio_client, "phase", lambda root=None: "ready")
    monkeypatch.setattr(studio_client, "stream", lambda request, root=None: iter(answers))
    a_run(root, "two")
    app = open_page("microscope")
    app.button(key="scope_look").click().run()
    assert not app.exception
    assert [w.value for w in app.warning] == ["two/1 has another vocabulary."]
    assert "the text goes on behind them" in app.caption[-1].value

    def ended(request, root=None):
        raise EngineError("The studio ended while it was working: try again, it starts anew.")
        yield

    monkeypatch.setattr(studio_client, "stream", ended)
    app.number_input(key="scope_article").set_value(2).run()
    assert "studio ended" in app.error[0].value


def test_a_link_opens_the_microscope_at_its_place(root, monkeypatch):
    from engine import studio_client

    def ended(request, root=None):
        raise EngineError("The studio ended while it was working: try again, it starts anew.")
        yield

    monkeypatch.setattr(studio_client, "phase", lambda root=None: "ready")
    monkeypatch.setattr(studio_client, "stream", ended)
    app = AppTest.from_file(str(PROJECT / "streamlit_app.py"), default_timeout=60)
    app.run()
    app.query_params["article"], app.query_params["token"] = "3", "41"
    app.switch_page(str(PROJECT / "pages" / "microscope.py"))
    app.query_params["article"], app.query_params["token"] = "3", "41"
    app.run()
    assert (app.number_input(key="scope_article").value, app.number_input(key="scope_first").value) == (3, 41)


# Evaluate


def a_report(accuracy: float) -> dict:
    """A report as the studio gives it, of three articles."""
    from engine import intervals

    columns = {"tokens": [100, 200, 300], "bytes": [300, 600, 900], "loss": [450.0, 900.0, 1500.0]}
    columns |= {name: [round(accuracy * n * k) for n in (100, 200, 300)] for name, k in
                (("top_1", 1), ("top_5", 2), ("top_10", 3))}  # fmt: skip
    figures = {name: float(x) for name, x in intervals.figures_of({k: sum(v) for k, v in columns.items()}).items()}
    group = [{"name": "other", "tokens": 600, **figures}]
    simple = {"accuracy": 0.05, "loss": 7.0, "perplexity": 1096.6, "bits_per_byte": 3.4}
    padded = {"windows": "paragraph", "count": 5, "length": 128, "padding_share": 0.25, "accuracy": 0.24, "loss": 5.0,
              "accuracy_with_padding": 0.18, "loss_with_padding": 6.0, "accuracy_learnt": 0.43}  # fmt: skip
    return {
        **figures,
        "evaluated_tokens": 600,
        "sequence_length": 256,
        "stride": 256,
        "intervals": intervals.intervals(columns),
        "by_article": columns,
        "by_section": group,
        "by_position": group,
        "by_kind": group,
        "calibration": {"error": 0.1, "bins": [{"tokens": 600, "confidence": 0.3, "accuracy": 0.2}]},
        "baselines": {"training_tokens": 1000, "token": " *the*", "most_frequent": simple, "bigram": simple},
        "padding": [padded],
    }


def test_a_report_says_the_difference_to_the_base_in_words_and_what_43_percent_can_mean(root, monkeypatch):
    from engine import studio_client

    a_run(root)
    asked = []

    def stream(request, root=None):
        asked.append(request)
        yield {"kind": "progress", "done": 1, "total": 2}
        yield {"kind": "result", "scores": a_report(0.2 if request["reference"] == "one/4" else 0.1)}

    monkeypatch.setattr(studio_client, "stream", stream)
    monkeypatch.setattr(studio_client, "wait_until_ready", lambda root=None: None)
    app = open_page("evaluate")
    next(b for b in app.button if b.label == "Measure").click().run()
    assert not app.exception and not app.error
    assert [r["reference"] for r in asked] == ["checkpoints/presets/gpt2_mini_en", "one/4"]
    assert len({(r["articles"], r["split"], r["tokens"], r["stride"]) for r in asked}) == 1
    said = " ".join(m.value for m in app.markdown)
    assert "points" in said and "interval of the difference" in said
    assert any("43.0" in str(table.value) for table in app.dataframe)
    next(c for c in app.segmented_control if c.label == "Split").set_value("validation").run()
    assert "interval of the difference" not in " ".join(m.value for m in app.markdown)  # of another split


def test_the_forgetting_meter_says_what_was_gained_and_what_it_cost(root):
    run = a_run(root)
    assert any("No run has scored general English" in i.value for i in open_page("evaluate").info)
    for model, step, split, accuracy in (("base", 0, "english", 0.3), ("run", 4, "english", 0.25)):
        run.append_event("evaluation", step=step, split=split, model=model, whole=False, accuracy=accuracy,
                         bits_per_byte=2.0, loss=4.0, evaluated_tokens=2048)  # fmt: skip
    said = " ".join(m.value for m in open_page("evaluate").markdown)
    assert "on general English from 30.0" in said and "−5.0 points" in said


def test_english_is_not_mixed_into_the_curve_of_validation():
    from ui import charts

    events = [
        {"kind": "evaluation", "split": split, "model": model, "step": step, "whole": False, "accuracy": accuracy}
        for model, step in (("base", 0), ("run", 4))
        for split, accuracy in (("english", 0.9), ("validation", 0.2))
    ]
    figure = charts.validation(events, "accuracy", "#000000", "accuracy")
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


def test_a_run_that_has_only_its_base_is_waited_for(root):
    runs.create(RunSettings(preset="checkpoints/presets/gpt2_mini_en", articles="articles/sample", name="x", steps=4))
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
