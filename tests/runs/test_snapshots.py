"""The time machine's moments and the comparison's columns: from events alone, each what its trainer reported."""

from dataclasses import replace

import numpy as np
import pytest

from engine.core.locks import Lock
from engine.runs import lifecycle, states
from engine.runs.history import shared, snapshots
from engine.runs.settings import RunSettings
from ui.charts import style, time_figures
from ui.readers import comparison


def a_run(root, name, steps=(0, 2, 4), parent=None, seconds=0.5, **changes):
    """A run whose trainer measured at some steps; accuracy is a tenth of the step."""
    settings = {"preset": "checkpoints/presets/gpt2_mini_en", "articles": "articles/sample", "steps": 4, **changes}
    run = lifecycle.create(RunSettings(name=name, parent=parent, **settings), root=root)
    with Lock(run.folder / "lock") as lock:
        lock.acquire()
        for step in steps:
            for model in ("base", "parent") if parent and step == 0 else ("base",) if step == 0 else ("run",):
                for split, share in (("validation", 0.1), ("english", 0.05)):
                    run.append_event(
                        "evaluation", step=step, tokens=100 * step, seconds=seconds * step, split=split, model=model,
                        whole=False, accuracy=share * (1 + step), loss=5.0 - step, bits_per_byte=2.0,
                        perplexity=9.0, evaluated_tokens=100,
                    )  # fmt: skip
                run.append_event("passage", step=step, model=model, pieces=["a"], probabilities=[0.5], ranks=[1])
                run.append_event("sample", step=step, model=model, prompt="The", text=f" {model} {step}", seed=1)
            if step:
                run.append_event(
                    "step", step=step, tokens=100 * step, seconds=seconds * step, epoch=step / 8, loss=4.0 - step,
                    accuracy=0.1, learning_rate=1e-3, tokens_per_second=None if step == 2 else 50.0,
                )  # fmt: skip
        figures = {"accuracy": 0.9, "loss": 1.0, "bits_per_byte": 1.0, "perplexity": 2.7, "evaluated_tokens": 100}
        run.append_event("evaluation", step=4, split="test", model="run", whole=True, **figures)
        run.write_state(state=states.FINISHED, step=4, steps=4)
    return run


def test_a_runs_moments_are_its_base_and_every_interval(root):
    found = snapshots.of_run(run := a_run(root, "one"), shared.of(run.folder))
    assert [(m.is_base, m.step) for m in found] == [(True, 0), (False, 2), (False, 4)]
    assert [m.figures["validation"]["loss"] for m in found] == [5.0, 3.0, 1.0]
    assert [m.figures["english"]["accuracy"] for m in found] == [0.05, 0.15000000000000002, 0.25]
    assert [[s["text"] for s in m.complete_samples()] for m in found] == [[" base 0"], [" run 2"], [" run 4"]]
    assert found[1].expected()["probabilities"] == [0.5]
    assert "text" not in found[0].samples["The"].event  # it is read when it is shown


def test_a_chain_goes_on_where_its_parents_checkpoint_stands(root):
    first, second = a_run(root, "first"), a_run(root, "second", parent="first/2")
    third = a_run(root, "third", parent="second/4")
    stages = snapshots.chain(third, [third, second, first])
    assert [run.name for run in stages] == ["first", "second", "third"]
    found = snapshots.of_chain(stages, {run.name: shared.of(run.folder) for run in stages})
    assert [(m.run.name, m.step, m.at) for m in found] == [
        ("first", 0, 0), ("first", 2, 2),  # not its step 4, which the second stage never saw
        ("second", 2, 4), ("second", 4, 6),
        ("third", 2, 8), ("third", 4, 10),
    ]  # fmt: skip


