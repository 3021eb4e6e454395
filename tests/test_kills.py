"""A process killed at every single file operation: what is left is what was there before, or all of what was to be."""

import itertools
import os
import shutil

import pytest

from engine.runs import checkpoints, lifecycle, retention
from engine.runs.folder import Run
from engine.runs.settings import RunSettings

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")

from kill_points import killed_at  # noqa: E402

FORM = "ckpt"  # the format with the most files; benchmarks/save_kills.py writes real weights in all three


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    """Flushing is for power cuts: of a kill nobody sees it, and it takes most of the time."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def save(run, step: int, keep: int = 1) -> None:
    """What a trainer does at an interval, with a few bytes for weights."""
    with checkpoints.commit(run, step, {"format": FORM}) as staging:
        for name in (*checkpoints.WEIGHTS_FILES[FORM], checkpoints.TRAINING):
            (staging / name).write_bytes(b"%d" % step * 1000)
    run.append_event("checkpoint", step=step)
    run.write_state(step=step)
    retention.apply(run, keep)


def a_run(root):
    run = lifecycle.create(RunSettings(preset="p", articles="a", name="one", steps=9), root=root)
    for step in (1, 2):
        save(run, step, keep=0)
    return run


def names(run) -> list[str]:
    return sorted(path.name for path in run.folder.iterdir())


def test_a_kill_at_any_file_operation_of_a_save_leaves_the_former_or_the_new_checkpoint(root):
    first = a_run(root)
    for number in itertools.count(1):
        run = Run(shutil.copytree(first.folder, root / str(number)))
        killed = killed_at(number, lambda run=run: lambda: save(run, 3))
        found = checkpoints.newest_verified(run)  # all files as the manifest says
        assert found.step in (2, 3)
        assert all(checkpoints._is_whole(checkpoint) for checkpoint in checkpoints.of_run(run)), (
            "a torn one is accepted"
        )
        run.sweep()  # as a trainer does that goes on
        run.cut_torn_event()
        assert checkpoints.newest_verified(run).step >= found.step
        save(run, 4)
        assert [c.step for c in checkpoints.of_run(run)] == [4]
        assert names(run) == ["config.json", "events.jsonl", "place.json", "state.json", "step-00000004"]
        assert run.state().step == run.events("checkpoint")[-1]["step"] == 4
        shutil.rmtree(run.folder)
        if not killed:
            break
    assert number > 40


def test_a_kill_at_any_file_operation_of_writing_a_checkpoint_anew_loses_none(root):
    first = a_run(root)
    for number in itertools.count(1):
        run = Run(shutil.copytree(first.folder, root / str(number)))
        killed = killed_at(number, lambda run=run: lambda: save(run, 2))
        run.sweep()
        assert checkpoints.newest_verified(run).step == 2
        assert not list(run.folder.glob(".*"))
        shutil.rmtree(run.folder)
        if not killed:
            break
    assert number > 40


def test_a_kill_at_any_file_operation_of_changing_a_manifest_leaves_the_former_or_the_new(root):
    first = a_run(root)
    for number in itertools.count(1):
        run = Run(shutil.copytree(first.folder, root / str(number)))
        newest = checkpoints.of_run(run)[-1]
        killed = killed_at(number, lambda newest=newest: lambda: checkpoints.with_manifest(newest, metrics={"a": 1}))
        found = checkpoints.newest_verified(run)
        assert found.step == 2 and found.manifest.get("metrics") in (None, {"a": 1})
        assert killed or found.manifest["metrics"] == {"a": 1}
        run.sweep()
        assert checkpoints.with_manifest(found, metrics={}).manifest["metrics"] == {}
        shutil.rmtree(run.folder)
        if not killed:
            break
    assert number > 5
