"""What a figure says of itself to whoever cannot see it, and its table: from what it draws."""

import numpy as np
import plotly.graph_objects as go
import pytest
from pages_helpers import a_run, open_page

from engine.runs.plans import Plan, Stage
from ui.charts import article_figures, breakdown_figures, comparison_figures, described
from ui.charts.comparison_figures import Line

pytestmark = pytest.mark.usefixtures("no_studio")


def test_lines_are_told_by_their_ends_and_by_what_they_lie_between():
    lines = [
        Line("a", "#000000", 0, np.array([0.0, 50, 100]), np.array([10.0, 18.5, 17.25])),
        Line("b", "#000000", 0, np.array([0.0, 100]), np.array([10.0, 1234.5])),
    ]
    figure = comparison_figures.curves(lines, "training steps", "accuracy (%)", 9.0, "base")
    assert described.sentence(figure) == (
        "accuracy (%), over training steps: a: from 10 at 0 to 17.25 at 100, the least 10, the most 18.5; "
        "b: from 10 at 0 to 1,234 at 100, the least 10, the most 1,234"
    )
    table = described.table(figure)
    assert list(table.columns) == ["training steps", "a", "b"]
    assert table.iloc[:, 0].tolist() == [0, 50, 100]
    assert table["a"].tolist() == [10, 18.5, 17.25]
    assert np.isnan(table["b"][1]) and table["b"][2] == 1234.5


def test_the_raw_line_behind_a_smoothed_one_is_not_told_of():
    xs, ys = np.arange(3.0), np.array([1.0, 3.0, 2.0])
    figure = comparison_figures.curves([Line("a", "#000000", 0, xs, ys, ys + 1)], "steps", "loss", None, "")
    assert [one.values.tolist() for one in described.series(figure)] == [[2.0, 4.0, 3.0]]


def test_bars_are_told_one_by_one_whichever_way_they_lie():
    figure = breakdown_figures.baselines([("bigram", "#000000", 0.125, None), ("run", "#000000", 0.25, [0.2, 0.3])])
    assert described.sentence(figure) == "accuracy (%): bigram 12.5, run 25"
    table = described.table(figure)
    assert table.to_dict("list") == {"what": ["bigram", "run"], "accuracy (%)": [12.5, 25.0]}


def test_a_stage_of_a_plan_is_told_by_its_range():
    plan = Plan("p", 100, (Stage("one", 1, 10, "base", {}), Stage("two", 11, 100, "one", {})))
    figure = article_figures.stages(plan)
    assert described.sentence(figure) == "training articles by number: one 1 – 10; two 11 – 100"
    assert described.table(figure).iloc[:, 1].tolist() == ["1 – 10", "11 – 100"]


def test_a_figure_of_nothing_is_told_by_its_titles():
    figure = go.Figure().update_layout(xaxis_title="steps", yaxis_title="loss")
    assert described.sentence(figure) == "loss, over steps"
    assert described.table(figure).empty


def test_every_figure_of_a_page_has_words_and_a_table_that_opens(root):
    a_run(root)
    app = open_page("score")
    charts = app.get("plotly_chart")
    assert charts
    assert all(chart.proto.alt for chart in charts)
    tables = len(app.dataframe)
    app = open_page("score", table_of_figure_accuracy=True)
    assert len(app.dataframe) == tables + 1
