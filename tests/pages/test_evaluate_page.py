"""The page of the evaluation: a report in words, with what it rests on and what it can be compared with."""

import hashlib
import json

import pytest
from pages_helpers import a_run, open_page, texts, the
from streamlit.testing.v1 import AppTest

from engine.core import paths
from engine.core.files import write_json
from engine.core.locks import Lock
from engine.presets import catalogue
from engine.runs import checkpoints, lifecycle, looks_at_test, states
from engine.runs.settings import RunSettings
from ui import access
from ui.charts import style
from ui.readers import folders, measured

pytestmark = pytest.mark.usefixtures("no_studio")


def test_near_copies_are_said_where_figures_stand(root, monkeypatch):
    run = a_run(root)
    breakdown = {**a_breakdown(0.2), "near_copies": 3}
    app = measure(monkeypatch, lambda reference: breakdown)
    assert any("3 test articles are nearly the same text as a training article" in w.value for w in app.warning)
    app = measure(monkeypatch, lambda reference: {**breakdown, "left_out": True})
    assert any("3 test articles that are nearly" in w.value and "left out" in w.value for w in app.warning)
    figures = {"loss": 5.0, "accuracy": 0.4, "bits_per_byte": 2.5, "perplexity": 148.4, "evaluated_tokens": 500}
    run.append_event("evaluation", step=4, split="validation", model="run", whole=True, near_copies=1, **figures)
    assert any("1 validation article is nearly the same text" in w.value for w in open_page("lab").warning)


def a_breakdown(accuracy: float, articles: int = 6) -> dict:
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


BASE_AND_RUN = ["checkpoints/presets/gpt2_mini_en", "one/4"]


def measure(monkeypatch, breakdown, references=BASE_AND_RUN, **state) -> AppTest:
    """The Evaluate page after Measure was pressed, with a studio that gives `report(reference)`."""
    from engine.services import inference_client

    def stream(request, root=None):
        requests.append(request)
        yield {"kind": "progress", "phase": "preparing", "done": 3, "total": 9, "articles": 7}
        yield {"kind": "progress", "phase": "evaluating", "done": 1, "total": 2}
        yield {"kind": "result", "scores": breakdown(request["reference"])}

    requests: list[dict] = []
    monkeypatch.setattr(inference_client, "stream", stream)
    monkeypatch.setattr(inference_client, "wait_until_ready", lambda root=None: None)
    app = open_page("score", **state)
    the(app.button, "Measure").click().run()
    assert not app.exception and not app.error
    assert [r["reference"] for r in requests] == references
    assert len({(r["articles"], r["split"], r["tokens"], r["stride"]) for r in requests}) == 1
    return app


def test_a_report_says_the_difference_to_the_base_in_words_and_what_43_percent_can_mean(root, monkeypatch):
    a_run(root)
    app = measure(monkeypatch, lambda reference: a_breakdown(0.2 if reference == "one/4" else 0.1))
    said = " ".join(m.value for m in app.markdown)
    assert "points" in said and "interval of the difference" in said
    assert any("43.0" in str(table.value) for table in app.dataframe)
    app.segmented_control(key="score_split").set_value("test").run()
    app.button(key="score_final").click().run()
    assert "interval of the difference" not in " ".join(m.value for m in app.markdown)  # of another split


def test_figures_of_windows_of_different_lengths_do_not_stand_side_by_side(root):
    """An older report that does not say its window has that of its run's settings."""
    run = a_run(root)
    longer = {"loss": 4.0, "accuracy": 0.3, "bits_per_byte": 2.0, "perplexity": 54.6, "evaluated_tokens": 500}
    other = a_run(root, "two")
    for model in ("base", "run"):
        other.append_event(
            "evaluation", step=4, split="validation", model=model, whole=True, sequence_length=64, **longer
        )
    app = open_page("score", run_chosen="one", against_chosen="two")
    window = the(app.selectbox, "Tokens scored")
    assert window.options == ["500 tokens in windows of 256", "500 tokens in windows of 64"]
    assert the(app.dataframe, "accuracy").value["accuracy"].tolist() == [20.0, 20.0]
    assert any("Windows of 256 tokens, 256 from one to the next" in c.value for c in app.caption)
    window.set_value((500, 64)).run()
    assert the(app.dataframe, "accuracy").value["accuracy"].tolist() == [30.0, 30.0]
    assert run.name not in " ".join(the(app.dataframe, "model").value["model"])


