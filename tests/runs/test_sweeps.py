"""Sweeps: a grid of runs, all or none; a table; and what more articles bring, best by validation."""

import dataclasses

import pytest
from runs_helpers import MINI, SAMPLE, new_settings

from engine.core.errors import EngineError, SettingsError
from engine.core.locks import Lock
from engine.runs import lifecycle, states, sweeps
from engine.runs.sweeps import Row


def row(articles, rate, seed, validation, test) -> Row:
    figures = {"loss": validation, "accuracy": 1 - validation / 10, "bits_per_byte": validation / 2}
    of_test = {"loss": test, "accuracy": 1 - test / 10, "bits_per_byte": test / 2}
    return Row("r", "finished", 4, 4, articles, seed, {"learning_rate": rate}, figures, of_test, {})


def test_a_grid_has_every_combination_and_names_that_tell_them_apart():
    common = new_settings(name="sweep", seed=5)
    found = sweeps.grid(common, [(1, 10), (1, 100)], {"learning_rate": [1e-4, 1e-3], "lora_rank": [0]}, 2)
    assert [one.name for one in found[:3]] == [
        "sweep_1-10_lr0.0001_s1",
        "sweep_1-10_lr0.0001_s2",
        "sweep_1-10_lr0.001_s1",
    ]
    assert len({one.name for one in found}) == len(found) == 8
    assert {(one.last_article, one.learning_rate, one.seed) for one in found} == {
        (last, rate, seed) for last in (10, 100) for rate in (1e-4, 1e-3) for seed in (5, 6)
    }


def test_without_ranges_and_seeds_the_names_are_short():
    (one,) = sweeps.grid(new_settings(name="sweep"), [], {}, 1)
    assert (one.name, one.first_article) == ("sweep", None)


def test_what_is_wrong_with_a_grid_is_said_once_and_nothing_is_queued(root):
    with pytest.raises(SettingsError) as caught:
        sweeps.grid(new_settings(name="sweep"), [(1, 5), (1, 6)], {"learning_rate": [-1.0, 1e-3]}, 3)
    assert len(caught.value.problems) == 1
    with pytest.raises(SettingsError, match="1 to 1000 runs; this one has 1002"):
        sweeps.grid(new_settings(name="sweep"), [(1, 5)], {}, 1002)
    asked = sweeps.grid(new_settings(name="s", preset=MINI, articles=SAMPLE), [(1, 5), (1, 10**6)], {}, 1)
    with pytest.raises(SettingsError, match="lie outside the corpus"):
        sweeps.enter(asked, "s")
    assert lifecycle.all_runs(root) == []


def test_a_name_that_is_taken_queues_none_of_a_grid(root):
    asked = sweeps.grid(new_settings(name="s", preset=MINI, articles=SAMPLE), [(1, 5), (1, 10)], {}, 1)
    lifecycle.create(new_settings(name="s_1-10"))
    with pytest.raises(EngineError, match="already a run s_1-10"):
        sweeps.enter(asked, "s")
    assert [run.name for run in lifecycle.all_runs(root)] == ["s_1-10"]


def test_the_table_of_a_sweep_has_its_runs_alone_and_their_figures(root):
    asked = sweeps.grid(
        new_settings(name="s", preset=MINI, articles=SAMPLE), [(1, 10), (1, 5)], {"learning_rate": [1e-4, 1e-3]}, 1
    )
    made = sweeps.enter(asked, "s")
    lifecycle.create(new_settings(name="other"))
    with Lock(made[0].folder / "lock") as lock:
        assert lock.acquire()
        for split, loss in (("validation", 2.0), ("test", 3.0)):
            made[0].append_event(
                "evaluation", step=4, split=split, model="run", whole=True, loss=loss, accuracy=0.5, bits_per_byte=1.5,
                perplexity=9.0, evaluated_tokens=100,
            )  # fmt: skip
        made[0].write_state(state=states.FINISHED, step=4)
    found = sweeps.rows("s")
    assert [(r.articles, r.varied["learning_rate"]) for r in found] == [(5, 1e-4), (5, 1e-3), (10, 1e-4), (10, 1e-3)]
    assert set(found[0].varied) == {"learning_rate"}
    measured = next(r for r in found if r.run == made[0].name)
    assert (measured.validation["loss"], measured.test["loss"], measured.state) == (2.0, 3.0, "finished")
    assert not found[0].test and sweeps.names() == ["s"] and sweeps.rows("t") == []


def test_the_best_settings_are_chosen_on_validation_and_told_on_test_over_their_seeds():
    found = [
        row(10, 1e-4, 0, 4.0, 1.0), row(10, 1e-4, 1, 4.2, 1.1),  # better on test, which plays no part
        row(10, 1e-3, 0, 3.0, 3.0), row(10, 1e-3, 1, 3.4, 3.6),
        row(100, 1e-4, 0, 2.0, 2.5),
    ]  # fmt: skip
    ten, hundred = sweeps.scaling(found)
    assert (ten.articles, ten.varied, ten.seeds) == (10, {"learning_rate": 1e-3}, 2)
    assert ten.mean["loss"] == pytest.approx(3.3)
    assert (ten.low["bits_per_byte"], ten.high["bits_per_byte"]) == (1.5, 1.8)
    assert ten.spread["loss"] == pytest.approx(0.6 / 2**0.5)
    assert (hundred.articles, hundred.seeds, hundred.spread["loss"]) == (100, 1, 0.0)


def test_runs_that_have_not_ended_are_no_points():
    assert sweeps.scaling([row(None, 1e-3, 0, 1.0, 1.0), Row("r", "queued", 0, 0, 10, 0, {}, {}, {}, {})]) == []


def test_other_articles_of_the_same_number_are_no_other_seed():
    one, other = row(10, 1e-3, 0, 1.0, 0.3), dataclasses.replace(row(10, 1e-3, 0, 1.0, 0.5), first=11)
    assert [(point.articles, point.seeds) for point in sweeps.scaling([one, other])] == [(10, 1), (10, 1)]
