"""The experiments: what ships is what their settings make, and the answers come from the figures of a run."""

import dataclasses
import json
import shlex
import shutil

import pytest
from project import PROJECT

from engine.classroom import experiments, passages
from engine.classroom.experiments import EXPERIMENTS, LESS, MORE, RECORDED, SAME
from engine.core import paths
from engine.core.errors import CheckpointError
from engine.presets import catalogue
from engine.runs import articles_read, checkpoints, lifecycle, queue, states
from engine.runs.folder import Run
from engine.runs.history import shared
from engine.runs.settings import LAST
from scripts import record

WITHOUT_WEIGHTS = [name for name in RECORDED if name != "recorded-mini"]


def shipped(name: str) -> Run:
    return Run(PROJECT / "checkpoints" / name)


def history_of(name: str):
    return shared.of(shipped(name).folder)


def outcome(code: str, own=None):
    experiment = EXPERIMENTS[code]
    beside = {t.settings.last_article or 100: history_of(t.recorded) for t in experiment.beside}
    return experiments.outcome(experiment, own or history_of(experiment.own.recorded), beside)


@pytest.mark.parametrize("name", WITHOUT_WEIGHTS)
def test_what_ships_was_made_with_the_settings_of_its_experiment_by_the_command_that_it_names(name):
    run, training = shipped(name), RECORDED[name]
    wanted = dataclasses.replace(training.settings, name=name, checkpoint_format="weights.h5")
    assert run.settings == wanted
    assert run.state().state == states.FINISHED
    words = shlex.split(run.recorded["command"])
    assert words[:4] == ["python", "-m", "engine", "train"] and words[4:-4] == record.options_of(training)
    assert {"date", "commit"} <= set(run.recorded)


@pytest.mark.parametrize("name", WITHOUT_WEIGHTS)
def test_what_ships_is_small_and_whole(name):
    run = shipped(name)
    assert run.problem is None and run.ships_without_weights and not checkpoints.of_run(run)
    assert sum(file.stat().st_size for file in run.folder.rglob("*") if file.is_file()) < 200_000
    history = history_of(name)
    assert not history.damaged and not history.unknown
    assert len(history.on_validation()[1]) >= 11  # points that can be played
    with pytest.raises(CheckpointError, match="ships as its curves and texts alone"):
        checkpoints.find(name, PROJECT / "checkpoints")


def test_every_experiment_takes_its_last_checkpoint_and_never_ends_early():
    for experiment in EXPERIMENTS.values():
        for training in experiment.trainings:
            settings = training.settings
            assert (settings.result, settings.patience, settings.name) == (LAST, 0, queue.UNNAMED)


def test_learning_brings_more_right_guesses_and_random_weights_stay_below_the_base():
    found = outcome("learn")
    assert found.answer == MORE
    assert found.science[-1].accuracy > 1.5 * found.base.accuracy
    scratch = history_of("recorded-random").on_validation()[1]
    assert scratch[0]["model"] == "parent" and scratch[0]["accuracy"] < 0.01
    assert scratch[0]["accuracy"] < scratch[-1]["accuracy"] < found.base.accuracy


def test_memorising_reaches_everything_that_it_reads_and_loses_what_it_does_not():
    found = outcome("memorise")
    assert found.answer == LESS
    assert found.training == 1.0 and found.epochs == 120
    assert 0.05 < found.science[-1].accuracy < found.base.accuracy
    assert found.change.interval is not None and found.change.interval[1] < 0


def test_too_large_a_rate_ends_below_the_base():
    found = outcome("break")
    assert found.answer == LESS and found.science[-1].accuracy < found.base.accuracy / 2


def test_everyday_english_is_forgotten_while_science_is_learned():
    found = outcome("forget")
    assert found.answer == LESS and found.english is not None
    assert found.change.accuracy == pytest.approx(found.english[1].accuracy - found.english[0].accuracy)
    assert found.science[1].accuracy > found.science[0].accuracy


def test_the_most_articles_are_best():
    found = outcome("more-data")
    assert found.answer == "100" and list(found.beside) == ["10", "30", "100"]
    assert found.beside["10"] < found.beside["30"] < found.beside["100"]