def test_one_figure_of_a_run_stands_on_every_page_and_a_part_says_so(root):
    """The run's end, Score and the table of runs show all of validation; along the curve a part of it is named."""
    run = a_run(root)
    whole = {"loss": 4.0, "accuracy": 0.257, "bits_per_byte": 2.0, "perplexity": 54.6, "evaluated_tokens": 1200}
    for model in ("base", "run"):
        run.append_event("evaluation", step=4, split="validation", model=model, whole=True, **whole)
    for place in ("lab", "curve"):
        assert the(open_page(place).metric, "Accuracy on validation").value == "25.7\u00a0%"
    assert the(open_page("score").dataframe, "accuracy").value["accuracy"].tolist() == pytest.approx([25.7, 25.7])
    assert the(open_page("runs").dataframe, "whole_accuracy").value["whole_accuracy"].tolist() == pytest.approx([25.7])
    part = "validation, 500 of 1,200 tokens"
    assert measured.at_intervals(run) == part
    assert any(part in c.value for c in open_page("time").caption)
    drawn = style.validation(folders.history(run), "accuracy", "#000000", "accuracy", 100, part)
    assert part in [trace.name for trace in drawn.data]


def test_a_part_is_said_before_the_whole_is_known(root):
    run = lifecycle.create(RunSettings(preset="p", articles="articles/sample", name="new", steps=4), root=root)
    assert measured.at_intervals(run) == "validation"
    figures = {"loss": 4.0, "accuracy": 0.2, "bits_per_byte": 2.0, "perplexity": 54.6, "evaluated_tokens": 1200}
    run.append_event("evaluation", step=0, split="validation", model="base", whole=False, **figures)
    assert measured.at_intervals(run) == "validation, a part of 1,200 tokens"
    run.append_event("evaluation", step=4, split="validation", model="run", whole=True, **figures)
    assert measured.at_intervals(run) == "validation"


def test_the_figures_on_test_are_a_press_that_is_counted(root):
    run, other = a_run(root), a_run(root, "two")
    app = open_page("score", run_chosen="one", against_chosen="two")
    assert the(app.dataframe, "accuracy") and looks_at_test.counted(run) == 0
    app.segmented_control(key="score_split").set_value("test").run()
    assert "accuracy" not in [name for table in app.dataframe for name in table.value.columns]
    assert the(app.caption, "The figures of one on test were looked at 0 times.")
    app.button(key="score_final").click().run()
    assert the(app.dataframe, "accuracy") and looks_at_test.counted(run) == looks_at_test.counted(other) == 1
    app.run()  # the same look
    assert looks_at_test.counted(run) == 1 and the(app.caption, "The figures of one on test were looked at 1 time.")
    for place in ("lab", "curve", "time", "runs"):
        app = open_page(place)
        assert "on test" not in " ".join([texts(app), *(metric.label for metric in app.metric)])


def test_the_report_holds_all_that_is_in_view(root, monkeypatch):
    a_run(root)
    a_run(root, "two")
    accuracies = {"one/4": 0.2, "two/4": 0.15}
    app = measure(
        monkeypatch,
        lambda reference: a_breakdown(accuracies.get(reference, 0.1)),
        ["checkpoints/presets/gpt2_mini_en", "two/4", "one/4"],
        run_chosen="one",
        against_chosen="two",
    )
    assert the(app.dataframe, "Model").value["Model"].tolist()[2:] == [
        "base · gpt2_mini_en",
        "two · step 4",
        "one · step 4",
    ]
    said = [sentence.value for sentence in app.markdown if "points more often than" in sentence.value]
    assert ["10.0 points" in said[0] and "base" in said[0], "5.0 points" in said[1] and "two" in said[1]] == [
        True,
        True,
    ]


