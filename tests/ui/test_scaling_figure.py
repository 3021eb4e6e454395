"""The figure of what more articles bring: a logarithmic axis, means, and bars from the worst seed to the best."""

from engine.runs.sweeps import Point
from ui.charts import scaling


def point(articles, low, mean, high) -> Point:
    return Point(
        articles, *({"accuracy": value, "bits_per_byte": 10 * value} for value in (mean, low, high, 0.0)), 3, {}
    )


def test_means_and_the_reach_of_the_seeds_over_articles():
    figure = scaling.scaling(
        [point(10, 0.1, 0.2, 0.25), point(1000, 0.3, 0.3, 0.3)], "accuracy", "up", "across", 0.05, "base"
    )
    (trace,) = figure.data
    assert list(trace.x) == [10, 1000] and [round(y, 6) for y in trace.y] == [20, 30]
    assert [round(y, 6) for y in trace.error_y.array] == [5, 0]
    assert [round(y, 6) for y in trace.error_y.arrayminus] == [10, 0]
    assert figure.layout.xaxis.type == "log" and figure.layout.shapes[0].y0 == 5.0
    assert figure.layout.annotations[0].text == "base"


def test_bits_per_byte_are_no_percent_and_a_base_may_be_missing():
    figure = scaling.scaling([point(10, 0.1, 0.2, 0.25)], "bits_per_byte", "up", "across")
    assert list(figure.data[0].y) == [2.0] and not figure.layout.shapes