def changed(tmp_path, name: str, change) -> Run:
    """A recorded run whose evaluations on validation were others."""
    folder = shutil.copytree(shipped(name).folder, tmp_path / name)
    lines = []
    for line in (folder / "events.jsonl").read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        if event["kind"] == "evaluation" and event["model"] == "run" and event["split"] == "validation":
            change(event)
        lines.append(json.dumps(event))
    (folder / "events.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Run(folder)


@pytest.mark.parametrize(("accuracy", "answer"), [(0.30, MORE), (0.155, SAME), (0.05, LESS)])
def test_the_answer_follows_the_figures_and_not_the_experiment(tmp_path, accuracy, answer):
    run = changed(tmp_path, "recorded-break", lambda e: (e.update(accuracy=accuracy), e.pop("by_article", None)))
    assert outcome("break", shared.of(run.folder)).answer == answer


def test_of_equals_none_is_best_and_of_too_few_nothing_is_said(tmp_path):
    def like_hundred(event):
        event["accuracy"] = history_of("recorded-articles-100").at_intervals()[-1]["accuracy"]

    run = changed(tmp_path, "recorded-articles-10", like_hundred)
    assert outcome("more-data", shared.of(run.folder)).answer == SAME
    alone = experiments.outcome(EXPERIMENTS["more-data"], history_of("recorded-articles-10"), {})
    assert alone.answer == ""
    empty = lifecycle.create(EXPERIMENTS["break"].own.settings, root=tmp_path / "new")
    assert outcome("break", shared.of(empty.folder)) is None


def test_the_memorised_passage_is_found_by_the_search_for_copied_passages_and_stands_in_the_article(root):
    kept = passages.longest(shipped("recorded-memorise"))
    assert kept is not None and kept.words >= 20
    own = Run(shutil.copytree(shipped("recorded-memorise").folder, root / "own"))
    (own.folder / "recorded.json").unlink()
    assert passages.longest(own) == kept
    seen = articles_read.seen(own)
    (only,) = seen.ranges
    assert (only.first, only.last) == (96, 96)
    article = seen.tokenizer.decode(only.corpus.tokens("train", 96, 96).tolist())
    assert kept.text[kept.first : kept.last] in article


def test_nothing_is_copied_by_the_base(root):
    own = Run(shutil.copytree(shipped("recorded-break").folder, root / "own"))
    (own.folder / "recorded.json").unlink()
    assert passages.longest(own) is None or passages.longest(own).words < 8


def test_a_run_is_of_an_experiment_by_its_settings(root):
    break_, learn = EXPERIMENTS["break"], EXPERIMENTS["learn"]
    own = lifecycle.create(dataclasses.replace(break_.own.settings, name="own", seed=3), root=root)
    other = lifecycle.create(dataclasses.replace(break_.own.settings, name="other", steps=41), root=root)
    assert experiments.shown_by(own, break_) and not experiments.shown_by(own, learn)
    assert not experiments.shown_by(other, break_)
    assert experiments.shown_by(shipped("recorded-break"), break_)
    assert not experiments.shown_by(shipped("recorded-break"), learn)


def test_recordings_are_found_wherever_the_runs_of_the_lab_are(root):
    assert not list(root.iterdir())
    for training in RECORDED.values():
        assert experiments.recorded_run(training) is not None
    assert catalogue.find(EXPERIMENTS["learn"].own.settings.preset).folder == paths.MINI_PRESET


def test_recorded_runs_without_weights_come_behind_the_first_one_and_change_no_colour(root):
    from ui.charts import colours

    for name in ("recorded-mini", "recorded-break"):
        shutil.copytree(shipped(name).folder, root / name)
    before = colours.of_run("recorded-mini")
    for name in ("recorded-random", "recorded-memorise"):
        shutil.copytree(shipped(name).folder, root / name)
    assert next(run.name for run in lifecycle.all_runs(root)) == "recorded-mini"
    assert colours.of_run("recorded-mini") == before
