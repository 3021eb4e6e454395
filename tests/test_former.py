"""Run folders of version 0.2 (tests/former/make.sh), before its modules moved: each still opens, is shown and goes on."""

import argparse
import json
import shutil
import subprocess
import sys
import tarfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from pages_helpers import go_to, new_session
from project import PLACES, PROJECT

import engine
from engine.cli import options
from engine.core.progress import Phase
from engine.evaluation import evidence, interpretation, measure
from engine.runs import checkpoints, lifecycle, plans, references, states
from engine.runs.folder import Run
from engine.runs.history import shared, snapshots
from engine.runs.settings import FIRST_TOKENS, KEPT_IN, PACKED, current, from_json
from engine.services import worker

FORMER = PROJECT / "tests" / "former"
STATES = {
    "packed": states.FINISHED,
    "adapters": states.FINISHED,
    "report": states.FINISHED,
    "imported": states.FINISHED,
    "chain-1": states.PAUSED,
    "chain-2": states.COPIED,  # it was queued elsewhere: a copy waits for a person
}


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory) -> Path:
    """The folders as they were packed, on another machine."""
    root = tmp_path_factory.mktemp("former")
    with tarfile.open(FORMER / "runs.tar.xz") as archive:
        # Our own file; Python before 3.11.4 has no filters.
        archive.extractall(root, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    return root


@pytest.fixture
def former(unpacked, root) -> dict[str, Run]:
    """The runs by the end of their names, in folders of this test's own."""
    shutil.copytree(unpacked, root, dirs_exist_ok=True)
    found = {run.name: run for run in lifecycle.all_runs(root)}
    return {end: next(run for name, run in found.items() if name.endswith(end)) for end in STATES}


def test_each_is_in_the_state_that_it_was_left_in_and_its_checkpoints_are_whole(former):
    assert {end: run.state().state for end, run in former.items()} == STATES
    for end in set(STATES) - {"chain-2"}:
        for checkpoint in checkpoints.of_run(former[end]):
            checkpoints.verify(checkpoint)
        assert checkpoints.of_run(former[end])


def test_former_words_of_its_settings_are_those_of_today(former):
    """Version 0.2 called two ways by the name of the project's report: that of training, and that of counting near-copies."""
    stored = json.loads((former["report"].folder / "config.json").read_text(encoding="utf-8"))
    assert (stored["method"], stored["near_copies"]) == ("report", "report")
    settings = former["report"].settings
    assert (settings.method, settings.near_copies) == (FIRST_TOKENS, KEPT_IN) == ("first-tokens", "keep-in")
    assert from_json(settings.to_json()) == settings
    assert former["packed"].settings.method == PACKED
    stages = plans.settings(plans.load(FORMER / "report.toml"), "articles/sample", "again")
    assert {stage.method for stage in stages} == {FIRST_TOKENS}
    parser = argparse.ArgumentParser()
    options.add_settings(parser)
    assert parser.parse_args(["--near-copies", "report"]).near_copies == KEPT_IN


def test_every_event_that_it_wrote_is_read(former):
    for run in [*former.values(), *(run for run in lifecycle.all_runs() if run.recorded)]:
        history = shared.of(run.folder)
        assert (history.damaged, history.unknown) == (0, {}), run.name
        assert history.complete(history.placed) == [e for e in run.events() if e["kind"] != "step"]
        assert history.steps["step"].tolist() == [e["step"] for e in run.events("step")]
    assert snapshots.of_run(former["packed"], shared.of(former["packed"].folder))[-1].complete_samples()


@pytest.mark.slow
@pytest.mark.parametrize("end", ["packed", "adapters", "report", "imported"])
def test_its_figures_are_those_that_it_tells(former, end):
    checkpoint = checkpoints.of_run(former[end])[-1]
    if end == "imported":
        evaluation = next(e for e in former[end].events("evaluation") if e["model"] == "run" and e["split"] == "test")
        articles, length = "articles/sample", evaluation["sequence_length"]
    else:
        evaluation = next(
            e for e in former[end].events("evaluation") if (e["model"], e["split"], e["whole"]) == ("run", "test", True)
        )
        articles, length = former[end].settings.articles, 32
    found = measure.measure(references.resolve(checkpoint.reference), articles, sequence_length=length)
    assert found["loss"] == pytest.approx(evaluation["loss"], rel=1e-5)
    assert found["evaluated_tokens"] == evaluation["evaluated_tokens"]


@pytest.mark.slow
def test_the_paused_stage_goes_on_where_it_was_and_is_paused_again(former, without_xla, only_trains):
    run = former["chain-1"]
    begun = checkpoints.of_run(run)[-1].step
    run.request_resume()

    def pause(progress):
        if progress.phase == Phase.TRAINING and progress.done >= begun + 3:
            (run.folder / "control.json").write_text('{"action": "pause"}', encoding="utf-8")

    assert worker.work(run, on_progress=pause) is None
    assert run.state().state == states.PAUSED
    assert begun < checkpoints.newest_verified(run).step == run.state().step < 600
    steps = [event["step"] for event in run.events("step")]
    assert steps == sorted(set(steps)) and any(step <= begun for step in steps) and steps[-1] > begun


@pytest.mark.long
def test_the_paused_stage_goes_on_to_its_end_and_the_one_that_waited_follows(former, without_xla):
    first, second = former["chain-1"], former["chain-2"]
    begun = checkpoints.of_run(first)[-1].step
    first.request_resume()
    assert worker.work(first)["steps"] == 600
    steps = [event["step"] for event in first.events("step")]
    assert steps == sorted(set(steps)) and any(step <= begun for step in steps) and steps[-1] == 600
    second.request_resume()
    assert worker.work(second)["steps"] == 6
    assert second.state().state == states.FINISHED


@pytest.mark.parametrize("page", PLACES)
def test_every_page_shows_them(former, page):
    app = new_session().run()
    for end in ("packed", "chain-1"):
        run = former[end]
        go_to(app, page, run=run.name)
        assert not app.exception and not app.error, (page, run.name, [e.value for e in app.error])


FIELDS = ("steps", "seed", "method", "lora_rank", "learning_rate", "checkpoint_format", "prompts")


def test_their_configuration_is_read_field_by_field(former):
    for run in former.values():
        config = json.loads((run.folder / "config.json").read_text(encoding="utf-8"))
        read = {name: getattr(run.settings, name) for name in FIELDS}
        assert {**read, "prompts": list(read["prompts"])} == {name: current(name, config[name]) for name in FIELDS}


@pytest.mark.parametrize("name", sorted(engine.FORMER_PROCESSES))
def test_a_process_is_found_by_the_name_that_earlier_versions_start(name):
    assert find_spec(name).origin == find_spec(engine.FORMER_PROCESSES[name]).origin


def test_a_trainer_by_its_former_name_leaves_a_finished_run_alone(former):
    command = [sys.executable, "-m", "engine.trainer", str(former["packed"].folder), "cpu"]
    assert subprocess.run(command, cwd=PROJECT, capture_output=True, check=False, timeout=60).returncode == 0
    assert former["packed"].state().state == states.FINISHED


def test_what_happened_in_each_is_told_where_it_was_measured(former):
    told = {end: [f.code for f in evidence.of_run(run, shared.of(run.folder))] for end, run in former.items()}
    assert told["imported"] == told["chain-1"] == told["chain-2"] == []
    assert told["packed"][0] == interpretation.LEARNED
    assert told["adapters"] == [interpretation.TOO_SHORT]
    assert told["report"][0] in interpretation.VERDICTS