def test_a_run_whose_parent_is_not_in_the_chain_begins_at_the_parent(root):
    first, second = a_run(root, "first"), a_run(root, "second", parent="first/2")
    found = snapshots.of_chain([second], {"second": shared.of(second.folder)})
    assert [(m.is_base, m.is_parent, m.at) for m in found] == [
        (True, False, 0), (False, True, 0), (False, False, 2), (False, False, 4),
    ]  # fmt: skip
    assert [sample["text"] for sample in found[1].complete_samples()] == [" parent 0"]
    drawn = time_figures.curves(found, found[-1])
    assert list(drawn.data[0].x) == [0, 2, 4] and list(drawn.data[0].y) == pytest.approx([10, 30, 50])
    assert list(drawn.data[1].x) == [0, 2, 4] and drawn.data[1].name == "general English"
    assert drawn.layout.annotations[0].text == "base model"
    assert "since the parent" in drawn.layout.xaxis.title.text
    whole = snapshots.of_chain([first, second], {run.name: shared.of(run.folder) for run in (first, second)})
    assert not any(snapshot.is_parent for snapshot in whole)
    assert "since the base" in time_figures.curves(whole, whole[0]).layout.xaxis.title.text


def test_samples_are_called_equal_only_where_prompts_seed_and_sampler_are(root):
    one, two = a_run(root, "one"), a_run(root, "two", parent="one/4")
    same = snapshots.of_chain([one, two], {run.name: shared.of(run.folder) for run in (one, two)})
    assert snapshots.equally_sampled(same)
    sample = same[-1].samples["The"]
    same[-1].samples["The"] = replace(sample, event={**sample.event, "seed": 2})
    assert not snapshots.equally_sampled(same)
    longer = a_run(root, "longer", parent="one/4", sample_tokens=7)
    chain = snapshots.of_chain([one, longer], {run.name: shared.of(run.folder) for run in (one, longer)})
    assert not snapshots.equally_sampled(chain)


def test_a_parent_that_is_gone_and_a_circle_end_the_chain(root):
    alone = a_run(root, "alone", parent="gone/4")
    assert snapshots.chain(alone, [alone]) == [alone]
    one, two = a_run(root, "one", parent="two/4"), a_run(root, "two", parent="one/4")
    assert [run.name for run in snapshots.chain(one, [one, two])] == ["two", "one"]


@pytest.mark.parametrize(
    "axis, expected",
    [("steps", [0, 2, 4]), ("tokens", [0, 200, 400]), ("articles", [0, 25, 50]), ("minutes", [0, 1 / 60, 2 / 60])],
)
def test_curves_are_on_validation_alone_over_every_axis(root, axis, expected):
    columns = comparison.columns(shared.of(a_run(root, "one").folder))
    xs, ys = comparison.curve(columns, "accuracy", axis, 100)
    assert xs.tolist() == pytest.approx(expected)
    assert ys.tolist() == pytest.approx([10, 30, 50])
    assert columns.base["accuracy"] == 0.1
    assert comparison.best(columns)["step"] == 4


def test_points_that_are_not_there_are_left_out(root):
    columns = comparison.columns(shared.of(a_run(root, "one").folder))
    assert comparison.curve(columns, "tokens_per_second", "steps", None)[0].tolist() == [4]
    assert not len(comparison.curve(columns, "loss", "articles", None)[0])
    assert comparison.best(comparison.columns(shared.of(root / "none"))) == {}


def test_smoothing_begins_at_the_first_value_and_keeps_a_constant():
    assert comparison.smoothed(np.array([3.0, 3.0, 3.0]), 0.9) == pytest.approx([3, 3, 3])
    ys = comparison.smoothed(np.array([1.0, 0.0]), 0.5)
    assert ys == pytest.approx([1, 1 / 3])  # weights 0.25 and 0.5 of 0.75


def test_settings_are_told_apart(root):
    different, equal = comparison.settings([a_run(root, "one"), a_run(root, "two", seed=2, dropout=0.1)])
    assert different == {"dropout": ["the model's own", "0.1"], "seed": ["1", "2"]}
    assert equal["steps"] == "4" and "name" not in equal


def test_a_thinned_curve_keeps_its_extremes_and_its_order():
    ys = np.sin(np.arange(5000) / 100)
    ys[1234] = 7
    xs, thin = style.thinned(np.arange(5000), ys, 200)
    assert len(xs) <= 200 and max(thin) == 7 and xs == sorted(xs)
    assert min(thin) == ys.min()
