"""Plans: stages of ranges, each from the checkpoint of the one before it, on a corpus of any size."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli.app import main
from engine.core import paths
from engine.core.errors import PlanError, RunError, SettingsError
from engine.models import formats
from engine.presets import catalogue
from engine.runs import checkpoints, lifecycle, plans, queue, references, states
from engine.services import dispatcher, worker

PUBMED = paths.PROJECT / "plans" / "pubmed-stages.toml"
REPORT_PLAN = paths.PROJECT / "plans" / "report.toml"


def test_the_plans_that_ship_are_the_projects_chain():
    for path in (PUBMED, REPORT_PLAN):
        plan = plans.load(path)
        assert [(s.first, s.last) for s in plan.stages] == [(1, 10), (1, 10_000), (1, 80_000), (80_001, 119_924)]
        names = [stage.name for stage in plan.stages]
        assert [stage.parent for stage in plan.stages] == ["base", *names[:-1]]
    assert {path.name for path in plans.shipped()} == {"pubmed-stages.toml", "report.toml"}


@given(articles=st.integers(1, 200_000))
def test_a_scaled_plan_lies_inside_its_corpus_and_neighbours_stay_neighbours(articles):
    stages = plans.load(PUBMED).scaled(articles).stages
    assert all(1 <= stage.first <= stage.last <= articles for stage in stages)
    assert stages[-1].last == min(articles, 119_924)
    assert stages[3].first == stages[2].last + 1 or articles < 3
    assert stages[0].last <= stages[1].last <= stages[2].last
    names = [stage.name for stage in stages]
    assert len(set(names)) == len(names)
    assert [stage.parent for stage in stages] == ["base", *names[:-1]]


def test_a_scaled_stage_is_named_after_the_articles_that_it_takes():
    def named(articles):
        return [stage.name for stage in plans.load(PUBMED).scaled(articles).stages]

    assert named(119_924) == ["first-10", "first-10000", "first-80000", "the-rest"]
    assert named(100) == ["first-1", "first-8", "first-67", "the-rest"]
    assert named(2) == ["first-1", "first-1-again-2", "first-1-again-3", "the-rest"]


def test_everything_that_is_wrong_with_a_plan_is_said_at_once(tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text(
        'articles = 50\n[[stage]]\nname = "a"\nrange = "1-99"\nspeed = 3\n[[stage]]\nname = "a"\nparent = "z"\n'
    )
    with pytest.raises(SettingsError) as caught:
        plans.load(path)
    said = str(caught.value)
    assert "range must be two article numbers such as 1-10, within 1-50" in said
    assert "unknown settings: speed" in said
    assert "its parent z is neither an earlier stage nor base" in said
    assert "“a” must be a name" in said
    path.write_text("not toml")
    with pytest.raises(PlanError, match="bad.toml is not TOML"):
        plans.load(path)
    with pytest.raises(PlanError, match="There is no plan at"):
        plans.load(tmp_path / "nothing.toml")


def test_a_plan_survives_its_file(tmp_path):
    for path in (PUBMED, REPORT_PLAN):
        plan = plans.load(path).scaled(500)
        (tmp_path / "again.toml").write_text(plans.to_toml(plan), encoding="utf-8")
        assert plans.load(tmp_path / "again.toml") == plan


def test_a_length_that_is_given_replaces_the_plans():
    stages = plans.settings(plans.load(PUBMED).scaled(100), "a", "p", steps=3)
    assert {(s.steps, s.epochs, s.minutes) for s in stages} == {(3, None, None)}
    with pytest.raises(SettingsError):
        plans.settings(plans.load(PUBMED), "a", "p", steps=3, minutes=1.0)


def test_an_option_of_the_command_replaces_the_plans_also_where_it_equals_the_default(
    root, sample_folder, tmp_path, monkeypatch
):
    monkeypatch.setattr(dispatcher, "ensure", lambda root=None: None)
    (tmp_path / "plan.toml").write_text(
        'articles = 24\n[settings]\nsteps = 2\nbatch_size = 4\nseed = 5\nprecision = "float32"\n'
        '[[stage]]\nname = "one"\nrange = "1-24"\n',
        encoding="utf-8",
    )
    given = ["--batch-size", "0", "--precision", "auto", "--name", "p", "--queue"]
    assert main(["train", "--plan", str(tmp_path / "plan.toml"), "--articles", str(sample_folder), *given]) == 0
    made = lifecycle.find("p-one", root).settings
    assert (made.batch_size, made.precision, made.seed) == (0, "auto", 5)


@pytest.fixture
def chain(root, tiny_preset, sample_folder):
    plan = plans.load(PUBMED).scaled(24)
    stages = plans.settings(
        plan, str(sample_folder), "p", preset=str(tiny_preset), steps=2, evaluate_tokens=200, sample_tokens=4
    )
    return plans.submit(stages)


def test_a_stage_waits_for_its_parent_and_is_not_started_before(chain, root):
    assert [run.waits_for() for run in chain] == [None, "p-first-1", "p-first-2", "p-first-16"]
    assert [run.name for run in queue.waiting(root) if not run.waits_for()] == ["p-first-1"]
    assert worker.work(chain[1]) is None
    assert chain[1].state().state == states.QUEUED


@pytest.mark.slow
def test_the_chain_runs_and_each_run_knows_where_it_came_from(chain, only_trains):
    for run in chain[:2]:
        worker.work(lifecycle.find(run.name))
    last = lifecycle.find("p-first-2")
    (link,) = last.config["lineage"]
    assert (link["checkpoint"], link["first_article"], link["last_article"]) == ("p-first-1/2", 1, 1)
    assert (last.settings.first_article, last.settings.last_article) == (1, 2)
    assert last.settings.parent == "p-first-1/2"
    assert checkpoints.find("p-first-2").manifest["parent_hash"] == checkpoints.find("p-first-1").hash
    manifest = checkpoints.find("p-first-2").manifest
    assert (manifest["articles"], manifest["lineage"]) == ([1, 2], [link])
    assert 0 < manifest["epochs"] < link["epochs"]  # as many steps over more articles
    card = formats.card(references.resolve("p-first-2"))
    assert (
        f"- Articles before: 1-1 of `{Path(link['articles']).name}`, {link['epochs']:.2f} epochs, {link['tokens']:,} tokens."
        in card
    )
    assert f"- Articles: 1-2 of `{Path(link['articles']).name}`, {manifest['epochs']:.2f} epochs" in card
    assert chain[2].waits_for() is None
    with pytest.raises(RunError, match="has started"):
        lifecycle.discard(last)


def test_a_plan_of_which_one_stage_cannot_be_made_makes_none(chain, root, tiny_preset, sample_folder):
    plan = plans.load(PUBMED).scaled(24)
    before = sorted(run.name for run in lifecycle.all_runs(root))
    stages = plans.settings(plan, str(sample_folder), "p", preset=str(tiny_preset), steps=2)
    with pytest.raises(RunError, match="There is already a run"):
        plans.submit(stages)
    assert sorted(run.name for run in lifecycle.all_runs(root)) == before


@pytest.mark.slow
def test_the_original_reports_way_fits_saves_ckpt_and_evaluates(root, tiny_preset, sample_folder):
    import tensorflow as tf

    from engine.corpus import preparation, windows
    from engine.evaluation import scoring
    from engine.models import loading
    from engine.runs.references import ModelReference

    stages = plans.settings(
        plans.load(REPORT_PLAN).scaled(24),
        str(sample_folder),
        "r",
        preset=str(tiny_preset),
        steps=3,
        sequence_length=32,
        batch_size=4,
        learning_rate=1e-3,
        sample_tokens=4,
    )
    run = plans.submit(stages)[0]
    result = worker.work(run)
    steps = run.events("step")
    assert steps[-1]["step"] == 3 and steps[-1]["learning_rate"] < 1e-3

    # The .ckpt holds exactly the weights that the committed checkpoint holds.
    reference = checkpoints.find(run.name)
    assert "model.ckpt.index" in reference.manifest["files"]
    checkpoints.verify(reference)
    trained, tokenizer = loading.load(ModelReference(catalogue.find(str(tiny_preset)), reference))
    fresh, _ = loading.load(ModelReference(catalogue.find(str(tiny_preset))))
    tf.train.Checkpoint(model=fresh.backbone).read(str(reference.folder / "model.ckpt")).expect_partial()
    ids = np.arange(1, 33, dtype=np.int32)[None]
    inputs = {"token_ids": ids, "padding_mask": np.ones_like(ids)}
    assert np.array_equal(fresh(inputs), trained(inputs))

    # Keras evaluate agrees with the engine's own scorer on the same first tokens.
    prepared = preparation.prepare(sample_folder, tokenizer)
    articles = windows.FirstTokens(prepared.tokens("test"), prepared.starts("test"), 32, 4, 0)
    batch = articles.of(np.arange(articles.windows))
    losses, ranks = scoring.Scorer(trained, scoring.JIT_COMPILE).batch(batch)
    keras_evaluate = result["keras_evaluate"]
    assert keras_evaluate["tokens"] == batch.tokens
    assert keras_evaluate["loss"] == pytest.approx((losses * batch.weights).sum() / batch.tokens, abs=1e-5)
    assert keras_evaluate["accuracy"] == pytest.approx(float((ranks[batch.weights > 0] == 0).mean()), abs=1e-6)


def test_first_tokens_hold_the_first_of_each_article_and_no_more():
    from engine.corpus import windows

    stream, starts = np.arange(100, 140, dtype=np.uint16), np.array([0, 3, 20, 40])
    first = windows.FirstTokens(stream, starts, 4, 2, 1)
    batch = first.of(np.array([0, 1]))
    assert batch.token_ids.tolist() == [[100, 101, 102, 0], [103, 104, 105, 106]]
    assert batch.targets.tolist() == [[101, 102, 0, 0], [104, 105, 106, 107]]
    assert batch.weights.tolist() == [[1, 1, 0, 0], [1, 1, 1, 1]]
    seen = np.concatenate([first.batch(step).token_ids[:, 0] for step in range(3)])
    assert sorted(seen[:3]) == sorted(seen[3:]) == [100, 103, 120]
