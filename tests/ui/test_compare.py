"""Curves of runs over one another: what is read, what is drawn, what the page says."""

import json
import shutil

import numpy as np
import pytest
from pages_helpers import a_run, open_page, the

from engine.runs import lifecycle
from engine.runs.folder import Run
from engine.runs.history import shared
from engine.runs.settings import RunSettings
from ui.charts import comparison_figures, style
from ui.charts.comparison_figures import Line
from ui.readers import comparison

pytestmark = pytest.mark.usefixtures("no_studio")


def step(n: int, **fields) -> dict:
    return {"kind": "step", "step": n, "tokens": 100 * n, "seconds": 30.0 * n, "epoch": n / 10, "loss": 5.0 - n,
            "accuracy": 0.1, "learning_rate": 1e-3, "tokens_per_second": None if n == 1 else 50, **fields}  # fmt: skip


def evaluation(n: int, model: str, loss: float, **fields) -> dict:
    return {"kind": "evaluation", "step": n, "tokens": 100 * n, "seconds": 30.0 * n, "split": "validation",
            "model": model, "whole": False, "loss": loss, "accuracy": 1 / loss, "bits_per_byte": loss / 2,
            "perplexity": 2.0**loss, "evaluated_tokens": 100, **fields}  # fmt: skip


@pytest.fixture
def run_of_events(root):
    """Writes events as the trainer does; the run."""

    def write(*events: dict, tail: bytes = b"") -> Run:
        run = lifecycle.create(RunSettings("p", "a", f"run-{len(list(root.iterdir()))}", steps=4))
        for event in events:
            run.append_event(**event)
        with open(run.folder / "events.jsonl", "ab") as file:
            file.write(tail)
        return run

    return write


def test_the_base_is_never_the_best_of_a_run(run_of_events):
    history = shared.of(run_of_events(evaluation(0, "base", 3.0), evaluation(2, "run", 4.0)).folder)
    assert comparison.best(comparison.columns(history))["loss"] == 4.0
    only = shared.of(run_of_events(evaluation(0, "base", 3.0)).folder)
    assert comparison.best(comparison.columns(only)) == {}


def test_thinning_keeps_every_extreme_both_ends_and_the_order():
    random = np.random.default_rng(1)
    xs, ys = np.arange(5000) * 3.0, random.normal(size=5000)
    thin_x, thin_y = style.thinned(xs, ys, 100)
    assert len(thin_x) <= 100
    assert (thin_x[0], thin_x[-1]) == (xs[0], xs[-1])
    assert thin_x == sorted(thin_x)
    assert [ys[int(x / 3)] for x in thin_x] == thin_y
    buckets = np.arange(5000) * 49 // 5000
    for bucket in range(49):
        assert {ys[buckets == bucket].min(), ys[buckets == bucket].max()} <= set(thin_y)


def test_a_smoothed_figure_shows_the_raw_line_too_and_more_runs_than_hues_differ_by_dashes():
    xs, ys = np.arange(9000.0), np.sin(np.arange(9000.0))
    lines = [Line("a", "#0072B2", 0, xs, ys, ys / 2), Line("b", "#0072B2", 1, xs, ys)]
    drawn = comparison_figures.curves(lines, "x", "y", 1.0, "base model")
    raw, smooth, other = drawn.data
    assert (raw.opacity, raw.showlegend, smooth.name, other.name) == (0.35, False, "a", "b")
    assert smooth.line.dash != other.line.dash
    assert all(len(trace.x) <= style.MOST_POINTS for trace in drawn.data)
    assert drawn.layout.annotations[0].text == "base model"


def figure_of(app) -> dict:
    (chart,) = app.get("plotly_chart")
    return json.loads(chart.proto.spec)


def test_the_page_lays_runs_over_one_another_and_tells_what_differs(root):
    a_run(root, "one")
    a_run(root, "two")
    app = open_page("runs")
    assert {trace["name"] for trace in figure_of(app)["data"]} == {"one", "two"}
    assert figure_of(app)["layout"]["annotations"][0]["text"] == "base model"
    table = the(app.dataframe, "whole_accuracy").value
    assert table["run"].tolist() == ["two", "one"]
    assert table["whole_accuracy"].tolist() == [20.0, 20.0]
    assert any("All settings are equal" in caption.value for caption in app.caption)
    app.selectbox(key="compare_figure").set_value("training_loss").run()
    assert "annotations" not in figure_of(app)["layout"]  # the base has no training batches
    assert not app.exception


def test_numbers_of_a_figure_have_the_decimal_sign_of_the_language(root):
    a_run(root)
    for language, signs in (("en", None), ("fr", ",\u202f")):
        layout = figure_of(open_page("runs", language))["layout"]
        assert layout["template"]["layout"].get("separators") == signs


def test_windows_of_different_lengths_are_said(root):
    a_run(root)
    said = "measured in windows of different lengths"
    assert not any(said in caption.value for caption in open_page("runs").caption)
    a_run(root, "short").change_config(sequence_length=32)
    captions = [caption.value for caption in open_page("runs").caption]
    assert any(said in caption and "32, 256 tokens" in caption for caption in captions)


def test_a_run_deleted_while_it_is_compared_is_named_and_the_page_goes_on(root):
    a_run(root, "one")
    run = a_run(root, "two")
    app = open_page("runs")
    shutil.rmtree(run.folder)
    app.run()
    assert not app.exception
    assert the(app.info, "Not there any more: two")
    assert {trace["name"] for trace in figure_of(app)["data"]} == {"one"}
