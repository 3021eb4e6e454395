"""Figures: the colour of a model, curves that keep their extremes, one split a curve."""

import pytest
from pages_helpers import a_run

from engine.presets import catalogue
from engine.runs import checkpoints, references
from engine.runs.history.blocks import Placed
from engine.runs.history.follower import History

pytestmark = pytest.mark.usefixtures("no_studio")


def test_a_base_is_grey_and_a_runs_checkpoints_deepen_along_one_hue(root):
    from ui.charts import colours

    run = a_run(root)
    (checkpoint,) = checkpoints.of_run(run)
    preset = catalogue.find("checkpoints/presets/gpt2_mini_en")
    assert colours.of_model(references.ModelReference(preset)) == colours.BASE
    hue = colours.of_model(references.ModelReference(preset, checkpoint))
    assert hue == colours.of_run("one") == colours.HUES[0]
    assert colours.deepened(hue, 0.0) != colours.deepened(hue, 0.5) != hue


def test_thinned_curves_keep_their_extremes():
    from ui.charts import style

    ys = [0.0] * 5000
    ys[1234], ys[4321] = 9.0, -9.0
    xs, thinned = style.thinned(list(range(5000)), ys)
    assert len(thinned) <= style.MOST_POINTS
    assert (max(thinned), min(thinned)) == (9.0, -9.0)
    assert xs == sorted(xs)


def test_english_is_not_mixed_into_the_curve_of_validation():
    import numpy as np

    from ui.charts import style

    events = [
        {"kind": "evaluation", "split": split, "model": model, "step": step, "whole": False, "accuracy": accuracy}
        for model, step in (("base", 0), ("run", 4))
        for split, accuracy in (("english", 0.9), ("validation", 0.2))
    ]
    placed = tuple(Placed(event, 0, 0) for event in events)
    figure = style.validation(History({"step": np.empty(0)}, placed), "accuracy", "#000000", "accuracy")
    assert [list(trace.y) for trace in figure.data] == [[0.2, 0.2]]
    assert figure.layout.shapes[0].y0 == 0.2


@pytest.mark.parametrize(("points", "mode"), [(1, "markers"), (2, "lines")])
def test_the_first_step_of_a_run_is_drawn_at_once(points, mode):
    """A line of one point is no line: the person who pressed saw an empty figure until the second report."""
    import numpy as np

    from ui.charts import style

    steps = {"step": np.arange(1.0, points + 1), "accuracy": np.full(points, 0.1)}
    figure = style.validation(History(steps, ()), "accuracy", "#000000", "accuracy")
    assert [trace.mode for trace in figure.data] == [mode]