def test_prepared_articles_are_offered_where_paths_are_not(root, monkeypatch, sample_folder):
    from engine.corpus import preparation

    monkeypatch.setattr(access, "is_local", lambda: False)
    made = preparation.prepare(sample_folder, catalogue.tokenizer(catalogue.find(paths.MINI_PRESET)))
    a_run(root)
    app = open_page("score")
    articles = the(app.selectbox, "Articles")
    assert len(articles.options) == 2 and articles.options[0] == "The sample that ships"
    assert not any("path" in option for option in articles.options)
    articles.set_value(paths.portable(made.folder)).run()
    assert not app.exception
    monkeypatch.setattr(access, "is_local", lambda: True)
    app = open_page("score")
    the(app.selectbox, "Articles").set_value("").run()
    the(app.text_input, "Articles on this machine").set_value("x" * 5000).run()
    assert not app.exception
    the(app.button, "Measure").click().run()
    assert not app.exception and the(app.error, "no path on this machine")


def test_full_context_is_one_choice_and_a_window_can_be_chosen(root, monkeypatch):
    from engine.services import inference_client

    a_run(root)
    requests = []

    def stream(request, root=None):
        requests.append(request)
        yield {"kind": "result", "scores": a_breakdown(0.2)}

    monkeypatch.setattr(inference_client, "stream", stream)
    monkeypatch.setattr(inference_client, "wait_until_ready", lambda root=None: None)
    app = open_page("score")
    app.pills(key="report_way").set_value("full").run()
    assert any("with 129 to 256 tokens before it" in c.value for c in app.caption)
    the(app.button, "Measure").click().run()
    app.pills(key="report_way").set_value("own").run()
    the(app.number_input, "Window, in tokens").set_value(64).run()
    the(app.button, "Measure").click().run()
    assert not app.exception and not app.error
    ways = [(r["tokens"], r["sequence_length"], r["stride"]) for r in requests]
    assert ways == [(0, 256, 128)] * 2 + [(0, 64, 0)] * 2


def test_a_report_of_articles_that_have_changed_since_is_not_shown(root, monkeypatch):
    from engine.evaluation import cache

    a_run(root)
    hashes = {"corpus": "one"}
    monkeypatch.setattr(cache, "key_if_prepared", lambda *a, **b: dict(hashes))
    app = measure(monkeypatch, lambda reference: a_breakdown(0.2 if reference == "one/4" else 0.1))
    assert "interval of the difference" in " ".join(m.value for m in app.markdown)
    hashes["corpus"] = "another"
    app.run()
    assert "interval of the difference" not in " ".join(m.value for m in app.markdown)


def test_the_headline_stands_below_simpler_guesses_and_beside_keras(root, monkeypatch):
    a_run(root)
    app = measure(monkeypatch, lambda reference: a_breakdown(0.2 if reference == "one/4" else 0.1))
    headline, difference = (the(app.dataframe, column).value for column in ("Model", "Difference to the base"))
    assert headline["Model"].tolist()[:2] == ["most frequent token", "bigram"]
    assert headline["Perplexity"].tolist()[0] == "1,096.6" and headline["Among the first 5"].tolist()[0] == "—"
    assert difference["Difference to the base"].tolist() == [
        "Accuracy", "Among the first 5", "Among the first 10", "Bits per byte", "Perplexity", "Loss (nats a token)",
    ]  # fmt: skip
    assert difference["95 % interval of the difference"].tolist()[0] == "+10.0 to +10.0"
    said = " ".join(c.value for c in app.caption)
    assert "On 600 tokens of 6 articles, in windows of 256 tokens, 256 from one to the next" in said
    assert "agrees with the sums above: over these tokens the two are 0.0000003 apart in loss, and in 0 tokens" in said


def test_keras_and_the_report_apart_is_said_aloud(root, monkeypatch):
    a_run(root)
    apart = {"tokens": 100, "loss": 4.8, "accuracy": 0.2}
    app = measure(monkeypatch, lambda reference: {**a_breakdown(0.2), "keras": apart})
    assert any("disagrees" in c.value for c in app.caption)


def test_of_a_few_articles_the_page_tells_no_interval(root, monkeypatch):
    a_run(root)
    app = measure(monkeypatch, lambda reference: a_breakdown(0.2 if reference == "one/4" else 0.1, articles=1))
    said = " ".join(element.value for element in (*app.markdown, *app.caption))
    assert "cannot be told whether chance made the difference" in said and "On 100 tokens of 1 article," in said
    assert "95 %" not in said
    assert the(app.dataframe, "Model").value["Accuracy"].tolist()[-1] == "20.0\u00a0%"


def test_the_forgetting_meter_says_what_was_gained_and_what_it_cost(root):
    run = a_run(root)
    assert any("This run has not scored general English" in i.value for i in open_page("score").info)
    for model, step, split, accuracy in (("base", 0, "english", 0.3), ("run", 4, "english", 0.25)):
        run.append_event("evaluation", step=step, split=split, model=model, whole=False, accuracy=accuracy,
                         bits_per_byte=2.0, loss=4.0, perplexity=54.6, evaluated_tokens=2048)  # fmt: skip
    said = " ".join(m.value for m in open_page("score").markdown)
    assert "on general English from 30.0" in said and "−5.0 points" in said


def test_how_much_validation_there_is_is_not_told_by_a_run_that_measures_a_part_at_its_end(root):
    limited = RunSettings(preset="p", articles="articles/sample", name="limited", steps=4, evaluate_tokens=600)
    run = lifecycle.create(limited, root=root)
    figures = {"loss": 4.0, "accuracy": 0.2, "bits_per_byte": 2.0, "perplexity": 54.6}
    run.append_event(
        "evaluation", step=0, split="validation", model="base", whole=False, evaluated_tokens=1200, **figures
    )
    run.append_event("evaluation", step=4, split="validation", model="run", whole=True, evaluated_tokens=600, **figures)
    assert measured.at_intervals(run) == "validation, a part of 1,200 tokens"


def test_the_same_articles_at_two_places_are_measured_on_one_scale(root):
    """A run on a folder and one on a zip of it stand in one table: what they read is told by its content."""
    for name, articles in (("folder", "articles/mine"), ("packed", "articles/mine.zip"), ("other", "articles/other")):
        run = a_run(root, name)
        config = json.loads((run.folder / "config.json").read_text("utf-8"))
        write_json(run.folder / "config.json", {**config, "articles": articles})
        facts = {"preset": catalogue.json_of(catalogue.find(run.settings.preset)), "tokens": 100, "parent": None}
        corpus = hashlib.sha256(articles.removesuffix(".zip").encode()).hexdigest()
        with checkpoints.commit(run, 5, {**facts, "corpus": corpus}) as staging:
            (staging / checkpoints.WEIGHTS).write_bytes(name.encode())
        with Lock(run.folder / "lock") as lock:
            lock.acquire()
            run.write_state(state=states.FINISHED, step=5)
        figures = {"loss": 5.0, "accuracy": 0.2, "bits_per_byte": 2.5, "perplexity": 148.4, "evaluated_tokens": 500}
        run.append_event("evaluation", step=5, split="validation", model="run", whole=True, **figures)
    app = open_page("score", run_chosen="packed", against_chosen="folder")
    assert [box.key for box in app.selectbox if box.label == "Articles"] == ["report_articles_validation"]
    (table,) = [t.value for t in app.dataframe if "perplexity" in t.value.columns]
    assert [title.split(" · ")[0] for title in table["model"]] == ["base", "packed", "folder"]
    app = open_page("score", run_chosen="packed", against_chosen="other")
    (first, _report) = [box for box in app.selectbox if box.label == "Articles"]
    assert first.options == ["articles/mine.zip", "articles/other"]
